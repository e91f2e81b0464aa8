package block

import (
	"encoding/binary"
	"fmt"
)

// Suite names the algorithms of a block.
type Suite uint8

// SM4GCM is SM4-GCM for the content, SM2 encryption for the data key, SM3 for
// the chain and SM2 for the signature. AESGCM replaces the content cipher by
// AES-128-GCM, for terminals whose hardware has no SM4.
const (
	SM4GCM Suite = 1
	AESGCM Suite = 2
)

// Sizes and limits. A block over MaxSize or MaxRows is refused before anything
// is allocated for it.
const (
	HeaderSize    = 104
	SignatureSize = 64
	NonceSize     = 12
	TagSize       = 16
	MaxRows       = 4096
	MaxSize       = 4 << 20
	MaxWrapped    = 256
	magic         = 0x43434231 // "CCB1"
	layoutVersion = 2
)

// Header opens a block in clear: enough to route, order and count it, nothing
// about a card.
//
//	off len field
//	  0   4 "CCB1"
//	  4   1 layout version 02
//	  5   1 suite
//	  6   2 number of rows
//	  8   4 terminal
//	 12   4 start count of the terminal
//	 16   4 block number of the terminal, gapless from 1
//	 20   4 sequence of the first row; of the next row to come if there is none
//	 24   4 from, 28 4 until: unix times; every record made in [from, until) is in this or an earlier block
//	 32   4 key id of the acquirer's wrapping key
//	 36   4 length of the ciphertext with its tag
//	 40  32 hash of the terminal's previous block, zeros for block 1
//	 72  32 root of the hash tree over the rows (package seal)
//
// Version 01 had no root. It is refused: a row in such a block could be proved only
// by showing all others.
type Header struct {
	Suite         Suite
	Rows          uint16
	Terminal      uint32
	Start         uint32
	Number        uint32
	FirstSequence uint32
	From, Until   uint32
	KeyID         uint32
	CipherLen     uint32
	Previous      [32]byte
	Root          [32]byte
}

// Append writes the 104 bytes of the header.
func (h *Header) Append(dst []byte) []byte {
	be := binary.BigEndian
	dst = be.AppendUint32(dst, magic)
	dst = append(dst, layoutVersion, byte(h.Suite))
	dst = be.AppendUint16(dst, h.Rows)
	for _, v := range [...]uint32{h.Terminal, h.Start, h.Number, h.FirstSequence, h.From, h.Until, h.KeyID, h.CipherLen} {
		dst = be.AppendUint32(dst, v)
	}
	dst = append(dst, h.Previous[:]...)
	return append(dst, h.Root[:]...)
}

// ParseHeader reads the header at the front of b, which may go on behind it.
func ParseHeader(b []byte) (Header, error) {
	var h Header
	be := binary.BigEndian
	switch {
	case len(b) < HeaderSize:
		return h, fmt.Errorf("header: %d bytes, want %d", len(b), HeaderSize)
	case be.Uint32(b) != magic:
		return h, fmt.Errorf("header: starts with %X, want 43434231 (CCB1)", b[:4])
	case b[4] != layoutVersion:
		return h, fmt.Errorf("header: layout version %d, this program reads %d", b[4], layoutVersion)
	}
	h.Suite, h.Rows = Suite(b[5]), be.Uint16(b[6:])
	for i, p := range [...]*uint32{&h.Terminal, &h.Start, &h.Number, &h.FirstSequence, &h.From, &h.Until, &h.KeyID, &h.CipherLen} {
		*p = be.Uint32(b[8+4*i:])
	}
	h.Previous, h.Root = [32]byte(b[40:72]), [32]byte(b[72:104])
	switch {
	case h.Suite != SM4GCM && h.Suite != AESGCM:
		return h, fmt.Errorf("header: suite %d is not defined", h.Suite)
	case h.Rows > MaxRows:
		return h, fmt.Errorf("header: %d rows, at most %d", h.Rows, MaxRows)
	case h.Number == 0:
		return h, fmt.Errorf("header: block number 0, numbers start at 1")
	case h.FirstSequence == 0:
		return h, fmt.Errorf("header: first sequence 0, sequences start at 1")
	case h.Until < h.From:
		return h, fmt.Errorf("header: until %d is before from %d", h.Until, h.From)
	}
	return h, nil
}

// Sealed is a block as it travels. Its slices point into the bytes given to
// Parse.
type Sealed struct {
	Header    Header
	Wrapped   []byte // data key under the acquirer's key
	Nonce     []byte // 12 bytes
	Cipher    []byte // rows and evidence, encrypted, with the 16-byte tag
	Signature []byte // r || s over the block hash
	Signed    []byte // what the block hash covers: everything before the signature
	Clear     []byte // header, wrapped key and nonce: additional data of the encryption
}

// Parse reads one block that fills b exactly.
func Parse(b []byte) (Sealed, error) {
	s, rest, err := parse(b)
	if err == nil && len(rest) != 0 {
		err = fmt.Errorf("parse block: %d bytes after the signature", len(rest))
	}
	return s, err
}

func parse(b []byte) (s Sealed, rest []byte, err error) {
	if len(b) > MaxSize {
		return s, nil, fmt.Errorf("parse block: %d bytes, at most %d", len(b), MaxSize)
	}
	if s.Header, err = ParseHeader(b); err != nil {
		return s, nil, fmt.Errorf("parse block: %w", err)
	}
	at := HeaderSize
	if len(b) < at+2 {
		return s, nil, fmt.Errorf("parse block: ends at offset %d, inside the length of the wrapped key", len(b))
	}
	n := int(binary.BigEndian.Uint16(b[at:]))
	if n == 0 || n > MaxWrapped {
		return s, nil, fmt.Errorf("parse block: wrapped key of %d bytes at offset %d, want 1 to %d", n, at, MaxWrapped)
	}
	clear := at + 2 + n + NonceSize
	end := uint64(clear) + uint64(s.Header.CipherLen) + SignatureSize
	if s.Header.CipherLen < TagSize || uint64(len(b)) < end {
		return s, nil, fmt.Errorf("parse block: %d bytes, header and wrapped key announce %d", len(b), end)
	}
	s.Wrapped, s.Nonce = b[at+2:at+2+n], b[at+2+n:clear]
	cipherEnd := clear + int(s.Header.CipherLen)
	s.Clear, s.Cipher, s.Signed = b[:clear], b[clear:cipherEnd], b[:cipherEnd]
	s.Signature = b[cipherEnd : cipherEnd+SignatureSize]
	return s, b[end:], nil
}

// AppendClear writes header, wrapped key and nonce, the part in front of the
// ciphertext.
func AppendClear(dst []byte, h *Header, wrapped, nonce []byte) ([]byte, error) {
	if len(wrapped) == 0 || len(wrapped) > MaxWrapped || len(nonce) != NonceSize {
		return dst, fmt.Errorf("write block: wrapped key of %d and nonce of %d bytes", len(wrapped), len(nonce))
	}
	dst = h.Append(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(wrapped)))
	return append(append(dst, wrapped...), nonce...), nil
}
