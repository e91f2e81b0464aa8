package gate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// TestTornCardAfterOneThatWasRecognised: a card that has paid shows itself again, and
// then another comes back whose last answer was lost. Nothing of the first may stand for
// the second, which has paid and must not pay twice.
func TestTornCardAfterOneThatWasRecognised(t *testing.T) {
	w := newWorld(t)
	station, _ := w.book.StationByName("北京南站")
	st := w.addGate("out", "south", gate.Config{
		Terminal: 1, Mode: gate.Exit, Station: station, Medium: fare.MunicipalCard, RetapWindow: time.Minute, PassWindow: time.Minute,
	})
	first, second := w.makeCard("first", goodSpec("sm")), w.makeCard("second", goodSpec("sm"))
	if res := w.tap(st, second, cutAfterLast, nil); !res.Retap {
		t.Fatalf("second: %v", res.Display)
	}
	if res := w.tap(st, first, noCut, nil); !res.Opened {
		t.Fatalf("first: %v", res.Display)
	}
	if res := w.tap(st, first, noCut, nil); res.Display != gate.AlreadyPaid {
		t.Fatalf("first again: %v", res.Display)
	}
	var asked []string
	res := w.tap(st, second, noCut, func(cmd, _ []byte) { asked = append(asked, commandName(cmd)) })
	if got := strings.Join(asked, ", "); !strings.HasPrefix(got, "SELECT, READ RECORD, ") || strings.Contains(got, "GET PROCESSING OPTIONS") {
		t.Errorf("asked: %s", got)
	}
	if !res.Opened || len(res.Records) != 1 || res.Records[0].Row.Flags&txn.ClosedByRetap == 0 || second.chip.Inspect().ATC != 1 {
		t.Errorf("%v, %d records, ATC %04X", res.Display, len(res.Records), second.chip.Inspect().ATC)
	}
}

// TestLatestTornTapFirst: a card repeats no record but its last, and only until another
// command comes, so the latest of its torn taps is looked for first.
func TestLatestTornTapFirst(t *testing.T) {
	w := newWorld(t)
	station, _ := w.book.StationByName("北京南站")
	st := w.addGate("out", "south", gate.Config{Terminal: 1, Mode: gate.Exit, Station: station, Medium: fare.MunicipalCard, RetapWindow: time.Minute})
	spec := goodSpec("sm-debit")
	spec.uid = "random"
	early := w.makeCard("early", spec)
	spec.profile = "sm"
	p := w.makeCard("late", spec)
	for _, r := range []*rider{early, p} {
		w.tap(st, r, cutAfterLast, nil)
		w.now++
	}
	var asked []string
	res := w.tap(st, p, noCut, func(cmd, _ []byte) { asked = append(asked, commandName(cmd)) })
	if got := strings.Join(asked, ", "); got != "SELECT, READ RECORD, GET DATA, GET DATA" {
		t.Errorf("asked %s", got)
	}
	if !res.Opened || res.Records[len(res.Records)-1].Row.Flags&txn.ClosedByRetap == 0 {
		t.Errorf("%v, %d records", res.Display, len(res.Records))
	}
}
