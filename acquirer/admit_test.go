package acquirer_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/crypt/seal"
)

func TestBlocksOfATerminalAreAcceptedInOrder(t *testing.T) {
	m, c := newMemory(), newChain(1)
	a := admitter(m)
	for i := range 4 {
		until := c.header.Until
		raw := c.next(t, i) // the first one has no rows
		d := admit(t, a, raw, int32(100+i))
		want := acquirer.Decision{Outcome: acquirer.Accepted, Receipt: acquirer.Receipt{Hash: c.hash, ID: uint32(i + 1), Window: int32(100 + i)}}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Fatalf("block %d:\n%s", i+1, diff)
		}
		if got, want := m.heads[1], (acquirer.Head{Number: uint32(i + 1), Hash: c.hash, NextSequence: c.header.FirstSequence, Until: until}); got != want {
			t.Fatalf("head after block %d is %+v, want %+v", i+1, got, want)
		}
	}
	if got, want := m.sequences(1), []uint32{1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("rows %d, want %d", got, want)
	}
}

// refusals are deliveries behind one accepted block of terminal 1, which had rows
// 1 and 2; the acquirer must say why and keep the head.
var refusals = []struct {
	name    string
	deliver func(t *testing.T, c *chain, first []byte) []byte
	want    acquirer.Outcome
	message string
	held    bool
}{
	{"nothing", func(*testing.T, *chain, []byte) []byte { return nil }, acquirer.Malformed, "0 bytes", false},
	{"not a block", func(*testing.T, *chain, []byte) []byte { return bytes.Repeat([]byte("CCB1"), 100) }, acquirer.Malformed, "layout version", false},
	{"cut off", func(t *testing.T, c *chain, _ []byte) []byte { b := c.next(t, 1); return b[:len(b)-1] }, acquirer.Malformed, "parse block", false},
	{"one byte more", func(t *testing.T, c *chain, _ []byte) []byte { return append(c.next(t, 1), 0) }, acquirer.Malformed, "after the signature", false},
	{"over the limit", func(*testing.T, *chain, []byte) []byte { return make([]byte, 4<<20+1) }, acquirer.Malformed, "at most", false},
	{"stranger", func(t *testing.T, c *chain, _ []byte) []byte { return newChain(strangeTerminal).next(t, 1) }, acquirer.UnknownTerminal, "terminal 9 is not in the register", false},
	{"signed by another terminal", func(t *testing.T, c *chain, _ []byte) []byte {
		d := c.draft(1)
		d.signer = private("terminal 2")
		raw, _ := d.seal(t)
		return raw
	}, acquirer.BadSignature, "block 2 of terminal 1", false},
	{"content altered", func(t *testing.T, c *chain, _ []byte) []byte { b := c.next(t, 1); b[len(b)-80] ^= 1; return b }, acquirer.BadSignature, "block 2 of terminal 1", false},
	{"header altered", func(t *testing.T, c *chain, _ []byte) []byte { b := c.next(t, 1); b[15] ^= 2; return b }, acquirer.BadSignature, "terminal 1", false},
	{"accepted before", func(_ *testing.T, _ *chain, first []byte) []byte { return first }, acquirer.Replayed, "", false},
	{"fork: number accepted, other content", func(t *testing.T, c *chain, _ []byte) []byte {
		fork := newChain(1)
		fork.header.Until++
		return fork.next(t, 1)
	}, acquirer.BrokenChain, "block 1 does not follow block 1 of terminal 1", true},
	{"number of the last block on top of it", func(t *testing.T, c *chain, _ []byte) []byte { c.header.Number--; return c.next(t, 1) }, acquirer.BrokenChain, "block 1 does not follow block 1", true},
	{"another predecessor", func(t *testing.T, c *chain, _ []byte) []byte { c.header.Previous[31] ^= 1; return c.next(t, 1) }, acquirer.BrokenChain, "block 2 does not follow", true},
	{"no predecessor", func(t *testing.T, c *chain, _ []byte) []byte { clear(c.header.Previous[:]); return c.next(t, 1) }, acquirer.BrokenChain, "block 2 does not follow", true},
	{"too early", func(t *testing.T, c *chain, _ []byte) []byte { c.next(t, 1); return c.next(t, 1) }, acquirer.Waiting, "", false},
	{"sealed for another acquirer", func(t *testing.T, c *chain, _ []byte) []byte {
		d := c.draft(1)
		d.receiver = public("another acquirer")
		raw, _ := d.seal(t)
		return raw
	}, acquirer.Unreadable, "block 2 of terminal 1", true},
	{"row of another terminal", func(t *testing.T, c *chain, _ []byte) []byte {
		d := c.draft(3)
		d.rows[2].Terminal = 2
		raw, _ := d.seal(t)
		return raw
	}, acquirer.BadRow, "row 2 names terminal 2", true},
	{"row 0", func(t *testing.T, c *chain, _ []byte) []byte {
		d := c.draft(2)
		d.rows[0].Sequence = 0
		raw, _ := d.seal(t)
		return raw
	}, acquirer.BadRow, "row 0 has sequence 0", true},
	{"row of no kind", func(t *testing.T, c *chain, _ []byte) []byte {
		d := c.draft(2)
		d.raw = func(row int, b []byte) { b[1] = byte(9 * row) }
		raw, _ := d.seal(t)
		return raw
	}, acquirer.BadRow, "row 0: decode row: kind 0", true},
	{"time that goes back", func(t *testing.T, c *chain, _ []byte) []byte {
		c.header.From, c.header.Until = 0, 0
		return c.next(t, 2)
	}, acquirer.BrokenChain, "does not follow", true},
	{"gap before the block", func(t *testing.T, c *chain, _ []byte) []byte { c.header.FirstSequence++; return c.next(t, 2) }, acquirer.SequenceGap, "header starts at sequence 4, want 3", true},
	{"rows presented again", func(t *testing.T, c *chain, _ []byte) []byte { c.header.FirstSequence--; return c.next(t, 2) }, acquirer.SequenceGap, "header starts at sequence 2, want 3", true},
	{"gap inside", func(t *testing.T, c *chain, _ []byte) []byte {
		d := c.draft(3)
		d.rows = slices.Delete(d.rows, 1, 2)
		raw, _ := d.seal(t)
		return raw
	}, acquirer.SequenceGap, "row 1 has sequence 5, want 4", true},
	{"row twice inside", func(t *testing.T, c *chain, _ []byte) []byte {
		d := c.draft(3)
		d.rows[2].Sequence = 4
		raw, _ := d.seal(t)
		return raw
	}, acquirer.SequenceGap, "row 2 has sequence 4, want 5", true},
	{"header and rows differ", func(t *testing.T, c *chain, _ []byte) []byte {
		d := c.draft(2)
		d.rows[0].Sequence, d.rows[1].Sequence = 4, 5
		raw, _ := d.seal(t)
		return raw
	}, acquirer.SequenceGap, "row 0 has sequence 4, want 3", true},
	{"empty block with a gap", func(t *testing.T, c *chain, _ []byte) []byte { c.header.FirstSequence += 5; return c.next(t, 0) }, acquirer.SequenceGap, "header starts at sequence 8", true},
}

func TestRefusedBlocks(t *testing.T) {
	reached := map[acquirer.Outcome]bool{acquirer.Accepted: true}
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			m, chain := newMemory(), newChain(1)
			a := admitter(m)
			first := chain.next(t, 2)
			receipt := admit(t, a, first, 20).Receipt
			head := m.heads[1]

			raw := c.deliver(t, chain, first)
			p := a.Preparer.Prepare(raw)
			d, err := a.Admit(p, 21)
			if err != nil {
				t.Fatal(err)
			}
			reached[d.Outcome] = true
			if d.Outcome != c.want {
				t.Fatalf("%s (%v), want %s", d.Outcome, d.Err, c.want)
			}
			if (c.message == "") != (d.Err == nil) || d.Err != nil && !strings.Contains(d.Err.Error(), c.message) {
				t.Errorf("reason %v, want %q", d.Err, c.message)
			}
			if want := (acquirer.Receipt{}); c.want == acquirer.Replayed && d.Receipt != receipt || c.want != acquirer.Replayed && d.Receipt != want {
				t.Errorf("receipt %+v", d.Receipt)
			}
			if m.heads[1] != head || len(m.accepted) != 1 || len(d.Released) != 0 {
				t.Errorf("head moved to %+v, %d blocks accepted", m.heads[1], len(m.accepted))
			}
			why, held := m.held[p.Hash]
			if held != c.held || held && why != c.want {
				t.Errorf("held %v for %s, want %v", held, why, c.held)
			}
			if (len(m.waiting) > 0) != (c.want == acquirer.Waiting) {
				t.Errorf("%d blocks wait", len(m.waiting))
			}
			if m.counts[c.want] != 1 || m.counts[acquirer.Accepted] != 1 {
				t.Errorf("counted %v", m.counts)
			}
		})
	}
	for o := acquirer.Accepted; o.String() != "invalid"; o++ {
		if !reached[o] {
			t.Errorf("no test reaches %q", o)
		}
	}
}

// Every set of defects in one block: the outcome is the one that stands first.
func TestOutcomesStandInOrderOfPrecedence(t *testing.T) {
	const (
		unknown = 1 << iota
		signature
		early
		previous
		unreadable
		badRow
		gap
		all
	)
	order := []struct {
		defect int
		want   acquirer.Outcome
	}{{unknown, acquirer.UnknownTerminal}, {signature, acquirer.BadSignature}, {early, acquirer.Waiting}, {previous, acquirer.BrokenChain},
		{unreadable, acquirer.Unreadable}, {badRow, acquirer.BadRow}, {gap, acquirer.SequenceGap}, {all, acquirer.Accepted}}
	for defects := range all {
		m, c := newMemory(), newChain(1)
		a := admitter(m)
		admit(t, a, c.next(t, 2), 20)
		if defects&early != 0 {
			c.next(t, 1)
		}
		if defects&previous != 0 {
			c.header.Previous[0] ^= 1
		}
		if defects&unknown != 0 {
			c.header.Terminal = strangeTerminal
		}
		d := c.draft(2)
		if defects&unreadable != 0 {
			d.receiver = public("another acquirer")
		}
		if defects&signature != 0 {
			d.signer = private("terminal 2")
		}
		if defects&badRow != 0 {
			d.rows[1].Terminal = 77
		}
		if defects&gap != 0 {
			d.rows[0].Sequence++
		}
		raw, _ := d.seal(t)
		for _, o := range order {
			if defects&o.defect != 0 || o.defect == all {
				if got := admit(t, a, raw, 20).Outcome; got != o.want {
					t.Errorf("defects %07b: %s, want %s", defects, got, o.want)
				}
				break
			}
		}
	}
}

func TestEarlyBlocksAreReleasedInOrder(t *testing.T) {
	m := newMemory()
	a := admitter(m)
	c, other := newChain(1), newChain(2)
	var raws [][]byte
	var hashes []seal.Hash
	for range 5 {
		raws, hashes = append(raws, c.next(t, 2)), append(hashes, c.hash)
	}
	other.next(t, 1)
	otherSecond := other.next(t, 1)
	for _, early := range [][]byte{raws[3], otherSecond, raws[1], raws[3], raws[2]} {
		if d := admit(t, a, early, 20); d.Outcome != acquirer.Waiting || d.Receipt != (acquirer.Receipt{}) {
			t.Fatalf("%s, receipt %+v", d.Outcome, d.Receipt)
		}
	}
	if len(m.accepted) != 0 {
		t.Fatal("an early block was accepted")
	}
	d := admit(t, a, raws[0], 21)
	want := acquirer.Decision{Receipt: acquirer.Receipt{Hash: hashes[0], ID: 1, Window: 21}, Released: []acquirer.Receipt{
		{Hash: hashes[1], ID: 2, Window: 21}, {Hash: hashes[2], ID: 3, Window: 21}, {Hash: hashes[3], ID: 4, Window: 21}}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Fatalf("decision on block 1:\n%s", diff)
	}
	if got, want := m.sequences(1), []uint32{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(got, want) {
		t.Errorf("rows %d, want %d", got, want)
	}
	if m.counts[acquirer.Waiting] != 5 || m.counts[acquirer.Accepted] != 4 {
		t.Errorf("counted %v", m.counts)
	}
	if len(m.waiting) != 1 || len(m.waiting[place{2, 2}]) != 1 {
		t.Errorf("still waiting: %v", m.waiting)
	}
	if d := admit(t, a, raws[4], 21); d.Outcome != acquirer.Accepted || len(d.Released) != 0 {
		t.Errorf("block 5: %s, released %v", d.Outcome, d.Released)
	}
}

// A waiting block that turns out to be bad must not stop the ones that are good,
// and the ones behind it keep waiting.
func TestWaitingBlockMayTurnOutBad(t *testing.T) {
	m, c := newMemory(), newChain(1)
	a := admitter(m)
	first := c.next(t, 1)
	bad := c.draft(2)
	bad.rows[1].Terminal = 2
	badRaw, _ := bad.seal(t)
	second := c.next(t, 2)
	third := c.next(t, 1)
	admit(t, a, badRaw, 20)
	admit(t, a, third, 20)
	if d := admit(t, a, first, 20); d.Outcome != acquirer.Accepted || len(d.Released) != 0 {
		t.Fatalf("%s, released %v", d.Outcome, d.Released)
	}
	if m.counts[acquirer.BadRow] != 1 || len(m.waiting[place{1, 2}]) != 0 || len(m.waiting[place{1, 3}]) != 1 {
		t.Errorf("counted %v, waiting %v", m.counts, m.waiting)
	}
	if d := admit(t, a, second, 20); d.Outcome != acquirer.Accepted || len(d.Released) != 1 {
		t.Errorf("the good block 2: %s, released %v", d.Outcome, d.Released)
	}
}

// Two signed blocks with one number: a terminal that was copied, or that lost its
// memory. One is accepted, the other is held for people, whatever their order.
func TestTwoBlocksWaitUnderOneNumber(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(d *draft) // makes the second of the two
		// either says that both may follow the head: the hash decides
		either bool
	}{
		{"other rows", func(d *draft) { d.rows = d.rows[:1] }, true},
		{"other time", func(d *draft) { d.header.Until++ }, true},
		{"other predecessor", func(d *draft) { d.header.Previous[5] ^= 1 }, false},
	} {
		var outcomes []seal.Hash
		for _, swap := range []bool{false, true} {
			m, chain := newMemory(), newChain(1)
			a := admitter(m)
			first := chain.next(t, 1)
			x, y := chain.draft(2), chain.draft(2)
			c.change(y)
			xRaw, xHash := x.seal(t)
			yRaw, yHash := y.seal(t)
			both := [][]byte{xRaw, yRaw}
			if swap {
				slices.Reverse(both)
			}
			for _, raw := range both {
				if d := admit(t, a, raw, 20); d.Outcome != acquirer.Waiting {
					t.Fatalf("%s: %s", c.name, d.Outcome)
				}
			}
			if n := len(m.waiting[place{1, 2}]); n != 2 {
				t.Fatalf("%s: %d wait", c.name, n)
			}
			d := admit(t, a, first, 20)
			if len(d.Released) != 1 || len(m.held) != 1 || len(m.accepted) != 2 || m.heads[1].Hash != d.Released[0].Hash {
				t.Fatalf("%s: released %v, held %v, head %v", c.name, d.Released, m.held, m.heads[1])
			}
			winner, loser := xHash, yHash
			if c.either && bytes.Compare(yHash[:], xHash[:]) < 0 {
				winner, loser = yHash, xHash
			}
			if d.Released[0].Hash != winner || m.held[loser] != acquirer.BrokenChain {
				t.Errorf("%s: accepted %x, held %v", c.name, d.Released[0].Hash, m.held)
			}
			outcomes = append(outcomes, m.heads[1].Hash)
		}
		if outcomes[0] != outcomes[1] {
			t.Errorf("%s: the order of arrival decided", c.name)
		}
	}
}

// A receipt that got lost is given again as it was stored, for ever.
func TestReplayGetsTheStoredReceipt(t *testing.T) {
	m, c := newMemory(), newChain(1)
	a := admitter(m)
	var raws [][]byte
	var receipts []acquirer.Receipt
	for i := range 3 {
		raws = append(raws, c.next(t, 1))
		receipts = append(receipts, admit(t, a, raws[i], int32(20+i)).Receipt)
	}
	for round := range 2 {
		for i, raw := range raws {
			if d := admit(t, a, bytes.Clone(raw), int32(90+round)); d.Outcome != acquirer.Replayed || d.Receipt != receipts[i] || d.Err != nil {
				t.Errorf("block %d: %s, receipt %+v, want %+v", i+1, d.Outcome, d.Receipt, receipts[i])
			}
		}
	}
	if len(m.accepted) != 3 || m.counts[acquirer.Replayed] != 6 {
		t.Errorf("%d accepted, counted %v", len(m.accepted), m.counts)
	}
}

// No failure of the store may be swallowed: a receipt without a stored block is
// lost money.
func TestFailuresOfTheStoreAreReported(t *testing.T) {
	for _, c := range []struct {
		method  string
		deliver int // 0 early block, 1 first block, 2 fork
	}{{"Head", 1}, {"Receipt", 1}, {"PutAccepted", 1}, {"TakeWaiting", 1}, {"Count", 1}, {"PutWaiting", 0}, {"Count", 0}, {"PutHeld", 2}} {
		m, chain := newMemory(), newChain(1)
		a := admitter(m)
		first := chain.next(t, 1)
		chain.header.Number++
		early := chain.next(t, 1)
		fork := newChain(1)
		fork.header.Previous[0] = 1
		m.fail = c.method
		_, err := a.Admit(a.Preparer.Prepare([][]byte{early, first, fork.next(t, 1)}[c.deliver]), 20)
		if !errors.Is(err, errDisk) {
			t.Errorf("%s fails on delivery %d: %v", c.method, c.deliver, err)
		}
	}
}

// failAfter fails from the n-th call of a method on, to reach the decisions on
// released blocks.
type failAfter struct {
	*memory
	method string
	calls  int
}

func (f *failAfter) tick(method string) error {
	if f.method == method {
		if f.calls--; f.calls < 0 {
			return errDisk
		}
	}
	return nil
}

func (f *failAfter) PutAccepted(p *acquirer.Prepared, window int32, head acquirer.Head) (acquirer.Receipt, error) {
	if err := f.tick("PutAccepted"); err != nil {
		return acquirer.Receipt{}, err
	}
	return f.memory.PutAccepted(p, window, head)
}

func (f *failAfter) Count(o acquirer.Outcome) error {
	if err := f.tick("Count"); err != nil {
		return err
	}
	return f.memory.Count(o)
}

func TestFailuresOnReleaseAreReported(t *testing.T) {
	for _, method := range []string{"PutAccepted", "Count"} {
		c := newChain(1)
		first, second := c.next(t, 1), c.next(t, 1)
		m := &failAfter{memory: newMemory()}
		a := admitter(m)
		admit(t, a, second, 20)
		m.method, m.calls = method, 1
		_, err := a.Admit(a.Preparer.Prepare(first), 20)
		if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "block 2 of terminal 1") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// The two rules can be replaced, so that a test of the whole road can break them
// on purpose.
func TestRulesCanBeReplaced(t *testing.T) {
	m, c := newMemory(), newChain(1)
	a := admitter(m)
	a.Chain = func(acquirer.Head, *acquirer.Prepared) bool { return true }
	a.Sequence = func(acquirer.Head, *acquirer.Prepared) (uint32, error) { return 700, nil }
	c.header.Previous[0], c.header.FirstSequence = 9, 50
	if d := admit(t, a, c.next(t, 1), 20); d.Outcome != acquirer.Accepted || m.heads[1].NextSequence != 700 {
		t.Errorf("%s, head %+v", d.Outcome, m.heads[1])
	}
	for _, previous := range []seal.Hash{{}, {1}} {
		c := newChain(1)
		c.header.Previous = previous
		p := preparer().Prepare(c.next(t, 1))
		if got, want := acquirer.Follows(acquirer.Head{NextSequence: 1}, p), previous == (seal.Hash{}); got != want {
			t.Errorf("predecessor %x follows nothing: %v", previous[:1], got)
		}
		if next, err := acquirer.Gapless(acquirer.Head{NextSequence: 1}, p); err != nil || next != 2 {
			t.Errorf("next sequence %d, %v", next, err)
		}
	}
}

func TestOutcomeNumbersAndTexts(t *testing.T) {
	if acquirer.SequenceGap != 9 || acquirer.Waiting != 6 || acquirer.Replayed != 4 {
		t.Error("the number of an outcome has changed")
	}
	seen := map[string]bool{}
	for o := range acquirer.Outcome(10) {
		en, zh := o.Text("en"), o.Text("zh")
		if en == "" || zh == "" || en == zh || seen[en] || seen[zh] || o.String() != en || o.Text("fr") != en {
			t.Errorf("outcome %d is %q and %q", o, en, zh)
		}
		seen[en], seen[zh] = true, true
		if again := o == acquirer.Waiting || o == acquirer.UnknownTerminal; o.Transient() != again {
			t.Errorf("%s transient: %v", o, o.Transient())
		}
	}
	if acquirer.Outcome(10).String() != "invalid" || acquirer.Outcome(255).Text("zh") != "invalid" {
		t.Error("an unknown outcome has a name")
	}
}
