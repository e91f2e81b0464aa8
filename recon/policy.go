package recon

import (
	"bytes"
	_ "embed" // the default policy
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Policy is the rules of reconciliation as data: what is final and when, what is
// credited before, what is done with late rows, and what needs a second person. As JSON
// it has exactly these names; what is left out is 0, which is the careful choice
// everywhere but for the limit and the window, which must be there.
type Policy struct {
	CapFen          int64             `json:"cap_fen"`           // 9F78: the most that one counter can have taken, 1 or more
	WindowDays      int64             `json:"window_days"`       // within which terminals must present (20), 1 to 366
	DriftSeconds    int64             `json:"drift_seconds"`     // that one clock may be wrong, 0 to 3600
	LateRows        string            `json:"late_rows"`         // "accept": pay them, and take refunds back; "refuse": do not
	Holds           bool              `json:"holds"`             // cards can make pre-authorisations (DF61 = 02)
	DepositFen      int64             `json:"deposit_fen"`       // greatest DF62 of the cards
	ApproveAboveFen int64             `json:"approve_above_fen"` // larger refunds wait for two people; 0: none waits
	Provisional     ProvisionalPolicy `json:"provisional"`
	Earlier         []EraPolicy       `json:"earlier"` // rules of former times, oldest first
}

// ProvisionalPolicy says when a credit is given before the window is over. With a limit
// per card of 0 none is given.
type ProvisionalPolicy struct {
	AfterHours  int64 `json:"after_hours"`   // from the later observation on
	AtDoubt     bool  `json:"at_doubt"`      // at once, where a doubt row without service is undecided
	PerCardFen  int64 `json:"per_card_fen"`  // most that stands on one card
	PerMonthFen int64 `json:"per_month_fen"` // most that one card is given in a month at UTC+8
	BudgetFen   int64 `json:"budget_fen"`    // most that stands on all cards together
}

// EraPolicy is what held until a day.
type EraPolicy struct {
	Until      string `json:"until"` // first day on which it no longer held, such as 2026-11-05, at UTC+8
	CapFen     int64  `json:"cap_fen"`
	WindowDays int64  `json:"window_days"`
}

// ErrPolicy says that a policy cannot be used; the error that wraps it names the field.
var ErrPolicy = errors.New("policy of reconciliation cannot be used")

//go:embed policy.json
var defaultPolicy []byte

// DefaultPolicy is the policy of the program, as JSON: 20 days, clocks within 2 seconds,
// 1000 yuan for one counter, no credit before the window is over, no approval.
func DefaultPolicy() []byte { return bytes.Clone(defaultPolicy) }

const (
	maxPolicySize  = 64 << 10
	maxPolicyFen   = 1<<32 - 1 // what a row can hold
	maxPolicyTotal = 1 << 44
	maxEras        = 64
	secondsOfDay   = 86400
)

// DecodePolicy reads a policy of at most 64 KiB and turns it into the rules of the
// timeline. A name that is not one of Policy's or comes twice, a second value behind the first, a value
// out of its range or eras out of order are errors that wrap ErrPolicy.
func DecodePolicy(b []byte) (timeline.Params, error) {
	if len(b) > maxPolicySize {
		return timeline.Params{}, fmt.Errorf("policy has %d bytes, at most %d are read: %w", len(b), maxPolicySize, ErrPolicy)
	}
	if err := plainNames(json.NewDecoder(bytes.NewReader(b))); err != nil {
		return timeline.Params{}, fmt.Errorf("read policy: %w: %w", err, ErrPolicy)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var p Policy
	if err := d.Decode(&p); err != nil {
		return timeline.Params{}, fmt.Errorf("read policy: %w: %w", err, ErrPolicy)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return timeline.Params{}, fmt.Errorf("policy goes on behind its last brace, want one JSON object: %w", ErrPolicy)
	}
	return p.Params()
}

// plainNames reads one JSON value and refuses what package json would let pass: a name
// that an object holds twice, of which the last one would count, and a name in capitals.
func plainNames(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	object := token == json.Delim('{')
	if !object && token != json.Delim('[') {
		return nil
	}
	seen := map[json.Token]bool{}
	for d.More() {
		if object {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[name] {
				return fmt.Errorf("%q is there twice: leave one out", name)
			}
			if text, _ := name.(string); strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_") != "" {
				return fmt.Errorf("unknown field %q: names are written in small letters", name)
			}
			seen[name] = true
		}
		if err := plainNames(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// Params are the rules of the timeline by this policy. The error wraps ErrPolicy.
func (p *Policy) Params() (timeline.Params, error) {
	fail := func(err error) (timeline.Params, error) {
		return timeline.Params{}, fmt.Errorf("%w: %w", err, ErrPolicy)
	}
	v := &p.Provisional
	for _, f := range []struct {
		name             string
		value, low, high int64
	}{
		{"cap_fen", p.CapFen, 1, maxPolicyFen},
		{"window_days", p.WindowDays, 1, 366},
		{"drift_seconds", p.DriftSeconds, 0, 3600},
		{"deposit_fen", p.DepositFen, 0, maxPolicyFen},
		{"approve_above_fen", p.ApproveAboveFen, 0, maxPolicyTotal},
		{"provisional.after_hours", v.AfterHours, 0, 366 * 24},
		{"provisional.per_card_fen", v.PerCardFen, 0, maxPolicyFen},
		{"provisional.per_month_fen", v.PerMonthFen, 0, maxPolicyFen},
		{"provisional.budget_fen", v.BudgetFen, 0, maxPolicyTotal},
	} {
		if f.value < f.low || f.value > f.high {
			return fail(fmt.Errorf("%s is %d, want %d to %d", f.name, f.value, f.low, f.high))
		}
	}
	if p.ApproveAboveFen > 0 && v.PerCardFen > p.ApproveAboveFen {
		return fail(fmt.Errorf("provisional.per_card_fen %d is above approve_above_fen %d: a credit would pass by the approval", v.PerCardFen, p.ApproveAboveFen))
	}
	out := timeline.Params{
		Cap: money.Fen(p.CapFen), Window: p.WindowDays * secondsOfDay, Drift: p.DriftSeconds, Holds: p.Holds, Deposit: money.Fen(p.DepositFen),
		ApproveAbove: money.Fen(p.ApproveAboveFen), ProvisionalAfter: v.AfterHours * 3600, ProvisionalAtDoubt: v.AtDoubt, ProvisionalPerCard: money.Fen(v.PerCardFen),
		ProvisionalPerMonth: money.Fen(v.PerMonthFen), ProvisionalBudget: money.Fen(v.BudgetFen),
	}
	switch p.LateRows {
	case "", "accept":
	case "refuse":
		out.LatePolicy = timeline.RefuseLate
	default:
		return fail(fmt.Errorf("late_rows is %q, want \"accept\" or \"refuse\"", p.LateRows))
	}
	var err error
	if out.Earlier, err = p.eras(); err != nil {
		return fail(err)
	}
	return out, nil
}

// eras checks and turns the rules of former times.
func (p *Policy) eras() ([]timeline.Era, error) {
	if len(p.Earlier) > maxEras {
		return nil, fmt.Errorf("earlier has %d eras, at most %d are read", len(p.Earlier), maxEras)
	}
	var out []timeline.Era
	for i, e := range p.Earlier {
		until, err := time.ParseInLocation(time.DateOnly, e.Until, txn.CityTime)
		switch {
		case err != nil:
			return nil, fmt.Errorf("earlier[%d].until is %q, want a day such as 2026-11-05", i, e.Until)
		case i > 0 && until.Unix() <= out[i-1].Until:
			return nil, fmt.Errorf("earlier[%d].until %s is not after the one before: oldest first", i, e.Until)
		case e.CapFen < 1 || e.CapFen > maxPolicyFen:
			return nil, fmt.Errorf("earlier[%d].cap_fen is %d, want 1 to %d", i, e.CapFen, int64(maxPolicyFen))
		case e.WindowDays < 1 || e.WindowDays > 366:
			return nil, fmt.Errorf("earlier[%d].window_days is %d, want 1 to 366", i, e.WindowDays)
		}
		out = append(out, timeline.Era{Until: until.Unix(), Cap: money.Fen(e.CapFen), Window: e.WindowDays * secondsOfDay})
	}
	return out, nil
}
