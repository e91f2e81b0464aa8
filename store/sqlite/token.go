package sqlite

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/txn"
)

// Token stands for a card in the tables: its key encrypted as one block, so that
// no account number lies in the database and the store can still name the card.
type Token [16]byte

// Vault turns cards into tokens and back. Key and Open must be safe for
// concurrent use; both are one SM4 block.
type Vault struct {
	seal cryptogram.Block
	open func(dst, src []byte)
}

// NewVault makes a vault from an SM4 cipher's two directions.
func NewVault(seal cryptogram.Block, open func(dst, src []byte)) *Vault {
	if seal.BlockSize() != len(Token{}) {
		panic("sqlite: a vault needs a cipher with blocks of 16 bytes")
	}
	return &Vault{seal, open}
}

// Token encrypts the card's key, padded with zeros to a block.
func (v *Vault) Token(card txn.CardKey) Token {
	var t Token
	key := card.Bytes()
	copy(t[:], key[:])
	v.seal.Encrypt(t[:], t[:])
	return t
}

// Card is the inverse of Token. A token made under another key, or not by Token,
// is an error.
func (v *Vault) Card(t Token) (txn.CardKey, error) {
	var b Token
	v.open(b[:], t[:])
	for _, pad := range b[txn.CardKeySize:] {
		if pad != 0 {
			return txn.CardKey{}, fmt.Errorf("token %x names no card: it was made under another key", t[:4])
		}
	}
	return txn.CardKeyFromBytes(b[:txn.CardKeySize])
}
