package sealfile

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/oda"
)

// Unwrapper opens an SM2 ciphertext 04 C1 C3 C2 with a participant's key;
// oda.SM2Private is one.
type Unwrapper interface {
	Decrypt(ciphertext []byte) ([]byte, error)
}

// Reader gives the text of a sealed file.
type Reader struct {
	r       io.Reader
	network *oda.SM2Public
	header  Header
	raw     []byte
	aead    cipher.AEAD
	digest  hash.Hash
	chunk   int
	offset  int64
	buf     []byte // 4 bytes of length, then the chunk
	text    []byte // what of it was not given out yet
	last    bool
	err     error
}

// Open reads the header of a file and unwraps its data key with the key that
// choose gives for that header. Errors have the type *Error, except those of
// choose.
func Open(r io.Reader, choose func(Header) (Unwrapper, error), network *oda.SM2Public) (*Reader, error) {
	h, raw, wrapped, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	key, err := choose(h)
	if err != nil {
		return nil, fmt.Errorf("sealed file for participant %d, key %d: %w", h.Participant, h.KeyID, err)
	}
	secret, err := key.Decrypt(wrapped)
	if err != nil || len(secret) != 16 {
		return nil, inHeader(headerFixed, ErrKey)
	}
	aead, err := contentCipher(secret)
	if err != nil {
		return nil, inHeader(headerFixed, err)
	}
	f := &Reader{r: r, network: network, header: h, raw: raw, aead: aead, digest: sm3.New(), offset: int64(len(raw)),
		buf: make([]byte, 4+ChunkSize+tagSize)}
	f.digest.Write(raw)
	return f, nil
}

// Header is what the file says in clear. It is part of what the chunks and the
// signature cover.
func (f *Reader) Header() Header { return f.header }

// Read gives the text. io.EOF says that the file is whole and the network's. Any
// other error is of type *Error and stays.
func (f *Reader) Read(p []byte) (int, error) {
	for len(f.text) == 0 && f.err == nil {
		if f.last {
			f.err = f.finish()
		} else {
			f.err = f.next()
		}
	}
	if len(f.text) == 0 {
		return 0, f.err
	}
	n := copy(p, f.text)
	f.text = f.text[n:]
	return n, nil
}

// next reads and opens one chunk.
func (f *Reader) next() error {
	fail := func(err error) error {
		return &Error{Part: "chunk", Chunk: f.chunk, Offset: f.offset, Err: err}
	}
	if _, err := io.ReadFull(f.r, f.buf[:4]); err != nil {
		return fail(cut(err))
	}
	length := binary.BigEndian.Uint32(f.buf)
	last := length&lastBit != 0
	length &^= lastBit
	switch {
	case length > ChunkSize || !last && length != ChunkSize:
		return fail(fmt.Errorf("length %d, only the last chunk has another than %d: %w", length, ChunkSize, ErrChunk))
	case length == 0 && f.chunk > 0:
		return fail(fmt.Errorf("empty behind other chunks: %w", ErrChunk))
	case f.chunk >= maxChunks:
		return fail(fmt.Errorf("more than %d chunks: %w", maxChunks, ErrFormat))
	}
	sealed := f.buf[4 : 4+length+tagSize]
	if _, err := io.ReadFull(f.r, sealed); err != nil {
		return fail(cut(err))
	}
	f.digest.Write(f.buf[:4+len(sealed)])
	n := nonce(uint32(f.chunk), last)
	text, err := f.aead.Open(sealed[:0], n[:], sealed, f.raw)
	if err != nil {
		return fail(ErrChunk)
	}
	f.text, f.last = text, last
	f.offset += int64(4 + len(sealed))
	f.chunk++
	return nil
}

// finish checks digest and signature; it gives io.EOF for a whole file.
func (f *Reader) finish() error {
	fail := func(at int64, err error) error { return &Error{Part: "trailer", Offset: f.offset + at, Err: err} }
	var trailer [digestSize + signatureSize]byte
	if _, err := io.ReadFull(f.r, trailer[:]); err != nil {
		return fail(0, cut(err))
	}
	var sum [digestSize]byte
	f.digest.Sum(sum[:0])
	if subtle.ConstantTimeCompare(sum[:], trailer[:digestSize]) != 1 {
		return fail(0, ErrDigest)
	}
	if !f.network.Verify(trailer[digestSize:], []byte(signed), sum[:]) {
		return fail(digestSize, ErrSignature)
	}
	var more [1]byte
	if n, err := io.ReadFull(f.r, more[:]); n != 0 {
		return fail(int64(len(trailer)), ErrTrailing)
	} else if err != io.EOF {
		return fail(int64(len(trailer)), err)
	}
	return io.EOF
}
