package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/issuer/topup"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// booking is one transaction of a Kept: it makes books and timeline agree with what is
// decided. It implements sqlite.AuthoriseHook and authorise.PINs.
type booking struct {
	*Kept
	ctx    context.Context
	tx     *sqlite.Tx
	store  *sqlite.AuthoriseStore
	issuer *authorise.Authoriser
	at     int64
}

// New implements sqlite.AuthoriseHook: every card that the development keys can have made.
func (b *booking) New(txn.CardKey) (authorise.Card, bool) {
	return authorise.Card{Status: authorise.Active, Available: b.config.Opening, Limit: CashLimit}, true
}

// Opened implements sqlite.AuthoriseHook.
func (b *booking) Opened(card txn.CardKey) error {
	accounts, _ := b.books.Open(card, 0, b.at)
	if err := b.book(accounts); err != nil {
		return err
	}
	return b.tx.PutRange(&sqlite.Range{BIN: card.PAN.BIN(), Participant: institution})
}

// book posts; what a float gets pays back first what it has borrowed.
func (b *booking) book(accounts []ledger.Account, transfers ...ledger.Transfer) error {
	p := b.poster(b.tx)
	if err := p.Book(b.tx, accounts, transfers); err != nil {
		return err
	}
	return p.Repay(b.tx, transfers)
}

// Changed implements sqlite.AuthoriseHook: money first, then the observation.
func (b *booking) Changed(card txn.CardKey, before *authorise.Decision, c *authorise.Change) error {
	if c.Seen != nil {
		if value, ok := c.Seen.IAD.Balance(); ok {
			if err := b.takeOver(card, c.Seen.ATC, value); err != nil {
				return err
			}
		}
	}
	if err := b.move(card, before, &c.Decision); err != nil {
		return fmt.Errorf("book the %v with %v of card %v: %w", c.Decision.Kind, c.Decision.Number, card, err)
	}
	if c.Seen == nil {
		return nil
	}
	o, err := observation(c.Seen, &c.Decision)
	if err != nil {
		return err
	}
	return b.observe(card, recon.Event{Card: card, Obs: o})
}

// takeOver opens the float of a card with what it holds when it proves that for the first
// time: its value came from elsewhere.
func (b *booking) takeOver(card txn.CardKey, atc uint16, value money.Fen) error {
	more, err := b.store.TakeOver(card, atc, value)
	if err != nil || more <= 0 {
		return err
	}
	return b.book(nil, b.books.TakeOver(card, atc, more, b.at))
}

// move books what a decision has changed on the account. What rests on a balance that the
// card has shown is not booked here: reconciliation has the same balance.
func (b *booking) move(card txn.CardKey, before, d *authorise.Decision) error {
	delta := d.Moved - before.Moved
	switch {
	case delta == 0 || d.Shown:
		return nil
	case !d.ChangesCash():
		n := issuer.BySequence(d.Number.Terminal, d.Number.Sequence)
		if d.Number.Counter {
			n = issuer.ByCounter(d.Number.ATC)
		}
		return b.book(nil, b.books.Purchase(card, books.Institution(ledger.Settlement, institution), n, max(delta, -delta), b.at, delta > 0))
	case before.State == 0: // a load
		return b.book(nil, b.books.Load(card, d.Number.ATC, -delta, b.at))
	case delta > 0:
		return b.advance(card, d.Number.ATC, delta)
	}
	a, _, err := b.tx.Advance(b.vault, card, d.Number.ATC)
	if err != nil {
		return err
	}
	return b.undo(&a)
}

// advance gives what a terminal's word says is due, unless the card was seen since: then
// its timeline is to decide, and has perhaps paid already. To a card that is stopped
// nothing is paid before that is explained.
func (b *booking) advance(card txn.CardKey, atc uint16, amount money.Fen) error {
	p, err := b.proof(card, atc)
	if err != nil || p.Later || p.Frozen {
		return err
	}
	if err := b.book(nil, b.books.Advance(card, atc, amount, b.at)); err != nil {
		return err
	}
	return b.tx.PutAdvance(b.vault, &sqlite.Advance{Card: card, ATC: atc, Amount: amount, Stands: amount})
}

// undo takes back what stands of an advance.
func (b *booking) undo(a *sqlite.Advance) error {
	if a.Stands == 0 {
		return nil
	}
	if err := b.book(nil, b.books.UndoAdvance(a.Card, a.ATC, a.Stands, b.at)); err != nil {
		return err
	}
	a.Stands = 0
	return b.tx.PutAdvance(b.vault, a)
}

// observation is what a genuine question of a card is to its timeline. An approved unload
// is a debit without service: if the card committed it, its holder is owed the amount.
func observation(s *authorise.Seen, d *authorise.Decision) (timeline.Observation, error) {
	m := timeline.HostMessage{ATC: s.ATC, ARQC: s.AC, IAD: s.IAD, Time: s.Time, Terminal: s.Terminal, Sequence: s.Sequence}
	agreed := d.State == authorise.Agreed && d.Number == (authorise.Number{Counter: true, ATC: s.ATC})
	if agreed && d.Kind == txn.OnlineLoad {
		m.Load = d.After - d.Before
	}
	o, err := timeline.FromHost(m)
	if err == nil && agreed && d.Kind == txn.OnlineUnload {
		o.Kind, o.Debit = timeline.Doubt, d.Before
		err = o.Validate()
	}
	return o, err
}

// observe adds observations of one card to its timeline and judges it.
func (b *booking) observe(card txn.CardKey, events ...recon.Event) error {
	store := oneCard{b.tx.Recon(b.vault, b.correct), card}
	source := func(yield func(recon.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
	report, err := recon.Day(b.ctx, store, recon.Input{Now: b.at, Params: b.config.Rules, Events: source})
	if err != nil {
		return err
	}
	if len(report.Rejected) > 0 {
		return errors.Join(report.Rejected...)
	}
	return b.settleAdvances(&card)
}

// oneCard is reconciliation's store as if one card were the only open one.
type oneCard struct {
	*sqlite.ReconStore
	card txn.CardKey
}

// Open implements recon.Store.
func (s oneCard) Open(_ context.Context, after txn.CardKey, _ int) ([]txn.CardKey, error) {
	if after == s.card {
		return nil, nil
	}
	return []txn.CardKey{s.card}, nil
}

// proof is what is known now of the load or unload at a card's counter.
func (b *booking) proof(card txn.CardKey, atc uint16) (topup.Proof, error) {
	t, err := timelineOf(&b.tx.Reader, b.vault, card)
	if err != nil {
		return topup.Proof{}, err
	}
	return proofAt(&b.tx.Reader, b.vault, t, atc, &b.config.Rules)
}

// correct books what reconciliation asks for.
func (b *booking) correct(postings []recon.Posting) error {
	return b.poster(b.tx).Correct(b.tx, 0, postings)
}

// settleAdvances takes back what accounts have got on a terminal's word and the cards
// have shown otherwise; of one card, or of all if card is nil. It comes after every
// judgement.
func (b *booking) settleAdvances(card *txn.CardKey) error {
	if err := b.tx.DropUnloads(b.vault, card); err != nil {
		return err
	}
	standing, err := b.advances(card)
	if err != nil {
		return err
	}
	for i := range standing {
		over, err := b.disproved(&standing[i])
		switch {
		case card == nil && errors.Is(err, sqlite.ErrDamaged): // reconciliation's report tells of it: it stops nobody else's day
		case err != nil:
			return err
		case over:
			if err := b.undo(&standing[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// advances gives those of which something stands, of one card or of all.
func (b *booking) advances(card *txn.CardKey) (out []sqlite.Advance, err error) {
	each := func(a *sqlite.Advance) error {
		out = append(out, *a)
		return nil
	}
	if card == nil {
		err = b.tx.Advances(b.vault, each)
	} else {
		err = b.tx.AdvancesTo(b.vault, *card, each)
	}
	return out, err
}

// disproved tells whether what stands of an advance is not owed: the card has shown that
// the terminal was wrong, or the window is over and the rest has been paid.
func (b *booking) disproved(a *sqlite.Advance) (bool, error) {
	d, found, err := b.store.Decision(a.Card, authorise.Number{Counter: true, ATC: a.ATC})
	if err == nil && !found {
		err = fmt.Errorf("an advance without its load or unload: %w", sqlite.ErrDamaged)
	}
	if err != nil {
		return false, fmt.Errorf("decision about counter %d of card %v: %w", a.ATC, a.Card, err)
	}
	p, err := b.proof(a.Card, a.ATC)
	if err != nil {
		return false, err
	}
	switch p.Ran {
	case topup.Unknown:
		return p.Final != 0 && p.Settled, nil
	case topup.Yes:
		return d.Kind == txn.OnlineLoad, nil
	}
	return d.Kind == txn.OnlineUnload, nil
}

// Check implements authorise.PINs.
func (b *booking) Check(card txn.CardKey, block [8]byte) (authorise.PINVerdict, error) {
	wrong, err := b.store.WrongPINs(card)
	switch {
	case err != nil:
		return 0, err
	case wrong >= PINTries:
		return authorise.PINBlocked, nil
	}
	p, err := decipherPIN(card, block)
	if err != nil || !p.Equal(b.pin) { // a block that does not open was made of a PIN that cannot be right
		return authorise.PINWrong, b.store.SetWrongPINs(card, wrong+1)
	}
	return authorise.PINRight, b.store.SetWrongPINs(card, 0)
}
