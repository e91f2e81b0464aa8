package sim

import (
	"encoding/json"
	"testing"

	"github.com/citycard/citycard/fare"
)

func runDay(t testing.TB, opt Options, dir string, ports func(*Ports)) *Result {
	t.Helper()
	if opt.Date == (fare.Date{}) {
		opt.Date = fare.Date{Year: 2026, Month: 11, Day: 18}
	}
	if opt.Profile == "" {
		opt.Profile = "sm"
	}
	opt.Workers = max(opt.Workers, 2)
	city, err := NewCity(opt)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&Run{Dir: dir, Ports: ports}).Do(t.Context(), city)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestSmallCityClosesWithNothingUnexplained(t *testing.T) {
	res := runDay(t, Options{Riders: 800, Seed: 1}, t.TempDir(), nil)
	text, err := json.MarshalIndent(res, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	if !res.Closed() {
		t.Error("the day does not close")
	}
}

// Some uploads get lost, and their terminals send them again from the journal: no row
// is missing in the end.
func TestLostUploadsAreSentAgain(t *testing.T) {
	run := &Run{Dir: t.TempDir()}
	res, err := run.Do(t.Context(), newCity(t, Options{Riders: 800, Seed: 4}))
	if err != nil {
		t.Fatal(err)
	}
	if run.carrier.lost == 0 {
		t.Error("nothing was lost: choose another seed")
	}
	checkTruth(t, "lost uploads", res)
}

// A block that a terminal no longer keeps cannot be sent again: that is an error, not
// a silent loss.
func TestForgottenUploadIsAnError(t *testing.T) {
	w := NewWorld(newCity(t, Options{Riders: 10, Seed: 4}))
	c := newCarrier(w)
	p := w.places[0]
	term := p.arrays[0].in[0]
	if err := w.haul(term, w.slotTime(0)); err != nil {
		t.Fatal(err)
	}
	b := &p.outbox[0]
	if err := c.forward(1, b, true); err != nil || len(c.slots[1]) != 1 || c.slots[1][0].hash != b.hash {
		t.Fatalf("a lost block is not sent again: %v, %d deliveries", err, len(c.slots[1]))
	}
	term.journal.Receipted(b.hash)
	if err := c.forward(2, b, true); err == nil {
		t.Error("a forgotten block was sent")
	}
}
