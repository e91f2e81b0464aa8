package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/block"
)

// Reasons why Open refuses a block.
var (
	ErrSignature = errors.New("signature of the terminal does not verify")
	ErrKey       = errors.New("data key cannot be unwrapped with this acquirer's key")
	ErrContent   = errors.New("content does not decrypt: altered or sealed under another key")
)

// Hash is the SM3 hash that names a block and that the next one carries as its
// predecessor.
type Hash [32]byte

// HashOf gives the block hash from a block's bytes up to its signature: SM3 over the
// header and the SM3 of all behind it, so that who has the header and that one hash can
// check the signature without the ciphertext (HeadOf).
func HashOf(signed []byte) Hash {
	rest := sm3.Sum(signed[min(len(signed), block.HeaderSize):])
	return hashHead(signed[:min(len(signed), block.HeaderSize)], &rest)
}

func hashHead(header []byte, rest *[32]byte) Hash {
	var in [block.HeaderSize + 32]byte
	return sm3.Sum(append(append(in[:0], header...), rest[:]...))
}

// TraceOf is the trace id of a row: SM3 over txn.TraceInput, cut to 16 bytes.
func TraceOf(input [12]byte) [16]byte {
	sum := sm3.Sum(input[:])
	return [16]byte(sum[:16])
}

// Seal closes one block. The header's Rows, CipherLen and Root are set here; every
// other field of it is the caller's. rand gives data key, nonce and the
// randomness of SM2, in this order.
func Seal(dst []byte, h block.Header, rows []byte, e *block.Evidence, acquirer *oda.SM2Public, terminal *oda.SM2Private, rand io.Reader) ([]byte, Hash, error) {
	fail := func(err error) ([]byte, Hash, error) {
		return dst, Hash{}, fmt.Errorf("seal block %d of terminal %d: %w", h.Number, h.Terminal, err)
	}
	var secret [16 + block.NonceSize]byte
	if _, err := io.ReadFull(rand, secret[:]); err != nil {
		return fail(fmt.Errorf("read a data key: %w", err))
	}
	wrapped, err := acquirer.Encrypt(rand, secret[:16])
	if err != nil {
		return fail(fmt.Errorf("wrap the data key: %w", err))
	}
	aead, err := contentCipher(h.Suite, secret[:16])
	if err != nil {
		return fail(err)
	}
	payload, err := block.AppendPayload(nil, rows, e)
	if err != nil {
		return fail(err)
	}
	all, err := leaves(h.Suite, secret[:16], rows, e)
	if err != nil {
		return fail(err)
	}
	h.Root = rootOf(all)
	h.Rows, h.CipherLen = uint16(len(e.Proofs)), uint32(len(payload)+aead.Overhead())
	start := len(dst)
	dst, err = block.AppendClear(dst, &h, wrapped, secret[16:])
	if err != nil {
		return fail(err)
	}
	clearEnd := len(dst)
	dst = append(dst, payload...)
	dst = append(dst, make([]byte, aead.Overhead())...)
	aead.Seal(dst[clearEnd:clearEnd], secret[16:], dst[clearEnd:clearEnd+len(payload)], dst[start:clearEnd])
	hash := HashOf(dst[start:])
	if dst, err = terminal.Sign(dst, rand, hash[:]); err != nil {
		return fail(err)
	}
	if len(dst)-start > block.MaxSize {
		return fail(fmt.Errorf("%d bytes, at most %d", len(dst)-start, block.MaxSize))
	}
	return dst, hash, nil
}

// Verify checks the terminal's signature and gives the block's hash.
func Verify(s *block.Sealed, terminal *oda.SM2Public) (Hash, error) {
	hash := HashOf(s.Signed)
	if !terminal.Verify(s.Signature, hash[:]) {
		return hash, ErrSignature
	}
	return hash, nil
}

// SM2Decrypter opens what was encrypted for the acquirer: an oda.SM2Private, or a
// device that keeps the key.
type SM2Decrypter interface {
	Decrypt(ciphertext []byte) ([]byte, error)
}

// Open decrypts a block whose signature has been verified and checks its rows against
// the root in its header. The rows and the evidence point into one fresh buffer. The
// error is ErrKey, ErrContent or ErrRoot, or says what in the content is wrong.
func Open(s *block.Sealed, acquirer SM2Decrypter) (rows []byte, e block.Evidence, err error) {
	dataKey, rows, e, err := open(s, acquirer)
	if err != nil {
		return nil, e, err
	}
	all, err := leaves(s.Header.Suite, dataKey, rows, &e)
	if err != nil {
		return nil, block.Evidence{}, err
	}
	if rootOf(all) != Hash(s.Header.Root) {
		return nil, block.Evidence{}, ErrRoot
	}
	return rows, e, nil
}

// Reopen decrypts a block that Open has opened before: the root is not looked at again.
func Reopen(s *block.Sealed, acquirer SM2Decrypter) (rows []byte, e block.Evidence, err error) {
	_, rows, e, err = open(s, acquirer)
	return rows, e, err
}

func open(s *block.Sealed, acquirer SM2Decrypter) (dataKey, rows []byte, e block.Evidence, err error) {
	dataKey, err = acquirer.Decrypt(s.Wrapped)
	if err != nil || len(dataKey) != 16 {
		return nil, nil, e, ErrKey
	}
	aead, err := contentCipher(s.Header.Suite, dataKey)
	if err != nil {
		return nil, nil, e, err
	}
	plain, err := aead.Open(make([]byte, 0, len(s.Cipher)), s.Nonce, s.Cipher, s.Clear)
	if err != nil {
		return nil, nil, e, ErrContent
	}
	rows, e, err = block.ParsePayload(plain, int(s.Header.Rows))
	return dataKey, rows, e, err
}

func contentCipher(suite block.Suite, key []byte) (cipher.AEAD, error) {
	c, err := blockCipher(suite, key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(c)
}

func blockCipher(suite block.Suite, key []byte) (c cipher.Block, err error) {
	switch suite {
	case block.SM4GCM:
		c, err = sm4.NewCipher(key)
	case block.AESGCM:
		c, err = aes.NewCipher(key)
	default:
		err = fmt.Errorf("suite %d is not defined", suite)
	}
	if err != nil {
		return nil, fmt.Errorf("set up the content cipher: %w", err)
	}
	return c, nil
}
