package oracle_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

// life is a card's true story: one event for each counter from 1.
type life struct {
	opening money.Fen
	limit   money.Fen
	events  []event
}

type event struct {
	kind      txn.Kind
	flags     txn.Flags
	debit     money.Fen
	before    money.Fen
	committed bool
	reported  bool
}

// proven and excluded are what the row's own flags say, written down from section 1.
func (e *event) proven() bool {
	return e.flags&txn.LastRecordRead != 0 || e.flags&txn.ODAVerified != 0 && e.flags&txn.Tag9F69Checked != 0
}

func (e *event) excluded() bool {
	return e.kind == txn.Doubt && e.flags.Reason() == txn.LeftBeforeLast && !e.proven()
}

// drawLife draws a short story in tiny amounts, in which terminals tell the truth.
func drawLife(t *rapid.T) life {
	l := life{opening: money.Fen(rapid.IntRange(0, 9).Draw(t, "opening")), limit: money.Fen(rapid.IntRange(0, 4).Draw(t, "limit"))}
	value := l.opening
	for i := range rapid.IntRange(1, 7).Draw(t, "counters") {
		e := event{before: value, reported: rapid.IntRange(0, 3).Draw(t, fmt.Sprint("reported ", i)) > 0}
		e.debit = money.Fen(rapid.IntRange(0, int(min(l.limit, value))).Draw(t, "debit"))
		e.kind = rapid.SampledFrom([]txn.Kind{txn.Purchase, txn.Exit, txn.Doubt, txn.Doubt, txn.Declined, txn.Entry}).Draw(t, "kind")
		if e.kind == txn.Entry {
			e.debit = 0
		}
		e.committed = e.debit > 0 && rapid.Bool().Draw(t, "committed")
		e.flags = rapid.SampledFrom([]txn.Flags{0, txn.ODAVerified, txn.Tag9F69Checked, txn.ServiceGiven}).Draw(t, "noise")
		if e.committed {
			e.flags |= rapid.SampledFrom([]txn.Flags{0, 0, proof, txn.LastRecordRead}).Draw(t, "proof")
		}
		if e.kind == txn.Doubt || e.kind == txn.Declined {
			reasons := []txn.DoubtReason{txn.LastAnswerLost, txn.ODAFailed, txn.GateFault}
			if !e.committed {
				reasons = append(reasons, txn.LeftBeforeLast, txn.LeftBeforeLast)
			}
			e.flags = e.flags.WithReason(rapid.SampledFrom(reasons).Draw(t, "reason"))
			e.kind = txn.Doubt
		}
		if e.committed {
			value -= e.debit
		}
		l.events = append(l.events, e)
	}
	return l
}

// row is the row of an event, with the balance as the card states it.
func (e *event) row(atc int) oracle.Seen {
	r := txn.Row{Kind: e.kind, Flags: e.flags, Card: worked, ATC: uint16(atc), AC: [8]byte{byte(atc)}, Amount: e.debit}
	stated, err := (e.before - e.debit).N12()
	if err != nil {
		panic(err)
	}
	iad := cryptogram.IAD{DKI: 1, CVN: cryptogram.CVN17, CVR: [3]byte{0x90, 0, 0}, Alg: cryptogram.TDES, IDD: cryptogram.IDDBalance, Amount1: [5]byte(stated[1:])}
	iad.Append(r.IAD[:0])
	return oracle.Seen{Row: r}
}

func (l *life) rows() []oracle.Seen {
	var out []oracle.Seen
	for i := range l.events {
		if l.events[i].reported {
			out = append(out, l.events[i].row(i+1))
		}
	}
	return out
}

// twin tries every end of every reported tap and every amount of every unreported one,
// one counter after the other, and nothing else. count is the number of histories.
type twin struct {
	life
	last       int
	path       []bool
	count      int
	paid, left []bool
}

func (w *twin) try(i int, value money.Fen) {
	if i == w.last {
		w.count++
		for k, p := range w.path {
			w.paid[k] = w.paid[k] || p
			w.left[k] = w.left[k] || !p
		}
		return
	}
	next := func(paid bool, v money.Fen) {
		w.path = append(w.path, paid)
		w.try(i+1, v)
		w.path = w.path[:len(w.path)-1]
	}
	e := &w.events[i]
	if !e.reported {
		for took := money.Fen(0); took <= w.limit && took <= value; took++ {
			next(took > 0, value-took)
		}
		return
	}
	if e.before != value {
		return
	}
	if e.debit > 0 && !e.excluded() {
		next(true, value-e.debit)
	}
	if e.debit == 0 || !e.proven() {
		next(false, value)
	}
}

func runTwin(l life) *twin {
	w := &twin{life: l, paid: make([]bool, len(l.events)), left: make([]bool, len(l.events))}
	for i, e := range l.events {
		if e.reported {
			w.last = i + 1
		}
	}
	w.try(0, l.opening)
	return w
}

func TestDecideAgainstEveryAssignment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		w := runTwin(l)
		if w.count == 0 {
			t.Fatalf("the true story is no history: %+v", l)
		}
		compare(t, w, oracle.Decide(l.rows(), l.opening, l.limit))
	})
}

// TestDecideOfBalancesThatMayLie moves one balance. If some history is left, the twins
// must agree on it; if none is left, a row with an open end beside it must say so.
func TestDecideOfBalancesThatMayLie(t *testing.T) {
	contradicted := 0
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		e := &l.events[rapid.IntRange(0, len(l.events)-1).Draw(t, "event")]
		e.before = max(e.debit, e.before+money.Fen(rapid.IntRange(-2, 2).Draw(t, "by")))
		w := runTwin(l)
		got := oracle.Decide(l.rows(), l.opening, l.limit)
		if w.count > 0 {
			compare(t, w, got)
			return
		}
		for _, o := range got {
			if o.Contradicted {
				contradicted++
				if o.CanHavePaid || o.MustHavePaid {
					t.Fatalf("contradicted and paid: %+v", o)
				}
			}
		}
	})
	if contradicted == 0 {
		t.Error("no draw left a row contradicted: this test tests nothing")
	}
}

func compare(t *rapid.T, w *twin, got []oracle.Open) {
	var want []oracle.Open
	for i, e := range w.events {
		if !e.reported || e.debit == 0 || e.kind != txn.Doubt && e.proven() {
			continue
		}
		want = append(want, oracle.Open{ATC: uint16(i + 1), Kind: e.kind, Amount: e.debit,
			MustHavePaid: w.paid[i] && !w.left[i], CanHavePaid: w.paid[i], Tail: i+1 == w.last})
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%d histories of %+v:\ngot  %+v\nwant %+v", w.count, w.life, got, want)
	}
}

// TestTruthIsNeverExcluded draws long stories: too long for the twin, and with more
// open ends in a row than are played together.
func TestTruthIsNeverExcluded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := life{opening: 50_000, limit: 1000}
		value := l.opening
		for range rapid.IntRange(1, 60).Draw(t, "counters") {
			e := event{kind: txn.Doubt, flags: lost, before: value, debit: money.Fen(rapid.IntRange(1, 8).Draw(t, "debit") * 100)}
			e.committed = rapid.Bool().Draw(t, "committed")
			e.reported = rapid.IntRange(0, 2).Draw(t, "reported") > 0
			if e.committed {
				value -= e.debit
			}
			l.events = append(l.events, e)
		}
		open := oracle.Decide(l.rows(), l.opening, l.limit)
		for _, o := range open {
			e := l.events[o.ATC-1]
			if o.Contradicted || o.MustHavePaid && !e.committed || e.committed && !o.CanHavePaid {
				t.Fatalf("counter %d, committed %t: %+v", o.ATC, e.committed, o)
			}
			next := int(o.ATC)
			if next < len(l.events) && l.events[next].reported && o.MustHavePaid != o.CanHavePaid {
				t.Fatalf("counter %d is undecided though the next one is reported: %+v", o.ATC, o)
			}
		}
	})
}
