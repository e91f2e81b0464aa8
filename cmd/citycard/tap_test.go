package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
)

// The reference page names every key that the command prints, and every word.
func TestTapReferenceIsComplete(t *testing.T) {
	page := readPage(t, "docs/reference/tap.md")
	keys := jsonKeys(t, tap.Report{
		Steps: []tap.Line{{}}, Events: []tap.Happened{{Error: "x"}}, Scripts: []tap.Script{{}}, Reversal: &tap.Undo{}, Rows: []tap.Row{{}}, FieldMS: "0",
	})
	if len(keys) < 40 {
		t.Fatalf("only %d keys", len(keys))
	}
	for key := range keys {
		if !strings.Contains(page, "`"+key+"`") {
			t.Errorf("docs/reference/tap.md lacks `%s`", key)
		}
	}
	for o := pos.OfflineApproved; o <= pos.Error; o++ {
		if !strings.Contains(page, "`"+o.String()+"`") {
			t.Errorf("docs/reference/tap.md lacks the outcome `%v`", o)
		}
	}
	for _, words := range [][]string{names(kinds), names(interfaces), names(modes)} {
		for _, w := range words {
			if !strings.Contains(page, "`"+w+"`") {
				t.Errorf("docs/reference/tap.md lacks `%s`", w)
			}
		}
	}
}

// TestNoAnswerToReset has the code of a reader that does not work, and a hint that
// fits the interface.
func TestNoAnswerToReset(t *testing.T) {
	broken := fail(exitUnavailable, &reader.Error{Doing: "reading the ATR", Kind: reader.ErrMute}, "put it in again, chip first")
	for side, hint := range map[pos.Interface]string{pos.Contact: "chip first", pos.Contactless: "hold it to the reader again"} {
		var e *exitError
		err := outcomeError(&tap.Trace{Sale: pos.Sale{Interface: side}, Broken: broken}, "en")
		if !errors.As(err, &e) || e.code != exitUnavailable || !strings.Contains(e.hint, hint) {
			t.Errorf("interface %d: %v, %+v", side, err, e)
		}
	}
}

// asked gives what a cardholder who types a line chooses, and what he was shown.
func asked(t *testing.T, line string, names ...string) (emv.Event, string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString(line); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var errs bytes.Buffer
	c := &cardholder{env: &environment{stderr: &errs, lang: "en"}, asks: r}
	return c.Choose(context.Background(), &emv.Choice{Names: names}), errs.String()
}

// TestChoice of an application, by what the cardholder types.
func TestChoice(t *testing.T) {
	for line, want := range map[string]emv.Event{
		"2\n": {Kind: emv.Chosen, Choice: 1}, "\n": {Kind: emv.Chosen}, "3\n": {Kind: emv.Cancelled}, "0\n": {Kind: emv.Cancelled},
		"x\n": {Kind: emv.Cancelled}, "": {Kind: emv.Cancelled},
	} {
		got, shown := asked(t, line, "DEBIT", "CREDIT\x1b[2J")
		if got.Kind != want.Kind || got.Choice != want.Choice || !strings.Contains(shown, "2  CREDIT?[2J\n") {
			t.Errorf("%q: %v, want %v; shown %q", line, got, want, shown)
		}
	}
	c := &cardholder{env: &environment{stderr: &bytes.Buffer{}, lang: "zh"}, choose: 3}
	if got := c.Choose(context.Background(), &emv.Choice{Names: []string{"A"}}); got.Kind != emv.Cancelled {
		t.Errorf("--choose 3 of one application: %v", got)
	}
}

// TestChoiceWithoutAPerson: the first application, unless it must be confirmed.
func TestChoiceWithoutAPerson(t *testing.T) {
	var errs bytes.Buffer
	c := &cardholder{env: &environment{stderr: &errs, lang: "en"}}
	if got := c.Choose(context.Background(), &emv.Choice{Names: []string{"A", "B"}}); got.Kind != emv.Chosen || got.Choice != 0 {
		t.Errorf("two applications: %v", got)
	}
	one := &emv.Choice{Names: []string{"A"}, Confirm: true}
	if got := c.Choose(context.Background(), one); got.Kind != emv.Cancelled || !strings.Contains(errs.String(), "--choose 1") {
		t.Errorf("confirmed by nobody: %v, %q", got, errs.String())
	}
	c.choose = 1
	if got := c.Choose(context.Background(), one); got.Kind != emv.Chosen {
		t.Errorf("--choose 1: %v", got)
	}
}

// TestPINIsEnteredOnce: a flag's PIN that was wrong is not tried again, and without a
// terminal nobody is asked.
func TestPINIsEnteredOnce(t *testing.T) {
	p, err := parsePIN("--pin", "123456")
	if err != nil {
		t.Fatal(err)
	}
	c := &cardholder{env: &environment{stderr: &bytes.Buffer{}}, pin: p, given: true}
	for i, want := range []emv.EventKind{emv.PINEntered, emv.PINBypassed} {
		if got := c.PIN(context.Background(), &emv.PINRequest{Tries: 3 - i, Again: i > 0}); got.Kind != want {
			t.Errorf("question %d: %v, want %v", i+1, got.Kind, want)
		}
	}
	nobody := &cardholder{env: &environment{stderr: &bytes.Buffer{}}}
	if got := nobody.PIN(context.Background(), &emv.PINRequest{Tries: -1}); got.Kind != emv.PINBypassed {
		t.Errorf("without a terminal: %v", got.Kind)
	}
	if nobody.Again(context.Background(), &pos.TornSale{}) {
		t.Error("a card comes back without --retap")
	}
}
