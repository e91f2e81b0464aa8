package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/certify/terminal"
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

// TestProgramName: what a terminal is called that nobody has named.
func TestProgramName(t *testing.T) {
	for run, want := range map[string]string{"/usr/bin/till --amount 5": "till", "/opt/a/citycard tap --json": "citycard tap", "till": "till", "": ""} {
		if got := programName(run); got != want {
			t.Errorf("%q: %q", run, got)
		}
	}
}
