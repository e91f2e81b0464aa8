package sqlite

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
)

var (
	// ErrClosed says that the database has been closed.
	ErrClosed = errors.New("the database is closed")
	// ErrIsDirectory says that the path names a folder.
	ErrIsDirectory = errors.New("the path is a folder; name a file in it")
	// ErrNotDatabase says that the file is not an SQLite database.
	ErrNotDatabase = errors.New("the file is not a database; check the path, or restore it from a copy")
	// ErrForeign says that the file is an SQLite database of another program.
	ErrForeign = errors.New("the file is a database of another program; check the path")
	// ErrLocked says that another process holds the write lock.
	ErrLocked = errors.New("the database is locked by another process; stop it, or wait until it is done")
	// ErrFull says that the disk or its quota is full. Nothing was written.
	ErrFull = errors.New("the disk is full; nothing was written; make room and try again")
	// ErrReadOnly says that the file or its folder may not be written.
	ErrReadOnly = errors.New("the file or its folder is read-only; check owner and mode")
	// ErrDamaged says that the content contradicts itself.
	ErrDamaged = errors.New("the database is damaged; stop, keep the file, restore from a copy")
	// ErrSyncFailed says that the disk refused to sync: what it kept is unknown
	// until the database has been closed and opened again.
	ErrSyncFailed = errors.New("the disk failed to sync; close and open the database to learn what was kept")
	// ErrTxOver says that a transaction was used after its function returned.
	ErrTxOver = errors.New("the transaction is over")
	// ErrRolledBack says that the engine undid the whole group of transactions
	// because of an error in one of them. Nothing was written.
	ErrRolledBack = errors.New("rolled back with the group; try again")
)

// explain wraps an engine error with what was being done and, where it is known,
// one of the errors above. An error that already says so passes unchanged.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var kind error
	switch code := sqlite.ErrCode(err); code.ToPrimary() {
	case sqlite.ResultNotADB:
		kind = ErrNotDatabase
	case sqlite.ResultBusy, sqlite.ResultLocked:
		kind = ErrLocked
	case sqlite.ResultFull:
		kind = ErrFull
	case sqlite.ResultReadOnly, sqlite.ResultPerm:
		kind = ErrReadOnly
	case sqlite.ResultCorrupt:
		kind = ErrDamaged
	case sqlite.ResultIOErr:
		if code == sqlite.ResultIOErrFsync || code == sqlite.ResultIOErrDirFsync {
			kind = ErrSyncFailed
		}
	}
	if kind == nil || errors.Is(err, kind) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w (%w)", doing, kind, err)
}
