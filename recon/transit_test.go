package recon_test

import (
	"context"
	"errors"
	"testing"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

func purseRow(t *testing.T, seq uint16, tac byte) txn.Row {
	t.Helper()
	r := txn.Row{Kind: txn.Exit, Card: cardKey(t, 3), Amount: 300, Time: 1000, Terminal: 22, Sequence: 3}
	d := txn.PurseData{Sequence: seq, TAC: [4]byte{tac}, Before: 900, TerminalSequence: 7}
	if err := d.Put(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFromRowOfAPurse(t *testing.T) {
	r := purseRow(t, 5, 1)
	e, err := recon.FromRow(&r, txn.Cleared)
	if err != nil || e.Card != r.Card || e.Obs.Kind != timeline.Paid || !e.Obs.Purse || e.Obs.ATC != 5 || e.Obs.B != 900 || e.Obs.Commit != timeline.Yes {
		t.Errorf("got %+v, %v", e, err)
	}
	if e, err = recon.FromRow(&r, txn.DeniedCard); err != nil || !e.Obs.Refused {
		t.Errorf("a refused row: %+v, %v", e, err)
	}
	for name, c := range map[string]struct {
		row     txn.Row
		verdict txn.Verdict
		err     error
	}{
		"wrong TAC":  {purseRow(t, 5, 1), txn.BadCryptogram, recon.ErrForged},
		"no TAC":     {purseRow(t, 5, 0), txn.Cleared, timeline.ErrKind},
		"no counter": {purseRow(t, 0, 0), txn.Noted, timeline.ErrSilent},
	} {
		if _, err := recon.FromRow(&c.row, c.verdict); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
}

// TestDayOfAQuotaCard: what is missing on a quota card is no money, and the push of the
// evening is no value from nowhere.
func TestDayOfAQuotaCard(t *testing.T) {
	k, m := cardKey(t, 1), newMemory()
	push := func(n, read uint16) recon.Event {
		e, err := recon.FromPush(k, timeline.PushMessage{Number: n, Value: 1000, Read: read, Placed: true, Executed: timeline.Yes, Time: int64(read) * 3600})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	events := []recon.Event{push(1, 0), {Card: k, Obs: obs(timeline.Doubt, 1, 1000, 300)}, {Card: k, Obs: obs(timeline.Paid, 2, 700, 200)},
		{Card: k, Obs: obs(timeline.Zero, 4, 400, 0)}, push(2, 4), {Card: k, Obs: obs(timeline.Zero, 5, 1000, 0)}}
	r, err := recon.Day(context.Background(), m, recon.Input{Now: day, Params: params(), Events: source(events)})
	if err != nil || len(m.postings) != 0 || len(r.Breaks) != 0 || len(r.Alarms) != 0 || r.Open != 0 || len(r.Flash) != 1 {
		t.Errorf("%v, %d postings, %+v", err, len(m.postings), r)
	}
	if _, err := recon.FromPush(k, timeline.PushMessage{Value: 5}); !errors.Is(err, timeline.ErrValue) {
		t.Errorf("a push without a number: %v", err)
	}
}
