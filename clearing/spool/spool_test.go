package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

func presented(t *testing.T, n int) txn.Presented {
	t.Helper()
	digits := []byte("621030000000000")
	for i, d := len(digits)-1, n; d > 0; i, d = i-1, d/10 {
		digits[i] = byte('0' + d%10)
	}
	pan, err := txn.ParsePAN(string(digits) + "0")
	if err != nil {
		t.Fatal(err)
	}
	return txn.Presented{Row: txn.Row{Kind: txn.Purchase, Card: txn.CardKey{PAN: pan, PSN: 1}, ATC: uint16(n), Amount: money.Fen(n), Terminal: 5, Sequence: uint32(n + 1)},
		Ref: txn.Ref{Block: uint32(n), Index: 7}, Start: 1, Arrived: 1_700_000_000, Mark: txn.MarkLate}
}

// lastDigits spreads the cards of these tests.
func lastDigits(card txn.CardKey) uint8 { return card.PAN[7] }

func TestRowsComeBackFromMemoryAndFromFiles(t *testing.T) {
	for _, limit := range []int{1 << 20, 5 * recordSize} {
		dir := t.TempDir()
		s := New(dir, limit, lastDigits, [16]byte{1})
		want := map[int][]txn.Presented{}
		for n := range 300 {
			p := presented(t, n)
			if err := s.Add(&p); err != nil {
				t.Fatal(err)
			}
			i := int(lastDigits(p.Row.Card))
			want[i] = append(want[i], p)
		}
		for i := range Partitions {
			got, err := s.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want[i]) {
				t.Fatalf("partition %d: %d rows, want %d", i, len(got), len(want[i]))
			}
			for n := range got {
				if got[n] != want[i][n] {
					t.Fatalf("partition %d, row %d differs", i, n)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
			t.Errorf("files left behind: %v", left)
		}
	}
}

func TestNoAccountNumberReachesTheDisk(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, recordSize, lastDigits, [16]byte{1})
	p := presented(t, 1)
	for range 3 {
		if err := s.Add(&p); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) == 0 {
		t.Fatal("nothing was spilled")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, p.Row.Card.PAN[:4]) {
			t.Errorf("%s holds an account number in clear", f)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
