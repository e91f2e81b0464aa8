package sqlite

import (
	"errors"
	"fmt"
	"math"

	"zombiezen.com/go/sqlite"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// session is one connection with its statement cache. One goroutine uses it at
// a time.
type session struct {
	conn *sqlite.Conn
	busy map[string]bool // texts of statements whose rows are being read
}

// Reader reads one consistent state. It is valid until the function that was
// given it returns.
type Reader struct {
	s *session
}

// Tx is a transaction: a Reader that sees its own changes and can make more. It
// is valid until the function that was given it returns.
type Tx struct {
	Reader
	w      *writer
	broken error // a change failed half-way: the transaction can only be undone
}

// Row is the present row of a query. Columns are numbered from 0.
type Row struct {
	stmt *sqlite.Stmt
}

// Int64 gives an integer column; NULL is 0.
func (r *Row) Int64(col int) int64 { return r.stmt.ColumnInt64(col) }

// Int gives an integer column as int; NULL is 0.
func (r *Row) Int(col int) int { return int(r.stmt.ColumnInt64(col)) }

// Fen gives an amount column.
func (r *Row) Fen(col int) money.Fen { return money.Fen(r.stmt.ColumnInt64(col)) }

// Bool gives an integer column as a truth value.
func (r *Row) Bool(col int) bool { return r.stmt.ColumnInt64(col) != 0 }

// Text gives a text column.
func (r *Row) Text(col int) string { return r.stmt.ColumnText(col) }

// IsNull reports whether the column is NULL.
func (r *Row) IsNull(col int) bool { return r.stmt.ColumnIsNull(col) }

// Blob gives a copy of a blob column; NULL and empty are nil.
func (r *Row) Blob(col int) []byte {
	n := r.stmt.ColumnLen(col)
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	r.stmt.ColumnBytes(col, b)
	return b
}

// Fill copies a blob column into dst, which must have exactly its length.
func (r *Row) Fill(col int, dst []byte) error {
	if n := r.stmt.ColumnLen(col); n != len(dst) {
		return fmt.Errorf("column %s has %d bytes, want %d: %w", r.stmt.ColumnName(col), n, len(dst), ErrDamaged)
	}
	r.stmt.ColumnBytes(col, dst)
	return nil
}

// Query runs a statement with its arguments in the places of its question marks
// and calls each with every row. Statements are prepared once per connection, so
// the text should be constant. Arguments may be nil, bool, integers, money.Fen,
// string, []byte (nil is stored as an empty blob), ledger.AccountID and TransferID.
func (r *Reader) Query(query string, each func(row *Row) error, args ...any) error {
	if r.s == nil {
		return ErrTxOver
	}
	return r.s.query(query, each, args...)
}

// Conn is the connection of the transaction, for what Exec and Query cannot do,
// such as a prepared statement in a hot loop. Transactions must not be begun or
// ended on it, and it must not be kept.
func (tx *Tx) Conn() *sqlite.Conn { return tx.s.conn }

// Exec runs a statement that gives no rows and returns how many rows it changed.
// Arguments are those of Query. After an error the transaction can only be undone,
// unless the statement was refused by a constraint.
func (tx *Tx) Exec(query string, args ...any) (int, error) {
	if tx.s == nil {
		return 0, ErrTxOver
	}
	if err := tx.s.exec(query, args...); err != nil {
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultConstraint {
			tx.broken = err
		}
		return 0, err
	}
	return tx.s.conn.Changes(), nil
}

func (s *session) exec(query string, args ...any) error {
	return s.query(query, func(*Row) error { return nil }, args...)
}

func (s *session) execAll(queries ...string) error {
	for _, q := range queries {
		if err := s.exec(q); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) int64(query string, args ...any) (n int64, err error) {
	err = s.query(query, func(row *Row) error {
		n = row.Int64(0)
		return nil
	}, args...)
	return n, err
}

func (s *session) text(query string, args ...any) (text string, err error) {
	err = s.query(query, func(row *Row) error {
		text = row.Text(0)
		return nil
	}, args...)
	return text, err
}

func (s *session) query(query string, each func(row *Row) error, args ...any) error {
	stmt, done, err := s.prepare(query)
	if err != nil {
		return explain("prepare "+query, err)
	}
	defer done()
	if err := bindAll(stmt, args); err != nil {
		return fmt.Errorf("run %s: %w", query, err)
	}
	row := Row{stmt}
	for {
		more, err := stmt.Step()
		if err != nil {
			return explain("run "+query, err)
		}
		if !more {
			return nil
		}
		if err := each(&row); err != nil {
			return err
		}
	}
}

// prepare gives the cached statement, or one of its own when the cached one is in
// the middle of giving rows to an outer query of the same text. The second result
// ends its use.
func (s *session) prepare(query string) (*sqlite.Stmt, func(), error) {
	if s.busy[query] {
		stmt, trailing, err := s.conn.PrepareTransient(query)
		if err != nil {
			return nil, nil, err
		}
		if trailing != 0 {
			return nil, nil, errors.Join(errors.New("one statement at a time"), stmt.Finalize())
		}
		return stmt, func() { _ = stmt.Finalize() }, nil // repeats the error of Step, if any
	}
	stmt, err := s.conn.Prepare(query)
	if err != nil {
		return nil, nil, err
	}
	s.busy[query] = true
	return stmt, func() {
		delete(s.busy, query)
		_ = stmt.Reset() // repeats the error of Step, if any
	}, nil
}

// bindAll puts args in the places of the question marks.
func bindAll(stmt *sqlite.Stmt, args []any) error {
	if n := stmt.BindParamCount(); n != len(args) {
		return fmt.Errorf("%d arguments for %d places", len(args), n)
	}
	for i, arg := range args {
		if err := bind(stmt, i+1, arg); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return nil
}

func bind(stmt *sqlite.Stmt, at int, arg any) error {
	switch v := arg.(type) {
	case nil:
		stmt.BindNull(at)
	case bool:
		stmt.BindBool(at, v)
	case int:
		stmt.BindInt64(at, int64(v))
	case int64:
		stmt.BindInt64(at, v)
	case int32:
		stmt.BindInt64(at, int64(v))
	case uint8:
		stmt.BindInt64(at, int64(v))
	case uint16:
		stmt.BindInt64(at, int64(v))
	case uint32:
		stmt.BindInt64(at, int64(v))
	case uint64:
		if v > math.MaxInt64 {
			return fmt.Errorf("%d does not fit a column of 64 bits with sign", v)
		}
		stmt.BindInt64(at, int64(v))
	case money.Fen:
		stmt.BindInt64(at, int64(v))
	case string:
		stmt.BindText(at, v)
	case []byte:
		stmt.BindBytes(at, v)
	case ledger.AccountID:
		stmt.BindBytes(at, v[:])
	case ledger.TransferID:
		stmt.BindBytes(at, v[:])
	default:
		return fmt.Errorf("cannot store a %T", arg)
	}
	return nil
}
