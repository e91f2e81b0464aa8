package gate_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// TestMixedRiders lets bank cards, quota cards, purses and old cards tap at gates and
// buses, with anything going wrong at any moment: what each card has lost is what its rows
// say, and each opening that is paid has one row.
func TestMixedRiders(t *testing.T) {
	w := newWorld(t)
	w.transit = &gate.Transit{AllowHold: true}
	rapid.Check(t, func(rt *rapid.T) {
		w.records, w.arrays, w.gates, w.cards = newRecords(), map[string]*gate.Array{}, map[string]*station{}, map[string]*rider{}
		lines := w.mixedLines()
		scenes := map[txn.CardKey]*scene{}
		var riders []*scene
		for i := range rapid.IntRange(1, 3).Draw(rt, "riders") {
			profile := rapid.SampledFrom([]string{"transit-sm", "transit-3des", "quota-sm", "tunion", "dev-cityunion", "dev-tunion+dev-cityunion"}).Draw(rt, "profile")
			spec := cardSpec{profile: profile, balance: 5000, uid: rapid.SampledFrom([]string{"", "random"}).Draw(rt, "uid")}
			s := &scene{world: w, rider: w.makeCard(fmt.Sprint(i), spec)}
			s.before = s.truth()
			scenes[s.rider.key] = s
			riders = append(riders, s)
		}
		var rows []txn.Row
		opened := 0
		for range rapid.IntRange(1, 14).Draw(rt, "taps") {
			w.now += int64(rapid.SampledFrom([]int{1, 5, 40, 90, 4000}).Draw(rt, "seconds"))
			at := lines[rapid.IntRange(0, len(lines)-1).Draw(rt, "gate")]
			s := riders[rapid.IntRange(0, len(riders)-1).Draw(rt, "rider")]
			tap := w.tapWith(at, s.rider, drawFault(rt))
			if tap.res.Opened && tap.res.Display != gate.AlreadyPaid {
				opened++
			}
			if tap.res.Opened && tap.res.Card != s.rider.key {
				rt.Fatalf("opened for %v, and %v stands there", tap.res.Card, s.rider.key)
			}
			rows = appendRows(w, rows, tap.res.Records)
			if rapid.IntRange(0, 7).Draw(rt, "power") == 0 {
				for name, a := range w.arrays {
					w.restart(name, a)
				}
			}
		}
		for _, a := range w.arrays {
			rows = appendRows(w, rows, a.Flush())
		}
		served := 0
		for i := range rows {
			if rows[i].Flags.Has(txn.ServiceGiven) {
				served++
			}
		}
		if served != opened {
			rt.Fatalf("%d rows say that service was given, the gates opened for %d", served, opened)
		}
		for _, s := range riders {
			s.balanced(rt, rows)
		}
	})
}

func drawFault(t *rapid.T) fault {
	if rapid.IntRange(0, 2).Draw(t, "works") > 0 {
		return fault{}
	}
	f := fault{heard: rapid.Bool().Draw(t, "heard"), forgetful: rapid.Bool().Draw(t, "forgetful")}
	n := rapid.IntRange(1, 12).Draw(t, "at")
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		f.card = n
	case 1:
		f.module = n
	default:
		f.write, f.tear = n, rapid.SampledFrom([]cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast}).Draw(t, "tear")
	}
	return f
}

// mixedLines are two entries, two exits and a bus; the exits share an array.
func (w *world) mixedLines() []*station {
	in, _ := w.book.StationByName("大兴机场")
	near, _ := w.book.StationByName("建国门")
	out, _ := w.book.StationByName("北京南站")
	var list []*station
	for i, at := range []gate.Config{
		{Mode: gate.Entry, Station: near}, {Mode: gate.Entry, Station: in}, {Mode: gate.Exit, Station: out}, {Mode: gate.Exit, Station: out}, {Mode: gate.Bus, Route: 300},
	} {
		at.Terminal, at.Medium, at.RetapWindow, at.PassWindow = txn.TerminalID(10+i), fare.MunicipalCard, 2*time.Minute, 20*time.Second
		list = append(list, w.addGate(fmt.Sprint("gate", i), [...]string{"in", "airport", "here", "here", "bus"}[i], at))
		w.must(list[i].gate.SetStop(1, 0, 9000))
	}
	return list
}

// balanced compares what a card has lost with its rows: the paid ones and the holds that
// are open, and of those whose end nobody knows any.
func (s *scene) balanced(t *rapid.T, rows []txn.Row) {
	lost := s.before.value - s.truth().value
	sums := map[money.Fen]bool{0: true}
	certain := money.Fen(0)
	paid := map[uint16]bool{}
	for i := range rows {
		r := &rows[i]
		if r.Card != s.rider.key {
			continue
		}
		amount := r.Amount
		switch {
		case r.DF60 == 3:
			amount -= r.Held
		}
		switch {
		case r.Kind.Paid() || r.Kind == txn.Hold || r.Kind == txn.Entry:
			if paid[r.ATC] {
				t.Fatalf("counter %d was paid twice", r.ATC)
			}
			paid[r.ATC] = true
			certain += amount
		case r.Flags.Reason() == txn.LastAnswerLost:
			next := map[money.Fen]bool{}
			for sum := range sums {
				next[sum], next[sum+amount] = true, true
			}
			sums = next
		}
	}
	if !sums[lost-certain] {
		t.Fatalf("%v lost %v, its rows say %v and some of %v", s.rider.key, lost, certain, sums)
	}
}
