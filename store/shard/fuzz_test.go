package shard

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// runBytes is a run of n records with payloads of different lengths.
func runBytes(t testing.TB, n int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	w, err := createRun(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		w.add(&sqlite.Token{byte(i >> 8), byte(i)}, bytes.Repeat([]byte{byte(i)}, i%97), []byte("end"))
	}
	if err := w.finish(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRunGivesBackWhatWasWritten(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		b := runBytes(t, n)
		r, err := openRun(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		err = r.each(func(token, payload []byte) error {
			want := append(bytes.Repeat([]byte{byte(i)}, i%97), "end"...)
			if token[0] != byte(i>>8) || token[1] != byte(i) || !bytes.Equal(payload, want) {
				t.Errorf("record %d: %x %x", i, token, payload)
			}
			i++
			return nil
		})
		if err != nil || i != n {
			t.Errorf("%d of %d records, %v", i, n, err)
		}
		for i := range n {
			p, err := r.find(&sqlite.Token{byte(i >> 8), byte(i)})
			if err != nil || len(p) != i%97+3 {
				t.Errorf("find %d: %x %v", i, p, err)
			}
			if p, err := r.find(&sqlite.Token{byte(i >> 8), byte(i), 1}); p != nil || err != nil {
				t.Errorf("found %x behind %d, %v", p, i, err)
			}
		}
	}
}

// TestEveryByteOfARunCounts changes each byte of a file in turn.
func TestEveryByteOfARunCounts(t *testing.T) {
	b := runBytes(t, 300)
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 0x10
		r, err := openRun(bytes.NewReader(bad), int64(len(bad)))
		if err == nil {
			err = r.each(func(_, _ []byte) error { return nil })
		}
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d of %d: %v", i, len(b), err)
		}
	}
	for n := range b {
		if r, err := openRun(bytes.NewReader(b[:n]), int64(n)); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v %v", n, r, err)
		}
	}
}

func FuzzRun(f *testing.F) {
	f.Add(runBytes(f, 0))
	f.Add(runBytes(f, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := openRun(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			count := uint64(0)
			err = r.each(func(_, _ []byte) error {
				count++
				return nil
			})
			if _, e := r.find(&sqlite.Token{0, 1}); e != nil && !errors.Is(e, ErrDamaged) {
				t.Errorf("%v", e)
			}
			if err == nil && count != r.records {
				t.Errorf("%d records of %d", count, r.records)
			}
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%v", err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add(encode(manifest{Shard: 3, Generation: 7, At: 5000, Head: true, Cards: 9, Open: 2, Past: []pastRun{{5, 4000}, {7, 5000}}}))
	f.Add([]byte(`{"shard":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeManifest(b)
		if err != nil {
			if !errors.Is(err, errManifest) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := decodeManifest(encode(m))
		if err != nil || !bytes.Equal(encode(again), encode(m)) {
			t.Errorf("%+v comes back as %+v, %v", m, again, err)
		}
	})
}

func FuzzCity(f *testing.F) {
	f.Add(encode(city{Shards: 64, At: 5000, Free: 100}))
	f.Add([]byte(`{"shards":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCity(b)
		switch {
		case err != nil && !errors.Is(err, errManifest):
			t.Errorf("%v", err)
		case err == nil && (c.Shards < 1 || c.Shards > maxShards):
			t.Errorf("%+v", c)
		}
	})
}

func FuzzHead(f *testing.F) {
	f.Add([]byte{1})
	f.Add((&headLine{open: true, due: 1000, provisional: 1 << 33, rows: 77}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, blob, err := parseHead(b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%v", err)
			}
			return
		}
		if got := append(h.append(nil), blob...); !bytes.Equal(got, b) {
			t.Errorf("%x comes back as %x", b, got)
		}
	})
}

func TestEventsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := func(name string) uint32 { return rapid.Uint32().Draw(t, name) }
		yes := func(name string) bool { return rapid.Bool().Draw(t, name) }
		want := timeline.Observation{
			ATC: uint16(u("atc")), Kind: timeline.ObsKind(u("kind")), Debit: money.Fen(u("debit")), B: money.Fen(rapid.Int64Range(0, 9_999_999_999).Draw(t, "b")),
			Commit: timeline.Certainty(u("commit") % 3), Service: yes("service"), Refused: yes("refused"), Content: rapid.Uint64().Draw(t, "content"),
			Held: money.Fen(u("held")), Completes: yes("completes"), HoldATC: uint16(u("hold")), Used: money.Fen(u("used")), UsedRead: yes("read"),
			Purse: yes("purse"), Placed: yes("placed"), Time: int64(u("time")), Terminal: txn.TerminalID(u("terminal")), Sequence: u("sequence"),
		}
		var b [eventSize]byte
		putEvent(&b, &sqlite.Token{1, 2, 3}, &want)
		if got := getEvent(b[:]); got != want {
			t.Errorf("%+v comes back as %+v", want, got)
		}
	})
}
