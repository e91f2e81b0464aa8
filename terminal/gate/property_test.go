package gate_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// counterTruth is what the chip really did with one counter, and whether a gate
// got to know of it.
type counterTruth struct {
	debit money.Fen
	heard bool // the answer to GET PROCESSING OPTIONS reached the gate
}

// TestEveryCounterHasItsRow lets a rider tap at two arrays and leave the field at
// any moment, and compares the rows with the truth in the chip: every counter that
// a gate heard of has exactly one row, no other has one, paid rows are paid, rows
// that say that the card cannot have paid are right, and a gate opens for money or
// for a pass that was paid.
func TestEveryCounterHasItsRow(t *testing.T) {
	w := newWorld(t)
	in, _ := w.book.StationByName("建国门")
	out, _ := w.book.StationByName("北京南站")
	modes := []gate.Mode{gate.Entry, gate.Exit}
	cuts := []cut{noCut, noCut, noCut, cutGPOAnswer, cutBeforeLast, cutLastUnheard, cutAfterLast, cutGetData, cutRepeatedRead, cutPowerInCommit}
	rapid.Check(t, func(rt *rapid.T) {
		w.records, w.arrays, w.gates = newRecords(), map[string]*gate.Array{}, map[string]*station{}
		spec := cardSpec{
			profile: rapid.SampledFrom([]string{"sm", "3des"}).Draw(rt, "profile"), balance: 5000,
			uid: rapid.SampledFrom([]string{"", "random"}).Draw(rt, "uid"), expiry: [3]byte{0x30, 0x12, 0x31}, effective: [3]byte{0x25, 0x01, 0x01},
		}
		r := w.makeCard("rider", spec)
		var gates []*station
		var places []string
		for i, array := range []string{"south", "south", "north"} {
			for _, m := range modes {
				cfg := gate.Config{
					Terminal: txn.TerminalID(100*int(m) + i), Mode: m, Station: map[gate.Mode]fare.StationID{gate.Entry: in, gate.Exit: out}[m],
					Medium: fare.MunicipalCard, RetapWindow: time.Minute, PassWindow: 20 * time.Second,
					LookUpByCard: rapid.Bool().Draw(rt, "look up"),
				}
				gates = append(gates, w.addGate(array+m.String()+string(rune('0'+i)), array, cfg))
				places = append(places, array+m.String())
			}
		}
		truth := map[uint16]*counterTruth{}
		var rows []txn.Row
		paidFor := 0
		passed := map[string]int64{} // array and mode: time of the last pass that was paid
		for range rapid.IntRange(1, 12).Draw(rt, "taps") {
			w.now += int64(rapid.SampledFrom([]int{1, 15, 40, 90}).Draw(rt, "seconds"))
			n := rapid.IntRange(0, len(gates)-1).Draw(rt, "gate")
			st, place := gates[n], places[n]
			before := r.chip.Inspect()
			res := w.tap(st, r, rapid.SampledFrom(cuts).Draw(rt, "cut"), func(cmd, answer []byte) {
				s := r.chip.Inspect()
				if s.ATC != before.ATC {
					truth[s.ATC] = &counterTruth{}
				}
				if commandName(cmd) == "GET PROCESSING OPTIONS" && answer != nil {
					truth[s.ATC].heard = true
				}
				if s.Balance != before.Balance {
					truth[s.ATC].debit = before.Balance - s.Balance
				}
				before = s
			})
			if res.Opened && res.Display != gate.AlreadyPaid {
				paidFor++
				if last, ok := passed[place]; ok && w.now-last <= 20 {
					rt.Fatalf("charged twice for one pass, after %d s", w.now-last)
				}
				passed[place] = w.now
			}
			rows = appendRows(w, rows, res.Records)
		}
		for _, a := range w.arrays {
			rows = appendRows(w, rows, a.Flush())
		}
		compare(rt, rows, truth, paidFor)
	})
}

func appendRows(w *world, rows []txn.Row, records []gate.Record) []txn.Row {
	for i := range records {
		w.describe(&records[i]) // checks encoding and cryptogram
		rows = append(rows, records[i].Row)
	}
	return rows
}

func compare(t *rapid.T, rows []txn.Row, truth map[uint16]*counterTruth, paidFor int) {
	seen := map[uint16]bool{}
	served := 0
	for i := range rows {
		row := &rows[i]
		c := truth[row.ATC]
		if c == nil || !c.heard || seen[row.ATC] {
			t.Fatalf("row %v for ATC %04X: heard %+v, second row %v", row.Kind, row.ATC, c, seen[row.ATC])
		}
		seen[row.ATC] = true
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
	for atc, c := range truth {
		if c.heard && !seen[atc] {
			t.Fatalf("no row for ATC %04X", atc)
		}
	}
	if served != paidFor {
		t.Fatalf("%d rows say that service was given, the gate opened for %d", served, paidFor)
	}
}
