package gate_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// counterTruth is what the chip really did with one counter, and whether a gate
// got to know of it.
type counterTruth struct {
	debit money.Fen
	heard bool // the answer to GET PROCESSING OPTIONS reached the gate
}

// party is a rider of the property tests with the truth about the card.
type party struct {
	*rider
	truth map[uint16]*counterTruth
	paid  map[string]int64 // array and mode: time of the last pass that was paid, and not left again
	extra map[string]int   // times that the gate opened again for it
}

const passWindow = 20

// openings checks one opening of a gate: a pass is paid once, and opens once more.
func (p *party) openings(t *rapid.T, array string, mode gate.Mode, now int64, res *gate.Result) {
	other := map[gate.Mode]gate.Mode{gate.Entry: gate.Exit, gate.Exit: gate.Entry}
	place := array + mode.String()
	last, before := p.paid[place]
	before = before && now-last <= passWindow
	switch {
	case res.Card != p.key:
		t.Fatalf("the gate opened for %v, and %v stands before it", res.Card, p.key)
	case res.Display == gate.AlreadyPaid:
		if p.extra[place]++; !before || p.extra[place] > 1 {
			t.Fatalf("opened again, time %d for one pass, paid %v", p.extra[place], before)
		}
	case before:
		t.Fatalf("charged twice for one pass, after %d s", now-last)
	default:
		delete(p.paid, array+other[mode].String())
		p.paid[place], p.extra[place] = now, 0
	}
}

// provedElsewhere notes the passes that a tap has proved to be paid at another kind of
// gate: that one opens for them later.
func (p *party) provedElsewhere(gates []line, res *gate.Result, now int64) {
	for i := range res.Records {
		r := &res.Records[i].Row
		if !r.Flags.Has(txn.ClosedByProve) || r.Flags.Has(txn.ServiceGiven) || r.Card != p.key {
			continue
		}
		for _, l := range gates {
			if l.gate.Terminal() == r.Terminal {
				p.paid[l.array+l.mode.String()], p.extra[l.array+l.mode.String()] = now, 0
			}
		}
	}
}

// watch keeps the truth about a card while it talks to a gate.
func (p *party) watch() func(cmd, answer []byte) {
	before := p.chip.Inspect()
	return func(cmd, answer []byte) {
		s := p.chip.Inspect()
		if s.ATC != before.ATC {
			p.truth[s.ATC] = &counterTruth{}
		}
		if commandName(cmd) == "GET PROCESSING OPTIONS" && answer != nil {
			p.truth[s.ATC].heard = true
		}
		if s.Balance != before.Balance {
			p.truth[s.ATC].debit = before.Balance - s.Balance
		}
		before = s
	}
}

// line is a gate of the property tests.
type line struct {
	*station
	array string
	mode  gate.Mode
}

// lines installs two gates for each direction at the array "south" and one at
// "north", both at one station, and entry gates at another.
func (w *world) lines(draw func(label string) bool) []line {
	far, _ := w.book.StationByName("建国门")
	near, _ := w.book.StationByName("北京南站")
	var list []line
	for i, at := range []struct {
		array   string
		station fare.StationID
	}{{"south", near}, {"south", near}, {"north", near}, {"jgm", far}} {
		for _, m := range []gate.Mode{gate.Entry, gate.Exit} {
			cfg := gate.Config{
				Terminal: txn.TerminalID(100*int(m) + i), Mode: m, Station: at.station, Medium: fare.MunicipalCard,
				RetapWindow: time.Minute, PassWindow: passWindow * time.Second, LookUpByCard: draw("look up"), AllowFDDA00: draw("fDDA 00"),
			}
			list = append(list, line{w.addGate(at.array+m.String()+string(rune('0'+i)), at.array, cfg), at.array, m})
		}
	}
	return list
}

// parties makes two or three riders; a twin has the profile and the kind of UID of
// the one before, and all begin with the same counter and balance.
func (w *world) parties(t *rapid.T, profiles ...string) []*party {
	var list []*party
	spec := cardSpec{balance: 9000, expiry: [3]byte{0x30, 0x12, 0x31}, effective: [3]byte{0x25, 0x01, 0x01}}
	for i := range rapid.IntRange(2, 3).Draw(t, "riders") {
		if i == 0 || !rapid.Bool().Draw(t, "twin") {
			spec.profile = rapid.SampledFrom(profiles).Draw(t, "profile")
			spec.uid = rapid.SampledFrom([]string{"", "random"}).Draw(t, "uid")
		}
		r := w.makeCard("rider"+string(rune('0'+i)), spec)
		list = append(list, &party{rider: r, truth: map[uint16]*counterTruth{}, paid: map[string]int64{}, extra: map[string]int{}})
	}
	return list
}

// TestEveryCounterHasItsRow lets riders tap at three arrays and leave the field at
// any moment, and compares the rows with the truth in the chips: every counter that
// a gate heard of has exactly one row, no other has one, paid rows are paid, rows
// that say that the card cannot have paid are right, and a gate opens for money or
// once more for a pass that was paid.
func TestEveryCounterHasItsRow(t *testing.T) {
	newWorld(t).everyCounter(t, []cut{noCut, noCut, noCut, cutGPOAnswer, cutBeforeLast, cutLastUnheard, cutAfterLast, cutAfterLast, cutGetData, cutRepeatedRead, cutPowerInCommit},
		"sm", "3des", "sm-debit")
}

// TestEveryCounterOfCarriedJourneys is the same with cards that carry their journeys and
// cards that cannot, at gates with a security module.
func TestEveryCounterOfCarriedJourneys(t *testing.T) {
	w := newWorld(t)
	w.transit = &gate.Transit{}
	w.everyCounter(t, []cut{noCut, noCut, noCut, cutGPOAnswer, cutBeforeLast, cutLastUnheard, cutAfterLast, cutAfterLast, cutGetData, cutRepeatedRead, cutPowerInCommit,
		cutRecordRead, cutRecordUpdate, cutModule}, "transit-sm", "transit-3des", "quota-sm", "transit-sm", "sm")
}

func (w *world) everyCounter(t *testing.T, cuts []cut, profiles ...string) {
	rapid.Check(t, func(rt *rapid.T) {
		w.records, w.arrays, w.gates, w.cards = newRecords(), map[string]*gate.Array{}, map[string]*station{}, map[string]*rider{}
		riders := w.parties(rt, profiles...)
		gates := w.lines(func(label string) bool { return rapid.Bool().Draw(rt, label) })
		var rows []txn.Row
		paidFor := 0
		for range rapid.IntRange(1, 16).Draw(rt, "taps") {
			w.now += int64(rapid.SampledFrom([]int{1, 5, 15, 40, 90}).Draw(rt, "seconds"))
			at := gates[rapid.IntRange(0, len(gates)-1).Draw(rt, "gate")]
			p := riders[rapid.IntRange(0, len(riders)-1).Draw(rt, "rider")]
			res := w.tap(at.station, p.rider, rapid.SampledFrom(cuts).Draw(rt, "cut"), p.watch())
			p.provedElsewhere(gates, res, w.now)
			if res.Opened {
				p.openings(rt, at.array, at.mode, w.now, res)
			}
			if res.Opened && res.Display != gate.AlreadyPaid {
				paidFor++
			}
			rows = appendRows(w, rows, res.Records)
			if rapid.IntRange(0, 9).Draw(rt, "power") == 0 {
				w.restart(at.array, at.station.array)
			}
		}
		for _, a := range w.arrays {
			rows = appendRows(w, rows, a.Flush())
		}
		compare(rt, rows, riders, paidFor)
	})
}

// restart gives the gates of an array a new memory, as after a power failure
// between two taps.
func (w *world) restart(name string, old *gate.Array) {
	w.t.Helper()
	stored, err := old.Export(nil)
	w.must(err)
	old.Flush()
	*old = gate.Array{}
	w.must(old.Restore(stored))
	w.arrays[name] = old
}

func appendRows(w *world, rows []txn.Row, records []row.Record) []txn.Row {
	for i := range records {
		w.describe(&records[i]) // checks encoding and cryptogram
		rows = append(rows, records[i].Row)
	}
	return rows
}

// fataler is a testing.T or a rapid.T.
type fataler interface{ Fatalf(string, ...any) }

func compare(t fataler, rows []txn.Row, riders []*party, paidFor int) {
	type counter struct {
		card txn.CardKey
		atc  uint16
	}
	truth := map[counter]*counterTruth{}
	for _, p := range riders {
		for atc, c := range p.truth {
			truth[counter{p.key, atc}] = c
		}
	}
	seen := map[counter]bool{}
	served := 0
	for i := range rows {
		row := &rows[i]
		key := counter{row.Card, row.ATC}
		c := truth[key]
		if c == nil || !c.heard || seen[key] {
			t.Fatalf("row %v (%v) for ATC %04X: heard %+v, second row %v", row.Kind, row.Flags.Reason(), row.ATC, c, seen[key])
		}
		seen[key] = true
		reason := row.Flags.Reason()
		switch {
		case row.Kind.Paid() && c.debit != row.Amount:
			t.Fatalf("ATC %04X: the row says paid %v, the card paid %v", row.ATC, row.Amount, c.debit)
		case reason == txn.LeftBeforeLast && c.debit != 0, row.Kind == txn.Declined && c.debit != 0:
			t.Fatalf("ATC %04X: the row says %v (%v), the card paid %v", row.ATC, row.Kind, reason, c.debit)
		}
		if row.Flags.Has(txn.ServiceGiven) {
			served++
		}
	}
	for key, c := range truth {
		if c.heard && !seen[key] {
			t.Fatalf("no row for ATC %04X of %v", key.atc, key.card)
		}
	}
	if served != paidFor {
		t.Fatalf("%d rows say that service was given, the gate opened for %d", served, paidFor)
	}
}
