package gate_test

import (
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// makeLivelihood makes a card with a bank's application that carries journeys, a T-Union
// purse and a City Union purse, all in its directory.
func (w *world) makeLivelihood(name string) *rider {
	w.t.Helper()
	r := w.makeTransitCard(name, cardSpec{profile: "transit-sm", balance: 9000})
	parts := card.Parts{Applications: r.image.Templates()}
	entries := []ppse.Entry{{AID: parts.Applications[0].AID(), Label: "PBOC EC", Priority: 1}}
	for i, profile := range []string{"tunion", "dev-cityunion"} {
		p, err := purse.Embedded(profile)
		w.must(err)
		parts.Applications = append(parts.Applications, p.Template(p.Card()))
		entries = append(entries, ppse.Entry{AID: p.AID(), Label: profile, Priority: byte(2 + i)})
	}
	var err error
	parts.Directory, err = ppse.New(entries...)
	w.must(err)
	r.image, err = card.Assemble(parts)
	w.must(err)
	w.must(r.chip.Insert(r.image, nil))
	return r
}

// TestOrderOfApplications: each gate takes the application that its operator likes best,
// also after a torn tap and after a power failure, and touches no other.
func TestOrderOfApplications(t *testing.T) {
	for _, c := range []struct {
		order string
		psn   byte // of the card that pays, 0 a bank's
		last  fault
	}{
		{"finance+tunion+cityunion", 0, fault{card: 9, heard: true}},
		{"tunion+finance+cityunion", txn.PSNTUnion, fault{card: 7, heard: true}},
		{"cityunion+finance+tunion", txn.PSNCityUnion, fault{card: 7, heard: true}},
	} {
		w := newWorld(t)
		r := w.makeLivelihood("all")
		transit := &gate.Transit{Applications: applications(w, c.order)}
		entry := w.addGate("in", "a", gate.Config{Terminal: 1, Mode: gate.Entry, Station: w.mustStation("建国门"), Medium: fare.MunicipalCard, Transit: transit})
		exit := w.addGate("out", "south", gate.Config{Terminal: 2, Mode: gate.Exit, Station: w.mustStation("北京南站"), Medium: fare.MunicipalCard, RetapWindow: time.Minute, PassWindow: time.Minute, Transit: transit})
		if res := w.tapWith(entry, r, fault{}).res; !res.Opened {
			t.Fatalf("%s: entry %v", c.order, res.Display)
		}
		w.now += 1800
		if res := w.tapWith(exit, r, c.last).res; !res.Retap {
			t.Fatalf("%s: exit %v", c.order, res.Display)
		}
		w.restart("south", exit.array)
		w.now += 5
		res := w.tapWith(exit, r, fault{forgetful: c.psn == 0}).res
		if !res.Opened || res.Amount != 400 || len(res.Records) != 1 {
			t.Fatalf("%s: back %v, paid %v", c.order, res.Display, res.Amount)
		}
		row := &res.Records[0].Row
		if scheme := map[bool]txn.Scheme{true: txn.Finance, false: txn.Purse}[c.psn == 0]; row.Scheme != scheme || c.psn != 0 && row.Card.PSN != c.psn || !row.Flags.Has(txn.ClosedByProve) {
			t.Errorf("%s: row of %v %v", c.order, row.Scheme, row.Card)
		}
		spent := map[byte]int64{0: int64(9000 - r.chip.Inspect().Balance)}
		for psn, profile := range map[byte]string{txn.PSNTUnion: "tunion", txn.PSNCityUnion: "dev-cityunion"} {
			p, err := purse.Embedded(profile)
			w.must(err)
			r.aid = p.AID()
			balance, _ := r.purseState(w)
			spent[psn] = int64(p.Spec(p.Card()).EP.Opening) - int64(balance)
		}
		for psn, got := range spent {
			if want := map[bool]int64{true: 400}[psn == c.psn]; got != want {
				t.Errorf("%s: application %d lost %d, want %d", c.order, psn, got, want)
			}
		}
	}
}

// TestOtherCardWithTheSameUID: a card that has the UID of a torn one and not its application
// is a card like any other.
func TestOtherCardWithTheSameUID(t *testing.T) {
	w := newWorld(t)
	st := w.exitGate(&gate.Transit{})
	first := w.makeCard("first", cardSpec{profile: "transit-sm", balance: 9000})
	if res := w.tapWith(st, first, fault{card: 9, heard: true}).res; !res.Retap {
		t.Fatal(res.Display)
	}
	second := w.makeCard("second", cardSpec{profile: "tunion", balance: 9000})
	third := w.makeCard("third", cardSpec{profile: "transit-sm", balance: 9000})
	for _, r := range []*rider{second, third} {
		r.uid = first.uid
		w.now += 2
		if res := w.tapWith(st, r, fault{}).res; !res.Opened || res.Card != r.key || res.Amount == 0 {
			t.Errorf("%v: %v %v", r.key, res.Display, res.Fault)
		}
	}
	w.now += 2
	if res := w.tapWith(st, first, fault{forgetful: true}).res; !res.Opened || !res.Records[0].Row.Flags.Has(txn.ClosedByProve) {
		t.Errorf("the first is back: %v", res.Display)
	}
}
