package books

import (
	"fmt"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Institution is the account of an institution or operator: its kind, 'i', its number in
// two bytes, 01, and zeros.
func Institution(kind ledger.AccountKind, n uint16) ledger.AccountID {
	return ledger.AccountID{byte(kind), 'i', byte(n >> 8), byte(n), 1}
}

// tokens shortens the vault's tokens to what an account id has room for.
type tokens struct{ vault *sqlite.Vault }

// Token implements issuer.Tokens.
func (t tokens) Token(card txn.CardKey) issuer.Token {
	full := t.vault.Token(card)
	return issuer.Token(full[:15])
}

// Tokens makes the names of cards in the books out of those in the tables: their first
// 15 bytes.
func Tokens(v *sqlite.Vault) issuer.Tokens { return tokens{v} }

// Ends tells the accounts behind a terminal: of its operator, and of the claims on its
// acquirer; false for a terminal that is not registered.
type Ends func(txn.TerminalID) (operator, claim ledger.AccountID, registered bool, err error)

// Registered are the ends by the acquirers' register of terminals.
func Registered(r *sqlite.Reader) Ends {
	return func(id txn.TerminalID) (operator, claim ledger.AccountID, registered bool, err error) {
		t, registered, err := r.Terminal(id)
		if err != nil || !registered {
			return operator, claim, false, err
		}
		return Institution(ledger.Operator, t.Operator), Institution(ledger.Claim, t.Acquirer), true, nil
	}
}

// Poster books for all issuers of a database.
type Poster struct {
	Issuer issuer.Books
	Ends   Ends
	// Posts gives what reaches the ledger of a batch; nil for all of it. A test may lose
	// something here and see that it is found out.
	Posts func([]ledger.Transfer) []ledger.Transfer
}

// batch is how many transfers are booked at a time.
const batch = 8000

// Book opens accounts and posts transfers that must all be new or repeats.
func (p *Poster) Book(tx *sqlite.Tx, accounts []ledger.Account, transfers []ledger.Transfer) error {
	opened, err := tx.OpenAccounts(accounts)
	if err != nil {
		return err
	}
	for i, o := range opened {
		if !o.OK() {
			return fmt.Errorf("open account %s: %s", accounts[i].ID, o)
		}
	}
	if p.Posts != nil {
		transfers = p.Posts(transfers)
	}
	for len(transfers) > 0 {
		n := min(len(transfers), batch)
		outcomes, err := tx.PostBatch(transfers[:n])
		if err != nil {
			return err
		}
		for i, o := range outcomes {
			t := &transfers[i]
			switch {
			case o.OK():
			case o == ledger.DebitLimitExceeded && t.Debit[0] == byte(ledger.CardFloat):
				if err := p.unbacked(tx, t); err != nil {
					return err
				}
			default:
				return refused(t, o)
			}
		}
		transfers = transfers[n:]
	}
	return nil
}

func refused(t *ledger.Transfer, o ledger.Outcome) error {
	return fmt.Errorf("post transfer %s of %s yuan, code %d: %s", t.ID, t.Amount, t.Code, o)
}

// unbacked books a debit that a card's float does not cover. The row behind it
// is valid, so the other side has its money from the issuer all the same: what
// lacks comes from the loss account of the card, and one card does not keep the
// window of all others open. Float less loss is then what the float would be if it
// could be overdrawn, and every sum of float and timeline is made with it; when
// reconciliation finds which row the card never paid and claims it from the
// acquirer, Repay takes the money back.
func (p *Poster) unbacked(tx *sqlite.Tx, t *ledger.Transfer) error {
	float, _, err := tx.Balance(t.Debit)
	if err != nil {
		return err
	}
	account, loan := p.Issuer.Unbacked(t, t.Amount-float.Net())
	opened, err := tx.OpenAccounts([]ledger.Account{account})
	if err != nil {
		return err
	}
	if !opened[0].OK() {
		return fmt.Errorf("open account %s: %s", account.ID, opened[0])
	}
	both := []ledger.Transfer{loan, *t}
	outcomes, err := tx.PostLinked(both)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if !o.OK() {
			return refused(&both[i], o)
		}
	}
	return nil
}

// Repay pays back to the loss accounts what transfers have put into floats
// that had borrowed there.
func (p *Poster) Repay(tx *sqlite.Tx, corrections []ledger.Transfer) error {
	for i := range corrections {
		t := &corrections[i]
		if t.Credit[0] != byte(ledger.CardFloat) {
			continue
		}
		loss, found, err := tx.Balance(issuer.LossAccount(issuer.Token(t.Credit[1:])))
		if err != nil {
			return err
		}
		if !found || loss.Net() >= 0 {
			continue
		}
		float, _, err := tx.Balance(t.Credit)
		if err != nil {
			return err
		}
		if back := min(-loss.Net(), t.Amount, float.Net()); back > 0 {
			if err := p.Book(tx, nil, []ledger.Transfer{p.Issuer.Recovered(t, back)}); err != nil {
				return err
			}
		}
	}
	return nil
}

var codes = map[timeline.Purpose]uint16{
	timeline.Refund: issuer.CodeRefund, timeline.ProvisionalCredit: issuer.CodeProvisional,
	timeline.ReverseProvisional: issuer.CodeUndoProvisional, timeline.ReverseRefund: issuer.CodeUndoRefund,
	timeline.CollectForOperator: issuer.CodeCollect, timeline.ReverseCollect: issuer.CodeUndoCollect,
	timeline.ClaimUnbacked: issuer.CodeClaim, timeline.ReverseClaim: issuer.CodeUndoClaim,
}

// Correct books what reconciliation asks for, in a business window.
func (p *Poster) Correct(tx *sqlite.Tx, window int32, postings []recon.Posting) error {
	out := make([]ledger.Transfer, 0, len(postings))
	for i := range postings {
		t, err := p.correction(&postings[i], window)
		if err != nil {
			return fmt.Errorf("posting %s: %w", postings[i].Key, err)
		}
		out = append(out, t)
	}
	if err := p.Book(tx, nil, out); err != nil {
		return err
	}
	return p.Repay(tx, out)
}

func (p *Poster) correction(x *recon.Posting, window int32) (ledger.Transfer, error) {
	code, known := codes[x.Key.Purpose]
	if !known {
		return ledger.Transfer{}, fmt.Errorf("purpose %s has no posting", x.Key.Purpose)
	}
	var other ledger.AccountID
	switch x.Key.Purpose {
	case timeline.CollectForOperator, timeline.ReverseCollect, timeline.ClaimUnbacked, timeline.ReverseClaim:
		operator, claim, registered, err := p.Ends(x.Terminal)
		if err != nil {
			return ledger.Transfer{}, fmt.Errorf("terminal %d: %w", x.Terminal, err)
		}
		if registered {
			other = operator
			if x.Key.Purpose == timeline.ClaimUnbacked || x.Key.Purpose == timeline.ReverseClaim {
				other = claim
			}
		}
	}
	return p.Issuer.Correction(x.Key.Card, code, x.Key.P, x.Key.Q, x.Key.Number, x.Amount, other, window, x.Time)
}
