package clerk

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// ErrUnsigned says that a step of a dispute moves money and nobody proposes it.
var ErrUnsigned = errors.New("the step moves money: a clerk proposes it, another one approves it")

// Proposer is a clerk who proposes a step; zero for nobody.
type Proposer struct {
	By   string
	Sign desk.Signer
}

// disputeHead is the hash over the whole history of a case: SM3 over its subject and events
// as they are stored, one on each line.
func disputeHead(s *dispute.Subject, events []dispute.Event) (head [32]byte, err error) {
	all, err := s.Encode()
	if err != nil {
		return head, err
	}
	for i := range events {
		body, err := events[i].Encode()
		if err != nil {
			return head, err
		}
		all = append(append(all, '\n'), body...)
	}
	return seal.HashOf(all), nil
}

// proved is what the timeline and the terminal's blocks say about the row of a case.
func (f *Office) proved(r *sqlite.Reader, c *dispute.Case, token sqlite.Token) (out []dispute.Finding, err error) {
	card, err := f.vault.Card(token)
	if err != nil {
		return nil, err
	}
	t, j, err := f.judge(r, card, token)
	if err != nil {
		return nil, err
	}
	s, rules, rows := &c.Subject, f.rules, 0
	t.Observations(func(o timeline.Observation) bool {
		if o.ATC == s.ATC && o.Kind == timeline.Paid && !o.Refused {
			rows++
		}
		return o.ATC <= s.ATC
	})
	for _, v := range t.Verdicts(&rules) {
		if v.P != s.ATC || rows != 1 || v.Kind != timeline.Paid || v.Outcome != timeline.Decided || v.Committed != timeline.Yes {
			continue
		}
		out = append(out, dispute.CardPaid)
		if v.Missing == 0 && v.Fall == s.Amount {
			out = append(out, dispute.ExactFall)
		}
	}
	for i := range j.Breaks {
		if b := &j.Breaks[i]; b.P == s.ATC && b.State == timeline.Late {
			return out, nil
		}
	}
	place, found, err := r.FindRow(txn.TerminalID(s.Terminal), s.Sequence)
	if err == nil && found && place.Arrived <= s.TradeAt+rules.Window {
		out = append(out, dispute.InTime)
	}
	return out, err
}

// try takes a step of a case, if what is proved allows it.
func (f *Office) try(r *sqlite.Reader, c *dispute.Case, token sqlite.Token, rules *dispute.Rules, e dispute.Event) ([]dispute.Move, error) {
	proved, err := f.proved(r, c, token)
	if err != nil {
		return nil, err
	}
	moves, err := c.Take(rules, e)
	if err != nil {
		return nil, err
	}
	return moves, c.Weigh(rules, e, proved)
}

// stepSubject is what a step would do to a case as it is now; the case is not changed.
func (f *Office) stepSubject(tx *sqlite.Tx, card sqlite.Token, atc uint16, id int64, e dispute.Event) (s desk.Subject, err error) {
	rules, err := disputeRules()
	if err != nil {
		return s, err
	}
	c, token, err := tx.Dispute(rules, id)
	if err != nil {
		return s, err
	}
	if token != card || c.Subject.ATC != atc {
		return s, fmt.Errorf("case %d is about another row: %w", id, sqlite.ErrNoDispute)
	}
	if _, err := f.catchUp(tx, c, token, rules); err != nil {
		return s, err
	}
	s.Step = desk.CaseStep{Case: id, Step: string(e.Step), Code: e.Reason, Note: e.Note}
	if s.Step.Head, err = disputeHead(&c.Subject, c.Events); err != nil {
		return s, err
	}
	e.At = f.now
	moves, err := f.try(&tx.Reader, c, token, rules, e)
	if err != nil {
		return s, err
	}
	if len(moves) > 0 { // what is written off can follow behind
		s.Amount = moves[0].Amount
	}
	return s, nil
}

// proposeStep files the proposal of a step.
func (f *Office) proposeStep(tx *sqlite.Tx, c *dispute.Case, token sqlite.Token, rules *dispute.Rules, e dispute.Event, who Proposer) (*Proposal, error) {
	card, err := f.vault.Card(token)
	if err != nil {
		return nil, err
	}
	by, err := tx.Clerk(who.By)
	if err != nil {
		return nil, err
	}
	s, err := f.stepSubject(tx, token, c.Subject.ATC, c.ID, e)
	if err != nil {
		return nil, err
	}
	why := e.Note
	if why == "" {
		reason, _ := rules.Reason(e.Reason)
		if why = reason.EN; why == "" {
			why = e.Step.Text("en")
		}
	}
	r, err := desk.Propose(desk.Dispute, desk.Token(token), c.Subject.ATC, 0, s, &by, why, f.now)
	if err != nil {
		return nil, err
	}
	out, err := f.file(tx, &r, &by, who.Sign)
	if err == nil {
		out.Card = card
	}
	return out, err
}

// stepOf is the event that an approved proposal asks for.
func stepOf(id int64, q *desk.Request) dispute.Event {
	e := dispute.Event{Step: dispute.Step(q.Step.Step), Reason: q.Step.Code, Note: q.Step.Note, Proposal: id}
	if e.Step.Moves() {
		e.Amount = q.Amount
	}
	return e
}

// takeApproved takes the step of an approved proposal and books it. Nothing has changed
// about the case since: its subject has just been compared.
func (f *Office) takeApproved(tx *sqlite.Tx, id int64, q *desk.Request) error {
	rules, err := disputeRules()
	if err != nil {
		return err
	}
	c, token, err := tx.Dispute(rules, q.Step.Case)
	if err != nil {
		return err
	}
	stored := len(c.Events)
	e := stepOf(id, q)
	e.At = f.now
	moves, err := c.Take(rules, e)
	if err != nil {
		return err
	}
	return f.keepDispute(tx, c, token, stored, moves)
}
