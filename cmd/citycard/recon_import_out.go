package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/pages"
	"github.com/citycard/citycard/role/reconimport"
)

// importOutput is the folder of --out.
type importOutput struct {
	dir    string
	file   *os.File // refused.csv, which is written while the files are read
	buffer *bufio.Writer
	lines  *csv.Writer
	later  []foreign.Refusal // without their text yet
}

// newImportOutput makes the folder. It may not lie inside the one that is imported, or
// the next import would read it.
func newImportOutput(from, dir string) (*importOutput, error) {
	in, err := realPath(from)
	if err != nil {
		return nil, cannotRead(err)
	}
	out, err := realPath(dir)
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("--out: %w", err), "name another folder")
	}
	if inside(out, in) {
		return nil, fail(exitRefused, fmt.Errorf("--out %s lies inside %s: the next import would read it", dir, from), "name a folder elsewhere")
	}
	if err := emptyFolder("--out", out); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fail(exitFailed, fmt.Errorf("--out: %w", err), "name another folder")
	}
	f, err := os.Create(filepath.Join(out, "refused.csv"))
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("--out: %w", err), "name another folder")
	}
	o := &importOutput{dir: out, file: f, buffer: bufio.NewWriter(f)}
	o.lines = csv.NewWriter(o.buffer)
	_, err = o.buffer.WriteString(byteOrderMark)
	return o, errors.Join(err, o.lines.Write([]string{"file", "line", "reason", "detail", "text"}))
}

// refused writes one refused line, or keeps it until its text is read again. An error of
// the disk shows when the file is closed.
func (o *importOutput) refused(r foreign.Refusal) {
	if r.Text == "" {
		o.later = append(o.later, r)
		return
	}
	o.write(&r)
}

func (o *importOutput) write(r *foreign.Refusal) {
	_ = o.lines.Write([]string{harmless(r.File), strconv.FormatUint(uint64(r.Line), 10), r.Reason.In("en"), harmless(r.Detail), harmless(r.Text)})
}

// writeLater writes the lines whose reason was found after their file had been read.
func (o *importOutput) writeLater(source string) error {
	type place struct {
		path string
		line uint32
	}
	at, wanted := map[place]int{}, map[string][]uint32{}
	for i := range o.later {
		r := &o.later[i]
		at[place{r.Path, r.Line}] = i
		wanted[r.Path] = append(wanted[r.Path], r.Line)
	}
	err := reconimport.Excerpts(source, wanted, func(path string, line uint32, text string) { o.later[at[place{path, line}]].Text = text })
	for i := range o.later {
		o.write(&o.later[i])
	}
	return err
}

// harmless keeps a spreadsheet from taking foreign text for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// abandon closes what is open; after finish it does nothing.
func (o *importOutput) abandon() { _ = o.file.Close() }

// finish writes everything else.
func (o *importOutput) finish(source, lang string, r *foreign.Result) error {
	again := o.writeLater(source)
	o.lines.Flush()
	if err := errors.Join(again, o.lines.Error(), o.buffer.Flush(), o.file.Close()); err != nil {
		return fmt.Errorf("write refused.csv: %w", err)
	}
	for name, rows := range importTables(r) {
		if err := o.table(name, rows); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write result.json: %w", err)
	}
	if err := os.WriteFile(filepath.Join(o.dir, "result.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(o.dir, "report.html"))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = pages.WriteImport(w, importPage(source, r), lang)
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write report.html: %w", err)
	}
	return nil
}

func (o *importOutput) table(name string, rows [][]string) error {
	f, err := os.Create(filepath.Join(o.dir, name))
	if err != nil {
		return err
	}
	_, err = f.WriteString(byteOrderMark)
	w := csv.NewWriter(f)
	return errors.Join(err, w.WriteAll(rows), f.Close())
}

// importTables are the lists as CSV, by file name; the first row is the heading.
func importTables(r *foreign.Result) map[string][][]string {
	atc := func(n uint16) string { return strconv.Itoa(int(n)) }
	places := func(p []string) string { return harmless(strings.Join(p, " ")) }
	flash := func(list []foreign.Flash) [][]string {
		rows := [][]string{{"card", "atc", "amount_fen", "certainty", "decided_on", "how", "p", "q", "evidence", "sentence"}}
		for _, f := range list {
			rows = append(rows, []string{f.Card, atc(f.ATC), csvFen(f.Amount), f.Certainty, f.DecidedOn, f.How, atc(f.P), atc(f.Q), places(f.Evidence), f.Sentence})
		}
		return rows
	}
	clones := [][]string{{"card", "atc", "amounts_fen", "certainty", "decided_on", "evidence", "sentence"}}
	for _, c := range r.Clones {
		var amounts []string
		for _, a := range c.Amounts {
			amounts = append(amounts, csvFen(a))
		}
		clones = append(clones, []string{c.Card, atc(c.ATC), strings.Join(amounts, " "), c.Certainty, c.DecidedOn, places(c.Evidence), c.Sentence})
	}
	duplicates := [][]string{{"what", "card", "atc", "amount_fen", "kind", "copies", "evidence"}}
	for _, x := range []struct {
		what string
		list []foreign.Duplicate
	}{{"duplicate", r.Duplicates}, {"replay", r.Replays}} {
		for _, d := range x.list {
			duplicates = append(duplicates, []string{x.what, d.Card, atc(d.ATC), csvFen(d.Amount), d.Kind, strconv.FormatInt(d.Copies, 10), places(d.Evidence)})
		}
	}
	undecided := [][]string{{"card", "atc", "q", "amount_fen", "what", "total_fen", "certainty", "since", "final", "evidence", "sentence"}}
	for _, u := range r.Undecided {
		undecided = append(undecided, []string{u.Card, atc(u.ATC), atc(u.Next), csvFen(u.Amount), u.What, csvFen(u.Total), u.Certainty, u.Since, u.Final, places(u.Evidence), u.Sentence})
	}
	breaks := [][]string{{"card", "p", "q", "part", "state", "amount_fen", "contested_fen", "missing", "certainty", "since", "age_days", "final", "evidence", "sentence"}}
	for _, b := range r.Breaks {
		breaks = append(breaks, []string{b.Card, atc(b.P), atc(b.Q), b.Part, b.State, csvFen(b.Amount), csvFen(b.Contested), strconv.Itoa(b.Missing), b.Certainty, b.Since,
			strconv.FormatInt(b.AgeDays, 10), b.Final, places(b.Evidence), b.Sentence})
	}
	gaps := [][]string{{"pattern", "kind", "date", "before", "after", "may_be_empty"}}
	for _, g := range r.Gaps {
		gaps = append(gaps, []string{harmless(g.Pattern), g.Kind, g.Date, harmless(g.Before), harmless(g.After), strconv.FormatBool(g.MayBeEmpty)})
	}
	return map[string][][]string{"flash-cards.csv": flash(r.FlashCards), "flash-loads.csv": flash(r.FlashLoads), "clones.csv": clones,
		"duplicates.csv": duplicates, "undecided.csv": undecided, "breaks.csv": breaks, "gaps.csv": gaps}
}

func csvFen[F ~int64](f F) string { return strconv.FormatInt(int64(f), 10) }
