package sealfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Sizes of the container.
const (
	ChunkSize     = 64 << 10
	MaxWrapped    = 256
	headerFixed   = 20
	tagSize       = 16
	nonceSize     = 12
	digestSize    = 32
	signatureSize = 64
	maxChunks     = 1 << 22 // 256 GiB of text
	lastBit       = 1 << 31
	// Magic is how every sealed file begins.
	Magic   = "CCSF"
	version = 1
	suite   = 1
)

// signed is what the network's signature covers in front of the digest, so that
// it can be taken for no other message of the same key.
const signed = "citycard sealed file\x00"

// Header is what a sealed file says in clear.
type Header struct {
	Participant uint16
	KeyID       uint32 // which of the participant's keys opens it
	Window      int32  // days since 1970-01-01
	Batch       uint8
	Kind        uint8
}

func (h *Header) append(dst, wrapped []byte) []byte {
	be := binary.BigEndian
	dst = append(append(dst, Magic...), version, suite)
	dst = be.AppendUint16(dst, h.Participant)
	dst = be.AppendUint32(dst, h.KeyID)
	dst = be.AppendUint32(dst, uint32(h.Window))
	dst = append(dst, h.Batch, h.Kind)
	dst = be.AppendUint16(dst, uint16(len(wrapped)))
	return append(dst, wrapped...)
}

// readHeader gives the header, its bytes and the wrapped key, which is their end.
func readHeader(r io.Reader) (h Header, raw, wrapped []byte, err error) {
	raw = make([]byte, headerFixed, headerFixed+MaxWrapped)
	n, err := io.ReadFull(r, raw)
	if err != nil {
		return h, nil, nil, inHeader(n, cut(err))
	}
	be := binary.BigEndian
	length := int(be.Uint16(raw[18:]))
	switch {
	case string(raw[:4]) != Magic:
		return h, nil, nil, inHeader(0, fmt.Errorf("begins with %X, want 43435346 (CCSF): %w", raw[:4], ErrFormat))
	case raw[4] != version:
		return h, nil, nil, inHeader(4, fmt.Errorf("version %d, this program reads %d: %w", raw[4], version, ErrFormat))
	case raw[5] != suite:
		return h, nil, nil, inHeader(5, fmt.Errorf("suite %d is not defined: %w", raw[5], ErrFormat))
	case length == 0 || length > MaxWrapped:
		return h, nil, nil, inHeader(18, fmt.Errorf("wrapped key of %d bytes, want 1 to %d: %w", length, MaxWrapped, ErrFormat))
	}
	h = Header{Participant: be.Uint16(raw[6:]), KeyID: be.Uint32(raw[8:]), Window: int32(be.Uint32(raw[12:])), Batch: raw[16], Kind: raw[17]}
	raw = raw[:headerFixed+length]
	if n, err := io.ReadFull(r, raw[headerFixed:]); err != nil {
		return h, nil, nil, inHeader(headerFixed+n, cut(err))
	}
	return h, raw, raw[headerFixed:], nil
}

// Errors that a caller may ask for with errors.Is.
var (
	ErrFormat    = errors.New("not a sealed file of this program")
	ErrTruncated = errors.New("the file is cut off here; ask for it again")
	ErrKey       = errors.New("the data key does not open with this participant's key")
	ErrChunk     = errors.New("the chunk does not decrypt: it was altered, stands at another place than it was sealed for, or belongs to another file")
	ErrDigest    = errors.New("the SM3 digest is not that of the file: it was altered")
	ErrSignature = errors.New("the signature is not the network's: the file is not to be trusted")
	ErrTrailing  = errors.New("there is data behind the signature")
)

// Error is an error with its place in the file.
type Error struct {
	Part   string // "header", "chunk" or "trailer"
	Chunk  int    // number of the chunk, from 0, where Part is "chunk"
	Offset int64  // of the part's first byte that could not be used
	Err    error  // one of the errors above, perhaps wrapped, or of the reader below
}

// Error gives e.g. "sealed file, chunk 3 at byte 196765: ...".
func (e *Error) Error() string {
	if e.Part == "chunk" {
		return fmt.Sprintf("sealed file, chunk %d at byte %d: %v", e.Chunk, e.Offset, e.Err)
	}
	return fmt.Sprintf("sealed file, %s at byte %d: %v", e.Part, e.Offset, e.Err)
}

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }

func inHeader(offset int, err error) error {
	return &Error{Part: "header", Offset: int64(offset), Err: err}
}

// cut turns an early end of the stream into ErrTruncated.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return err
}

func nonce(chunk uint32, last bool) (n [nonceSize]byte) {
	binary.BigEndian.PutUint32(n[7:], chunk)
	if last {
		n[11] = 1
	}
	return n
}
