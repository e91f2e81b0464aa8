package clerk

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// ErrNoRow says that a counter has no presented row to dispute.
var ErrNoRow = errors.New("the card has no presented row at this counter")

// DisputeRequest opens a dispute about one presented row of a card.
type DisputeRequest struct {
	Card  string // number, token or the beginning of that
	ATC   uint16
	Trade dispute.Trade
	Why   string // what a clerk adds
}

// disputeRules are the rules of disputes with the holidays of the country.
func disputeRules() (*dispute.Rules, error) {
	cal, err := beijing.Calendar()
	if err != nil {
		return nil, err
	}
	return dispute.DefaultRules(cal)
}

// OpenDispute opens a case: about an unbacked row if reconciliation found the row to be
// that (its amount is claimed already), else about any presented row. The error wraps
// those of Look, ErrNoRow, sqlite.ErrDisputeExists, or those of package dispute.
func (f *Office) OpenDispute(ctx context.Context, q DisputeRequest) (*dispute.Case, error) {
	rules, err := disputeRules()
	if err != nil {
		return nil, err
	}
	var out *dispute.Case
	err = f.write(ctx, func(tx *sqlite.Tx) error {
		card, token, err := f.find(&tx.Reader, q.Card)
		if err != nil {
			return err
		}
		s, err := f.disputed(&tx.Reader, card, token, &q)
		if err != nil {
			return err
		}
		id, err := tx.NextDispute()
		if err != nil {
			return err
		}
		if out, err = dispute.New(rules, id, s, f.now); err != nil {
			return err
		}
		if err := tx.OpenDispute(token, out); err != nil {
			return err
		}
		return f.noteDispute(tx, out, token, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("open dispute about counter %04X: %w", q.ATC, err)
	}
	return out, nil
}

// disputed finds the row at a counter and what reconciliation says about it.
func (f *Office) disputed(r *sqlite.Reader, card txn.CardKey, token sqlite.Token, q *DisputeRequest) (s dispute.Subject, err error) {
	c, j, err := f.judge(r, card, token)
	if err != nil {
		return s, err
	}
	claimed, _, err := f.claimed(r, card, token, q.ATC)
	if err != nil {
		return s, err
	}
	found := false
	c.Observations(func(o timeline.Observation) bool {
		if o.ATC == q.ATC && o.Kind == timeline.Paid && (!found || s.Refused) { // the one that cleared, if any did
			found = true
			s = dispute.Subject{Card: card.String(), ATC: o.ATC, Terminal: uint32(o.Terminal), Sequence: o.Sequence, Trade: q.Trade, TradeAt: o.Time, Amount: o.Debit,
				Refused: o.Refused, Why: q.Why}
		}
		return o.ATC <= q.ATC
	})
	if !found {
		return s, ErrNoRow
	}
	for i := range j.Breaks {
		if b := &j.Breaks[i]; b.P == q.ATC && b.State == timeline.Unbacked {
			if s, _, err = dispute.FromBreak(s, b); err != nil {
				return s, err
			}
			s.Claimed = claimed > 0 // a quota has no claim, and one that is not booked yet comes by itself
			if q.Why != "" {
				s.Why += "; " + q.Why
			}
		}
	}
	t, registered, err := r.Terminal(txn.TerminalID(s.Terminal))
	if err != nil {
		return s, err
	}
	e, known, err := r.Range(card.PAN.BIN())
	if err != nil {
		return s, err
	}
	if !registered || !known {
		return s, fmt.Errorf("terminal %d or the issuer of card %s is not in the registers: enter it first", s.Terminal, card)
	}
	s.Acquirer, s.Issuer = t.Acquirer, e.Participant
	return s, nil
}

// StepDispute takes a step of a case, after what has lapsed by now. A step that moves no
// money is done at once. One that does is proposed by a clerk (p is the proposal, the case
// stays as it is) and taken by Decide when another clerk approves it. A step that is the
// case's last one already is not taken again: done is false and p nil. The error wraps one
// of package dispute (ErrEvidence where the evidence contradicts the reason), desk or
// sqlite, or ErrUnsigned.
func (f *Office) StepDispute(ctx context.Context, id int64, e dispute.Event, who Proposer) (c *dispute.Case, p *Proposal, done bool, err error) {
	rules, err := disputeRules()
	if err != nil {
		return nil, nil, false, err
	}
	e.At = f.now
	err = f.act(ctx, func(tx *sqlite.Tx) error {
		var token sqlite.Token
		if c, token, err = tx.Dispute(rules, id); err != nil {
			return err
		}
		if repeated(c, &e) {
			return nil
		}
		stored := len(c.Events)
		moves, err := f.catchUp(tx, c, token, rules)
		if err != nil {
			return err
		}
		late := len(c.Events)
		more, err := f.try(&tx.Reader, c, token, rules, e)
		if err != nil {
			return err
		}
		if done = len(more) == 0; done {
			return f.keepDispute(tx, c, token, stored, moves)
		}
		if who.By == "" {
			return ErrUnsigned
		}
		if c, err = dispute.Replay(rules, id, c.Subject, c.Events[:late]); err != nil {
			return err
		}
		if late > stored {
			if err := f.keepDispute(tx, c, token, stored, moves); err != nil {
				return err
			}
		}
		p, err = f.proposeStep(tx, c, token, rules, e, who)
		return err
	})
	if err != nil {
		return nil, nil, false, fmt.Errorf("dispute %d: %w", id, err)
	}
	return c, p, done, nil
}

// repeated reports whether a step is the last one of a case once more, as after an
// interruption. No amount means all of it, which is no repeat of a part.
func repeated(c *dispute.Case, e *dispute.Event) bool {
	last := c.Events[len(c.Events)-1]
	all := e.Amount == 0 && (last.Amount == 0 || c.State.Closed() || e.Step != dispute.CreditAdjustment)
	return last.Step == e.Step && last.Reason == e.Reason && last.Note == e.Note && (all || e.Amount == last.Amount)
}

// LapseDisputes does what follows from all deadlines that have passed by now and from what
// reconciliation has booked since, case by case, and gives the cases that it changed.
func (f *Office) LapseDisputes(ctx context.Context) (changed []*dispute.Case, err error) {
	rules, err := disputeRules()
	if err != nil {
		return nil, err
	}
	err = f.write(ctx, func(tx *sqlite.Tx) error {
		ids, err := tx.Disputes()
		if err != nil {
			return err
		}
		for _, id := range ids {
			c, token, err := tx.Dispute(rules, id)
			if err != nil {
				return err
			}
			stored := len(c.Events)
			moves, err := f.catchUp(tx, c, token, rules)
			if err != nil {
				return err
			}
			if len(c.Events) == stored {
				continue
			}
			if err := f.keepDispute(tx, c, token, stored, moves); err != nil {
				return err
			}
			changed = append(changed, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("deadlines of disputes: %w", err)
	}
	return changed, nil
}

// claimed is what reconciliation has booked as a claim for a counter; known is false if
// the timeline no longer has the counter.
func (f *Office) claimed(r *sqlite.Reader, card txn.CardKey, token sqlite.Token, atc uint16) (amount money.Fen, known bool, err error) {
	c, err := f.stored(r, card, token)
	if err != nil {
		return 0, false, err
	}
	amount, known = c.Claimed(atc)
	return amount, known, nil
}

// catchUp does to a case what reconciliation and time have done to it by now.
func (f *Office) catchUp(tx *sqlite.Tx, c *dispute.Case, token sqlite.Token, rules *dispute.Rules) ([]dispute.Move, error) {
	card, err := f.vault.Card(token)
	if err != nil {
		return nil, err
	}
	amount, known, err := f.claimed(&tx.Reader, card, token, c.Subject.ATC)
	if err != nil {
		return nil, err
	}
	var moves []dispute.Move
	if known && !c.Subject.Refused {
		if moves, _, err = c.Reconcile(rules, amount > 0, f.now); err != nil {
			return nil, err
		}
	}
	more, err := lapse(c, rules, f.now)
	return append(moves, more...), err
}

// keepDispute stores what is new in a case, with its lines in the audit chain, and books it.
func (f *Office) keepDispute(tx *sqlite.Tx, c *dispute.Case, token sqlite.Token, stored int, moves []dispute.Move) error {
	if err := tx.AdvanceDispute(c, stored); err != nil {
		return err
	}
	if err := f.noteDispute(tx, c, token, stored); err != nil {
		return err
	}
	return f.bookDispute(tx, c, token, moves)
}

func lapse(c *dispute.Case, rules *dispute.Rules, now int64) (all []dispute.Move, err error) {
	for {
		moves, lapsed, err := c.Lapse(rules, now)
		if err != nil || !lapsed {
			return all, err
		}
		all = append(all, moves...)
	}
}

var disputeCodes = map[dispute.Kind]uint16{dispute.GiveBack: issuer.CodeGiveBack, dispute.TakeBack: issuer.CodeTakeBack, dispute.Return: issuer.CodeReturn,
	dispute.Pay: issuer.CodePayRequested, dispute.WriteOff: issuer.CodeClaimGivenUp, dispute.ToClaim: issuer.CodeToClaim, dispute.TakeUp: issuer.CodeClaimTakenUp}

// bookDispute posts the moves of a case.
func (f *Office) bookDispute(tx *sqlite.Tx, c *dispute.Case, token sqlite.Token, moves []dispute.Move) error {
	card, err := f.vault.Card(token)
	if err != nil {
		return err
	}
	acquirer := books.Institution(ledger.Acquirer, c.Subject.Acquirer)
	var accounts []ledger.Account
	var transfers []ledger.Transfer
	for _, m := range moves {
		if m.Kind == dispute.WriteOff {
			accounts = append(accounts, f.poster.Issuer.DisputeLoss(card))
		}
		var claim ledger.AccountID
		if m.Claim {
			claim = books.Institution(ledger.Claim, c.Subject.Acquirer)
		}
		t, err := f.poster.Issuer.Dispute(card, disputeCodes[m.Kind], uint32(c.ID), m.Number, m.Amount, acquirer, claim, window(f.now), m.At)
		if err != nil {
			return err
		}
		transfers = append(transfers, t)
	}
	return f.poster.Book(tx, accounts, transfers)
}

// Disputes gives every case by its number, with what may be done next.
func (f *Office) Disputes(ctx context.Context, each func(*dispute.Case, []dispute.Next) error) error {
	rules, err := disputeRules()
	if err != nil {
		return err
	}
	return f.db.Read(ctx, func(r *sqlite.Reader) error {
		ids, err := r.Disputes()
		if err != nil {
			return err
		}
		for _, id := range ids {
			c, _, err := r.Dispute(rules, id)
			if err != nil {
				return err
			}
			var next []dispute.Next
			if !c.State.Closed() {
				if next, err = c.Next(rules); err != nil {
					return fmt.Errorf("dispute %d: %w", id, err)
				}
			}
			if err := each(c, next); err != nil {
				return err
			}
		}
		return nil
	})
}

// DisputeReason gives the text of a reason code in "en" or "zh", empty for none.
func DisputeReason(code, lang string) string {
	rules, err := disputeRules()
	if err != nil {
		return ""
	}
	reason, _ := rules.Reason(code)
	return reason.Text(lang)
}
