package clerk

import (
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/txn"
)

// BookToken names a card in the books.
func BookToken(f *Office, card txn.CardKey) issuer.Token { return f.poster.Issuer.Tokens.Token(card) }
