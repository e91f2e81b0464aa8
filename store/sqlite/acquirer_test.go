package sqlite_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/store/segment"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// twinStore is acquirer.Store in plain slices: what the tables must agree with.
type twinStore struct {
	Heads    map[txn.TerminalID]acquirer.Head
	Accepted []stored
	Waiting  []stored
	Held     map[seal.Hash]acquirer.Outcome
	Counts   map[acquirer.Outcome]int64
}

type stored struct {
	Prepared *acquirer.Prepared
	Receipt  acquirer.Receipt
	Arrived  int64
}

func newTwinStore() *twinStore {
	return &twinStore{Heads: map[txn.TerminalID]acquirer.Head{}, Held: map[seal.Hash]acquirer.Outcome{}, Counts: map[acquirer.Outcome]int64{}}
}

func (s *twinStore) clone() *twinStore {
	return &twinStore{maps.Clone(s.Heads), slices.Clone(s.Accepted), slices.Clone(s.Waiting), maps.Clone(s.Held), maps.Clone(s.Counts)}
}

func (s *twinStore) Head(terminal txn.TerminalID) (acquirer.Head, error) {
	h, known := s.Heads[terminal]
	if !known {
		h.NextSequence = 1
	}
	return h, nil
}

func (s *twinStore) Receipt(hash seal.Hash) (acquirer.Receipt, bool, error) {
	for _, b := range s.Accepted {
		if b.Receipt.Hash == hash {
			return b.Receipt, true, nil
		}
	}
	return acquirer.Receipt{}, false, nil
}

func (s *twinStore) PutAccepted(p *acquirer.Prepared, window int32, head acquirer.Head) (acquirer.Receipt, error) {
	r := acquirer.Receipt{Hash: p.Hash, ID: uint32(len(s.Accepted) + 1), Window: window}
	s.Accepted = append(s.Accepted, stored{p, r, 0})
	s.Heads[p.Terminal()] = head
	return r, nil
}

func (s *twinStore) PutWaiting(p *acquirer.Prepared) error {
	if !slices.ContainsFunc(s.Waiting, func(w stored) bool { return w.Prepared.Hash == p.Hash }) {
		s.Waiting = append(s.Waiting, stored{Prepared: p})
	}
	return nil
}

func (s *twinStore) TakeWaiting(terminal txn.TerminalID, number uint32) (raw [][]byte, err error) {
	var taken []*acquirer.Prepared
	s.Waiting = slices.DeleteFunc(slices.Clone(s.Waiting), func(w stored) bool {
		p := w.Prepared
		if p.Terminal() != terminal || p.Sealed.Header.Number != number {
			return false
		}
		taken = append(taken, p)
		return true
	})
	slices.SortFunc(taken, func(a, b *acquirer.Prepared) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
	for _, p := range taken {
		raw = append(raw, p.Raw)
	}
	return raw, nil
}

func (s *twinStore) PutHeld(p *acquirer.Prepared, _ int32, why acquirer.Outcome) error {
	if _, held := s.Held[p.Hash]; !held {
		s.Held[p.Hash] = why
	}
	return nil
}

func (s *twinStore) Count(o acquirer.Outcome) error { s.Counts[o]++; return nil }

var _ acquirer.Store = (*twinStore)(nil)

// prepared is a block that nobody signed: the store looks at hash, header and
// bytes only.
func prepared(n int, terminal, number uint32) *acquirer.Prepared {
	p := &acquirer.Prepared{Raw: bytes.Repeat([]byte{byte(n)}, 1+n%50), Sealed: block.Sealed{Header: block.Header{Terminal: terminal, Number: number, Start: uint32(n), Rows: uint16(n)}}}
	p.Hash = seal.HashOf([]byte(fmt.Sprint(n, terminal, number)))
	return p
}

// step makes one call on both stores and compares the answers.
func step(t *rapid.T, n int, twin, table acquirer.Store) {
	terminal := uint32(rapid.SampledFrom([]int{1, 2, 1 << 31}).Draw(t, "terminal"))
	number := uint32(rapid.IntRange(1, 3).Draw(t, "number"))
	window := int32(rapid.SampledFrom([]int{20_000, 20_001}).Draw(t, "window"))
	older := rapid.IntRange(0, n).Draw(t, "block")
	same := func(what string, want, got any, wantErr, gotErr error) {
		if diff := gocmp.Diff(want, got); diff != "" || wantErr != nil || gotErr != nil {
			t.Fatalf("%s (-twin +table), %v, %v:\n%s", what, wantErr, gotErr, diff)
		}
	}
	switch call := rapid.SampledFrom([]string{"head", "receipt", "accept", "wait", "wait", "take", "hold", "count"}).Draw(t, "call"); call {
	case "head":
		want, err := twin.Head(txn.TerminalID(terminal))
		got, err2 := table.Head(txn.TerminalID(terminal))
		same(call, want, got, err, err2)
	case "receipt":
		hash := prepared(older, terminal, number).Hash
		want, found, err := twin.Receipt(hash)
		got, found2, err2 := table.Receipt(hash)
		same(call, []any{want, found}, []any{got, found2}, err, err2)
	case "accept":
		p := prepared(n, terminal, number)
		head := acquirer.Head{Number: number, Hash: p.Hash, NextSequence: uint32(n) << 22, Until: uint32(n) << 23}
		want, err := twin.PutAccepted(p, window, head)
		got, err2 := table.PutAccepted(p, window, head)
		same(call, want, got, err, err2)
	case "wait":
		p := prepared(older, terminal, number) // perhaps one that waits already
		same(call, nil, nil, twin.PutWaiting(p), table.PutWaiting(p))
	case "take":
		want, err := twin.TakeWaiting(txn.TerminalID(terminal), number)
		got, err2 := table.TakeWaiting(txn.TerminalID(terminal), number)
		same(call, want, got, err, err2)
	case "hold":
		p, why := prepared(older, terminal, number), acquirer.Outcome(rapid.IntRange(5, 9).Draw(t, "why"))
		same(call, nil, nil, twin.PutHeld(p, window, why), table.PutHeld(p, window, why))
	case "count":
		o := acquirer.Outcome(rapid.IntRange(0, 9).Draw(t, "outcome"))
		same(call, nil, nil, twin.Count(o), table.Count(o))
	}
}

var errTurnedBack = errors.New("turned back on purpose")

// empty clears tables, which is quicker than a new database.
func empty(t *rapid.T, db *sqlite.DB, tables ...string) {
	err := db.Write(context.Background(), func(tx *sqlite.Tx) error {
		for _, table := range tables {
			if _, err := tx.Exec("DELETE FROM " + table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Calls in any order, cut into transactions some of which are turned back: the
// tables answer as the twin does, and what is read afterwards is what it holds.
func TestAcquirerStoreAgreesWithItsTwin(t *testing.T) {
	db, dir := openEngine(t, sqlite.Options{Durability: sqlite.Normal}).DB, t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		empty(t, db, "acquirer_block", "acquirer_head", "acquirer_waiting", "acquirer_held", "acquirer_count")
		files, err := segment.Open(filepath.Join(dir, fmt.Sprint(runs)))
		if err != nil {
			t.Fatal(err)
		}
		defer files.Close()
		twin, n, at := newTwinStore(), 0, int64(1_766_102_400)
		for range rapid.IntRange(1, 6).Draw(t, "transactions") {
			turnBack := rapid.IntRange(0, 3).Draw(t, "turned back") == 0
			tried := twin.clone()
			at++
			err := db.Write(context.Background(), func(tx *sqlite.Tx) error {
				table, err := tx.Acquirer(files, at)
				if err != nil {
					return err
				}
				for range rapid.IntRange(0, 12).Draw(t, "calls") {
					before := len(tried.Accepted)
					step(t, n, tried, table)
					n++
					if len(tried.Accepted) > before {
						tried.Accepted[before].Arrived = at
					}
				}
				if turnBack {
					return errTurnedBack
				}
				return files.Sync()
			})
			if turnBack != errors.Is(err, errTurnedBack) || !turnBack && err != nil {
				t.Fatal(err)
			}
			if !turnBack {
				twin = tried
			}
		}
		readBack(t, db, files, twin)
	})
}

// readBack compares everything that a reader is told with the twin.
func readBack(t *rapid.T, db *sqlite.DB, files *segment.Store, twin *twinStore) {
	err := db.Read(context.Background(), func(r *sqlite.Reader) error {
		counts, err := r.Outcomes()
		if err != nil || !maps.Equal(counts, twin.Counts) {
			t.Fatalf("counts %v, want %v, %v", counts, twin.Counts, err)
		}
		seen := 0
		for _, window := range []int32{20_000, 20_001, 20_002} {
			blocks, err := r.Blocks(window)
			if err != nil {
				return err
			}
			end := int64(0)
			for _, b := range blocks {
				seen++
				want := twin.Accepted[b.ID-1]
				raw, err := files.Read(b.Window, b.Place, b.Length)
				if err != nil || !bytes.Equal(raw, want.Prepared.Raw) || want.Receipt.Window != window {
					t.Fatalf("block %d of window %d is not what was accepted: %v", b.ID, window, err)
				}
				h := want.Prepared.Sealed.Header
				if b != (sqlite.Block{ID: want.Receipt.ID, Start: h.Start, Terminal: txn.TerminalID(h.Terminal), Window: window, Arrived: want.Arrived, Place: b.Place, Length: len(raw)}) {
					t.Fatalf("block %+v, header %+v", b, h)
				}
				if one, err := r.FindBlock(b.ID); err != nil || one != b {
					t.Fatalf("block %d is found as %+v, %v", b.ID, one, err)
				}
				if has, err := r.HasBlock(want.Prepared.Hash); err != nil || !has {
					t.Fatalf("block %d is not found by its hash: %v", b.ID, err)
				}
				end = max(end, b.Place+int64(b.Length))
			}
			if !slices.IsSortedFunc(blocks, func(a, b sqlite.Block) int { return cmp.Compare(a.ID, b.ID) }) {
				t.Fatalf("blocks of window %d are not in order", window)
			}
			if got, err := r.SegmentEnd(window); err != nil || got != end {
				t.Fatalf("window %d ends at %d, want %d, %v", window, got, end, err)
			}
		}
		if seen != len(twin.Accepted) {
			t.Fatalf("%d blocks are listed, %d were accepted", seen, len(twin.Accepted))
		}
		return unknown(t, r, twin)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func unknown(t *rapid.T, r *sqlite.Reader, twin *twinStore) error {
	id := uint32(len(twin.Accepted) + 1)
	if _, err := r.FindBlock(id); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("block %d was never accepted", id)) {
		t.Fatalf("block %d: %v", id, err)
	}
	if has, err := r.HasBlock(seal.Hash{1}); err != nil || has {
		t.Fatalf("a hash of no block is found, %v", err)
	}
	want := int64(0)
	for i, h := range slices.Collect(maps.Values(twin.Heads)) {
		if i == 0 || int64(h.Until) < want {
			want = int64(h.Until)
		}
	}
	all := func(txn.TerminalID) bool { return true }
	got, err := r.Watermark(len(twin.Heads), all)
	if err != nil || got != want {
		t.Fatalf("watermark %d, want %d, %v", got, want, err)
	}
	if got, err = r.Watermark(len(twin.Heads)+1, all); got != 0 {
		t.Fatalf("watermark %d although a terminal is silent", got)
	}
	return err
}

// The numbers of blocks go on where the database stopped.
func TestBlockNumbersGoOnAfterReopening(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	files, err := segment.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for i := range 3 {
		mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
			s, err := tx.Acquirer(files, 5)
			if err != nil {
				return err
			}
			p := prepared(i, 1, uint32(i+1))
			r, err := s.PutAccepted(p, 20_000, acquirer.Head{Number: uint32(i + 1), Hash: p.Hash})
			if want := (acquirer.Receipt{Hash: p.Hash, ID: uint32(i + 1), Window: 20_000}); r != want {
				t.Errorf("receipt %+v, want %+v", r, want)
			}
			return err
		})
		if err := e.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
}

// One block cannot be accepted twice: the table itself forbids it.
func TestBlockIsAcceptedOnce(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	files, err := segment.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	err = e.DB.Write(context.Background(), func(tx *sqlite.Tx) error {
		s, err := tx.Acquirer(files, 5)
		if err != nil {
			return err
		}
		p := prepared(1, 1, 1)
		if _, err := s.PutAccepted(p, 20_000, acquirer.Head{}); err != nil {
			return err
		}
		_, err = s.PutAccepted(p, 20_001, acquirer.Head{})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("error %v", err)
	}
}

// A block that waited for its predecessor is as old as its first arrival: lateness
// is the terminal's, not the carrier's.
func TestBlocksThatWaitedKeepTheTimeOfTheirArrival(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	files, err := segment.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	early := prepared(3, 7, 2)
	if err := e.DB.Write(t.Context(), func(tx *sqlite.Tx) error {
		s, err := tx.Acquirer(files, 1000)
		if err != nil {
			return err
		}
		return s.PutWaiting(early)
	}); err != nil {
		t.Fatal(err)
	}
	if err := e.DB.Write(t.Context(), func(tx *sqlite.Tx) error {
		s, err := tx.Acquirer(files, 9000)
		if err != nil {
			return err
		}
		if raw, err := s.TakeWaiting(7, 2); err != nil || len(raw) != 1 {
			t.Fatalf("%d blocks wait, %v", len(raw), err)
		}
		if _, err := s.PutAccepted(early, 3, acquirer.Head{Number: 2}); err != nil {
			return err
		}
		blocks, err := tx.Blocks(3)
		if len(blocks) != 1 || blocks[0].Arrived != 1000 {
			t.Errorf("accepted as %+v, want the arrival at 1000", blocks)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
