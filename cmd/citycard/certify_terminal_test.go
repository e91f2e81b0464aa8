package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/role/terminaltest"
)

// TestOperator: a person is told what to do, and what he types is how it ended.
func TestOperator(t *testing.T) {
	in, typed := io.Pipe()
	var asked bytes.Buffer
	o := &operator{env: &environment{stdin: in, stderr: &asked}}
	tx := terminal.Transaction{
		Case: "cvm-x", Kind: terminal.Purchase, Amount: 567, Interface: terminal.Contact, PINs: []terminal.PINEntry{terminal.PINWrong, terminal.PINRight},
		Choice: 1, Online: true,
	}
	go func() { _, _ = io.WriteString(typed, "fine\n declined \n\n") }()
	if got, err := o.ask(t.Context(), tx); err != nil || got != "declined" {
		t.Errorf("%q, %v", got, err)
	}
	for _, want := range []string{"cvm-x: purchase of 5.67 yuan, over the contacts", "enter a wrong PIN; enter the PIN", "choose application 2", "ask for online processing", "without a line to the issuer", "press Enter, or type one of offline_approved"} {
		if !strings.Contains(asked.String(), want) {
			t.Errorf("%q is not in %q", want, asked.String())
		}
	}
	if got, err := o.ask(t.Context(), tx); err != nil || got != "" {
		t.Errorf("Enter alone: %q, %v", got, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if got, err := o.ask(ctx, tx); err != nil || got != "" {
		t.Errorf("nothing in time: %q, %v", got, err)
	}
	if err := typed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.ask(t.Context(), tx); err == nil {
		t.Error("the end of input is no error")
	}
	o.env.lang = "zh"
	if got := o.env.instructions(tx); !strings.Contains(got, "消费 5.67 元，接触式") {
		t.Errorf("%q", got)
	}
}

// TestTerminalReferenceIsComplete: the reference page names every flag, every word that
// is filled in, every key and every word of a setup file, and every key that is printed
// or read.
func TestTerminalReferenceIsComplete(t *testing.T) {
	page := readPage(t, "docs/reference/certify-terminal.md")
	names := slices.Concat(terminaltest.Placeholders(), terminaltest.SetupKeys(), terminaltest.Abilities(), terminal.Outcomes,
		[]string{string(terminal.Purchase), string(terminal.Load), string(terminal.Unload), string(terminal.Balance),
			string(terminal.Entry), string(terminal.Exit), string(terminal.Bus), string(terminal.Board), string(terminal.Alight), string(terminal.Contact), string(terminal.Contactless)})
	report := jsonKeys(t, terminal.Report{
		Groups: []terminal.Count{{}}, Incomplete: "x",
		Cases: []certify.CaseResult{{Detail: "x", Reason: "x", ReasonZH: "x", APDUs: []certify.Exchange{{}}, Expected: []string{"x"}}},
	})
	for _, keys := range []map[string]bool{report, jsonKeys(t, listedCase{})} {
		names = slices.AppendSeq(names, maps.Keys(keys))
	}
	if len(names) < 60 {
		t.Fatalf("only %d names", len(names))
	}
	for _, name := range names {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/reference/certify-terminal.md lacks `%s`", name)
		}
	}
	flags := regexp.MustCompile(`--[a-z-]+`).FindAllString(newCertifyTerminal(&environment{}).LocalFlags().FlagUsages(), -1)
	if len(flags) < 10 {
		t.Fatalf("flags %q", flags)
	}
	for _, f := range flags {
		if !strings.Contains(page, "| `"+f+" ") && !strings.Contains(page, "| `"+f+"`") {
			t.Errorf("docs/reference/certify-terminal.md lacks %s", f)
		}
	}
	cases := 0
	for _, g := range terminal.Groups() {
		cases += len(g.Cases)
	}
	if want := fmt.Sprintf("%d cases", cases); !strings.Contains(page, want) {
		t.Errorf("docs/reference/certify-terminal.md does not say that there are %s", want)
	}
}

// TestTerminalExample: the command that the help and the example file show has nothing
// in it that only a shell understands, and is the same in all places.
func TestTerminalExample(t *testing.T) {
	var first []string
	for _, text := range []string{terminalExample, readPage(t, "docs/reference/certify-terminal.md"), strings.ReplaceAll(readPage(t, "examples/terminals/citycard-tap.yaml"), "\n#", "\n")} {
		_, rest, _ := strings.Cut(text, "--run 'citycard")
		run, _, found := strings.Cut(rest, "'")
		words := strings.Fields(run)
		if !found || len(words) < 10 || slices.Contains(words, "\\") {
			t.Errorf("%q", words)
		}
		if first == nil {
			first = words
		}
		if !slices.Equal(words, first) {
			t.Errorf("%q is not %q", words, first)
		}
	}
}

// TestProgramName: what a terminal is called that nobody has named.
func TestProgramName(t *testing.T) {
	for run, want := range map[string]string{"/usr/bin/till --amount 5": "till", "/opt/a/citycard tap --json": "citycard tap", "till": "till", "": ""} {
		if got := programName(run); got != want {
			t.Errorf("%q: %q", run, got)
		}
	}
}
