package gate_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// carryingArray has a torn exit of a bank card with its journeys, one of a purse, one of an
// old card, and passes.
func carryingArray(w *world) *gate.Array {
	exit, _ := w.book.StationByName("北京南站")
	out := w.addGate("out", "a", gate.Config{Terminal: 2, Mode: gate.Exit, Station: exit, Medium: fare.MunicipalCard, RetapWindow: time.Hour, PassWindow: time.Hour, Transit: &gate.Transit{}})
	w.tapWith(out, w.makeCard("carrier", cardSpec{profile: "transit-sm", balance: 9000}), fault{card: 9, heard: true})
	w.tapWith(out, w.makeCard("purse", cardSpec{profile: "tunion", balance: 9000}), fault{card: 7, heard: true})
	w.tapWith(out, w.makeCard("old", goodSpec("sm")), fault{card: 7, heard: true})
	w.tapWith(out, w.makeCard("late", cardSpec{profile: "transit-3des", balance: 9000}), fault{})
	if n := w.arrays["a"].Waiting(); n != 3 {
		w.t.Fatalf("%d taps wait", n)
	}
	return w.arrays["a"]
}

func TestRestoreOfCarriedJourneys(t *testing.T) {
	w := newWorld(t)
	a := carryingArray(w)
	stored, err := a.Export(nil)
	w.must(err)
	if stored[0] != 2 {
		t.Fatalf("format %02X", stored[0])
	}
	*a = gate.Array{}
	w.must(a.Restore(stored))
	again, err := a.Export(nil)
	w.must(err)
	if !bytes.Equal(again, stored) || a.Waiting() != 3 {
		t.Fatalf("%d taps wait after the restoration, %d bytes became %d", a.Waiting(), len(stored), len(again))
	}
	for n, name := range []string{"carrier", "purse", "old"} {
		w.now += 5
		res := w.tapWith(w.gates["out"], w.cards[name], fault{forgetful: name == "carrier"}).res
		want := txn.ClosedByProve
		if name == "old" {
			want = txn.ClosedByRetap
		}
		if !res.Opened || len(res.Records) != 1 || !res.Records[0].Row.Flags.Has(want) || a.Waiting() != 2-n {
			t.Errorf("%s is back: %v, %d records, %d waiting", name, res.Display, len(res.Records), a.Waiting())
		}
	}
	if res := w.tapWith(w.gates["out"], w.cards["late"], fault{forgetful: true}).res; res.Display != gate.AlreadyPaid {
		t.Errorf("a pass is known by the record's number: %v", res.Display)
	}
}

// TestRestoreOfCarriedJourneysIsStrict spoils every byte: what is still taken is another
// array with one form, and no row of it is about another tap than its journey.
func TestRestoreOfCarriedJourneysIsStrict(t *testing.T) {
	w := newWorld(t)
	good, err := carryingArray(w).Export(nil)
	w.must(err)
	refused := 0
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 0x81
		var fresh gate.Array
		if err := fresh.Restore(bad); err != nil {
			refused++
			continue
		}
		again, err := fresh.Export(nil)
		w.must(err)
		if !bytes.Equal(again, bad) {
			t.Fatalf("byte %d: another form of the same array", at)
		}
	}
	if refused < len(good)/4 {
		t.Errorf("%d of %d spoilt forms were refused", refused, len(good))
	}
	for _, cut := range []int{1, 5, 100, len(good) - 1} {
		var fresh gate.Array
		if fresh.Restore(good[:cut]) == nil {
			t.Errorf("%d bytes were taken", cut)
		}
	}
	plain := bytes.Clone(good)
	plain[0] = 1
	var fresh gate.Array
	if fresh.Restore(plain) == nil {
		t.Error("taken as format 01")
	}
}
