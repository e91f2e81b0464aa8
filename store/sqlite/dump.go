package sqlite

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"
)

// Dump writes the whole content as text: for each table, by name, a line
// "# table column column ...", then one line a row, sorted, with fields separated
// by tabs. Integers are decimal, text is quoted as in Go, blobs are x'..' in
// hexadecimal. Two databases with the same content give the same bytes, whatever
// the order in which it came.
//
// A table that has a view named dump_TABLE is shown by that view, which puts keys
// that mean something in place of row numbers. A table whose name ends in _cache
// can be worked out from others and is left out.
func (r *Reader) Dump(w io.Writer) error {
	tables, err := r.dumpList()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for _, t := range tables {
		if err := r.dumpTable(out, t); err != nil {
			return fmt.Errorf("dump table %s: %w", t.name, err)
		}
	}
	return out.Flush()
}

// dumpSource is a table and the table or view that shows it.
type dumpSource struct{ name, source string }

func (r *Reader) dumpList() (list []dumpSource, err error) {
	err = r.Query(`SELECT t.name, coalesce(v.name, t.name)
		FROM sqlite_schema t LEFT JOIN sqlite_schema v ON v.type = 'view' AND v.name = 'dump_' || t.name
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite~_%' ESCAPE '~' AND t.name NOT LIKE '%~_cache' ESCAPE '~'
		ORDER BY t.name`, func(row *Row) error {
		list = append(list, dumpSource{row.Text(0), row.Text(1)})
		return nil
	})
	return list, err
}

func (r *Reader) dumpTable(out *bufio.Writer, t dumpSource) error {
	var columns []string
	err := r.Query("SELECT name FROM pragma_table_info(?) ORDER BY cid", func(row *Row) error {
		columns = append(columns, `"`+strings.ReplaceAll(row.Text(0), `"`, `""`)+`"`)
		return nil
	}, t.source)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "# %s %s\n", t.name, strings.Join(columns, " "))
	list := strings.Join(columns, ", ")
	query := fmt.Sprintf(`SELECT %s FROM "%s" ORDER BY %s`, list, strings.ReplaceAll(t.source, `"`, `""`), list)
	var line []byte
	return r.Query(query, func(row *Row) error {
		line = line[:0]
		for col := range columns {
			if col > 0 {
				line = append(line, '\t')
			}
			if line, err = appendField(line, row, col); err != nil {
				return err
			}
		}
		_, err := out.Write(append(line, '\n'))
		return err
	})
}

func appendField(line []byte, row *Row, col int) ([]byte, error) {
	switch row.stmt.ColumnType(col) {
	case sqlite.TypeNull:
		return append(line, "null"...), nil
	case sqlite.TypeInteger:
		return strconv.AppendInt(line, row.Int64(col), 10), nil
	case sqlite.TypeText:
		return strconv.AppendQuote(line, row.Text(col)), nil
	case sqlite.TypeBlob:
		line = append(line, "x'"...)
		line = hex.AppendEncode(line, row.Blob(col))
		return append(line, '\''), nil
	}
	return line, errors.New("column " + row.stmt.ColumnName(col) + " holds a floating-point number")
}
