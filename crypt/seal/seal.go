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

// HashOf hashes a block's bytes up to its signature.
func HashOf(signed []byte) Hash { return sm3.Sum(signed) }

// TraceOf is the trace id of a row: SM3 over txn.TraceInput, cut to 16 bytes.
func TraceOf(input [12]byte) [16]byte {
	sum := sm3.Sum(input[:])
	return [16]byte(sum[:16])
}

// Seal closes one block. The header's Rows and CipherLen are set here; every
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

// Open decrypts a block whose signature has been verified. The rows and the
// evidence point into one fresh buffer.
func Open(s *block.Sealed, acquirer *oda.SM2Private) (rows []byte, e block.Evidence, err error) {
	secret, err := acquirer.Decrypt(s.Wrapped)
	if err != nil || len(secret) != 16 {
		return nil, e, ErrKey
	}
	aead, err := contentCipher(s.Header.Suite, secret)
	if err != nil {
		return nil, e, err
	}
	plain, err := aead.Open(make([]byte, 0, len(s.Cipher)), s.Nonce, s.Cipher, s.Clear)
	if err != nil {
		return nil, e, ErrContent
	}
	return block.ParsePayload(plain, int(s.Header.Rows))
}

func contentCipher(suite block.Suite, key []byte) (cipher.AEAD, error) {
	var c cipher.Block
	var err error
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
	return cipher.NewGCM(c)
}
