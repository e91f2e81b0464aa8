package clerk

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Proposal is a proposal as the desk shows it.
type Proposal struct {
	ID        int64
	Kind      desk.Kind
	Card      txn.CardKey
	Clerk     string // who is to come or to go; Card and counters are zero then
	Token     sqlite.Token
	P, Q      uint16
	Part      timeline.Part  // of a closing
	State     timeline.State // of a closing: of the break when it was proposed
	Amount    money.Fen      // due, or of the break
	Credit    money.Fen      // pending
	Reason    string
	By        string
	At        int64
	Expires   int64
	Status    desk.Status // Expired where nobody decided in time
	DecidedBy string
	DecidedAt int64
	Why       string        // reason of the decision
	Step      desk.CaseStep // of a dispute
}

func (f *Office) proposal(card txn.CardKey, p *sqlite.Proposal) *Proposal {
	q, d := &p.Request, &p.Decision
	return &Proposal{ID: p.ID, Kind: q.Kind, Card: card, Token: sqlite.Token(q.Card), P: q.P, Q: q.Q, Part: q.Part, State: q.State, Amount: q.Amount, Credit: q.Credit,
		Reason: q.Reason, By: q.By, At: q.At, Expires: q.Expires, Status: q.StatusAt(p.Status, f.now), DecidedBy: d.By, DecidedAt: d.At, Why: d.Reason, Step: q.Step}
}

// Ask is what a clerk asks for.
type Ask struct {
	Kind   desk.Kind
	Card   string // as Look takes it
	P, Q   uint16
	Part   timeline.Part // for desk.Close; 0 if there is one break only between the counters
	By     string
	Sign   desk.Signer
	Reason string
}

// Errors of the desk beside those of packages desk and recon.
var (
	ErrNoBreak = errors.New("no break between these counters")
	ErrPart    = errors.New("several breaks between these counters: name the part")
	ErrKind    = errors.New("the proposal is of another kind")
	ErrKeyFile = errors.New("the key is not that of this clerk")
)

// Propose stores a proposal: the first of two persons. Nothing else changes. The error
// wraps one of package desk (ErrOpen with the number of the open proposal), package recon
// or package sqlite, ErrNoBreak or ErrPart.
func (f *Office) Propose(ctx context.Context, a Ask) (*Proposal, error) {
	var out *Proposal
	err := f.act(ctx, func(tx *sqlite.Tx) error {
		card, token, err := f.find(&tx.Reader, a.Card)
		if err != nil {
			return err
		}
		by, err := tx.Clerk(a.By)
		if err != nil {
			return err
		}
		s, err := f.subject(ctx, tx, card, token, a.Kind, a.P, a.Q, a.Part)
		if err != nil {
			return err
		}
		r, err := desk.Propose(a.Kind, desk.Token(token), a.P, a.Q, s, &by, a.Reason, f.now)
		if err != nil {
			return err
		}
		out, err = f.file(tx, &r, &by, a.Sign)
		if err == nil {
			out.Card = card
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("propose: %w", err)
	}
	return out, nil
}

// file has a proposal signed and stores it, with its audit line.
func (f *Office) file(tx *sqlite.Tx, r *desk.Request, by *desk.Clerk, sign desk.Signer) (*Proposal, error) {
	signature, err := r.Sign(sign)
	if err != nil {
		return nil, err
	}
	if !r.Signed(signature, by) {
		return nil, fmt.Errorf("clerk %s: %w", by.Name, ErrKeyFile)
	}
	id, err := tx.Propose(r, signature)
	if err != nil {
		return nil, err
	}
	line := desk.Line{At: desk.Time(f.now), Who: by.Name, Did: desk.WasProposed, Reason: r.Reason}
	line.About(id, r, signature)
	if err := tx.AddAudit(line); err != nil {
		return nil, err
	}
	return f.proposal(txn.CardKey{}, &sqlite.Proposal{ID: id, Request: *r, Signature: signature, Status: desk.Proposed}), nil
}

// subject is what a proposal is about, as it is now.
func (f *Office) subject(ctx context.Context, tx *sqlite.Tx, card txn.CardKey, token sqlite.Token, kind desk.Kind, p, q uint16, part timeline.Part) (desk.Subject, error) {
	if kind == desk.Refund {
		in, err := f.input(tx)
		if err != nil {
			return desk.Subject{}, err
		}
		g, err := recon.Weigh(ctx, f.cards(tx, nil), in, card, p, q)
		if err != nil {
			return desk.Subject{}, err
		}
		return desk.RefundSubject(g.Refund, g.Credit)
	}
	_, j, err := f.judge(&tx.Reader, card, token)
	if err != nil {
		return desk.Subject{}, err
	}
	var found []*timeline.Break
	for i := range j.Breaks {
		if b := &j.Breaks[i]; b.P == p && b.Q == q && (part == 0 || b.Part == part) {
			found = append(found, b)
		}
	}
	switch len(found) {
	case 0:
		return desk.Subject{}, fmt.Errorf("%04X-%04X: %w", p, q, ErrNoBreak)
	case 1:
		return desk.CloseSubject(found[0])
	}
	return desk.Subject{}, fmt.Errorf("%04X-%04X: %w", p, q, ErrPart)
}

// input is how a card is judged now.
func (f *Office) input(tx *sqlite.Tx) (recon.Input, error) {
	marks, err := f.marks(&tx.Reader)
	return recon.Input{Now: f.now, Params: f.rules, Marks: func(txn.CardKey) timeline.Watermarks { return marks }}, err
}

// Verdict is what a clerk decides about a proposal.
type Verdict struct {
	ID      int64
	Kinds   []desk.Kind // that the proposal may have: another one is ErrKind
	Approve bool        // else it is rejected, or withdrawn by the one who made it
	By      string
	Sign    desk.Signer
	Reason  string // may be empty
}

// Decide is the second of two persons: it rejects a proposal, or approves it and does what
// it asks for, money and audit line included, in one transaction. A decision that stands
// already is answered again if the same clerk repeats it (done is false then), so that it
// can be repeated after a crash. The error wraps one of package desk, recon or sqlite.
func (f *Office) Decide(ctx context.Context, v Verdict) (out *Proposal, done bool, err error) {
	err = f.act(ctx, func(tx *sqlite.Tx) error {
		p, err := tx.Proposal(v.ID)
		if err != nil {
			return err
		}
		if !has(v.Kinds, p.Request.Kind) {
			return fmt.Errorf("it asks for a %s: %w", p.Request.Kind, ErrKind)
		}
		card, who, err := f.about(&tx.Reader, &p.Request)
		if err != nil {
			return err
		}
		if p.Status == desk.Proposed || p.Decision.By != v.By || (p.Status == desk.Approved) != v.Approve {
			if err := f.decide(ctx, tx, &p, card, who, &v); err != nil {
				return err
			}
			done = true
		}
		out = f.proposal(card, &p)
		out.Clerk = who
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("decide about proposal %d: %w", v.ID, err)
	}
	return out, done, nil
}

// about is what a proposal is about: a card, or the name of a clerk.
func (f *Office) about(r *sqlite.Reader, q *desk.Request) (card txn.CardKey, clerk string, err error) {
	if !q.Kind.AboutClerk() {
		card, err = f.vault.Card(sqlite.Token(q.Card))
		return card, "", err
	}
	all, err := r.Clerks()
	for i := range all {
		if desk.ClerkToken(all[i].Name, all[i].Key) == q.Card {
			return card, all[i].Name, nil
		}
	}
	if err == nil {
		err = sqlite.ErrNoClerk
	}
	return card, "", err
}

func (f *Office) decide(ctx context.Context, tx *sqlite.Tx, p *sqlite.Proposal, card txn.CardKey, who string, v *Verdict) error {
	proposer, err := tx.Clerk(p.Request.By)
	if err != nil {
		return err
	}
	by, err := tx.Clerk(v.By)
	if err != nil {
		return err
	}
	q := &p.Request
	s := q.Subject
	// What others must not do is refused before the card is looked at.
	if _, _, err := desk.Decide(q, p.Status, p.Signature, &proposer, &by, v.Approve, s, v.Reason, f.now); err != nil {
		return err
	}
	if v.Approve && !q.Kind.AboutClerk() {
		if q.Kind == desk.Dispute {
			s, err = f.stepSubject(tx, sqlite.Token(q.Card), q.P, q.Step.Case, stepOf(p.ID, q))
		} else {
			s, err = f.subject(ctx, tx, card, sqlite.Token(q.Card), q.Kind, q.P, q.Q, q.Part)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", desk.ErrChanged, err)
		}
	}
	d, status, err := desk.Decide(q, p.Status, p.Signature, &proposer, &by, v.Approve, s, v.Reason, f.now)
	if err != nil {
		return err
	}
	approval, err := d.Sign(v.Sign)
	if err != nil {
		return err
	}
	if !d.Signed(approval, &by) {
		return fmt.Errorf("clerk %s: %w", by.Name, ErrKeyFile)
	}
	line := desk.Line{At: desk.Time(f.now), Who: by.Name, Did: desk.ActOf(status), Reason: d.Reason}
	line.About(p.ID, q, p.Signature)
	if status == desk.Approved && q.Kind == desk.Refund {
		if err := f.pay(ctx, tx, card, q); err != nil {
			return err
		}
		line.Moved = q.Amount + q.Credit
	}
	if status == desk.Approved && q.Kind == desk.Dispute {
		if err := f.takeApproved(tx, p.ID, q); err != nil {
			return err
		}
	}
	p.Status, p.Decision, p.Approval = status, d, approval
	if err := tx.Decide(p.ID, &d, approval); err != nil {
		return err
	}
	if err := tx.AddAudit(line); err != nil || status != desk.Approved {
		return err
	}
	return f.comeAndGo(tx, p, who)
}

// pay has reconciliation act on the approval and books what it asks for.
func (f *Office) pay(ctx context.Context, tx *sqlite.Tx, card txn.CardKey, q *desk.Request) error {
	in, err := f.input(tx)
	if err != nil {
		return err
	}
	poster := f.posterIn(tx)
	store := f.cards(tx, func(postings []recon.Posting) error { return poster.Correct(tx, window(f.now), postings) })
	_, err = recon.Grant(ctx, store, in, card, q.P, q.Q, recon.Granted{Refund: q.Amount, Credit: q.Credit})
	return err
}

// Proposals gives all proposals, by number.
func (f *Office) Proposals(ctx context.Context, each func(*Proposal) error) error {
	err := f.db.Read(ctx, func(r *sqlite.Reader) error {
		return r.Proposals(func(p *sqlite.Proposal) error {
			card, who, err := f.about(r, &p.Request)
			if err != nil {
				return err
			}
			out := f.proposal(card, p)
			out.Clerk = who
			return each(out)
		})
	})
	if err != nil {
		return fmt.Errorf("list proposals: %w", err)
	}
	return nil
}
