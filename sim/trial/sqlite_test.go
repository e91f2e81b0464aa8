package trial

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// TestTheDatabaseSaysTheSame runs one trial on the store in memory and on the database:
// each night the two hold the same breaks and have asked for the same postings.
func TestTheDatabaseSaysTheSame(t *testing.T) {
	o := Options{Cards: 40, Seed: 7, Rate: Rate{"x100", DefaultRates().Times(100)}}
	memory := NewMemory()
	a, err := newDetector(memory, Params(o.Late))
	if err != nil {
		t.Fatal(err)
	}
	b := *a
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "city.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	cipher, err := sm4.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	vault := sqlite.NewVault(cipher, cipher.(interface{ Decrypt(dst, src []byte) }).Decrypt)
	var posted []recon.Posting
	w := newWorld(&o)
	var fresh []recon.Event
	for _, f := range w.files {
		fresh = append(fresh, a.open(f.key, f.rider.opening))
	}
	breaks := 0
	for day := range int64(Days) {
		now := Epoch + (day+1)*daySeconds + 3*3600
		taken, err := w.hand(a, now, &Outcome{})
		if err != nil {
			t.Fatal(err)
		}
		fresh = append(fresh, taken...)
		marks := w.marks(now)
		of := func(k txn.CardKey) timeline.Watermarks { return marks[w.byCard[k]] }
		if _, err := a.night(t.Context(), now, slices.Clone(fresh), of); err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(tx *sqlite.Tx) error {
			b.store = tx.Recon(vault, func(p []recon.Posting) error { posted = append(posted, p...); return nil })
			_, err := b.night(t.Context(), now, fresh, of)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		fresh = nil
		stored := map[txn.CardKey][]recon.Break{}
		err = db.Read(t.Context(), func(r *sqlite.Reader) error {
			return r.Breaks(vault, func(x *recon.Break) error {
				stored[x.Card] = append(stored[x.Card], *x)
				breaks++
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range w.files {
			if x, y := inOrder(memory.breaks[f.key]), inOrder(stored[f.key]); x != y {
				t.Fatalf("night %d, card %s:\n%s\n%s", day, f.key, x, y)
			}
		}
	}
	if breaks == 0 || len(posted) == 0 {
		t.Fatalf("%d breaks, %d postings: this test tests nothing", breaks, len(posted))
	}
	if x, y := settled(memory.postings), settled(posted); x != y {
		t.Errorf("postings:\n%s\n%s", x, y)
	}
}

// inOrder is breaks as text, in the order of the table.
func inOrder(of []recon.Break) string {
	of = slices.Clone(of)
	slices.SortFunc(of, func(a, b recon.Break) int {
		return cmp.Or(cmp.Compare(a.P, b.P), cmp.Compare(a.Q, b.Q), cmp.Compare(a.Part, b.Part))
	})
	return fmt.Sprintf("%+v", of)
}

// settled is postings as text, in the order of their keys.
func settled(of []recon.Posting) string {
	of = slices.Clone(of)
	slices.SortFunc(of, func(a, b recon.Posting) int {
		x, y := a.Key.Bytes(), b.Key.Bytes()
		return slices.Compare(x[:], y[:])
	})
	return fmt.Sprintf("%+v", of)
}
