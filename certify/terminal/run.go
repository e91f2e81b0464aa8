package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/citycard/citycard/certify"
)

// Options say how the terminal is set and with which keys cards are made.
type Options struct {
	Name  string // of the terminal; only shown
	Setup Setup
	// RSA and SM2 sign the cards. RSA must be there; without SM2, cases with SM2 are skipped.
	RSA *RSAKeys
	SM2 *SM2Keys
	// Records are the keys of journey records; without them cases for gates are skipped.
	Records *RecordKeys
	// Purse are the keys of T-Union purses; without them no case has one.
	Purse *PurseKeys
	// Only runs the cases or groups whose identifiers are listed; nil runs all.
	Only []string
	// At is the time of the run at the terminal's place.
	At time.Time
	// Rand gives challenges and the random part of signatures.
	Rand io.Reader
	// Progress is told after each case; nil if nobody wants to know.
	Progress func(done, total int, c *certify.CaseResult)
}

// ErrStopped says that the context ended a run between two cases.
var ErrStopped = errors.New("stopped")

// Run runs the cases against a terminal. It fails without a report if an option is
// missing, and with what it has if the terminal cannot be driven or the context ends.
// What a terminal does wrong is not an error: see Report.Conforms.
func Run(ctx context.Context, t Terminal, o Options) (*Report, error) {
	if t == nil || o.RSA == nil || o.Rand == nil || o.At.IsZero() {
		return nil, fmt.Errorf("terminal conformance run: terminal, RSA, Rand and At must be given: %w", errOptions)
	}
	if err := o.Setup.validate(); err != nil {
		return nil, fmt.Errorf("terminal conformance run: %w", err)
	}
	o.Setup.SM = o.Setup.SM && o.SM2 != nil
	r := &Report{Terminal: o.Name, Time: o.At.Format(time.RFC3339)}
	chosen := choose(o.Only)
	for i, c := range chosen {
		if ctx.Err() != nil {
			r.Incomplete = c.ID
			return r, fmt.Errorf("terminal conformance run: before case %s: %w", c.ID, ErrStopped)
		}
		result, err := runCase(ctx, t, &o, &c)
		if err != nil {
			r.Incomplete = c.ID
			return r, fmt.Errorf("terminal conformance run: case %s: %w", c.ID, err)
		}
		r.add(result)
		if o.Progress != nil {
			o.Progress(i+1, len(chosen), &result)
		}
	}
	return r, nil
}

// chosen is a case with its group and its number, which makes its account number.
type chosen struct {
	Case
	group  string
	number int
}

func choose(only []string) []chosen {
	var out []chosen
	n := 0
	for _, g := range groups {
		for _, c := range g.Cases {
			n++
			if only == nil || slices.Contains(only, g.Key) || slices.Contains(only, c.ID) {
				out = append(out, chosen{c, g.Key, n})
			}
		}
	}
	return out
}

// prepare makes a card of a case: number 0 of the first round, 1 of the second; from
// secondCard on the second card.
func (c *chosen) prepare(o *Options, number int) (*Card, error) {
	s := good(c.plan.face, c.number*10+number)
	if c.plan.air == "debit" {
		s.debitAir()
	}
	change := c.plan.card
	if number >= secondCard && c.plan.second != nil {
		change = c.plan.second
	}
	if change != nil {
		change(s)
	}
	if s.extension != nil && o.Records != nil && c.plan.steps()[0].kind.Journey() {
		s.issueJourneys(o.Records)
		if s.journeys != nil {
			s.journeys(s.extension)
		}
	}
	if s.union != nil && o.Purse != nil {
		s.union.issue(s.pan, o.Purse)
		if s.purse != nil {
			s.purse(s.union)
		}
	}
	if err := s.build(o); err != nil {
		return nil, err
	}
	return &Card{spec: s, rand: o.Rand, pin: o.Setup.PIN, t0: c.plan.t0, again: c.plan.again}, nil
}

// secondCard is the number of the second card of a case.
const secondCard = 5

// transaction is what is to be done at the terminal.
func (c *chosen) transaction(s *Setup, kind Kind) Transaction {
	p := &c.plan
	amount := small
	if p.amount != nil {
		amount = p.amount
	}
	t := Transaction{
		Case: c.ID, Kind: kind, Amount: amount(s), Interface: p.face, Host: s.Host && !p.noHost, PINs: p.pins, Choice: p.choice,
		Online: p.online, Again: p.again, OverAir: p.air,
	}
	if kind.Journey() {
		t.Amount, t.Host = 0, false
	}
	return t
}

// runCase makes a case's transactions and judges them. The error is the terminal's
// driver's, or that no card could be made.
func runCase(ctx context.Context, t Terminal, o *Options, c *chosen) (certify.CaseResult, error) {
	result := certify.CaseResult{ID: c.ID, Name: c.Name.EN, NameZH: c.Name.ZH, Group: c.group, Clause: c.Clause,
		Purpose: c.Purpose.EN, PurposeZH: c.Purpose.ZH, Expected: c.Expected}
	if why := c.missing(&o.Setup); why.EN != "" {
		result.Result, result.Reason, result.ReasonZH = certify.Skip, why.EN, why.ZH
		return result, nil
	}
	if (o.Records == nil || o.Purse == nil && c.needs&needPurse != 0) && c.plan.steps()[0].kind.Journey() {
		result.Result, result.Reason, result.ReasonZH = certify.Skip, "there are no keys for journey records and purses", "没有行程记录与钱包密钥"
		return result, nil
	}
	v := &verdict{setup: &o.Setup, at: o.At}
	for round := range max(1, c.plan.times) {
		if err := c.play(ctx, t, o, v, round); err != nil {
			return result, err
		}
	}
	v.turn(len(v.rounds) - 1)
	v.judge(c.judge, c.Expected)
	result.Result = certify.Pass
	if len(v.problems) > 0 {
		result.Result, result.Detail = certify.Fail, strings.Join(v.problems, "; ")
		result.APDUs = v.exchanges()
	}
	return result, nil
}

// play makes the transactions of one round.
func (c *chosen) play(ctx context.Context, t Terminal, o *Options, v *verdict, round int) error {
	var cards [2]*Card
	for _, st := range c.plan.steps() {
		card := cards[st.card]
		if card == nil {
			var err error
			if card, err = c.prepare(o, round+st.card*secondCard); err != nil {
				return err
			}
			cards[st.card] = card
		}
		card.bring(c.plan.again)
		p := played{tx: c.transaction(&o.Setup, st.kind), card: card, host: &Host{card: card, reply: c.plan.host}, before: card.holdings()}
		var err error
		if p.reported, err = t.Run(ctx, card, p.tx, p.host); err == nil {
			err = card.broken
		}
		if err != nil {
			return fmt.Errorf("the transaction could not be made: %w", err)
		}
		p.seen, p.after = card.seen, card.holdings()
		v.rounds = append(v.rounds, p)
	}
	return nil
}
