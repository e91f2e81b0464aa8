package rf_test

import (
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/rf"
)

// purchase is the field time of a purchase with a card of this profile.
func purchase(t *testing.T, profile string, sm bool, link *rf.Link, chip *rf.Card) time.Duration {
	t.Helper()
	if err := link.Validate(); err != nil {
		t.Fatal(err)
	}
	meter := rf.NewMeter(link, chip)
	o := tapOnce(t, newKernel(t, kernel.GateTTQ, sm), newChip(t, profile, card.Contactless), 300, meter, nil)
	if o.Result != kernel.Approved {
		t.Fatalf("%v: %v", o.Result, o.Fault)
	}
	return meter.Used().Time.Duration()
}

// TestTargetsDoNotHangOnOneChoice changes each number that no standard gives, for the
// worse and alone, and looks at the slowest purchase: that of the card whose
// certificates are longest.
func TestTargetsDoNotHangOnOneChoice(t *testing.T) {
	ms := func(d time.Duration) rf.Time { return rf.Of(d * time.Millisecond) }
	impatient := rf.NewLink(rf.TypeA, rf.Rate106)
	impatient.FWI = 4
	if d := purchase(t, "dev-dual", false, impatient, rf.DefaultCard(150*time.Millisecond)); d < 300*time.Millisecond {
		t.Errorf("FWI 4 and extensions of 10 ms: %v; the package says that this is over the limit", d)
	}
	for _, row := range []struct {
		what   string
		change func(*rf.Link, *rf.Card)
	}{
		{"as it is", func(*rf.Link, *rf.Card) {}},
		{"frames of 32 bytes to the card", func(l *rf.Link, _ *rf.Card) { l.FSC = 32 }},
		{"frames of 128 bytes from the card", func(l *rf.Link, _ *rf.Card) { l.FSD = 128 }},
		{"card identifier", func(l *rf.Link, _ *rf.Card) { l.CID = true }},
		{"identifier of ten bytes", func(l *rf.Link, _ *rf.Card) { l.Cascade = 3 }},
		{"frame waiting time of 4.8 ms, asked for four at a time", func(l *rf.Link, _ *rf.Card) { l.FWI, l.WTXM = 4, 4 }},
		{"field up for 10 ms", func(l *rf.Link, _ *rf.Card) { l.Field = ms(10) }},
		{"the other type is looked for first", func(l *rf.Link, _ *rf.Card) { l.Field += ms(6) }},
		{"every command takes 1 ms more", func(_ *rf.Link, c *rf.Card) {
			for ins := range c.Base {
				c.Base[ins] += ms(1)
			}
		}},
		{"the card writes for 12 ms", func(_ *rf.Link, c *rf.Card) { c.Commit = ms(12) }},
	} {
		for _, target := range []struct{ crypto, most time.Duration }{{60, 210}, {150, 300}} {
			link, chip := rf.NewLink(rf.TypeA, rf.Rate106), rf.DefaultCard(target.crypto*time.Millisecond)
			row.change(link, chip)
			d := purchase(t, "dev-dual", false, link, chip)
			t.Logf("%s, %d ms of cryptography: %v", row.what, target.crypto, d)
			if d >= target.most*time.Millisecond {
				t.Errorf("%s: %v in the field, must be below %d ms", row.what, d, target.most)
			}
		}
	}
}
