package sim

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
)

// openBreaks counts the breaks that were open when a day's books were closed.
// Reconciliation keeps the present breaks only, so the count is put down day by
// day, in the file of this name beside the database.
type openBreaks struct {
	n      int64
	amount money.Fen
}

const openBreaksFile = "open-breaks.csv"

// isOpen says which states wait for time, a row or a tap.
func isOpen(s timeline.State) bool {
	switch s {
	case timeline.Suspected, timeline.Expected, timeline.Provisional, timeline.LostUpload:
		return true
	}
	return false
}

// noteOpenBreaks writes the file within the transaction that closes the window: a
// crash before the commit leaves a line too many, which the next attempt writes
// again, never one too few.
func (w *closing) noteOpenBreaks(tx *sqlite.Tx) error {
	var today openBreaks
	if err := tx.BreakStates(func(s timeline.State, n int64, amount money.Fen) error {
		if isOpen(s) {
			today.n, today.amount = today.n+n, today.amount+amount
		}
		return nil
	}); err != nil {
		return err
	}
	w.open = append(w.open[:w.day], today)
	return writeWhole(filepath.Join(w.dir, openBreaksFile), func(out *bufio.Writer) error {
		return writeTable(out, []string{"window", "open", "amount_fen"}, func(put func(...string) error) error {
			for day, o := range w.open {
				if err := put(dayText(w.City.day+int32(day)), strconv.FormatInt(o.n, 10), strconv.FormatInt(int64(o.amount), 10)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// readOpenBreaks reads the lines of the days that are closed.
func readOpenBreaks(dir string, days int) ([]openBreaks, error) {
	if days == 0 {
		return nil, nil
	}
	b, err := os.ReadFile(filepath.Join(dir, openBreaksFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", openBreaksFile, err)
	}
	if len(rows) < 1+days {
		return nil, fmt.Errorf("%s has no line for each of the %d closed days: start again in another folder", openBreaksFile, days)
	}
	out := make([]openBreaks, days)
	for i, row := range rows[1 : 1+days] {
		n, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: open: %w", openBreaksFile, i+2, err)
		}
		amount, err := strconv.ParseInt(row[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: amount_fen: %w", openBreaksFile, i+2, err)
		}
		out[i] = openBreaks{n, money.Fen(amount)}
	}
	return out, nil
}
