package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/terminal/reader"
)

// interrupted is a card at whose command of one INS the user interrupts.
type interrupted struct {
	reader.Card
	ins  byte
	stop context.CancelCauseFunc
	seen bool
}

var errInterrupt = errors.New("interrupted by the test")

func (c *interrupted) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	out, err := c.Card.Transmit(ctx, dst, cmd)
	if len(cmd) > 1 && cmd[1] == c.ins {
		c.seen = true
		c.stop(errInterrupt)
	}
	return out, err
}

// TestInterruptLeavesTheCardInOrder: an interrupt while the application is blocked
// or the PIN is another ends the run, and the card is as it was.
func TestInterruptLeavesTheCardInOrder(t *testing.T) {
	for name, ins := range map[string]byte{"script-block": 0x1E, "script-pin-change": 0x24} {
		env := &environment{stderr: t.Output()}
		c, err := env.simulated(t.Context(), "dev-3des")
		if err != nil {
			t.Fatal(err)
		}
		f := certifyFlags{reader: readerFlags{name: "sim:dev-3des"}, destructive: true, only: []string{name, "script-update-record"}}
		o, err := f.options(env)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancelCause(t.Context())
		at := &interrupted{Card: c, ins: ins, stop: stop}
		result, err := f.test(ctx, at, o)
		if !at.seen || !errors.Is(err, certify.ErrStopped) || !errors.Is(err, errInterrupt) || len(result.Cases) != 1 || result.Failed != 0 {
			t.Fatalf("%s: %v, report %+v", name, err, result)
		}
		again, err := f.test(t.Context(), c, o)
		if err != nil || again.Passed != 2 {
			t.Errorf("%s: the card afterwards: %v, report %+v", name, err, again)
		}
	}
}

// TestCertifyReference: the reference page tells the true number of cases, has every
// flag, and every group of cards of a city with its cases.
func TestCertifyReference(t *testing.T) {
	page := readPage(t, "docs/reference/card.md")
	n := 0
	for _, g := range certify.Groups() {
		n += len(g.Cases)
		row := regexp.MustCompile("\\n\\| `" + g.Key + "` \\| (\\d+) \\|").FindStringSubmatch(page)
		if row != nil && row[1] != strconv.Itoa(len(g.Cases)) {
			t.Errorf("docs/reference/card.md: group %s has %d cases", g.Key, len(g.Cases))
		}
	}
	wanted := append(regexp.MustCompile(`--[a-z-]+`).FindAllString(newCertifyCard(&environment{}).LocalFlags().FlagUsages(), -1),
		fmt.Sprintf("\n%d cases against any card", n), "\n| `journey` | ", "\n| `firewall` | ")
	for _, want := range wanted {
		if !strings.Contains(page, want) {
			t.Errorf("docs/reference/card.md lacks %q", want)
		}
	}
}

// TestOutlive: the context of a case goes on after an interrupt, but not for ever.
func TestOutlive(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	lasting, done := outlive(ctx, time.Hour)
	stop(errInterrupt)
	time.Sleep(10 * time.Millisecond)
	if lasting.Err() != nil {
		t.Error("it ended with the interrupt")
	}
	if done(); lasting.Err() == nil {
		t.Error("it goes on when the run is over")
	}
	lasting, done = outlive(ctx, time.Millisecond)
	defer done()
	select {
	case <-lasting.Done():
		if !errors.Is(context.Cause(lasting), errInterrupt) {
			t.Errorf("it ended because of %v", context.Cause(lasting))
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on for ever")
	}
}

// pulled is a card that is taken out after some commands.
type pulled struct {
	reader.Card
	left int
}

func (c *pulled) gone() error {
	return &reader.Error{Doing: "transmit", Kind: reader.ErrNoCard, Cause: errors.New("the card was taken out")}
}

func (c *pulled) Reset(ctx context.Context, kind reader.ResetKind) ([]byte, error) {
	if c.left <= 0 {
		return nil, c.gone()
	}
	return c.Card.Reset(ctx, kind)
}

func (c *pulled) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	if c.left--; c.left <= 0 {
		return dst, c.gone()
	}
	return c.Card.Transmit(ctx, dst, cmd)
}

// TestCertifyCardPulled: what was found before the card went is printed, as text, as
// JSON and as a page.
func TestCertifyCardPulled(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		var out, told bytes.Buffer
		env := &environment{stdout: &out, stderr: t.Output(), json: asJSON}
		c, err := env.simulated(t.Context(), "dev-sm")
		if err != nil {
			t.Fatal(err)
		}
		f := certifyFlags{reader: readerFlags{name: "sim:dev-sm"}, out: filepath.Join(t.TempDir(), "report.html")}
		o, err := f.options(env)
		if err != nil {
			t.Fatal(err)
		}
		result, gone := f.test(t.Context(), &pulled{c, 700}, o)
		if gone == nil || result == nil || result.Incomplete == "" || len(result.Cases) < 20 {
			t.Fatalf("%v, report %+v", gone, result)
		}
		if code := report(&told, f.tell(env, result, gone)); code != exitUnavailable || !strings.Contains(told.String(), "at case "+result.Incomplete) {
			t.Errorf("exit code %d, %s", code, told.String())
		}
		var got certify.Report
		if asJSON && (json.Unmarshal(out.Bytes(), &got) != nil || got.Passed != result.Passed || got.Incomplete != result.Incomplete) {
			t.Errorf("JSON report %s", out.String())
		}
		if !asJSON && !strings.Contains(out.String(), result.Incomplete) {
			t.Errorf("text report %s", out.String())
		}
		if page, err := os.ReadFile(f.out); err != nil || !bytes.Contains(page, []byte("<html")) {
			t.Errorf("page: %v", err)
		}
	}
}

// TestCertifyFlags: flags that would spoil a run are refused before it.
func TestCertifyFlags(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		f    certifyFlags
		code int
	}{
		"missing folder":   {certifyFlags{out: filepath.Join(dir, "nowhere", "report.html")}, exitNotFound},
		"a folder":         {certifyFlags{out: dir}, exitUsage},
		"file as a folder": {certifyFlags{out: filepath.Join(file, "report.html")}, exitUsage},
		"negative wait":    {certifyFlags{reader: readerFlags{wait: -time.Second}}, exitUsage},
		"two profiles":     {certifyFlags{reader: readerFlags{name: "sim:dev-sm"}, profile: "dev-3des"}, exitUsage},
		"one profile":      {certifyFlags{reader: readerFlags{name: "sim:dev-sm"}, profile: "dev-sm"}, exitOK},
		"another reader":   {certifyFlags{reader: readerFlags{name: "pcsc:"}, profile: "dev-sm"}, exitOK},
		"a new file":       {certifyFlags{out: filepath.Join(dir, "report.html")}, exitOK},
		"an old file":      {certifyFlags{out: file}, exitOK},
	} {
		if code := report(t.Output(), c.f.check()); code != c.code {
			t.Errorf("%s: exit code %d, want %d", name, code, c.code)
		}
		// The run itself must not come as far as its reader, of which there is none.
		if c.code != exitOK {
			err := c.f.run(t.Context(), &environment{stderr: t.Output()})
			if err == nil || strings.Contains(err.Error(), "no reader is named") {
				t.Errorf("%s: the run went on to the card: %v", name, err)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("files were left behind: %v, %v", left, err)
	}
}
