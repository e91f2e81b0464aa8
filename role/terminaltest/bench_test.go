package terminaltest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
)

// TestMain lets the test program be a terminal of its own: a till behind vpcd:PORT.
func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == "till" {
		if err := tillProgram(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// tillProgram makes one sale: reader, interface, amount and host.
func tillProgram(args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := reader.Open(ctx, args[0], reader.Doors{Cooked: true})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	config, err := tillConfig(terminal.Everything(), pos.QPBOC)
	if err != nil {
		return err
	}
	till, err := pos.New(config)
	if err != nil {
		return err
	}
	line, err := host.Parse(args[3])
	if err != nil {
		return err
	}
	face := pos.Contactless
	if args[1] == "contact" {
		face = pos.Contact
	}
	var amount int64
	if _, err := fmt.Sscan(args[2], &amount); err != nil {
		return err
	}
	a := till.Begin(pos.Sale{Kind: pos.Purchase, Interface: face, Amount: 567, Time: time.Now().Unix(), Sequence: 1, Random: [16]byte{1, 2, 3, 4, 5, 6, 7, 8}})
	for a.Done == nil {
		ev := emv.Event{Kind: emv.CardRemoved}
		switch {
		case a.Send != nil:
			out, err := c.Transmit(ctx, nil, a.Send)
			if ev = emv.Answered(out); err != nil {
				ev = emv.Event{Kind: emv.CardLeft}
			}
		case a.Online != nil:
			answer, err := line.Authorise(ctx, a.Online.Request)
			if ev = (emv.Event{Kind: emv.HostAnswered, Host: &answer}); err != nil {
				ev = emv.Event{Kind: emv.HostUnreachable}
			}
		case a.Again != nil:
			ev.Kind = emv.Cancelled
		}
		a = till.Step(ev)
	}
	fmt.Printf("a line before\n{\"outcome\":%q,\"tvr\":\"%X\",\"tsi\":\"%X\",\"balance_fen\":%d}\n", a.Done.Outcome, a.Done.TVR, a.Done.TSI, a.Done.Balance)
	return nil
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// TestProgram: a program behind a virtual reader is tested as the till in this process
// is, with its issuer behind TCP.
func TestProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	b := &Bench{VPCD: "127.0.0.1:" + port, Command: []string{self, "till", "vpcd:" + port, "{interface}", "{amount_fen}", "{host}"}, Wait: 15 * time.Second,
		Log: func(text string) { t.Log(text) }}
	stop, err := b.ServeHost(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	o := options(t, "qpboc-approved", "qpboc-declined", "qpboc-online", "qpboc-online-silent", "online-approved", "torn-air-last-answer", "torn-air-options", "gac-approved", "t0-response")
	o.At = time.Now()
	report, err := terminal.Run(t.Context(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Cases {
		if c.Result != "pass" {
			t.Errorf("%s: %s", c.ID, c.Detail)
		}
	}
	if report.Passed != 9 {
		t.Errorf("%d passed", report.Passed)
	}
}

// TestNoProgram: a program that is not there ends the run, and one that does nothing does not.
func TestNoProgram(t *testing.T) {
	o := options(t, "qpboc-approved")
	b := &Bench{VPCD: "127.0.0.1:" + freePort(t), Command: []string{"/no/such/terminal"}, Wait: time.Second}
	report, err := terminal.Run(t.Context(), b, o)
	if !errors.Is(err, os.ErrNotExist) || report == nil || report.Incomplete != "qpboc-approved" || report.Conforms() {
		t.Errorf("%+v, %v", report, err)
	}
	b.Command = []string{"true"}
	if report, err = terminal.Run(t.Context(), b, o); err != nil || report.Failed != 1 {
		t.Errorf("a terminal that does nothing: %+v, %v", report, err)
	}
	b.Command = nil
	if _, err = terminal.Run(t.Context(), b, o); !errors.Is(err, errNoReader) {
		t.Errorf("no reader and no program: %v", err)
	}
}

// TestReport: what of a program's output counts.
func TestReport(t *testing.T) {
	for out, want := range map[string]string{
		`{"outcome":"declined","tvr":"0000008000","tsi":"E800"}`: "declined",
		"banner\n{\"outcome\":\"doubt\"} trailing":               "doubt",
		`{"outcome":"fine"}`:                                     "",
		`{"outcome":7}`:                                          "",
		`{"taps":[{"outcome":"torn"},{"outcome":"opened"}]}`:     "offline_approved",
		`{"taps":[{"outcome":"refused"}]}`:                       "declined",
		`{"taps":[{"outcome":"again"}]}`:                         "card_lost",
		`{"taps":[]}`:                                            "",
		"nothing":                                                "",
		`{"outcome":`:                                            "",
	} {
		if got := report([]byte(out)); got.Outcome != want {
			t.Errorf("%s gives %+v", out, got)
		}
	}
	if r := report([]byte(`{"outcome":"declined","tvr":"00","tsi":"XX","balance_fen":-1}`)); r.TVR != nil || r.TSI != nil || r.HasBalance {
		t.Errorf("%+v", r)
	}
	if r := report([]byte(`{"tvr":"0000008000","tsi":"e800","balance_fen":12}`)); len(r.TVR) != 5 || r.TVR[3] != 0x80 || len(r.TSI) != 2 || r.Balance != 12 {
		t.Errorf("%+v", r)
	}
}
