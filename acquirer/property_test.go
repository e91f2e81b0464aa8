package acquirer_test

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/txn"
)

// delivery is one of the blocks that the honest terminals have made.
type delivery struct {
	terminal txn.TerminalID
	number   int
	prepared *acquirer.Prepared
}

// honest makes the blocks of three terminals.
func honest(t testing.TB) (out []delivery) {
	for terminal := txn.TerminalID(1); terminal <= 3; terminal++ {
		c := newChain(terminal)
		for number := 1; number <= 5; number++ {
			out = append(out, delivery{terminal, number, preparer().Prepare(c.next(t, (int(terminal)+number)%4))})
		}
	}
	return out
}

// twin decides by numbers alone: what was accepted is the longest run from 1 of
// what has arrived.
type twin struct {
	arrived  map[txn.TerminalID]map[int]bool
	accepted map[txn.TerminalID]int
	receipts map[seal.Hash]acquirer.Receipt
	counts   map[acquirer.Outcome]int
}

func (w *twin) deliver(t *rapid.T, d delivery, window int32, got acquirer.Decision) {
	before := w.accepted[d.terminal]
	want := acquirer.Waiting
	switch {
	case d.number <= before:
		want = acquirer.Replayed
	case d.number == before+1:
		want = acquirer.Accepted
	}
	w.arrived[d.terminal][d.number] = true
	after := before
	for w.arrived[d.terminal][after+1] {
		after++
	}
	w.accepted[d.terminal] = after
	w.counts[want]++
	released := max(0, after-before-1)
	w.counts[acquirer.Accepted] += released
	if got.Outcome != want || got.Err != nil || len(got.Released) != released {
		t.Fatalf("block %d of terminal %d behind %d: %s (%v), %d released; want %s, %d released",
			d.number, d.terminal, before, got.Outcome, got.Err, len(got.Released), want, released)
	}
	receipts := got.Released
	if want == acquirer.Accepted {
		receipts = append([]acquirer.Receipt{got.Receipt}, receipts...)
	}
	for _, r := range receipts {
		if _, twice := w.receipts[r.Hash]; twice || r.Window != window || int(r.ID) != len(w.receipts)+1 {
			t.Fatalf("receipt %+v in window %d, %d were given before", r, window, len(w.receipts))
		}
		w.receipts[r.Hash] = r
	}
	if want == acquirer.Replayed && got.Receipt != w.receipts[d.prepared.Hash] {
		t.Fatalf("block %d of terminal %d gets receipt %+v, had %+v", d.number, d.terminal, got.Receipt, w.receipts[d.prepared.Hash])
	}
}

// Networks lose, repeat and exchange blocks; terminals send again what has no
// receipt. At the end every block is accepted exactly once and in order.
func TestDeliveriesInAnyOrder(t *testing.T) {
	all := honest(t)
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		a := admitter(m)
		w := &twin{map[txn.TerminalID]map[int]bool{1: {}, 2: {}, 3: {}}, map[txn.TerminalID]int{}, map[seal.Hash]acquirer.Receipt{}, map[acquirer.Outcome]int{}}
		window := int32(100)
		deliver := func(d delivery) {
			window += int32(rapid.IntRange(0, 1).Draw(t, "day"))
			got, err := a.Admit(d.prepared, window)
			if err != nil {
				t.Fatal(err)
			}
			w.deliver(t, d, window, got)
		}
		for range rapid.IntRange(0, 30).Draw(t, "deliveries") {
			deliver(all[rapid.IntRange(0, len(all)-1).Draw(t, "block")])
		}
		for _, d := range rapid.Permutation(all).Draw(t, "sent again") {
			if _, receipted := m.receipts[d.prepared.Hash]; !receipted {
				deliver(d)
			}
		}
		w.checkEnd(t, m, all)
	})
}

func (w *twin) checkEnd(t *rapid.T, m *memory, all []delivery) {
	if len(m.accepted) != len(all) || len(m.held) != 0 || len(m.waiting) != 0 {
		t.Fatalf("%d of %d blocks accepted, %d held, %d places wait", len(m.accepted), len(all), len(m.held), len(m.waiting))
	}
	for terminal := txn.TerminalID(1); terminal <= 3; terminal++ {
		number, rows := uint32(0), uint32(0)
		for _, p := range m.accepted {
			if p.Terminal() == terminal {
				if number++; p.Sealed.Header.Number != number {
					t.Fatalf("terminal %d: block %d was accepted as number %d", terminal, p.Sealed.Header.Number, number)
				}
			}
		}
		sequences := m.sequences(terminal)
		for _, s := range sequences {
			if rows++; s != rows {
				t.Fatalf("terminal %d: rows %d have a gap", terminal, sequences)
			}
		}
		last := all[int(terminal)*5-1].prepared
		want := acquirer.Head{Number: 5, Hash: last.Hash, NextSequence: rows + 1, Until: last.Sealed.Header.Until}
		if rows == 0 || m.heads[terminal] != want {
			t.Fatalf("head of terminal %d is %+v, want %+v", terminal, m.heads[terminal], want)
		}
	}
	for o := range acquirer.Outcome(10) {
		if m.counts[o] != w.counts[o] {
			t.Fatalf("%s counted %d times, want %d", o, m.counts[o], w.counts[o])
		}
	}
}

// Prepare is given to several goroutines; run with -race.
func TestPrepareMayRunInParallel(t *testing.T) {
	all, p := honest(t), preparer()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, d := range all {
				got := p.Prepare(d.prepared.Raw)
				if got.Outcome != acquirer.Accepted || got.Hash != d.prepared.Hash || !slices.Equal(got.Rows, d.prepared.Rows) {
					t.Errorf("block %d of terminal %d: %s", d.number, d.terminal, got.Outcome)
				}
			}
		})
	}
	wg.Wait()
}

// Bytes from the network: no panic, a reason with every refusal, and nothing is
// accepted but what a terminal has signed.
func FuzzPrepare(f *testing.F) {
	p := preparer()
	signed := map[string]bool{}
	for _, d := range honest(f) {
		signed[string(d.prepared.Raw)] = true
		f.Add(d.prepared.Raw)
	}
	d := newChain(1).draft(1)
	d.rows[0].Terminal = 2
	bad, _ := d.seal(f)
	f.Add(bad)
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := p.Prepare(raw)
		if accepted := got.Outcome == acquirer.Accepted; accepted != (got.Err == nil) || accepted != signed[string(raw)] {
			t.Fatalf("%s, %v", got.Outcome, got.Err)
		}
	})
}

func BenchmarkPrepare(b *testing.B) {
	raw, p := newChain(1).next(b, 500), preparer()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if got := p.Prepare(raw); got.Outcome != acquirer.Accepted {
			b.Fatal(got.Err)
		}
	}
	b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
