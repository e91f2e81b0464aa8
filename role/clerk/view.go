package clerk

import (
	"context"
	"fmt"
	"slices"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/topup"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Card is what the office can say about one card.
type Card struct {
	Key     txn.CardKey
	Token   sqlite.Token
	At      int64 // moment of the judgement
	Frozen  bool
	Quota   bool           // its value is head-room and no money
	Value   timeline.Value // CertainOn is 0 if only the next tap tells
	Due     recon.Summary  // money of the customer, paid or not
	Paid    money.Fen      // of it, in the books: refunds and credits less what was taken back
	Rows    []Row
	Breaks  []Break
	Refunds []Refund
	Loads   []host.Load // with a host that keeps its books: loads and unloads, with their word
	Steps   []Step
	Alarms  []timeline.Alarm
	// Unexplained is what the issuer's book balance of the card differs from what its
	// timeline explains (timeline.Card.Explained): 0, or there is a fault.
	Unexplained money.Fen
	Booked      bool // the books have an account of the card
}

// Row is one observation with what is known of it.
type Row struct {
	timeline.Observation
	Missing  int                // counters between the one before and this one
	Happened timeline.Certainty // whether what it offers took place, as far as neighbours tell
	Before   money.Fen          // value before it
	After    money.Fen          // value after it, if Known
	Known    bool
	Unload   bool   // a doubt row of a host: electronic cash that went back to the account
	Place    string // of the terminal
	Evidence Evidence
}

// Break is a break with what people have done about it.
type Break struct {
	timeline.Break
	Card   txn.CardKey
	Closed bool // by hand, and nothing more is known since
}

// Refund is a movement of money for a break, or a proposal for one.
type Refund struct {
	P, Q     uint16
	Amount   money.Fen
	At       int64
	Code     uint16 // of a posting (issuer.CodeRefund and others); 0 for a proposal
	Proposal *Proposal
}

// Step is what happens next if nothing else does.
type Step struct {
	On   int64 // 0: a tap, a row or a person must come
	What StepKind
	P, Q uint16
	ID   int64 // number of the proposal, for StepApprove
}

// StepKind is a kind of next step.
type StepKind uint8

// The steps.
const (
	StepTap     StepKind = 1 // the next tap decides
	StepWindow  StepKind = 2 // rows may come until then, then it is refunded or settled
	StepPropose StepKind = 3 // due, and two people must approve
	StepApprove StepKind = 4 // proposed: another person must approve
	StepRun     StepKind = 5 // the next run of reconciliation moves money
	StepRelease StepKind = 6 // withheld while the card is frozen
	StepCertain StepKind = 7 // until then late rows can change the value
)

// Look builds everything about the card of a number, a token or the beginning of a token.
// The error wraps ErrNoCard, ErrAmbiguous or ErrCardName, or says what is damaged.
func (f *Office) Look(ctx context.Context, name string) (*Card, error) {
	var out *Card
	err := f.read(ctx, func(r *sqlite.Reader) error {
		card, token, err := f.find(r, name)
		if err != nil {
			return err
		}
		out, err = f.card(r, card, token)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up card: %w", err)
	}
	return out, nil
}

func (f *Office) card(r *sqlite.Reader, key txn.CardKey, token sqlite.Token) (*Card, error) {
	stored, err := f.stored(r, key, token)
	if err != nil {
		return nil, err
	}
	c := &timeline.Card{Key: key}
	if err := c.Decode(stored.Append(nil)); err != nil {
		return nil, fmt.Errorf("copy of the timeline of card %s: %w", key, err)
	}
	j, err := f.judged(r, c)
	if err != nil {
		return nil, err
	}
	rules := f.rules
	loads, err := host.LoadsOf(r, f.vault, stored, &rules, f.now)
	if err != nil {
		return nil, err
	}
	j.Breaks = withoutUnloads(j.Breaks, loads)
	out := &Card{Key: key, Loads: loads, Token: token, At: f.now, Frozen: j.Frozen, Value: c.Value(&rules), Due: recon.Summarise(j), Alarms: j.Alarms}
	if err := f.rows(r, out, c); err != nil {
		return nil, err
	}
	closed, err := r.ClosedOf(token)
	if err != nil {
		return nil, err
	}
	for i := range j.Breaks {
		out.Breaks = append(out.Breaks, settled(closed, token, &recon.Break{Card: key, Break: j.Breaks[i]}))
	}
	if err := f.refunds(r, out); err != nil {
		return nil, err
	}
	out.openEnd()
	out.steps(j)
	return out, f.books(r, out, stored)
}

// openEnd adds what the end of the timeline leaves open: no day decides whether the card
// carried out its last act, and a load at the end is no break yet although its money may
// be due.
func (c *Card) openEnd() {
	if c.Value.Least != c.Value.Most {
		c.Value.CertainOn = 0
	}
	if n := len(c.Rows); n > 0 && c.Rows[n-1].Kind == timeline.Load && !c.Rows[n-1].Known {
		c.Due.Most += c.Rows[n-1].Debit
		c.Due.CertainOn = 0
	}
}

// withoutUnloads takes out the unloads that came about: a timeline has them as debits
// without service, and nothing about them is amiss.
func withoutUnloads(breaks []timeline.Break, loads []host.Load) []timeline.Break {
	return slices.DeleteFunc(breaks, func(b timeline.Break) bool {
		return b.Part == timeline.PartDoubt && slices.ContainsFunc(loads, func(l host.Load) bool {
			return l.ATC == b.P && l.Answer.Kind == txn.OnlineUnload && l.Answer.Word == topup.Done
		})
	})
}

// unloadAt says whether a counter was used for an unload.
func unloadAt(loads []host.Load, atc uint16) bool {
	return slices.ContainsFunc(loads, func(l host.Load) bool { return l.ATC == atc && l.Answer.Kind == txn.OnlineUnload })
}

// settled joins a break with its closing, if that still fits.
func settled(closed map[sqlite.BreakKey]desk.Subject, token sqlite.Token, b *recon.Break) Break {
	s, found := closed[sqlite.BreakKey{Token: token, P: b.P, Q: b.Q, Part: b.Part}]
	now, err := desk.CloseSubject(&b.Break)
	return Break{Break: b.Break, Card: b.Card, Closed: found && err == nil && s == now}
}

// judge reads the stored timeline and judges it: nothing is stored.
func (f *Office) judge(r *sqlite.Reader, key txn.CardKey, token sqlite.Token) (*timeline.Card, *timeline.Judgement, error) {
	c, err := f.stored(r, key, token)
	if err != nil {
		return nil, nil, err
	}
	j, err := f.judged(r, c)
	return c, j, err
}

// judged judges a timeline.
func (f *Office) judged(r *sqlite.Reader, c *timeline.Card) (*timeline.Judgement, error) {
	rules, err := f.budgeted(r)
	if err != nil {
		return nil, err
	}
	marks, err := f.marks(r)
	if err != nil {
		return nil, err
	}
	j := c.Judge(f.now, rules, marks)
	return &j, nil
}

// budgeted are the rules with what is left of the budget for provisional credits.
func (f *Office) budgeted(r *sqlite.Reader) (timeline.Params, error) {
	standing, err := f.standing(r)
	p := f.rules
	p.ProvisionalBudget = max(0, p.ProvisionalBudget-standing)
	return p, err
}

// rows lists the observations and checks the record of each.
func (f *Office) rows(r *sqlite.Reader, out *Card, c *timeline.Card) error {
	rules := f.rules
	ended := map[uint16]timeline.Certainty{}
	for _, v := range c.Verdicts(&rules) {
		ended[v.P] = v.Committed
		if v.Outcome == timeline.OutcomeUnbacked {
			ended[v.P] = timeline.No
		}
	}
	x := f.examiner(r)
	places := map[txn.TerminalID]string{}
	var last *Row
	var failed error
	c.Observations(func(o timeline.Observation) bool {
		out.Quota = out.Quota || o.Kind == timeline.Push
		row := Row{Observation: o, Happened: o.Commit, Unload: o.Kind == timeline.Doubt && unloadAt(out.Loads, o.ATC)}
		if last != nil && o.ATC > last.ATC+1 && o.Kind != timeline.Push {
			row.Missing = int(o.ATC - last.ATC - 1)
		}
		if word, decided := ended[o.ATC]; !offers(&o) {
			row.Happened = timeline.Yes
		} else if decided {
			row.Happened = word
		}
		row.values()
		if row.Place, failed = place(r, places, o.Terminal); failed != nil {
			return false
		}
		if row.Evidence, failed = x.observed(out.Key, &row); failed != nil {
			return false
		}
		out.Rows = append(out.Rows, row)
		last = &out.Rows[len(out.Rows)-1]
		return true
	})
	return failed
}

// offers reports whether it may be open how an observation ended.
func offers(o *timeline.Observation) bool {
	return o.Kind == timeline.Doubt || o.Kind == timeline.Load || o.Kind == timeline.Paid
}

// values gives the value before and after the observation.
func (r *Row) values() {
	r.Before, r.Known = r.B, true
	switch {
	case r.Kind == timeline.Hold:
		r.Before = r.B + r.Held
	case r.Completes:
		r.Before = r.B - r.Held
	}
	change := -r.Debit
	if r.Kind == timeline.Load {
		change = r.Debit
	}
	r.After = r.B
	if !offers(&r.Observation) {
		return
	}
	switch r.Happened {
	case timeline.Yes:
		r.After += change
	case timeline.Open:
		r.Known = false
	}
}

func place(r *sqlite.Reader, known map[txn.TerminalID]string, id txn.TerminalID) (string, error) {
	if p, found := known[id]; found || id == 0 {
		return p, nil
	}
	t, _, err := r.Terminal(id)
	known[id] = t.Place
	return t.Place, err
}

// refunds lists the postings for breaks of the card, and the proposals.
func (f *Office) refunds(r *sqlite.Reader, out *Card) error {
	float := issuer.FloatAccount(f.poster.Issuer.Tokens.Token(out.Key))
	_, booked, err := r.Balance(float)
	if err != nil {
		return err
	}
	if out.Booked = booked; booked {
		if err := r.Scan(ledger.Filter{Account: float}, func(t *ledger.Transfer) error {
			if !correcting(t.Code) {
				return nil
			}
			p, q, err := issuer.ParseCorrection(t.Ref)
			if err != nil {
				return fmt.Errorf("posting %s: %w", t.ID, err)
			}
			out.Refunds = append(out.Refunds, Refund{P: p, Q: q, Amount: t.Amount, At: t.At, Code: t.Code})
			if unloadAt(out.Loads, p) {
				return nil // it was not owed
			}
			switch t.Code {
			case issuer.CodeRefund, issuer.CodeProvisional, issuer.CodeAdvance:
				out.Paid += t.Amount
			case issuer.CodeUndoRefund, issuer.CodeUndoProvisional, issuer.CodeUndoAdvance:
				out.Paid -= t.Amount
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return r.ProposalsOf(out.Token, func(p *sqlite.Proposal) error {
		v := f.proposal(out.Key, p)
		out.Refunds = append(out.Refunds, Refund{P: v.P, Q: v.Q, Amount: v.Amount + v.Credit, At: v.At, Proposal: v})
		return nil
	})
}

// correcting says that a posting's code is of a decision of reconciliation, or of what a
// host gave on a terminal's word.
func correcting(code uint16) bool {
	switch code {
	case issuer.CodeRefund, issuer.CodeProvisional, issuer.CodeUndoProvisional, issuer.CodeUndoRefund,
		issuer.CodeCollect, issuer.CodeUndoCollect, issuer.CodeClaim, issuer.CodeUndoClaim, issuer.CodeAdvance, issuer.CodeUndoAdvance:
		return true
	}
	return false
}

// books compares the issuer's book balance with the timeline as it is stored: a judgement
// that is made to look asks for postings that the books do not have yet.
func (f *Office) books(r *sqlite.Reader, out *Card, stored *timeline.Card) error {
	if !out.Booked {
		return nil
	}
	token := f.poster.Issuer.Tokens.Token(out.Key)
	float, _, err := r.Balance(issuer.FloatAccount(token))
	if err != nil {
		return err
	}
	loss, _, err := r.Balance(issuer.LossAccount(token))
	if err != nil {
		return err
	}
	stands, err := r.AdvancesOf(out.Token)
	if err != nil {
		return err
	}
	rules := f.rules
	out.Unexplained = stored.Explained(float.Net()+loss.Net()+stands, &rules)
	return nil
}

// steps works out what happens next.
func (c *Card) steps(j *timeline.Judgement) {
	add := func(on int64, what StepKind, p, q uint16, id int64) {
		c.Steps = append(c.Steps, Step{On: on, What: what, P: p, Q: q, ID: id})
	}
	for _, a := range j.Actions {
		if a.Key.Purpose.MovesMoney() {
			add(c.At, StepRun, a.Key.P, a.Key.Q, 0)
		}
	}
	open := map[[2]uint16]*Proposal{}
	for i := range c.Refunds {
		if p := c.Refunds[i].Proposal; p != nil && p.Status == desk.Proposed {
			if p.Kind == desk.Refund {
				open[[2]uint16{p.P, p.Q}] = p
			}
			add(p.Expires, StepApprove, p.P, p.Q, p.ID)
		}
	}
	tap := false
	for i := range c.Breaks {
		b := &c.Breaks[i]
		switch {
		case b.Closed:
		case b.Waits && open[[2]uint16{b.P, b.Q}] == nil:
			add(0, StepPropose, b.P, b.Q, 0)
		case b.Held && !b.Waits:
			add(0, StepRelease, b.P, b.Q, 0)
		case b.State == timeline.Suspected:
			add(0, StepTap, b.P, b.Q, 0)
			tap = true
		case b.State.Waiting() && b.Final > c.At:
			add(b.Final, StepWindow, b.P, b.Q, 0)
		}
	}
	if n := len(c.Rows); !tap && n > 0 && c.Value.Least != c.Value.Most {
		add(0, StepTap, c.Rows[n-1].ATC, 0, 0)
	}
	if c.Value.CertainOn > c.At {
		add(c.Value.CertainOn, StepCertain, 0, 0, 0)
	}
}
