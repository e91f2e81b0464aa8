package keystore

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// TokenCipher gives the two directions of the key that names cards in a database: one
// SM4 block each way, safe for concurrent use. Who has them can turn the tokens of the
// database into card numbers and back, and nothing else. The key must be an SM4 key for
// this use, else the error is ErrUsage.
func (s *Store) TokenCipher(name string) (seal cryptogram.Block, open func(dst, src []byte), err error) {
	k, err := s.use(name, StoreToken)
	if err != nil {
		return nil, nil, err
	}
	if k.info.Algorithm != SM4 {
		return nil, nil, fmt.Errorf("use key %q, which is %v, for tokens of 16 bytes: %w", name, k.info.Algorithm, ErrUsage)
	}
	c, err := newCipher(cryptogram.SM4, cryptogram.Key(k.secret))
	if err != nil {
		return nil, nil, fmt.Errorf("use key %q: %w", name, err)
	}
	return c, c.Decrypt, nil
}
