package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/store/contract"
	"github.com/citycard/citycard/store/sqlite"
)

// engine is the database as the contract sees it.
type engine struct {
	*sqlite.DB
	path string
	opt  sqlite.Options
}

func (e *engine) Write(ctx context.Context, fn func(b contract.Books) error) error {
	return e.DB.Write(ctx, func(tx *sqlite.Tx) error { return fn(tx) })
}

func (e *engine) Read(ctx context.Context, fn func(r contract.Reads) error) error {
	return e.DB.Read(ctx, func(r *sqlite.Reader) error { return fn(r) })
}

func (e *engine) Reopen() (err error) {
	if err := e.Close(); err != nil {
		return err
	}
	e.DB, err = sqlite.Open(e.path, e.opt)
	return err
}

func openEngine(t *testing.T, opt sqlite.Options) *engine {
	t.Helper()
	e := &engine{path: filepath.Join(t.TempDir(), "city.db"), opt: opt}
	var err error
	if e.DB, err = sqlite.Open(e.path, opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestContract(t *testing.T) {
	contract.Ledger(t, func(t *testing.T) contract.Engine { return openEngine(t, sqlite.Options{}) })
}

// A cache that can hold next to nothing must not change any answer.
func TestContractWithTinyCache(t *testing.T) {
	contract.Ledger(t, func(t *testing.T) contract.Engine {
		return openEngine(t, sqlite.Options{AccountCache: 1, GroupItems: 3, GroupWait: -1})
	})
}

var _ contract.Reads = (*sqlite.Reader)(nil)

func post(t *testing.T, db *sqlite.DB, batch ...ledger.Transfer) []ledger.Outcome {
	t.Helper()
	outcomes, err := db.Post(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}
