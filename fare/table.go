package fare

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of an input file. They leave room for several times the largest metro
// there is and keep a hostile file from costing more than a moment.
const (
	maxFileBytes = 1 << 20
	maxRows      = 8192
	maxNameBytes = 80
)

// row is one line of a table, its fields in the order in which the caller named
// the columns.
type row struct {
	file    string
	columns []string
	fields  []string
	line    []int
	col     []int
}

func (r *row) fail(column int, problem, fix string) error {
	return &Error{File: r.file, Line: r.line[column], Column: r.col[column], Field: r.columns[column], Problem: problem, Fix: fix}
}

// name is a field that must be printable text.
func (r *row) name(column int) (string, error) {
	s := r.fields[column]
	if problem := badText(s); problem != "" {
		return "", r.fail(column, problem, fmt.Sprintf("give 1 to %d bytes of printable UTF-8 without outer spaces", maxNameBytes))
	}
	return s, nil
}

// number is a field of plain decimal digits from low to high.
func (r *row) number(column, low, high int) (int, error) {
	v, ok := parseDigits(r.fields[column])
	if !ok || v < low || v > high {
		return 0, r.fail(column, fmt.Sprintf("%q is out of range", clip(r.fields[column])), fmt.Sprintf("give a whole number from %d to %d", low, high))
	}
	return v, nil
}

// flag is a field that reads true or false.
func (r *row) flag(column int) (bool, error) {
	switch r.fields[column] {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, r.fail(column, fmt.Sprintf("%q is neither true nor false", clip(r.fields[column])), "write true or false")
}

// eachRow calls use for every line below the heading. The heading must hold
// exactly the named columns, in any order.
func eachRow(file string, data []byte, columns []string, use func(*row) error) error {
	if len(data) > maxFileBytes {
		return &Error{File: file, Problem: fmt.Sprintf("%d bytes long", len(data)), Fix: fmt.Sprintf("keep it below %d", maxFileBytes)}
	}
	in := csv.NewReader(bytes.NewReader(data))
	in.ReuseRecord = true
	heading, err := in.Read()
	if err != nil {
		return csvError(file, err, "put the column names "+strings.Join(columns, ",")+" in the first line")
	}
	place, err := placeColumns(file, heading, columns)
	if err != nil {
		return err
	}
	r := &row{file: file, columns: columns, fields: make([]string, len(columns)), line: make([]int, len(columns)), col: make([]int, len(columns))}
	for n := 0; ; n++ {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(file, err, fmt.Sprintf("give %d fields, quoted as in RFC 4180", len(columns)))
		}
		for i, p := range place {
			r.fields[i] = record[p]
			r.line[i], r.col[i] = in.FieldPos(p)
		}
		if n >= maxRows {
			return &Error{File: file, Line: r.line[0], Problem: "too many rows", Fix: fmt.Sprintf("keep to %d", maxRows)}
		}
		if err := use(r); err != nil {
			return err
		}
	}
}

// placeColumns finds for each wanted column its place in the heading.
func placeColumns(file string, heading, columns []string) ([]int, error) {
	for i, h := range heading {
		bad := &Error{File: file, Line: 1, Field: clip(h), Fix: "the columns are " + strings.Join(columns, ",")}
		if !slices.Contains(columns, h) {
			bad.Problem = "unknown column"
			if strings.HasPrefix(h, "\uFEFF") {
				bad.Problem, bad.Fix = "heading starts with a byte order mark", "save the file as UTF-8 without it"
			}
			return nil, bad
		}
		if slices.Contains(heading[:i], h) {
			bad.Problem = "column named twice"
			return nil, bad
		}
	}
	place := make([]int, len(columns))
	for i, c := range columns {
		place[i] = slices.Index(heading, c)
		if place[i] < 0 {
			return nil, &Error{File: file, Line: 1, Field: c, Problem: "column missing", Fix: "the columns are " + strings.Join(columns, ",")}
		}
	}
	return place, nil
}

func csvError(file string, err error, fix string) error {
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return &Error{File: file, Line: bad.Line, Column: bad.Column, Problem: bad.Err.Error(), Fix: fix}
	}
	if errors.Is(err, io.EOF) {
		return &Error{File: file, Problem: "empty", Fix: fix}
	}
	return &Error{File: file, Problem: err.Error(), Fix: fix}
}

// badText says what is wrong with a name, or nothing.
func badText(s string) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > maxNameBytes:
		return "too long"
	case !utf8.ValidString(s):
		return "not UTF-8"
	case strings.TrimSpace(s) != s:
		return fmt.Sprintf("%q has spaces at its ends", s)
	case strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }):
		return fmt.Sprintf("%q holds a character that does not print", s)
	}
	return ""
}

// parseDigits reads up to nine plain decimal digits; no sign, no space.
func parseDigits(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	v := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	return v, true
}

// parseTenths reads a decimal with at most one digit after the point, in tenths.
func parseTenths(s string) (int, bool) {
	whole, part, point := strings.Cut(s, ".")
	v, ok := parseDigits(whole)
	if !ok || v > 1_000_000 {
		return 0, false
	}
	if !point {
		return v * 10, true
	}
	d, ok := parseDigits(part)
	return v*10 + d, ok && len(part) == 1
}

// clip keeps a value from a hostile file short enough for an error text.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
