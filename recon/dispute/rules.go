package dispute

import (
	"bytes"
	_ "embed" // the rule book
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/citycard/citycard/fare"
)

//go:embed rules.json
var defaultRules []byte

// Calendar tells workdays from others; fare.Calendar does.
type Calendar interface {
	IsWorkday(d fare.Date) (bool, error)
}

// Trade is the kind of row that a case is about.
type Trade string

// The trades.
const (
	ECash  Trade = "ecash"
	Debit  Trade = "debit"
	Credit Trade = "credit"
)

// Rules are what a trade allows, by when and for which reasons.
type Rules struct {
	sets     []ruleSet // by date
	reasons  map[string]Reason
	calendar Calendar
}

// Reason is a coded reason of a step.
type Reason struct {
	Code  string `json:"code"`
	Steps []Step `json:"steps"`
	EN    string `json:"en"`
	ZH    string `json:"zh"`
	// Against are the findings with which evidence contradicts the reason.
	Against []Finding `json:"against,omitempty"`
}

// Text is the reason in "en" or "zh".
func (r Reason) Text(lang string) string {
	if lang == "zh" {
		return r.ZH
	}
	return r.EN
}

// term says until when a step may be taken.
type term struct {
	Days  int    `json:"days"`
	Count string `json:"count"` // calendar, working
	From  string `json:"from"`  // trade, last
}

const (
	inCalendarDays = "calendar"
	inWorkingDays  = "working"
	fromTrade      = "trade"
	fromLast       = "last"
)

type ruleSet struct {
	From   string           `json:"from"`
	Trades map[Trade][]Step `json:"trades"`
	Terms  map[Step]term    `json:"terms"`
	since  fare.Date
}

type ruleBook struct {
	Sets    []ruleSet `json:"sets"`
	Reasons []Reason  `json:"reasons"`
}

// ErrRules says that a rule book cannot be used.
var ErrRules = errors.New("rules of disputes cannot be used")

// maxRules is the longest rule book that DecodeRules reads, in bytes.
const maxRules = 1 << 20

// DefaultRules are the embedded rules. cal may be nil; then terms in working days are an
// error when they are asked for.
func DefaultRules(cal Calendar) (*Rules, error) { return DecodeRules(defaultRules, cal) }

// DecodeRules reads a rule book, a strict JSON object like the embedded rules.json.
func DecodeRules(b []byte, cal Calendar) (*Rules, error) {
	if len(b) > maxRules {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrRules, len(b), maxRules)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var book ruleBook
	if err := d.Decode(&book); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRules, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%w: something follows the object", ErrRules)
	}
	r := &Rules{reasons: map[string]Reason{}, calendar: cal, sets: book.Sets}
	for i := range r.sets {
		if err := r.sets[i].check(); err != nil {
			return nil, fmt.Errorf("%w: sets[%d]: %w", ErrRules, i, err)
		}
		if i > 0 && !r.sets[i-1].since.Before(r.sets[i].since) {
			return nil, fmt.Errorf("%w: sets[%d]: from %s is not after the set before it", ErrRules, i, r.sets[i].From)
		}
	}
	if len(r.sets) == 0 {
		return nil, fmt.Errorf("%w: sets: none", ErrRules)
	}
	for i, x := range book.Reasons {
		if _, twice := r.reasons[x.Code]; twice || x.Code == "" || len(x.Code) > 8 || x.EN == "" || x.ZH == "" || len(x.Steps) == 0 {
			return nil, fmt.Errorf("%w: reasons[%d]: want a code of its own, steps, and a text in en and zh", ErrRules, i)
		}
		for _, s := range x.Steps {
			if !known(s) {
				return nil, fmt.Errorf("%w: reasons[%d]: step %.30q is not known", ErrRules, i, s)
			}
		}
		for _, f := range x.Against {
			if f.Text("en") == "" {
				return nil, fmt.Errorf("%w: reasons[%d]: finding %.30q is not known", ErrRules, i, f)
			}
		}
		r.reasons[x.Code] = x
	}
	return r, nil
}

func known(s Step) bool {
	return slices.ContainsFunc(machine, func(t transition) bool { return t.step == s })
}

func (s *ruleSet) check() error {
	var err error
	if s.since, err = fare.ParseDate(s.From); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	for trade, steps := range s.Trades {
		if trade != ECash && trade != Debit && trade != Credit {
			return fmt.Errorf("trades: %.30q is not known, want ecash, debit or credit", trade)
		}
		for _, step := range steps {
			if _, found := s.Terms[step]; !found || !known(step) {
				return fmt.Errorf("trades.%s: step %.30q is not known or has no term", trade, step)
			}
		}
	}
	for step, t := range s.Terms {
		if !known(step) || t.Days < 1 || t.Days > 3660 || t.Count != inCalendarDays && t.Count != inWorkingDays || t.From != fromTrade && t.From != fromLast {
			return fmt.Errorf("terms.%.30s: want a known step, days from 1 to 3660, count calendar or working, from trade or last", step)
		}
	}
	return nil
}

// at gives the set in force on the day of a trade, and whether it has the trade.
func (r *Rules) at(trade Trade, unix int64) (*ruleSet, []Step, error) {
	day := fare.DateOf(unix)
	for i := len(r.sets) - 1; i >= 0; i-- {
		s := &r.sets[i]
		if day.Before(s.since) {
			continue
		}
		steps, found := s.Trades[trade]
		if !found {
			return nil, nil, fmt.Errorf("trade %.30q: the rules from %s do not know it", trade, s.From)
		}
		return s, steps, nil
	}
	return nil, nil, fmt.Errorf("trade on %s: no rules are in force so early, the first are from %s", day, r.sets[0].From)
}

// Reason gives a reason by its code.
func (r *Rules) Reason(code string) (Reason, bool) {
	x, found := r.reasons[code]
	return x, found
}

// Reasons lists the codes that a step may carry, sorted. A step for which there are some
// needs one of them.
func (r *Rules) Reasons(s Step) []string {
	var codes []string
	for code, x := range r.reasons {
		if slices.Contains(x.Steps, s) {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
}

// deadline is the last second at which a step may be taken: the end of the last day at
// UTC+8. The day from which it counts is not counted.
func (t term) deadline(from int64, cal Calendar) (int64, error) {
	const day = 86400
	const offset = 8 * 3600
	midnight := (from+offset)/day*day - offset
	if t.Count == inCalendarDays {
		return midnight + int64(t.Days+1)*day - 1, nil
	}
	if cal == nil {
		return 0, errors.New("a term in working days needs a calendar of holidays")
	}
	for left := t.Days; left > 0; {
		midnight += day
		works, err := cal.IsWorkday(fare.DateOf(midnight))
		if err != nil {
			return 0, fmt.Errorf("term of %d working days: %w", t.Days, err)
		}
		if works {
			left--
		}
	}
	return midnight + day - 1, nil
}

// Day is the date of a deadline or event at UTC+8, "2026-11-18".
func Day(unix int64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(unix+8*3600, 0).UTC().Format(time.DateOnly)
}
