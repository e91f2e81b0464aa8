package sealfile

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/crypt/oda"
)

// Signer makes the network's SM2 signature r || s over the parts of a message;
// oda.SM2Private is one.
type Signer interface {
	Sign(dst []byte, rand io.Reader, parts ...[]byte) ([]byte, error)
}

var errClosed = errors.New("the sealed file is closed")

// Writer seals what is written to it. The file is whole only after Close.
type Writer struct {
	w      io.Writer
	signer Signer
	rand   io.Reader
	header []byte
	aead   cipher.AEAD
	digest hash.Hash
	chunk  uint32
	buf    []byte // length field and text of the chunk in the making
	err    error
}

// NewWriter starts a file for the participant with public key X || Y. rand gives
// the data key, the randomness of its encryption and, in Close, that of the
// signature, in this order.
func NewWriter(w io.Writer, h Header, participant [64]byte, network Signer, rand io.Reader) (*Writer, error) {
	fail := func(err error) (*Writer, error) {
		return nil, fmt.Errorf("seal file for participant %d: %w", h.Participant, err)
	}
	key, err := oda.NewSM2Public(participant)
	if err != nil {
		return fail(err)
	}
	var secret [16]byte
	if _, err := io.ReadFull(rand, secret[:]); err != nil {
		return fail(fmt.Errorf("read a data key: %w", err))
	}
	wrapped, err := key.Encrypt(rand, secret[:])
	if err != nil {
		return fail(fmt.Errorf("wrap the data key: %w", err))
	}
	aead, err := contentCipher(secret[:])
	if err != nil {
		return fail(err)
	}
	f := &Writer{w: w, signer: network, rand: rand, header: h.append(nil, wrapped), aead: aead, digest: sm3.New(),
		buf: make([]byte, 4, 4+ChunkSize+tagSize)}
	if err := f.emit(f.header); err != nil {
		return fail(err)
	}
	return f, nil
}

func contentCipher(key []byte) (cipher.AEAD, error) {
	c, err := sm4.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("set up the content cipher: %w", err)
	}
	return cipher.NewGCM(c)
}

// emit writes bytes that the digest covers.
func (f *Writer) emit(b []byte) error {
	f.digest.Write(b)
	if _, err := f.w.Write(b); err != nil {
		return fmt.Errorf("write sealed file: %w", err)
	}
	return nil
}

// Write adds text. After an error the file is of no use.
func (f *Writer) Write(p []byte) (n int, err error) {
	for n < len(p) && f.err == nil {
		if len(f.buf) == 4+ChunkSize {
			f.err = f.seal(false)
			continue
		}
		room := min(4+ChunkSize-len(f.buf), len(p)-n)
		f.buf = append(f.buf, p[n:n+room]...)
		n += room
	}
	return n, f.err
}

// seal writes the chunk in the making.
func (f *Writer) seal(last bool) error {
	if f.chunk >= maxChunks {
		return fmt.Errorf("write sealed file: more than %d chunks", maxChunks)
	}
	length := uint32(len(f.buf) - 4)
	if last {
		length |= lastBit
	}
	binary.BigEndian.PutUint32(f.buf, length)
	n := nonce(f.chunk, last)
	sealed := f.aead.Seal(f.buf[4:4], n[:], f.buf[4:], f.header)
	f.chunk++
	err := f.emit(f.buf[:4+len(sealed)])
	f.buf = f.buf[:4]
	return err
}

// Close writes the last chunk, the digest and the network's signature. It does
// not close the stream below.
func (f *Writer) Close() error {
	if f.err != nil {
		return f.err
	}
	err := f.seal(true)
	f.err = errClosed
	if err != nil {
		return err
	}
	trailer := f.digest.Sum(make([]byte, 0, digestSize+signatureSize))
	if trailer, err = f.signer.Sign(trailer, f.rand, []byte(signed), trailer[:digestSize]); err != nil {
		return fmt.Errorf("sign sealed file: %w", err)
	}
	if _, err := f.w.Write(trailer); err != nil {
		return fmt.Errorf("write sealed file: %w", err)
	}
	return nil
}
