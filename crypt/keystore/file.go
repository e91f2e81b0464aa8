package keystore

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/scrypt"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// Layout of a sealed file:
//
//	"CCKS" version(1) log2 N(1) salt(16) nonce(12) ciphertext tag(16)
//
// The file key is scrypt(passphrase, salt, N, r = 8, p = 1), 32 bytes; the cipher
// AES-256-GCM with all before the ciphertext as additional data. The plain text is
//
//	development(1) then for each key, by name: length(1) name usage(1) algorithm(1) secret
//
// with a secret of 16 bytes, or 32 for SM2.
const (
	magic       = "CCKS"
	version     = 1
	saltSize    = 16
	nonceSize   = 12
	tagSize     = 16
	headerSize  = len(magic) + 2 + saltSize + nonceSize
	sealLogN    = 15 // 32 MiB and about 0.1 s to open
	maxLogN     = 16 // a hostile file may not ask for more than 64 MiB
	scryptR     = 8
	scryptP     = 1
	maxFileSize = 8 << 20
)

// Seal writes the store as a file that only the passphrase opens. It reads salt
// and nonce, 28 bytes, from rand. An empty passphrase is an error.
func (s *Store) Seal(rand io.Reader, passphrase []byte) ([]byte, error) {
	return s.seal(rand, passphrase, sealLogN)
}

func (s *Store) seal(rand io.Reader, passphrase []byte, logN byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, errors.New("seal keystore: the passphrase is empty")
	}
	file := append(make([]byte, 0, 4096), magic...)
	file = append(file, version, logN)
	file = append(file, make([]byte, saltSize+nonceSize)...)
	if _, err := io.ReadFull(rand, file[len(file)-saltSize-nonceSize:]); err != nil {
		return nil, fmt.Errorf("seal keystore: read salt and nonce: %w", err)
	}
	aead, err := fileCipher(file, passphrase)
	if err != nil {
		return nil, fmt.Errorf("seal keystore: %w", err)
	}
	plain := s.encode()
	if len(plain) > maxFileSize-headerSize-tagSize {
		return nil, fmt.Errorf("seal keystore: %d keys do not fit a file of %d bytes", len(s.keys), maxFileSize)
	}
	out := aead.Seal(file, file[headerSize-nonceSize:headerSize], plain, file[:headerSize])
	clear(plain)
	return out, nil
}

// Open reads a sealed file. It fails with ErrFormat if the bytes are not such a
// file or are cut, and with ErrPassphrase if they do not open: a changed file and
// a wrong passphrase cannot be told apart.
func Open(file, passphrase []byte) (*Store, error) {
	switch {
	case len(file) > maxFileSize:
		return nil, fmt.Errorf("open keystore: file of %d bytes, the most is %d: %w", len(file), maxFileSize, ErrFormat)
	case len(file) < headerSize+tagSize || string(file[:len(magic)]) != magic:
		return nil, fmt.Errorf("open keystore: file of %d bytes is cut or does not begin with %s: %w", len(file), magic, ErrFormat)
	case file[len(magic)] != version:
		return nil, fmt.Errorf("open keystore: version %d, this program reads %d: %w", file[len(magic)], version, ErrFormat)
	case file[len(magic)+1] < 1 || file[len(magic)+1] > maxLogN:
		return nil, fmt.Errorf("open keystore: scrypt cost 2^%d, want 2^1 to 2^%d: %w", file[len(magic)+1], maxLogN, ErrFormat)
	}
	aead, err := fileCipher(file, passphrase)
	if err != nil {
		return nil, fmt.Errorf("open keystore: %w", err)
	}
	plain, err := aead.Open(nil, file[headerSize-nonceSize:headerSize], file[headerSize:], file[:headerSize])
	if err != nil {
		return nil, fmt.Errorf("open keystore: %w", ErrPassphrase)
	}
	s, err := decode(plain)
	clear(plain)
	if err != nil {
		return nil, fmt.Errorf("open keystore: %w", err)
	}
	return s, nil
}

// fileCipher derives the cipher of a file from its header.
func fileCipher(file, passphrase []byte) (cipher.AEAD, error) {
	logN, salt := file[len(magic)+1], file[len(magic)+2:len(magic)+2+saltSize]
	k, err := scrypt.Key(passphrase, salt, 1<<logN, scryptR, scryptP, 32)
	if err != nil {
		return nil, fmt.Errorf("derive file key: %w", err)
	}
	block, err := aes.NewCipher(k)
	clear(k)
	if err != nil {
		return nil, fmt.Errorf("prepare file key: %w", err)
	}
	return cipher.NewGCM(block)
}

func (s *Store) encode() []byte {
	out := []byte{0}
	if s.development {
		out[0] = 1
	}
	for _, info := range s.List() {
		out = append(out, byte(len(info.Name)))
		out = append(out, info.Name...)
		out = append(out, byte(info.Usage), byte(info.Algorithm))
		out = append(out, s.keys[info.Name].secret...)
	}
	return out
}

// decode reads the plain text of a file strictly: what it takes, encode writes.
func decode(b []byte) (*Store, error) {
	if len(b) == 0 || b[0] > 1 {
		return nil, fmt.Errorf("no development mark: %w", ErrFormat)
	}
	s, marked, last := New(), b[0] == 1, ""
	for b = b[1:]; len(b) > 0; {
		n := int(b[0])
		if len(b) < 1+n+2 {
			return nil, fmt.Errorf("cut after key %q: %w", last, ErrFormat)
		}
		name, usage, alg := string(b[1:1+n]), Usage(b[1+n]), Algorithm(b[2+n])
		if name <= last {
			return nil, fmt.Errorf("key %q comes after %q, names must rise: %w", name, last, ErrFormat)
		}
		size := 16
		if alg == SM2 {
			size = 32
		}
		if b = b[1+n+2:]; len(b) < size {
			return nil, fmt.Errorf("cut inside key %q: %w", name, ErrFormat)
		}
		var err error
		if alg == SM2 {
			err = s.AddSM2(name, usage, [32]byte(b[:32]))
		} else {
			err = s.AddSymmetric(name, usage, cryptogram.Alg(alg), cryptogram.Key(b[:16]))
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, ErrFormat)
		}
		b, last = b[size:], name
	}
	if s.development && !marked {
		return nil, fmt.Errorf("holds a development key and is not marked so: %w", ErrFormat)
	}
	s.development = marked
	return s, nil
}
