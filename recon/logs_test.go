package recon_test

import (
	"context"
	"errors"
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// loaded is a card with a load of 50 yuan of which values leave open whether it ran, and
// two missing counters.
func loaded(t *testing.T) (*memory, txn.CardKey, recon.Input) {
	t.Helper()
	m, k := newMemory(), cardKey(t, 1)
	in := recon.Input{Now: 2 * day, Params: params(), Events: source([]recon.Event{{Card: k, Obs: obs(timeline.Load, 2, 1000, 5000)}, {Card: k, Obs: obs(timeline.Zero, 5, 800, 0)}})}
	in.Params.ProvisionalPerCard = 0
	if _, err := recon.Day(context.Background(), m, in); err != nil {
		t.Fatal(err)
	}
	in.Events = nil
	return m, k, in
}

func TestALoadLogDecidesAtOnce(t *testing.T) {
	ctx := context.Background()
	m, k, in := loaded(t)
	loads := &timeline.LoadLog{ATC: 6, Entries: []timeline.LoadLogEntry{{Tag: tlv.TagECBalance, ATC: 1, Before: 0, After: 1000}}}
	for want := 1; want >= 0; want-- { // read twice, it asks for nothing more
		report, unknown, err := recon.Tell(ctx, m, in, k, recon.Logs{Loads: loads, Slots: 10})
		if err != nil || len(unknown) != 1 || report.Actions[timeline.Refund].Count != want || len(m.postings) != 1 {
			t.Fatalf("%+v, %d unknown, %d postings: %v", report, len(unknown), len(m.postings), err)
		}
	}
	if b := m.breaks[k]; len(b) != 2 || b[0].Part != timeline.PartLoad || b[0].State != timeline.Proven || b[0].Amount != 5000 {
		t.Errorf("%+v", b)
	}
}

func TestALogNames(t *testing.T) {
	ctx := context.Background()
	m, k, in := loaded(t)
	if _, _, err := recon.Tell(ctx, m, in, k, recon.Logs{
		Loads: &timeline.LoadLog{ATC: 6}, Slots: 10,
		Told: []timeline.Log{{ATC: 6, Records: []timeline.LogRecord{{ATC: 3, Amount: 150, Terminal: 77}, {ATC: 4, Amount: 50, Terminal: 78}}}},
	}); err != nil {
		t.Fatal(err)
	}
	if b := m.breaks[k]; len(b) != 2 || !b[1].ByLog || !b[1].Named || b[1].Amount != 200 || len(m.postings) != 1 {
		t.Errorf("%+v", b)
	}
	before := len(m.cards[k].Blob)
	if _, _, err := recon.Tell(ctx, m, in, k, recon.Logs{Told: []timeline.Log{{ATC: 1, Records: []timeline.LogRecord{{ATC: 3}}}}}); !errors.Is(err, timeline.ErrLogOrder) || len(m.cards[k].Blob) != before {
		t.Errorf("a log that cannot be: %v", err)
	}
	if _, _, err := recon.Tell(ctx, m, in, cardKey(t, 9), recon.Logs{}); !errors.Is(err, recon.ErrUnknownCard) {
		t.Errorf("another card: %v", err)
	}
}

// TestALogReachesBackBeyondTheCut: loads that the card has forgotten are not unknown.
func TestALogReachesBackBeyondTheCut(t *testing.T) {
	ctx := context.Background()
	m, k := newMemory(), cardKey(t, 1)
	in := recon.Input{Now: 90 * day, Forget: 60 * day, Params: params(), Events: source([]recon.Event{
		{Card: k, Obs: obs(timeline.Load, 2, 1000, 5000)}, {Card: k, Obs: obs(timeline.Zero, 3, 6000, 0)}, {Card: k, Obs: obs(timeline.Zero, 4, 6000, 0)}})}
	if _, err := recon.Day(ctx, m, in); err != nil {
		t.Fatal(err)
	}
	in.Events = nil
	entry := func(atc uint16, before money.Fen) timeline.LoadLogEntry {
		return timeline.LoadLogEntry{Tag: tlv.TagECBalance, ATC: atc, Before: before, After: before + 5000}
	}
	_, unknown, err := recon.Tell(ctx, m, in, k, recon.Logs{Loads: &timeline.LoadLog{ATC: 6, Entries: []timeline.LoadLogEntry{entry(5, 6000), entry(2, 1000)}}, Slots: 10})
	if err != nil || len(unknown) != 1 || unknown[0].ATC != 5 {
		t.Errorf("unknown are %+v, %v", unknown, err)
	}
}
