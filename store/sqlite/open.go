package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/store/migrate"
)

// applicationID marks the file as ours: "CCrd".
const applicationID = 0x43437264

// Durability is how far a commit has gone when it is answered.
type Durability uint8

const (
	// Full syncs the log at every commit: an answer survives a power cut.
	Full Durability = 0
	// Normal syncs at checkpoints only: a power cut may take back the last
	// answers. For tests and for data that can be made again.
	Normal Durability = 1
)

// Options tune a database. The zero value is right for a role in service.
type Options struct {
	Durability   Durability
	Readers      int           // reading connections; 0 means 4
	BusyTimeout  time.Duration // how long to wait for another process; 0 means 5 s
	GroupWait    time.Duration // longest wait for company when callers are several; 0 means 1 ms, below 0 none
	GroupItems   int           // transfers that end the wait; 0 means 8,000, at most ledger.MaxBatch
	AccountCache int           // accounts kept in memory; 0 means 262,144
}

func (o Options) withDefaults() Options {
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 5 * time.Second
	}
	if o.GroupWait == 0 {
		o.GroupWait = time.Millisecond
	}
	if o.GroupItems <= 0 || o.GroupItems > ledger.MaxBatch {
		o.GroupItems = 8000
	}
	if o.AccountCache <= 0 {
		o.AccountCache = 1 << 18
	}
	return o
}

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	path    string
	opt     Options
	writer  *writer
	readers chan *session // idle reading connections and, as nil, places for new ones
	closing chan struct{}
	once    sync.Once
	closed  error
}

// Open opens the database file at path, makes it if it is missing, and takes the
// migrations that it has not taken. The folder must exist. It fails with one of
// this package's errors, migrate.ErrNewer or migrate.ErrAltered.
func Open(path string, opt Options) (*DB, error) {
	opt = opt.withDefaults()
	doing := "open database " + path
	if err := checkPath(path); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	s, err := openSession(path, opt.BusyTimeout)
	if err != nil {
		return nil, explain(doing, err)
	}
	if err := s.prepareFile(opt); err != nil {
		return nil, explain(doing, errors.Join(err, s.conn.Close()))
	}
	db := &DB{path: path, opt: opt, closing: make(chan struct{})}
	db.readers = make(chan *session, opt.Readers)
	for range opt.Readers {
		db.readers <- nil
	}
	db.writer = newWriter(s, opt)
	go db.writer.run()
	return db, nil
}

// Path gives the path of the file.
func (db *DB) Path() string { return db.path }

// Close waits for the requests already accepted, copies the log into the file
// and closes it. Later calls give the same answer; later requests fail with
// ErrClosed. Reads in progress are waited for.
func (db *DB) Close() error {
	db.once.Do(func() {
		close(db.closing)
		db.writer.stop()
		var errs []error
		for range db.opt.Readers {
			if s := <-db.readers; s != nil {
				errs = append(errs, s.conn.Close())
			}
		}
		errs = append(errs, sqlitex.ExecuteTransient(db.writer.conn, "PRAGMA wal_checkpoint(TRUNCATE)", nil), db.writer.conn.Close())
		db.closed = explain("close database "+db.path, errors.Join(errs...))
	})
	return db.closed
}

// Post books a batch, as Tx.PostBatch in a transaction of its own, and answers
// when it is on disk. Small batches of several callers share a commit. The caller
// must leave the batch unchanged until Post returns. A ctx that ends while the
// batch waits withdraws it; once begun, it is seen through.
func (db *DB) Post(ctx context.Context, batch []ledger.Transfer) ([]ledger.Outcome, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	if len(batch) > ledger.MaxBatch {
		return nil, fmt.Errorf("post %d transfers, at most %d: %w", len(batch), ledger.MaxBatch, ledger.ErrBatchTooLong)
	}
	return db.writer.post(ctx, batch)
}

// Write runs fn in one transaction on the writer. If fn returns an error or
// panics, nothing of it is kept; if Write returns nil, all of it is on disk. fn
// runs once, in the caller's goroutine, and alone: it must use tx only, and must
// not call Write, Post or Close of the same database. A ctx that ends while
// waiting for the turn gives up; once begun, the transaction is seen through.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	return db.writer.write(ctx, fn)
}

// Read runs fn on a snapshot of the database, taken at its first query. It never waits for the writer, only
// for one of the reading connections. When ctx ends, queries are interrupted.
func (db *DB) Read(ctx context.Context, fn func(r *Reader) error) (err error) {
	s, err := db.takeReader(ctx)
	if err != nil {
		return err
	}
	defer func() { db.readers <- s }()
	s.conn.SetInterrupt(ctx.Done())
	if err := s.exec("BEGIN"); err != nil {
		s.conn.SetInterrupt(nil)
		return explain("begin read", err)
	}
	r := &Reader{s: s}
	defer func() {
		r.s = nil
		s.conn.SetInterrupt(nil)
		if s.conn.AutocommitEnabled() {
			return
		}
		if endErr := s.exec("ROLLBACK"); err == nil {
			err = endErr
		}
	}()
	return fn(r)
}

// takeReader waits for an idle reading connection and opens it on first use.
func (db *DB) takeReader(ctx context.Context) (*session, error) {
	select {
	case <-db.closing:
		return nil, fmt.Errorf("read %s: %w", db.path, ErrClosed)
	default:
	}
	var s *session
	select {
	case s = <-db.readers:
	case <-db.closing:
		return nil, fmt.Errorf("read %s: %w", db.path, ErrClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("read %s: %w", db.path, ctx.Err())
	}
	if s != nil {
		return s, nil
	}
	s, err := openSession(db.path, db.opt.BusyTimeout)
	if err == nil {
		err = s.execAll("PRAGMA query_only=1", "PRAGMA cache_size=-16384")
	}
	if err != nil {
		db.readers <- nil
		return nil, explain("open reader of "+db.path, err)
	}
	return s, nil
}

func checkPath(path string) error {
	if path == "" || path == ":memory:" {
		return errors.New("a database needs a file; give its path")
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return ErrIsDirectory
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("the folder %s does not exist; make it first", filepath.Dir(path))
	}
	return nil
}

func openSession(path string, busy time.Duration) (*session, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(busy)
	return &session{conn: conn, busy: make(map[string]bool)}, nil
}

// prepareFile sets the file up for writing and brings its schema forward.
func (s *session) prepareFile(opt Options) error {
	list, err := migrate.Load(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	if err := s.checkOwner(); err != nil {
		return err
	}
	sync := "FULL"
	if opt.Durability == Normal {
		sync = "NORMAL"
	}
	err = s.execAll("PRAGMA page_size=4096", "PRAGMA synchronous="+sync, "PRAGMA cache_size=-262144",
		"PRAGMA wal_autocheckpoint=20000", "PRAGMA temp_store=MEMORY")
	if err != nil {
		return err
	}
	mode, err := s.text("PRAGMA journal_mode=WAL")
	if err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system does not support a write-ahead log (mode %q); use a local disk", mode)
	}
	return s.migrate(list)
}

// checkOwner refuses a database that another program made.
func (s *session) checkOwner() error {
	id, err := s.int64("PRAGMA application_id")
	if err != nil {
		return err
	}
	if id == applicationID {
		return nil
	}
	objects, err := s.int64("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	if id != 0 || objects != 0 {
		return ErrForeign
	}
	return nil
}
