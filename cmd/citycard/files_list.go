package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/citycard/citycard/txn"
)

// lister prints the content of one file as it is read.
type lister struct {
	ctx  context.Context
	env  *environment
	o    openOptions
	path string
	out  *bufio.Writer
}

// say picks the language.
func (l *lister) say(en, zh string) string {
	if l.env.lang == "zh" {
		return zh
	}
	return en
}

// line prints one line of text, or nothing with --json.
func (l *lister) line(format string, args ...any) {
	if !l.env.json {
		fmt.Fprintf(l.out, format+"\n", args...)
	}
}

// object prints one object on a line with --json.
func (l *lister) object(v any) error {
	if !l.env.json {
		return nil
	}
	enc := json.NewEncoder(l.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// interrupted says so with the place where the work stopped.
func (l *lister) interrupted(place string, n int) error {
	if l.ctx.Err() == nil {
		return nil
	}
	return fail(exitFailed, fmt.Errorf("%s: stopped at %s %d: %w", l.path, place, n, l.ctx.Err()), "")
}

// row prints the cells of a table in columns; a negative width aligns to the
// right.
func (l *lister) row(widths []int, cells []string) error {
	var b strings.Builder
	for i, c := range cells {
		pad := max(0, max(widths[i], -widths[i])-displayWidth(c))
		if i > 0 {
			b.WriteString("  ")
		}
		if widths[i] < 0 {
			b.WriteString(strings.Repeat(" ", pad))
			pad = 0
		}
		b.WriteString(c)
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", pad))
		}
	}
	if _, err := fmt.Fprintln(l.out, strings.TrimRight(b.String(), " ")); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// displayWidth counts Chinese characters as two places.
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 {
			n++
		}
	}
	return n
}

func clockText(at int64) string {
	return time.Unix(at, 0).In(txn.CityTime).Format("2006-01-02 15:04:05")
}
