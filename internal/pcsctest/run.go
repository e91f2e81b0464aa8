package pcsctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// maxOutput is how much of a client's output is kept, in bytes. Some repeat a
// question for ever at the end of their input.
const maxOutput = 4 << 20

// NoClient begins the reason for a skip where a client of PC/SC is not installed.
const NoClient = "PC/SC tests need all clients: apt-get install --no-install-recommends opensc pcsc-tools python3-pyscard cardpeek cardpeek-data; missing is "

// Run runs a client of PC/SC and gives its output, both kinds together. It skips
// the test if the program is not installed, and fails it if the program fails or
// takes longer than the limit.
func Run(tb testing.TB, limit time.Duration, name string, args ...string) string {
	tb.Helper()
	return (&command{name: name, args: args, home: tb.TempDir()}).must(tb, limit)
}

// command is a client to be run. Its home is a folder of the test's, because
// settings and first-run questions belong to no real user.
type command struct {
	name  string
	args  []string
	home  string
	dir   string
	env   []string
	input string
}

// must gives the output of a program that succeeds.
func (c *command) must(tb testing.TB, limit time.Duration) string {
	tb.Helper()
	out, err := c.run(limit)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		tb.Skip(NoClient + c.name)
	}
	if err != nil {
		tb.Fatalf("%s %q: %v\n%s", c.name, c.args, err, out)
	}
	return out
}

func (c *command) run(limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.name, c.args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "HOME="+c.home, "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1")
	cmd.Env = append(cmd.Env, c.env...)
	cmd.Stdin = strings.NewReader(c.input)
	out := &cappedBuffer{stop: cancel}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case out.full:
		err = fmt.Errorf("more than %d bytes of output", maxOutput)
	case ctx.Err() != nil:
		err = fmt.Errorf("not done after %v: %w", limit, ctx.Err())
	}
	return out.buf.String(), err
}

// cappedBuffer keeps the first maxOutput bytes and ends the program after them.
type cappedBuffer struct {
	buf  bytes.Buffer
	stop func()
	full bool
}

// Write implements [io.Writer].
func (b *cappedBuffer) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > maxOutput {
		b.full = true
		b.stop()
		return len(p), nil
	}
	return b.buf.Write(p)
}
