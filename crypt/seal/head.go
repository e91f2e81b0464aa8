package seal

import (
	"fmt"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/block"
)

// HeadSize is the length of an encoded Head.
const HeadSize = block.HeaderSize + 32 + block.SignatureSize

// Head is what of a sealed block is needed to check order, origin and root, and
// nothing of its content.
//
//	off len
//	  0 104 header (package block)
//	104  32 SM3 of what lies between header and signature
//	136  64 signature of the terminal, r || s
type Head struct {
	Header    block.Header
	Rest      [32]byte
	Signature [block.SignatureSize]byte
}

// HeadOf gives the head of a block.
func HeadOf(s *block.Sealed) Head {
	return Head{Header: s.Header, Rest: sm3.Sum(s.Signed[block.HeaderSize:]), Signature: [block.SignatureSize]byte(s.Signature)}
}

// Append writes the 200 bytes.
func (h *Head) Append(dst []byte) []byte {
	return append(append(h.Header.Append(dst), h.Rest[:]...), h.Signature[:]...)
}

// ParseHead reads 200 bytes. The error names the field that is wrong.
func ParseHead(b []byte) (Head, error) {
	var h Head
	if len(b) != HeadSize {
		return h, fmt.Errorf("head of a block: %d bytes, want %d", len(b), HeadSize)
	}
	var err error
	if h.Header, err = block.ParseHeader(b); err != nil {
		return h, fmt.Errorf("head of a block: %w", err)
	}
	h.Rest = [32]byte(b[block.HeaderSize:])
	h.Signature = [block.SignatureSize]byte(b[block.HeaderSize+32:])
	return h, nil
}

// Hash is the block hash, the same as HashOf of the whole block.
func (h *Head) Hash() Hash { return hashHead(h.Header.Append(nil), &h.Rest) }

// Verify checks the terminal's signature; the error is ErrSignature.
func (h *Head) Verify(terminal *oda.SM2Public) error {
	hash := h.Hash()
	if !terminal.Verify(h.Signature[:], hash[:]) {
		return ErrSignature
	}
	return nil
}
