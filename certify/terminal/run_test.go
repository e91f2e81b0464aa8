package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/role/terminaltest"
)

// at is the time of all test runs.
var at = time.Date(2026, 3, 14, 10, 0, 0, 0, time.FixedZone("CST", 8*3600))

func random() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

// options are those of a run with the development keys.
func options(t testing.TB) terminal.Options {
	t.Helper()
	r, s, err := terminaltest.Keys()
	if err != nil {
		t.Fatal(err)
	}
	return terminal.Options{Name: "till", Setup: terminal.Everything(), RSA: r, SM2: s, Records: terminaltest.RecordKeys(), Purse: terminaltest.PurseKeys(), At: at, Rand: random()}
}

// ourTill is the till of this module, set as the run supposes.
func ourTill(t testing.TB, s terminal.Setup) terminal.Terminal {
	t.Helper()
	till, err := terminaltest.NewTill(s, func() time.Time { return at }, random())
	if err != nil {
		t.Fatal(err)
	}
	return till
}

// TestOurTill: the till of this module passes every case, and the same run gives the
// same report.
func TestOurTill(t *testing.T) {
	var first []byte
	for range 2 {
		o := options(t)
		report, err := terminal.Run(t.Context(), ourTill(t, o.Setup), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range report.Cases {
			if c.Result != certify.Pass && !forGates(c) {
				t.Errorf("%s: %s %s", c.ID, c.Detail, c.Reason)
			}
		}
		sum := 0
		for _, g := range report.Groups {
			sum += g.Passed + g.Failed + g.Skipped
		}
		if n := len(report.Cases); n < 80 || sum != n || report.Passed+report.Failed+report.Skipped != n || !report.Conforms() {
			t.Errorf("%d cases, %d in groups, %d passed", n, sum, report.Passed)
		}
		var b bytes.Buffer
		if err := report.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b.Bytes()) {
			t.Error("two runs give two reports")
		}
		first = b.Bytes()
	}
}

// forGates tells whether a case was skipped since it is for gates.
func forGates(c certify.CaseResult) bool {
	return c.Result == certify.Skip && strings.HasPrefix(c.Group, "gate")
}

// silent is a terminal that does nothing and says nothing.
type silent struct{}

func (silent) Run(context.Context, *terminal.Card, terminal.Transaction, *terminal.Host) (terminal.Reported, error) {
	return terminal.Reported{}, nil
}

// TestSilent: a terminal that does nothing fails every case.
func TestSilent(t *testing.T) {
	for _, s := range []terminal.Setup{terminal.Everything(), terminal.Gates()} {
		o := options(t)
		o.Setup = s
		report, err := terminal.Run(t.Context(), silent{}, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range report.Cases {
			if skip := s.Gate != strings.HasPrefix(c.Group, "gate"); c.Result == certify.Pass || skip != (c.Result == certify.Skip) && c.ID != "gate-no-purse" {
				t.Errorf("gate %t: %s: %s %s", s.Gate, c.ID, c.Result, c.Reason)
			}
		}
	}
}

// liar is a terminal that does nothing and says always the same.
type liar string

func (l liar) Run(context.Context, *terminal.Card, terminal.Transaction, *terminal.Host) (terminal.Reported, error) {
	return terminal.Reported{Outcome: string(l)}, nil
}

// TestLiars: a word is no proof. Without a command only cases pass in which the terminal
// may refuse before it looks at the card.
func TestLiars(t *testing.T) {
	for _, setup := range []terminal.Setup{terminal.Everything(), terminal.Gates()} {
		for _, word := range terminal.Outcomes {
			o := options(t)
			if o.Setup = setup; setup.Gate {
				o.Only = []string{"gate", "gate-shut", "gate-purse", "gate-torn"}
			}
			report, err := terminal.Run(t.Context(), liar(word), o)
			if err != nil {
				t.Fatal(err)
			}
			if (setup.Gate || strings.HasSuffix(word, "approved")) && report.Passed != 0 {
				t.Errorf("gate %t, %s: %d cases pass", setup.Gate, word, report.Passed)
			}
			if report.Conforms() || report.Failed < report.Passed {
				t.Errorf("gate %t, %s: %d passed, %d failed", setup.Gate, word, report.Passed, report.Failed)
			}
		}
	}
}

// TestPoor: a terminal that has little is asked for little, and every skip says why.
func TestPoor(t *testing.T) {
	o := options(t)
	o.Setup = terminal.Setup{Contact: true, Country: o.Setup.Country, Currency: o.Setup.Currency, Version: o.Setup.Version, FloorLimit: 100_00}
	report, err := terminal.Run(t.Context(), silent{}, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Cases {
		if c.Result == certify.Skip && (c.Reason == "" || c.ReasonZH == "") {
			t.Errorf("%s is skipped without a reason", c.ID)
		}
	}
	if report.Skipped < 150 || report.Failed == 0 {
		t.Errorf("%d skipped, %d failed", report.Skipped, report.Failed)
	}
	o.SM2, o.Setup.SM = nil, true
	if _, err := terminal.Run(t.Context(), silent{}, o); err != nil {
		t.Errorf("without SM2 keys: %v", err)
	}
}

var errDriver = errors.New("the cable is out")

type unplugged struct{}

func (unplugged) Run(context.Context, *terminal.Card, terminal.Transaction, *terminal.Host) (terminal.Reported, error) {
	return terminal.Reported{}, errDriver
}

// TestEnds: what ends a run early, and what never begins.
func TestEnds(t *testing.T) {
	o := options(t)
	report, err := terminal.Run(t.Context(), unplugged{}, o)
	if !errors.Is(err, errDriver) || report == nil || report.Incomplete == "" || report.Conforms() {
		t.Errorf("%+v, %v", report, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	o.Progress = func(done, total int, _ *certify.CaseResult) {
		if n = done; done == 3 {
			stop()
		}
	}
	if report, err = terminal.Run(ctx, silent{}, o); !errors.Is(err, terminal.ErrStopped) || len(report.Cases) != 3 || n != 3 {
		t.Errorf("%d cases, %v", len(report.Cases), err)
	}
	for name, spoil := range map[string]func(*terminal.Options){
		"RSA":   func(o *terminal.Options) { o.RSA = nil },
		"Rand":  func(o *terminal.Options) { o.Rand = nil },
		"At":    func(o *terminal.Options) { o.At = time.Time{} },
		"Setup": func(o *terminal.Options) { o.Setup.Contact, o.Setup.Contactless = false, false },
		"Floor": func(o *terminal.Options) { o.Setup.FloorLimit = 1 },
		"limit": func(o *terminal.Options) { o.Setup.CVMLimit = -1 },
		"fare":  func(o *terminal.Options) { o.Setup = terminal.Gates(); o.Setup.Fare = -1 },
		"gate": func(o *terminal.Options) {
			o.Setup = terminal.Gates()
			o.Setup.Contact, o.Setup.Contactless = true, false
		},
	} {
		o := options(t)
		spoil(&o)
		if report, err := terminal.Run(t.Context(), silent{}, o); err == nil || report != nil {
			t.Errorf("bad %s: %v", name, err)
		}
	}
	o = options(t)
	o.Only = []string{"nothing"}
	if report, err := terminal.Run(t.Context(), silent{}, o); err != nil || len(report.Cases) != 0 || report.Conforms() {
		t.Errorf("no such case: %+v, %v", report, err)
	}
}
