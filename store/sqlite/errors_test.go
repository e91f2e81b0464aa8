package sqlite

import (
	"errors"
	"testing"

	"zombiezen.com/go/sqlite"
)

func TestEngineErrorsGetANameAndAHint(t *testing.T) {
	named := []error{ErrNotDatabase, ErrLocked, ErrFull, ErrReadOnly, ErrDamaged, ErrSyncFailed}
	for _, c := range []struct {
		code sqlite.ResultCode
		want error
	}{
		{sqlite.ResultNotADB, ErrNotDatabase},
		{sqlite.ResultBusy, ErrLocked},
		{sqlite.ResultBusySnapshot, ErrLocked},
		{sqlite.ResultLocked, ErrLocked},
		{sqlite.ResultFull, ErrFull},
		{sqlite.ResultReadOnly, ErrReadOnly},
		{sqlite.ResultReadOnlyDirectory, ErrReadOnly},
		{sqlite.ResultCorrupt, ErrDamaged},
		{sqlite.ResultIOErrFsync, ErrSyncFailed},
		{sqlite.ResultIOErrDirFsync, ErrSyncFailed},
		{sqlite.ResultIOErrRead, nil},
		{sqlite.ResultConstraintUnique, nil},
	} {
		once := explain("try", c.code.ToError())
		twice := explain("try again", once)
		if sqlite.ErrCode(twice) != c.code {
			t.Errorf("%s: the engine's code is lost in %v", c.code, twice)
		}
		for _, e := range named {
			if got := errors.Is(twice, e); got != (e == c.want) {
				t.Errorf("%s: is %q: %t", c.code, e, got)
			}
		}
	}
	if explain("try", nil) != nil {
		t.Error("no error became one")
	}
}

// After a failed sync nobody knows what the file holds, so nothing more may be
// written to it until it is opened again.
func TestNothingIsWrittenAfterAFailedSync(t *testing.T) {
	db, err := Open(t.TempDir()+"/sync.db", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	if err := db.Write(ctx, func(tx *Tx) error {
		tx.w.failed = explain("commit", sqlite.ResultIOErrFsync.ToError())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	ran := false
	err = db.Write(ctx, func(*Tx) error {
		ran = true
		return nil
	})
	if !errors.Is(err, ErrSyncFailed) || ran {
		t.Errorf("error %v, ran %t", err, ran)
	}
}
