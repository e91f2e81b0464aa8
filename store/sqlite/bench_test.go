package sqlite_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/sqlite"
)

const (
	benchCards     = 100_000
	benchMerchants = 50
	benchBatch     = 8000
)

// city is a made-up set of accounts and a source of transfers between them with
// random ids, 1 percent of which repeat an earlier transfer.
type city struct {
	rng   *rand.Rand
	cards []ledger.Account
	shops []ledger.Account
	past  []ledger.Transfer
}

func newCity(seed uint64, cards, shops int) *city {
	c := &city{rng: rand.New(rand.NewPCG(seed, 7))}
	for i := range cards + shops {
		a := ledger.Account{Owner: "token", Kind: ledger.CardFloat}
		if i >= cards {
			a.Kind = ledger.Operator
		}
		a.ID[0] = byte(a.Kind)
		binary.BigEndian.PutUint64(a.ID[1:], c.rng.Uint64())
		if i < cards {
			c.cards = append(c.cards, a)
		} else {
			c.shops = append(c.shops, a)
		}
	}
	return c
}

func (c *city) batch(n int) []ledger.Transfer {
	batch := make([]ledger.Transfer, n)
	for i := range batch {
		if len(c.past) > 0 && c.rng.IntN(100) == 0 {
			batch[i] = c.past[c.rng.IntN(len(c.past))]
			continue
		}
		t := ledger.Transfer{
			Debit: c.cards[c.rng.IntN(len(c.cards))].ID, Credit: c.shops[c.rng.IntN(len(c.shops))].ID,
			Amount: money.Fen(c.rng.IntN(1000) + 1), Code: 1, At: 1_790_000_000 + int64(len(c.past)), Window: 3,
		}
		binary.BigEndian.PutUint64(t.ID[:8], c.rng.Uint64())
		binary.BigEndian.PutUint64(t.ID[8:], c.rng.Uint64())
		batch[i] = t
		c.past = append(c.past, t)
	}
	return batch
}

func openBench(b *testing.B, opt sqlite.Options, c *city) *sqlite.DB {
	b.Helper()
	db, err := sqlite.Open(filepath.Join(b.TempDir(), "ledger.db"), opt)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	err = db.Write(context.Background(), func(tx *sqlite.Tx) error {
		if _, err := tx.OpenAccounts(c.cards); err != nil {
			return err
		}
		_, err := tx.OpenAccounts(c.shops)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

func benchPost(b *testing.B, opt sqlite.Options, size int) {
	c := newCity(1, benchCards, benchMerchants)
	db := openBench(b, opt, c)
	batches := make([][]ledger.Transfer, b.N)
	for i := range batches {
		batches[i] = c.batch(size)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, batch := range batches {
		if _, err := db.Post(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "transfers/s")
	err := db.Read(context.Background(), func(r *sqlite.Reader) error {
		debits, credits, err := r.Totals()
		if err == nil && (debits != credits || debits == 0) {
			b.Fatalf("debits %s, credits %s", debits, credits)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPost8000 is the promise: durable transfers a second in batches of
// 8,000 over 100,000 cards and 50 merchants. Run it with -benchtime 50x.
func BenchmarkPost8000(b *testing.B) { benchPost(b, sqlite.Options{}, benchBatch) }

// BenchmarkPost8000NotDurable is for comparison only: a power cut may lose the
// last answers.
func BenchmarkPost8000NotDurable(b *testing.B) {
	benchPost(b, sqlite.Options{Durability: sqlite.Normal}, benchBatch)
}

func BenchmarkPost100(b *testing.B) { benchPost(b, sqlite.Options{}, 100) }

func BenchmarkPost1(b *testing.B) { benchPost(b, sqlite.Options{}, 1) }

// BenchmarkPost1From32Callers shows group commit.
func BenchmarkPost1From32Callers(b *testing.B) {
	c := newCity(1, benchCards, benchMerchants)
	db := openBench(b, sqlite.Options{}, c)
	work := make(chan []ledger.Transfer, b.N)
	for range b.N {
		work <- c.batch(1)
	}
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := db.Post(context.Background(), <-work); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transfers/s")
}
