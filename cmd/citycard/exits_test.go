package main

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// exits is a script command: "exits 2 program args..." runs the program, whose
// exit code must be 2. Its output is then there for stdout, stderr and cmp.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// endless is a stream without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestInputHasALimit(t *testing.T) {
	for name, in := range map[string]io.Reader{
		"endless":          endless{},
		"one byte too far": strings.NewReader(strings.Repeat("00", 65537)),
	} {
		var out, errs bytes.Buffer
		if code := run([]string{"decode", "tlv", "-"}, in, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "longer than 65536 bytes") {
			t.Errorf("%s: exit code %d, %s", name, code, errs.String())
		}
	}
	var out, errs bytes.Buffer
	if code := run([]string{"decode", "tlv", "-"}, strings.NewReader(strings.Repeat("00 ", 65536)), &out, &errs); code != exitOK {
		t.Errorf("65536 bytes: exit code %d, %s", code, errs.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func (broken) Read([]byte) (int, error) { return 0, errors.New("line is down") }

func TestBrokenStreamsAreReported(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"output":      {[]string{"decode", "tlv", "5A0162"}, "write the result: disk is full"},
		"JSON output": {[]string{"--json", "decode", "tlv", "5A0162"}, "write the result: disk is full"},
		"input":       {[]string{"decode", "tlv", "-"}, "read standard input: line is down"},
	} {
		var errs bytes.Buffer
		if code := run(c.args, broken{}, broken{}, &errs); code != exitFailed || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit code %d, %s", name, code, errs.String())
		}
	}
}
