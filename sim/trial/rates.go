package trial

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Fault is something that can go wrong.
type Fault uint8

// The faults. Of a tap, of what becomes of its row, of a load, of a card, of a terminal,
// of a network.
const (
	FlashDoubt  Fault = iota // the card paid, the gate stayed shut and left a doubt row
	FlashServed              // the same, and the passage was seen
	FlashSilent              // the card paid and the terminal died: no row at all
	Recovered                // a doubt row, and then a second tap that closed it
	Left                     // the card left; the terminal cannot tell whether it paid
	LeftKnown                // the card left before the last record was asked for
	Poll                     // the answer to GPO was lost: a counter and nothing else
	Burst                    // dozens to hundreds of such counters
	Declined                 // the card said no
	Question                 // ARQC without a load
	Unproven                 // paid, and the row proves no commit (fDDA 00)
	Unbacked                 // presented as paid although the card left
	LostUpload               // the row never arrives
	LateUpload               // it arrives up to 19 days later
	TooLate                  // it arrives when the window is over
	Forged                   // an altered copy of the row arrives as well
	Duplicate                // the row arrives twice
	Replay                   // another terminal presents it too
	FlashLoad                // the script of a load did not run
	ResultLost               // it ran, and its result never came back
	LogRead                  // no fault: the host reads the card's load log in the session of a load
	Clone                    // a copy of the chip taps too
	Rollback                 // the chip's memory is set back
	Clock                    // a terminal's clock is out by up to 6 hours
	Closed                   // no fault: a closed network, of which sequences tell when all is in
	faultCount
)

// faults are the names of the faults, their rates by default in ten-thousandths, and of
// what.
var faults = [faultCount]struct {
	name, of string
	rate     int
}{
	FlashDoubt: {"flash_doubt", "taps", 17}, FlashServed: {"flash_served", "taps", 4}, FlashSilent: {"flash_silent", "taps", 2},
	Recovered: {"recovered", "taps", 17}, Left: {"left", "taps", 33}, LeftKnown: {"left_known", "taps", 34}, Poll: {"poll", "taps", 67},
	Burst: {"burst", "taps", 1}, Declined: {"declined", "taps", 50}, Question: {"question", "taps", 30}, Unproven: {"unproven", "taps", 200},
	Unbacked: {"unbacked", "taps", 1}, LostUpload: {"lost_upload", "rows", 2}, LateUpload: {"late_upload", "rows", 20}, TooLate: {"too_late", "rows", 1},
	Forged: {"forged", "rows", 5}, Duplicate: {"duplicate", "rows", 10}, Replay: {"replay", "rows", 2}, FlashLoad: {"flash_load", "loads", 50},
	ResultLost: {"result_lost", "loads", 50}, LogRead: {"log_read", "loads", 1000}, Clone: {"clone", "cards", 20}, Rollback: {"rollback", "cards", 10}, Clock: {"clock", "terminals", 50},
	Closed: {"closed", "networks", 2000},
}

// String is the name under which rates are given.
func (f Fault) String() string {
	if f >= faultCount {
		return "invalid"
	}
	return faults[f].name
}

// Rates say how often each fault happens, in ten-thousandths.
type Rates [faultCount]int

// certain is the rate of what always happens.
const certain = 10_000

// DefaultRates are those of an ordinary city, as `citycard day` has them where it has
// the fault too.
func DefaultRates() Rates {
	var r Rates
	for f := range r {
		r[f] = faults[f].rate
	}
	return r
}

// Times multiplies all rates. What happens to taps, and to rows, stays below nine in ten
// together, in proportion; one in two cards is the most.
func (r Rates) Times(n int) Rates {
	for f := range r {
		r[f] *= n
	}
	r.bound(FlashDoubt, Unbacked, 9000)
	r.bound(LostUpload, Replay, 9000)
	r.bound(FlashLoad, ResultLost, 9000)
	r[LogRead] = min(r[LogRead], certain)
	for f := Clone; f <= Closed; f++ {
		r[f] = min(r[f], 5000)
	}
	return r
}

func (r *Rates) bound(from, to Fault, most int) {
	sum := 0
	for f := from; f <= to; f++ {
		sum += r[f]
	}
	if sum <= most {
		return
	}
	for f := from; f <= to; f++ {
		r[f] = r[f] * most / sum
	}
}

// Alone are the rates at which one fault happens often, beside as little as it needs to
// show: counters missing by polling where a bit may be left open, rows that never were
// where completeness or a clock decides when one knows.
func Alone(f Fault) Rates {
	var r Rates
	switch f {
	case Left, LeftKnown, Unproven, Unbacked, TooLate, LostUpload:
		r[Poll] = 500
	case LogRead:
		r[FlashLoad], r[Burst], r[FlashSilent] = 6000, 4000, 300
	case Clock, Closed:
		r[FlashSilent], r[LateUpload] = 300, 300
	}
	switch {
	case f == Closed || f == LogRead:
		r[f] = certain
	case f >= Clone:
		r[f] = 5000
	case f >= FlashLoad:
		r[f] = 3000
	default:
		r[f] = 1000
	}
	return r
}

// A Rate is a named set of rates.
type Rate struct {
	Name  string
	Rates Rates
}

// Named are all named rates: default, x10, x100, everything, and each fault alone.
func Named() []Rate {
	d := DefaultRates()
	every := Rates{}
	for f := range every {
		every[f] = 400
	}
	for f := FlashLoad; f < faultCount; f++ {
		every[f] = 2000
	}
	out := []Rate{{"default", d}, {"x10", d.Times(10)}, {"x100", d.Times(100)}, {"everything", every}}
	for f := range faultCount {
		out = append(out, Rate{f.String(), Alone(f)})
	}
	return out
}

// ErrRates says that rates cannot be read.
var ErrRates = errors.New("want default, all, a name such as x10 or flash_doubt, or a list such as flash_doubt=100,left=50 (in ten-thousandths)")

// ParseRates reads what a user asks for: names of Named, comma separated, all for all of
// them, or faults with rates, which make one set named custom.
func ParseRates(text string) ([]Rate, error) {
	all := Named()
	if text == "all" {
		return all, nil
	}
	var out []Rate
	custom := Rate{Name: "custom"}
	given := false
	for word := range strings.SplitSeq(text, ",") {
		name, value, set := strings.Cut(word, "=")
		if !set {
			i := slices.IndexFunc(all, func(r Rate) bool { return r.Name == name })
			if i < 0 {
				return nil, fmt.Errorf("rates %q: %w", word, ErrRates)
			}
			out = append(out, all[i])
			continue
		}
		i := slices.IndexFunc(faults[:], func(f struct {
			name, of string
			rate     int
		}) bool {
			return f.name == name
		})
		n, err := strconv.Atoi(value)
		if i < 0 || err != nil || n < 0 || n > certain {
			return nil, fmt.Errorf("rate %q: %w", word, ErrRates)
		}
		custom.Rates[i], given = n, true
	}
	if given {
		custom.Rates = custom.Rates.Times(1)
		out = append(out, custom)
	}
	return out, nil
}
