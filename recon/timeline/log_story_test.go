package timeline_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// log runs what stories say about the card's own logs, approvals and the value on the
// card. A load log has one line a load, "ATC before after", and a log of transactions
// "ATC amount place".
func (s *story) log(t *testing.T, d *datadriven.TestData, out *strings.Builder) {
	f := fields{t, d}
	switch d.Cmd {
	case "grant":
		if err := s.card.Grant(f.counter("p"), f.counter("q")); err != nil {
			fmt.Fprintf(out, "error: %v\n", err)
		}
	case "value":
		v := s.card.Value(&s.params)
		fmt.Fprintf(out, "%d to %d at day %s, certain on day %s\n", int64(v.Least), int64(v.Most), days(v.At), days(v.CertainOn))
	case "loadlog":
		l := timeline.LoadLog{ATC: f.counter("atc")}
		for w := range s.lines(d) {
			l.Entries = append(l.Entries, timeline.LoadLogEntry{Tag: tlv.TagECBalance, ATC: hex16(t, w[0]), Before: money.Fen(number(t, w[1])), After: money.Fen(number(t, w[2]))})
		}
		words, unknown := timeline.FromLoadLog(l, int(f.number("slots", 0)), slices.Collect(s.card.Observations))
		for _, o := range words {
			fmt.Fprintf(out, "load %04X %d ran: %s\n", o.ATC, int64(o.Debit), o.Commit)
		}
		for _, e := range unknown {
			fmt.Fprintf(out, "unknown load %04X %d to %d\n", e.ATC, int64(e.Before), int64(e.After))
		}
		writeAlarms(out, s.card.Add(words...))
	case "log":
		l := timeline.Log{ATC: f.counter("atc"), Slots: int(f.number("slots", 0))}
		for w := range s.lines(d) {
			r := timeline.LogRecord{ATC: hex16(t, w[0]), Amount: money.Fen(number(t, w[1]))}
			if n, err := strconv.Atoi(w[2]); err == nil {
				r.Terminal = txn.TerminalID(n)
			} else {
				copy(r.Place[:], w[2])
			}
			l.Records = append(l.Records, r)
		}
		if err := s.card.Note(l); err != nil {
			fmt.Fprintf(out, "error: %v\n", err)
		}
	case "logged":
		for _, r := range s.card.Logged(f.counter("p"), f.counter("q")) {
			fmt.Fprintf(out, "%04X %d terminal %d %s\n", r.ATC, int64(r.Amount), r.Terminal, bytes.TrimRight(r.Place[:], "\x00"))
		}
	}
}

// lines are the words of each line of the input.
func (s *story) lines(d *datadriven.TestData) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(d.Input) {
			if w := strings.Fields(line); len(w) == 3 && !yield(w) {
				return
			}
		}
	}
}

func hex16(t *testing.T, s string) uint16 {
	t.Helper()
	n, err := strconv.ParseUint(s, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}
