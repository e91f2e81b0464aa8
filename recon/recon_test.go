package recon_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

const day = 86400

// memory is a Store in maps. Save fails when fuse burns down, before or after the
// batch is durable, as a process that is killed.
type memory struct {
	cards    map[txn.CardKey]recon.CardState
	breaks   map[txn.CardKey][]recon.Break
	postings map[timeline.Key]recon.Posting
	flash    map[found]timeline.Flash
	fuse     int
	after    bool
}

// found names a flash finding.
type found struct {
	card txn.CardKey
	atc  uint16
}

func newMemory() *memory {
	return &memory{cards: map[txn.CardKey]recon.CardState{}, breaks: map[txn.CardKey][]recon.Break{}, postings: map[timeline.Key]recon.Posting{}, flash: map[found]timeline.Flash{}, fuse: -1}
}

var errKilled = errors.New("killed")

func (m *memory) Load(_ context.Context, keys []txn.CardKey, into func(int, []byte) error) error {
	for i, k := range keys {
		if c, ok := m.cards[k]; ok {
			if err := into(i, c.Blob); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memory) Save(_ context.Context, b *recon.Batch) error {
	m.fuse--
	if m.fuse == 0 && !m.after {
		return errKilled
	}
	for _, c := range b.Cards {
		if c.Blob == nil {
			c.Blob = m.cards[c.Card].Blob
		}
		if c.Judged {
			delete(m.breaks, c.Card)
		}
		m.cards[c.Card] = c
	}
	for _, x := range b.Breaks {
		m.breaks[x.Card] = append(m.breaks[x.Card], x)
	}
	for _, p := range b.Postings {
		if _, ok := m.postings[p.Key]; !ok {
			m.postings[p.Key] = p
		}
	}
	for _, f := range b.Flash {
		if _, ok := m.flash[found{f.Card, f.ATC}]; !ok {
			m.flash[found{f.Card, f.ATC}] = f
		}
	}
	if m.fuse == 0 {
		return errKilled
	}
	return nil
}

func (m *memory) Open(_ context.Context, after txn.CardKey, n int) ([]txn.CardKey, error) {
	var keys []txn.CardKey
	floor := after.Bytes()
	for k, c := range m.cards {
		if b := k.Bytes(); c.Open && bytes.Compare(b[:], floor[:]) > 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b txn.CardKey) int {
		x, y := a.Bytes(), b.Bytes()
		return bytes.Compare(x[:], y[:])
	})
	return keys[:min(n, len(keys))], nil
}

func (m *memory) Provisional(context.Context) (money.Fen, error) {
	var sum money.Fen
	for _, c := range m.cards {
		sum += c.Provisional
	}
	return sum, nil
}

func cardKey(t testing.TB, n int) txn.CardKey {
	t.Helper()
	p, err := txn.ParsePAN(fmt.Sprintf("62280001%08d", n))
	if err != nil {
		t.Fatal(err)
	}
	return txn.CardKey{PAN: p, PSN: 1}
}

// source makes an event sequence of a list.
func source(events []recon.Event) iter.Seq2[recon.Event, error] {
	return func(yield func(recon.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func obs(kind timeline.ObsKind, atc uint16, b, debit money.Fen) timeline.Observation {
	o := timeline.Observation{Kind: kind, ATC: atc, B: b, Debit: debit, Content: uint64(atc)<<32 | uint64(debit), Time: int64(atc) * 3600, Terminal: 5, Sequence: uint32(atc)}
	if kind == timeline.Paid {
		o.Commit = timeline.Yes
	}
	return o
}

// town is a window of n cards: every fifth has a flash card, every seventh a missing
// counter of 200, the others are clean.
func town(t testing.TB, n int) []recon.Event {
	var events []recon.Event
	for i := range n {
		k := cardKey(t, i)
		first := timeline.Paid
		if i%5 == 0 {
			first = timeline.Doubt
		}
		last := obs(timeline.Zero, 3, 500, 0)
		if i%7 == 0 {
			last = obs(timeline.Zero, 4, 300, 0)
		}
		events = append(events, recon.Event{Card: k, Obs: last}, recon.Event{Card: k, Obs: obs(first, 1, 1000, 300)}, recon.Event{Card: k, Obs: obs(timeline.Paid, 2, 700, 200)})
	}
	return events
}

func params() timeline.Params { return timeline.DefaultParams() }

func TestDayFindsRefundsAndCloses(t *testing.T) {
	m, ctx := newMemory(), context.Background()
	r, err := recon.Day(ctx, m, recon.Input{Now: day, Params: params(), Events: source(town(t, 70)), Batch: 16})
	if err != nil {
		t.Fatal(err)
	}
	if r.Events != 210 || r.Judged != 70 || len(r.Flash) != 14 || r.Open != 10 {
		t.Errorf("%d events, %d judged, %d flash, %d open", r.Events, r.Judged, len(r.Flash), r.Open)
	}
	if got := r.Actions[timeline.Refund]; got != (recon.Tally{Count: 14, Amount: 14 * 300}) {
		t.Errorf("refunds %+v", got)
	}
	if got := r.States[timeline.Expected]; got != (recon.Tally{Count: 10, Amount: 10 * 200}) {
		t.Errorf("expected %+v", got)
	}
	for _, p := range m.postings {
		if p.From != recon.Float || p.To != recon.Customer || p.Amount != 300 || p.Time != day {
			t.Errorf("posting %+v", p)
		}
	}
	// The next day only open cards are judged, and nothing is new but what waits.
	r, err = recon.Day(ctx, m, recon.Input{Now: 2 * day, Params: params(), Batch: 3})
	if err != nil || r.Judged != 10 || len(r.Flash) != 0 || len(m.postings) != 14 || len(r.Breaks) != 10 {
		t.Errorf("day 2: %v, %+v", err, r)
	}
	r, err = recon.Day(ctx, m, recon.Input{Now: 21 * day, Params: params()})
	if err != nil || r.Open != 0 || r.Actions[timeline.Refund] != (recon.Tally{Count: 10, Amount: 2000}) {
		t.Errorf("after the window: %v, %+v", err, r)
	}
	for k, c := range m.cards {
		if c.Open {
			t.Errorf("card %s stays open", k)
		}
	}
}

func TestDayUsesTheWatermarksOfEachCard(t *testing.T) {
	m := newMemory()
	city := func(k txn.CardKey) timeline.Watermarks {
		if k == cardKey(t, 0) {
			return nil
		}
		return &timeline.Marks{Through: day}
	}
	r, err := recon.Day(context.Background(), m, recon.Input{Now: day, Params: params(), Events: source(town(t, 70)), Marks: city})
	if err != nil || r.Open != 1 || r.Actions[timeline.Refund] != (recon.Tally{Count: 14 + 9, Amount: 14*300 + 9*200}) {
		t.Errorf("%v, open %d, %+v", err, r.Open, r.Actions[timeline.Refund])
	}
}

func TestDayKilledAnywhereAndRunAgainMovesMoneyOnce(t *testing.T) {
	ctx, events := context.Background(), town(t, 40)
	in := recon.Input{Now: day, Params: params(), Events: source(events), Batch: 7}
	whole := newMemory()
	if _, err := recon.Day(ctx, whole, in); err != nil {
		t.Fatal(err)
	}
	for _, after := range []bool{false, true} {
		for fuse := 1; ; fuse++ {
			m := newMemory()
			m.fuse, m.after = fuse, after
			_, err := recon.Day(ctx, m, in)
			if err == nil {
				if fuse < 10 {
					t.Fatalf("only %d steps", fuse)
				}
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			if _, err := recon.Day(ctx, m, in); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(m.postings, whole.postings) || !maps.Equal(m.flash, whole.flash) {
				t.Fatalf("killed at %d: %d postings, %d flash; want %d and %d", fuse, len(m.postings), len(m.flash), len(whole.postings), len(whole.flash))
			}
			for k, c := range whole.cards {
				if got := m.cards[k]; !bytes.Equal(got.Blob, c.Blob) || got.Open != c.Open {
					t.Fatalf("killed at %d: card %s differs", fuse, k)
				}
			}
		}
	}
}

func TestDayKeepsTheBudgetOfProvisionalCredits(t *testing.T) {
	p := params()
	p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 500, 500, 500
	m, ctx := newMemory(), context.Background()
	for range 2 {
		if _, err := recon.Day(ctx, m, recon.Input{Now: day, Params: p, Events: source(town(t, 70)), Batch: 4}); err != nil {
			t.Fatal(err)
		}
		if sum, _ := m.Provisional(ctx); sum != 400 {
			t.Errorf("%d credited provisionally, want two of 200 under 500", sum)
		}
	}
}

func TestDayGoesOnPastDamageAndNonsense(t *testing.T) {
	m := newMemory()
	bad := cardKey(t, 5)
	m.cards[bad] = recon.CardState{Card: bad, Blob: []byte{9, 9}, Open: true}
	events := append(town(t, 10), recon.Event{Card: cardKey(t, 1), Obs: timeline.Observation{Kind: timeline.Paid, ATC: 9, B: -1, Debit: 3}})
	r, err := recon.Day(context.Background(), m, recon.Input{Now: day, Params: params(), Events: source(events)})
	if !errors.Is(err, recon.ErrDamaged) || !slices.Equal(r.Damaged, []txn.CardKey{bad}) {
		t.Errorf("error %v, damaged %v", err, r.Damaged)
	}
	if len(r.Rejected) != 1 || !errors.Is(r.Rejected[0], timeline.ErrValue) {
		t.Errorf("rejected %v", r.Rejected)
	}
	if r.Judged != 9 || !bytes.Equal(m.cards[bad].Blob, []byte{9, 9}) {
		t.Errorf("%d judged, damaged card now % X", r.Judged, m.cards[bad].Blob)
	}
	broken := func(yield func(recon.Event, error) bool) { yield(recon.Event{}, errKilled) }
	if _, err := recon.Day(context.Background(), m, recon.Input{Now: day, Params: params(), Events: broken}); !errors.Is(err, errKilled) {
		t.Errorf("broken source: %v", err)
	}
	if _, err := recon.Day(context.Background(), m, recon.Input{Params: params()}); err == nil {
		t.Error("time 0 was taken")
	}
}

func TestEveryPostingHasTwoEnds(t *testing.T) {
	m, served := newMemory(), obs(timeline.Doubt, 1, 1000, 300)
	served.Service = true
	events := []recon.Event{{Card: cardKey(t, 1), Obs: served}, {Card: cardKey(t, 1), Obs: obs(timeline.Paid, 2, 700, 200)}, {Card: cardKey(t, 1), Obs: obs(timeline.Zero, 3, 700, 0)}}
	if _, err := recon.Day(context.Background(), m, recon.Input{Now: day, Params: params(), Events: source(events)}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range m.postings {
		got = append(got, fmt.Sprintf("%s: %s to %s %s, terminal %d", p.Key.Purpose, p.From, p.To, p.Amount, p.Terminal))
	}
	slices.Sort(got)
	if want := []string{"claim unbacked: acquirer to float 2.00, terminal 5", "collect for operator: float to operator 3.00, terminal 5"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestDayReportsAlarmsAndStopsTheCard(t *testing.T) {
	m, k := newMemory(), cardKey(t, 1)
	second := obs(timeline.Paid, 2, 700, 100)
	replay := obs(timeline.Paid, 1, 1000, 300)
	replay.Terminal, replay.Refused = 6, true
	events := []recon.Event{{Card: k, Obs: obs(timeline.Paid, 1, 1000, 300)}, {Card: k, Obs: obs(timeline.Paid, 2, 700, 200)}, {Card: k, Obs: second}, {Card: k, Obs: replay}}
	r, err := recon.Day(context.Background(), m, recon.Input{Now: day, Params: params(), Events: source(events)})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Alarms) != 2 || r.Alarms[0].Kind != timeline.ReplayAlarm || r.Alarms[1].Kind != timeline.CloneAlarm {
		t.Errorf("alarms %+v", r.Alarms)
	}
	if !m.cards[k].Frozen || r.Actions[timeline.Freeze].Count != 1 {
		t.Error("a cloned card is not frozen")
	}
}

// row is the exit of the worked example, its 9F10 with the given CVR byte.
func row(t *testing.T, kind txn.Kind, iad string) txn.Row {
	t.Helper()
	r := txn.Row{Kind: kind, Card: cardKey(t, 1), ATC: 0x12, AC: [8]byte{0xBE, 0x3A}, Amount: 400, Time: 1000, Terminal: 22, Sequence: 3, Flags: txn.LastRecordRead}
	b, err := hex.DecodeString(iad)
	if err != nil {
		t.Fatal(err)
	}
	copy(r.IAD[:], b)
	return r
}

func TestFromRowTakesWhatVerifiesOnly(t *testing.T) {
	const tc = "07011103900000010A010000011600AE047B27"
	for _, c := range []struct {
		name    string
		kind    txn.Kind
		iad     string
		verdict txn.Verdict
		obsKind timeline.ObsKind
		b       money.Fen
		refused bool
		err     error
	}{
		{"cleared", txn.Exit, tc, txn.Cleared, timeline.Paid, 12000, false, nil},
		{"denied", txn.Exit, tc, txn.DeniedCard, timeline.Paid, 12000, true, nil},
		{"late", txn.Exit, tc, txn.LateOverLimit, timeline.Paid, 12000, true, nil},
		{"second card", txn.Exit, tc, txn.ConflictingCounter, timeline.Paid, 12000, true, nil},
		{"again", txn.Exit, tc, txn.Duplicate, timeline.Paid, 12000, true, nil},
		{"doubt", txn.Doubt, tc, txn.Noted, timeline.Doubt, 12000, false, nil},
		{"declined by the card", txn.Declined, "07011103800000010A010000011600AE047B27", txn.Noted, timeline.Declined, 11600, false, nil},
		{"asked to go online", txn.Declined, "07011103A00000010A010000011600AE047B27", txn.Noted, timeline.Online, 11600, false, nil},
		{"forged", txn.Exit, tc, txn.BadCryptogram, 0, 0, false, recon.ErrForged},
		{"forged balance", txn.Exit, tc, txn.BadBalanceMAC, 0, 0, false, recon.ErrForged},
		{"unreadable", txn.Exit, "08011103900000010A010000011600AE047B27", txn.Cleared, 0, 0, false, cryptogram.ErrIAD},
		{"no balance stated", txn.Exit, "0701110390000001", txn.Cleared, 0, 0, false, timeline.ErrBalance},
		{"a row without TC", txn.Exit, "07011103A00000010A010000011600AE047B27", txn.Cleared, 0, 0, false, timeline.ErrKind},
		{"hold", txn.Hold, tc, txn.Noted, timeline.Hold, 11600, false, nil},
		{"completion", txn.Completion, tc, txn.Cleared, timeline.Paid, 12000, false, nil},
		{"single deduction", txn.Single, tc, txn.Cleared, timeline.Paid, 12000, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := row(t, c.kind, c.iad)
			e, err := recon.FromRow(&r, c.verdict)
			if !errors.Is(err, c.err) || err == nil && (e.Card != r.Card || e.Obs.Kind != c.obsKind || e.Obs.B != c.b || e.Obs.Refused != c.refused) {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
}

func BenchmarkDay(b *testing.B) {
	events := town(b, 2000)
	for b.Loop() {
		if _, err := recon.Day(context.Background(), newMemory(), recon.Input{Now: day, Params: params(), Events: source(events)}); err != nil {
			b.Fatal(err)
		}
	}
}
