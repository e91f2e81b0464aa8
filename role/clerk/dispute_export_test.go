package clerk

import (
	"context"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// BookToken names a card in the books.
func BookToken(f *Office, card txn.CardKey) issuer.Token { return f.poster.Issuer.Tokens.Token(card) }

// TakeUnapproved takes a step as a program would that asks nobody.
func TakeUnapproved(f *Office, id int64, e dispute.Event) error {
	rules, err := disputeRules()
	if err != nil {
		return err
	}
	return f.write(context.Background(), func(tx *sqlite.Tx) error {
		c, token, err := tx.Dispute(rules, id)
		if err != nil {
			return err
		}
		stored := len(c.Events)
		e.At = f.now
		moves, err := c.Take(rules, e)
		if err != nil {
			return err
		}
		return f.keepDispute(tx, c, token, stored, moves)
	})
}
