package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/cardstate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/tlv"
)

// cardGate is a gate's kernel.
type cardGate struct {
	m      *kernel.Machine
	atLast func() // called when the last record is about to be asked for; may be nil
}

func newCardGate(t testing.TB) *cardGate {
	t.Helper()
	cas, err := devkeys.CAKeys()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := oda.NewVerifier(cas, 2)
	if err != nil {
		t.Fatal(err)
	}
	m, err := kernel.New(&kernel.Config{TTQ: kernel.GateTTQ, Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, TerminalType: 0x26,
		AppVersion: [2]byte{0, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: verifier})
	if err != nil {
		t.Fatal(err)
	}
	return &cardGate{m: m}
}

// pay takes an amount; the error is the reader's.
func (g *cardGate) pay(ctx context.Context, c reader.Card, amount money.Fen) (kernel.Outcome, error) {
	if err := g.m.Reset(kernel.Input{Amount: amount, UN: [4]byte{1, 2, 3, 4}, Time: time.Now().Unix()}); err != nil {
		return kernel.Outcome{}, err
	}
	var broken error
	r := g.m.Step(kernel.Event{Kind: kernel.Start})
	for r.Outcome == nil {
		switch {
		case r.Identified:
			r = g.m.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = g.m.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			if g.m.LastSent() && g.atLast != nil {
				g.atLast()
			}
			out, err := c.Transmit(ctx, nil, r.Send)
			if err != nil {
				broken = err
				r = g.m.Step(kernel.Event{Kind: kernel.CardLeft})
			} else {
				r = g.m.Step(kernel.Answered(out))
			}
		}
	}
	return *r.Outcome, broken
}

// cardFacts are balance and counter, as the card tells them.
func cardFacts(t testing.TB, ctx context.Context, c reader.Card) (balance money.Fen, atc uint16) {
	t.Helper()
	if _, err := c.Reset(ctx, reader.Cold); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []string{"00A4040008A00000033301010100", "80CA9F7900", "80CA9F3600"} {
		b, err := parseHex(cmd)
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.Transmit(ctx, nil, b)
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := tlv.Find(out[:len(out)-2], tlv.TagECBalance); ok {
			if balance, err = money.FromN12(v); err != nil {
				t.Fatal(err)
			}
		}
		if v, ok := tlv.Find(out[:len(out)-2], tlv.TagATC); ok && len(v) == 2 {
			atc = binary.BigEndian.Uint16(v)
		}
	}
	return balance, atc
}

func freeAddress(t testing.TB) (address, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), port
}

// serving starts the card as a process of its own and takes it into a reader.
func serving(t testing.TB, ctx context.Context, state string) (*exec.Cmd, reader.Card) {
	t.Helper()
	address, port := freeAddress(t)
	cmd := citycard(t, "card", "serve", "--vpcd", address, "--state", state, "--reconnect", "30s")
	cmd.Stderr = &strings.Builder{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // an error says that it has ended
	c, err := reader.Open(ctx, "vpcd:"+port, reader.Doors{})
	if err != nil {
		t.Fatalf("%v; the card says: %s", err, cmd.Stderr)
	}
	return cmd, c
}

// A card that is killed at random moments while purchases run keeps what its
// reader was told: every payment the reader knows of is on the card, and at most
// the one under way beside it.
func TestKilledCardKeepsItsMoney(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	state := filepath.Join(t.TempDir(), "a.card")
	mustRun(t, "card", "new", "--profile", "dev-sm", "--balance", "500000", "--state", state)
	gate := newCardGate(t)
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	balance, counter := money.Fen(500000), uint16(0)
	payments, doubts, paidInDoubt, kills := 0, 0, 0, 40
	if testing.Short() {
		kills = 8
	}
	for kill := range kills {
		cmd, c := serving(t, ctx, state)
		got, atc := cardFacts(t, ctx, c)
		if got != balance || atc < counter {
			t.Fatalf("kill %d: the card has %v at counter %d, its reader was told %v at %d", kill, got, atc, balance, counter)
		}
		// Half of the kills come at any moment, half while the payment is written.
		soon := func(within time.Duration) *time.Timer {
			return time.AfterFunc(time.Duration(rnd.Int64N(int64(within))), func() { _ = cmd.Process.Kill() }) // an error says that it has ended
		}
		gate.atLast = nil
		if kill%2 == 0 {
			soon(60 * time.Millisecond)
		} else {
			gate.atLast = func() { soon(2 * time.Millisecond) }
		}
		var doubt bool
		for {
			const fare = 7
			_, err := c.Reset(ctx, reader.Cold)
			var out kernel.Outcome
			if err == nil {
				out, err = gate.pay(ctx, c, fare)
			}
			if err == nil && out.Result == kernel.Approved {
				payments++
				balance -= fare
				continue
			}
			if err == nil {
				t.Fatalf("kill %d: the gate says %v, %v", kill, out.Result, out.Fault)
			}
			doubt = out.Commit == kernel.CommitUnknown
			break
		}
		_ = cmd.Wait() // it was killed
		c.Close()
		if !doubt {
			continue
		}
		// Nobody told the reader whether the last payment happened. The card knows.
		doubts++
		cmd, c = serving(t, ctx, state)
		got, counter = cardFacts(t, ctx, c)
		switch got {
		case balance - 7:
			balance, paidInDoubt = got, paidInDoubt+1
		case balance:
		default:
			t.Fatalf("kill %d: the card has %v, its reader knows of %v", kill, got, balance)
		}
		c.Close()
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
	if payments < kills/2 {
		t.Errorf("only %d payments in %d lives of the card", payments, kills)
	}
	t.Logf("%d kills, %d payments, %d in doubt, of which %d had been paid", kills, payments, doubts, paidInDoubt)
}

// A card's file that was cut short or altered is refused, with nothing changed.
func TestDamagedCardIsRefused(t *testing.T) {
	state := filepath.Join(t.TempDir(), "a.card")
	mustRun(t, "card", "new", "--profile", "dev-sm", "--state", state)
	whole, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"cut": whole[:len(whole)-1], "empty": {}, "altered": append(append([]byte{}, whole[:40]...), whole[41:]...)} {
		if err := os.WriteFile(state, b, 0o600); err != nil {
			t.Fatal(err)
		}
		address, _ := freeAddress(t)
		out, err := citycard(t, "card", "serve", "--vpcd", address, "--state", state, "--reconnect", "0").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(string(out), "not a usable state") || !strings.Contains(string(out), "hint: ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if kept, err := os.ReadFile(state); err != nil || string(kept) != string(b) {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
}

// Two processes cannot be one card, and the file is free when the first has ended.
func TestOneProcessPerCard(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	state := filepath.Join(t.TempDir(), "a.card")
	first, c := serving(t, ctx, state)
	address, _ := freeAddress(t)
	out, err := citycard(t, "card", "serve", "--vpcd", address, "--state", state, "--reconnect", "0").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUnavailable || !strings.Contains(string(out), "another process uses it") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := first.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("interrupted: %v, %s", err, first.Stderr)
	}
	c.Close()
	f, err := cardstate.Open(state, cardFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// The card says in one line that it is in its reader, and which card it is.
func TestServeSaysWhere(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	address, port := freeAddress(t)
	cmd := citycard(t, "card", "serve", "--vpcd", address, "--profile", "dev-3des", "--reconnect", "30s")
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := reader.Open(ctx, "vpcd:"+port, reader.Doors{})
	if err != nil {
		t.Fatal(err)
	}
	want := "card 622800******1117-01, dev-3des is in the reader at " + address
	lines := bufio.NewScanner(talk)
	for lines.Scan() && lines.Text() != want {
		if !strings.HasPrefix(lines.Text(), "*") {
			t.Errorf("line %q", lines.Text())
		}
	}
	if lines.Text() != want {
		t.Errorf("last line %q, want %q", lines.Text(), want)
	}
	c.Close()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if lines.Text() != "the reader has closed the connection" {
			t.Errorf("line %q", lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
}
