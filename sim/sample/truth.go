package sample

import (
	"cmp"
	"slices"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

// Truth is what is decidable from the lines of a sample, in the form in which `citycard
// recon import --json` gives its answer. Certainty is soft: that is how it must be found
// without keys.
type Truth struct {
	AsOf       string      `json:"as_of"`
	FlashCards []Flash     `json:"flash_cards"`
	FlashLoads []Flash     `json:"flash_loads"`
	Clones     []Clone     `json:"clones"`
	Duplicates []Duplicate `json:"duplicates"`
	Replays    []Duplicate `json:"replays"`
	Lines      int64       `json:"lines"` // data lines in all files
}

// Flash is a flash card or a flash load.
type Flash struct {
	Card      string    `json:"card"`
	ATC       uint16    `json:"atc"`
	Amount    money.Fen `json:"amount_fen"`
	Certainty string    `json:"certainty"`
	DecidedOn string    `json:"decided_on"`
}

// Clone is a counter for which two cards vouch.
type Clone struct {
	Card      string `json:"card"`
	ATC       uint16 `json:"atc"`
	Certainty string `json:"certainty"`
	DecidedOn string `json:"decided_on"`
}

// Duplicate is a transaction that was presented more than once.
type Duplicate struct {
	Card   string    `json:"card"`
	ATC    uint16    `json:"atc"`
	Amount money.Fen `json:"amount_fen"`
	Copies int64     `json:"copies"` // lines beyond the first
}

// Terms of the issuer: the most that one counter takes, and the time for presenting.
const (
	limit  money.Fen = 100_000
	window           = 20 * 86400
	drift            = 2
)

// evidence is what the oracle sees of a card's lines.
func evidence(lines []line) *oracle.Case {
	// Nothing is known of the value before the first line: any history may lead to it.
	c := &oracle.Case{Limit: limit, Window: window, Drift: drift}
	for i := range lines {
		x := &lines[i]
		arrived := dayStart(x.day)
		switch {
		case x.kind == load || x.cvr == cryptogram.ARQC:
			l := &oracle.Load{ATC: x.atc, ARQC: x.ac, Before: x.before, Time: x.time}
			if x.result == "ok" || x.result == "lost" {
				l.Amount = x.amount
			}
			c.Seen = append(c.Seen, oracle.Seen{Load: l, Arrived: arrived})
		default:
			c.Seen = append(c.Seen, oracle.Seen{Row: x.row(), Arrived: arrived})
		}
	}
	return c
}

// row is the line as a row of a terminal.
func (x *line) row() txn.Row {
	r := txn.Row{Card: x.card, ATC: x.atc, AC: x.ac, IAD: x.iad, Amount: x.amount, UN: x.un, Time: x.time, Terminal: x.terminal, Sequence: x.sequence, DF63: txn.DF63Unread}
	switch {
	case x.kind == presented:
		r.Kind, r.Flags = txn.Purchase, txn.LastRecordRead
	case x.cvr == cryptogram.AAC:
		r.Kind = txn.Declined
	case x.kind == question55:
		r.Kind = txn.Entry
	default:
		r.Kind = txn.Doubt
		switch x.word {
		case "yes":
			r.Flags = txn.LastRecordRead
		case "no":
			r.Flags = r.Flags.WithReason(txn.LeftBeforeLast)
		default:
			r.Flags = r.Flags.WithReason(txn.LastAnswerLost)
		}
		if x.service {
			r.Flags |= txn.ServiceGiven
		}
	}
	return r
}

// found is one thing that is decided at the end of a day.
type found struct {
	sort   oracle.Sort
	atc    uint16
	amount money.Fen
}

// judge asks the oracle at the end of each day and writes down what stands at the end of
// the last one, with the first day since which it stands.
func (t *Truth) judge(card txn.CardKey, lines []line, last int32) {
	c := evidence(lines)
	since := map[found]int32{}
	for day := firstDay; day <= last; day++ {
		known := c.At(dayEnd(day), 0)
		today := map[found]int32{}
		for _, f := range decided(&known) {
			today[f] = day
			if first, there := since[f]; there {
				today[f] = first
			}
		}
		since = today
	}
	for f, day := range since {
		on := time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly)
		flash := Flash{Card: card.String(), ATC: f.atc, Amount: f.amount, Certainty: "soft", DecidedOn: on}
		switch f.sort {
		case oracle.Clone:
			t.Clones = append(t.Clones, Clone{Card: flash.Card, ATC: f.atc, Certainty: "soft", DecidedOn: on})
		case oracle.FlashLoad:
			t.FlashLoads = append(t.FlashLoads, flash)
		default:
			t.FlashCards = append(t.FlashCards, flash)
		}
	}
}

// decided lists what is certain of a card: unfinished taps that paid and were not served,
// the one missing counter of a pair whose window is over, loads that did not run, clones.
func decided(k *oracle.Known) []found {
	var out []found
	for _, f := range k.FlashCards {
		if !f.Service {
			out = append(out, found{oracle.FlashCard, f.ATC, f.Amount})
		}
	}
	for _, m := range k.Missing {
		if m.Named {
			out = append(out, found{oracle.FlashCard, m.P + 1, m.Amount})
		}
	}
	for _, f := range k.FlashLoads {
		out = append(out, found{oracle.FlashLoad, f.ATC, f.Amount})
	}
	for _, atc := range k.Clones {
		out = append(out, found{oracle.Clone, atc, 0})
	}
	return out
}

// sort brings the lists into the order of the import.
func (t *Truth) sort() {
	flashes := func(list []Flash) {
		slices.SortFunc(list, func(a, b Flash) int { return cmp.Or(cmp.Compare(a.Card, b.Card), cmp.Compare(a.ATC, b.ATC)) })
	}
	flashes(t.FlashCards)
	flashes(t.FlashLoads)
	slices.SortFunc(t.Clones, func(a, b Clone) int { return cmp.Or(cmp.Compare(a.Card, b.Card), cmp.Compare(a.ATC, b.ATC)) })
	for _, list := range [][]Duplicate{t.Duplicates, t.Replays} {
		slices.SortFunc(list, func(a, b Duplicate) int { return cmp.Or(cmp.Compare(a.Card, b.Card), cmp.Compare(a.ATC, b.ATC)) })
	}
}
