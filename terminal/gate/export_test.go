package gate_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// fullArray has a torn tap with an entry record, one of a phone without, and passes.
func fullArray(w *world) (*gate.Array, *station, *rider) {
	entrance, _ := w.book.StationByName("建国门")
	exit, _ := w.book.StationByName("北京南站")
	in := w.addGate("in", "a", gate.Config{Terminal: 1, Mode: gate.Entry, Station: entrance, PassWindow: time.Hour})
	out := w.addGate("out", "a", gate.Config{Terminal: 2, Mode: gate.Exit, Station: exit, Medium: fare.MunicipalCard, RetapWindow: time.Hour, PassWindow: time.Hour})
	r := w.makeCard("rider", goodSpec("sm"))
	phone := goodSpec("3des")
	phone.uid = "random"
	w.tap(in, r, noCut, nil)
	w.tap(out, w.makeCard("phone", phone), cutAfterLast, nil)
	w.tap(out, r, cutAfterLast, nil)
	late := w.makeCard("late", goodSpec("sm"))
	w.tap(out, late, noCut, nil)
	out.gate.Passage(late.key)
	return w.arrays["a"], out, r
}

func TestRestore(t *testing.T) {
	w := newWorld(t)
	a, out, r := fullArray(w)
	stored, err := a.Export([]byte("x"))
	w.must(err)
	stored = stored[1:]
	if err := a.Restore(stored); err == nil {
		t.Error("an array in use was overwritten")
	}
	*a = gate.Array{}
	w.must(a.Restore(stored))
	again, err := a.Export(nil)
	w.must(err)
	if !bytes.Equal(again, stored) || a.Waiting() != 2 {
		t.Fatalf("%d taps wait after the restoration, %d bytes became %d", a.Waiting(), len(stored), len(again))
	}
	if at := out.gate.SealUntil(w.now + 99); at != w.now {
		t.Errorf("seal until %d, want the time of the torn taps, %d", at, w.now)
	}
	before := r.chip.Inspect().Balance
	res := w.tap(out, r, noCut, nil)
	if !res.Opened || len(res.Records) != 1 || !res.Records[0].Row.Flags.Has(txn.ClosedByRetap) || r.chip.Inspect().Balance != before {
		t.Fatalf("the rider is back: %+v", res)
	}
	row := &res.Records[0].Row
	if res.Closed == nil || res.Closed.Entry.Card != r.key || res.Closed.Counted != row.Amount || row.EntryTerminal != 1 {
		t.Errorf("the end of the journey: %+v", res.Closed)
	}
	if res := w.tap(out, w.cards["late"], noCut, nil); res.Opened || res.Display != gate.AlreadyUsed {
		t.Errorf("the passage is forgotten: %v", res.Display)
	}
}

func TestRestoreIsStrict(t *testing.T) {
	w := newWorld(t)
	a, _, _ := fullArray(w)
	good, err := a.Export(nil)
	w.must(err)
	const torn = 1 + 4 // mode of the first torn tap
	for name, spoil := range map[string]func(b []byte) []byte{
		"empty":               func([]byte) []byte { return nil },
		"format":              func(b []byte) []byte { b[0] = 2; return b },
		"one byte short":      func(b []byte) []byte { return b[:len(b)-1] },
		"one byte more":       func(b []byte) []byte { return append(b, 0) },
		"very many taps":      func(b []byte) []byte { b[1] = 0xFF; return b },
		"mode":                func(b []byte) []byte { b[torn] = 9; return b },
		"UID of 5 bytes":      func(b []byte) []byte { b[torn+1] = 5; return b },
		"UID with a tail":     func(b []byte) []byte { b[torn+1+10] = 1; return b },
		"row of another card": func(b []byte) []byte { b[torn+20+14]++; return b },
		"row of another kind": func(b []byte) []byte { b[torn+20+1] = byte(txn.Exit); return b },
		"price of another":    func(b []byte) []byte { b[torn+20+txn.RowSize+7]++; return b },
		"month's sum below 0": func(b []byte) []byte { b[torn+20+txn.RowSize+24] = 0x80; return b },
		"card data cut":       func(b []byte) []byte { b[torn+20+txn.RowSize+79]--; return b },
		"pass: 9F69":          func(b []byte) []byte { b[len(b)-8] = 0; return b },
		"pass: AID":           func(b []byte) []byte { b[len(b)-11] = 17; return b },
		"pass: unknown state": func(b []byte) []byte { b[len(b)-28] = 4; return b },
	} {
		var fresh gate.Array
		if err := fresh.Restore(spoil(bytes.Clone(good))); err == nil || fresh.Waiting() != 0 {
			t.Errorf("%s: error %v, %d taps wait", name, err, fresh.Waiting())
		}
	}
}

// FuzzRestore: what is taken has one form, and every row in it can be stored.
func FuzzRestore(f *testing.F) {
	w := newWorld(f)
	a, _, _ := fullArray(w)
	good, err := a.Export(nil)
	w.must(err)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0})
	carrying, err := carryingArray(newWorld(f)).Export(nil)
	w.must(err)
	f.Add(carrying)
	f.Fuzz(func(t *testing.T, b []byte) {
		var fresh gate.Array
		if fresh.Restore(b) != nil {
			return
		}
		again, err := fresh.Export(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("another form of the same array, %v", err)
		}
		for _, rec := range fresh.Flush() {
			var raw [txn.RowSize]byte
			if err := rec.Row.Encode(&raw); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSealUntil: a block never says that nothing is missing while a row may come.
func TestSealUntil(t *testing.T) {
	w := newWorld(t)
	exit, _ := w.book.StationByName("北京南站")
	cfg := gate.Config{Terminal: 1, Mode: gate.Exit, Station: exit, Medium: fare.MunicipalCard, RetapWindow: time.Minute}
	one := w.addGate("one", "a", cfg)
	cfg.Terminal = 2
	two := w.addGate("two", "a", cfg)
	start := w.now
	if got := one.gate.SealUntil(start); got != start {
		t.Errorf("nothing waits: %d, want %d", got, start)
	}
	w.tap(one, w.makeCard("first", goodSpec("sm")), cutAfterLast, nil)
	w.now += 10
	w.tap(one, w.makeCard("second", goodSpec("sm")), cutAfterLast, nil)
	w.now += 10
	two.gate.Begin(w.now, gate.Field{Cards: 1}, w.nextUN())
	for st, want := range map[*station]int64{one: start, two: w.now} {
		if got := st.gate.SealUntil(w.now + 1000); got != want {
			t.Errorf("%v: %d, want %d", st.gate, got, want)
		}
	}
	if expired := one.array.Expire(start + 61); len(expired) != 1 || one.gate.SealUntil(w.now) != start+10 {
		t.Errorf("%d rows, seal until %d, want %d", len(expired), one.gate.SealUntil(w.now), start+10)
	}
}
