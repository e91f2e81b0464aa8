package certify

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxTrace is how many exchanges of a case are kept.
const maxTrace = 400

// ErrStopped says that Options.Stop ended a run between two cases.
var ErrStopped = errors.New("stopped")

// Run runs the cases against a card. It fails without a report if an option is
// missing or the card cannot be reset, and with what it has if the card stops
// answering resets midway or Options.Stop ends the run (ErrStopped): the case at which
// it went has no verdict, the error and Report.Incomplete name it. What a card does
// wrong is not an error: see Report.Conforms.
func Run(card Card, o Options) (*Report, error) {
	if card == nil || o.Rand == nil || o.At.IsZero() {
		return nil, errors.New("conformance run: card, Rand and At must be given")
	}
	if n := len(o.AID); o.AID != nil && (n < minName || n > maxName) {
		return nil, fmt.Errorf("conformance run: AID of %d bytes, give 5 to 16", n)
	}
	r, err := newRun(card, o)
	if err != nil {
		return nil, fmt.Errorf("conformance run: %w", err)
	}
	report := &Report{Profile: o.Profile, Time: o.At.Format(time.RFC3339), Destructive: o.Destructive}
	if _, err := card.Reset(); err != nil {
		return nil, fmt.Errorf("conformance run: reset: %w", err)
	}
	r.probe()
	chosen := choose(o.Only)
	for _, c := range chosen {
		if o.Stop != nil && o.Stop() {
			report.Card, report.Incomplete = r.known(), c.ID
			return report, fmt.Errorf("conformance run: before case %s: %w", c.ID, ErrStopped)
		}
		err := r.gone() // while the card was looked at
		var result CaseResult
		if err == nil {
			result, err = r.runCase(c)
		}
		if err != nil {
			// No one can ask the card any more: what is known is what was paid.
			r.atcAfter, r.balance = -1, max(0, r.opening-r.spent)
			report.Card, report.Incomplete = r.known(), c.ID
			return report, fmt.Errorf("conformance run: case %s: reset: %w", c.ID, err)
		}
		report.add(result)
		if o.Progress != nil {
			o.Progress(len(report.Cases), len(chosen), &result)
		}
	}
	r.after()
	report.Card = r.known()
	return report, nil
}

// chosen is a case with the key of its group.
type chosen struct {
	Case
	group string
}

func choose(only []string) []chosen {
	var out []chosen
	for _, g := range groups {
		for _, c := range g.Cases {
			if only == nil || slices.Contains(only, g.Key) || slices.Contains(only, c.ID) {
				out = append(out, chosen{c, g.Key})
			}
		}
	}
	return out
}

// runCase resets the card and runs one case. The error is that of a reset: the card is not there.
func (r *run) runCase(c chosen) (CaseResult, error) {
	result := CaseResult{ID: c.ID, Name: c.Name.EN, NameZH: c.Name.ZH, Group: c.group, Clause: c.Clause,
		Purpose: c.Purpose.EN, PurposeZH: c.Purpose.ZH}
	s := &session{run: r, clause: c.Clause}
	if why := r.missing(c.needs); why.EN != "" {
		s.verdict, s.reason = Skip, why
	} else {
		if err := s.reset(); err != nil {
			return result, err
		}
		s.guarded(c.run)
		for _, f := range s.atEnd {
			s.aside(f)
		}
	}
	if err := r.gone(); err != nil {
		return result, err
	}
	result.Result, result.Detail = s.verdict, r.mask.text(s.detail)
	result.Reason, result.ReasonZH = s.reason.EN, s.reason.ZH
	if s.verdict == Fail {
		result.APDUs = r.mask.exchanges(s.trace)
	}
	return result, nil
}

// gone tells a card that gave no answer from one that is no longer there: the latter
// cannot be reset either.
func (r *run) gone() error {
	if !r.mute {
		return nil
	}
	r.mute = false
	_, err := r.card.Reset()
	return err
}

// aside does something in a reset of its own that has no part in the case's verdict:
// it puts back what the case may have left.
func (s *session) aside(f func(*session)) {
	other := &session{run: s.run, clause: s.clause}
	if other.reset() == nil {
		other.guarded(f)
	}
}

// guarded runs f until it returns or ends the case.
func (s *session) guarded(f func(*session)) {
	defer func() {
		if p := recover(); p != nil && !s.ended {
			panic(fmt.Sprintf("certify: a case failed in itself: %v", p))
		}
	}()
	s.verdict = Pass
	f(s)
}
