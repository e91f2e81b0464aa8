package sqlite

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/citycard/citycard/store/migrate"
)

//go:embed migrations
var migrationFiles embed.FS

// Plan lists the migrations that Open would take on the file at path, and
// changes nothing. A missing file needs them all.
func Plan(path string) ([]migrate.Migration, error) {
	list, err := migrate.Load(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	doing := "plan migrations of " + path
	if err := checkPath(path); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	s, err := openSession(path, Options{}.withDefaults().BusyTimeout)
	if err != nil {
		return nil, explain(doing, err)
	}
	applied, err := target{s}.Applied()
	if err == nil {
		list, err = migrate.Plan(list, applied)
	}
	if err := errors.Join(err, s.conn.Close()); err != nil {
		return nil, explain(doing, err)
	}
	return list, nil
}

// migrate takes missing steps in one transaction. The plan is made again under
// the write lock, since another process may have been quicker.
func (s *session) migrate(list []migrate.Migration) error {
	applied, err := target{s}.Applied()
	if err != nil {
		return err
	}
	if todo, err := migrate.Plan(list, applied); err != nil || len(todo) == 0 {
		return err
	}
	if err := s.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	_, err = migrate.Run(target{s}, list)
	if err == nil {
		err = s.exec(fmt.Sprintf("PRAGMA application_id=%d", applicationID))
	}
	if err == nil {
		err = s.exec("COMMIT")
	}
	if err != nil && !s.conn.AutocommitEnabled() {
		err = errors.Join(err, s.exec("ROLLBACK"))
	}
	return err
}

// target lets migrate work on a session that has begun a transaction.
type target struct{ s *session }

// Applied implements migrate.Target.
func (t target) Applied() ([]migrate.Record, error) {
	n, err := t.s.int64("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'")
	if err != nil || n == 0 {
		return nil, err
	}
	var list []migrate.Record
	err = t.s.query("SELECT number, name, hash FROM schema_migrations ORDER BY number", func(row *Row) error {
		list = append(list, migrate.Record{Number: int(row.Int64(0)), Name: row.Text(1), Hash: row.Text(2)})
		return nil
	})
	return list, err
}

// Apply implements migrate.Target.
func (t target) Apply(m migrate.Migration) error {
	err := t.s.exec("CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL)")
	if err != nil {
		return err
	}
	if err := sqlitex.ExecuteScript(t.s.conn, m.SQL, nil); err != nil {
		return err
	}
	return t.s.exec("INSERT INTO schema_migrations VALUES (?,?,?)", m.Number, m.Name, m.Hash)
}
