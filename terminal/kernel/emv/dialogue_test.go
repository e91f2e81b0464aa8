package emv_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
)

// TestDialogues plays testdata/dialogues: the machine at a card of the house, in
// process. In the text > is a command, < the card's answer, ? a question to
// cardholder or issuer and ! the issuer's answer, = the outcome; what stands between
// is what the terminal found.
//
//	card PROFILE [balance=FEN]       a new card
//	terminal [...]                   a new terminal: see terminalOf
//	sale AMOUNT [type=HEX] [air] [force] [drawn=PERCENT]
//	  pin 123456 bypass ...          what is done at the PIN pad, in turn
//	  choose 1 cancel ...            which application
//	  host 00 no-arpc 72-load=30000  the issuer; unreachable
//	  gone|lost INS N                the card is gone at, or after, the Nth command with INS
//	  swap INS N HEX                 another answer; sw: another status word; flip: byte AT inverted
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/dialogues", func(t *testing.T, path string) {
		var s *shop
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "card":
				s = dialogueCard(t, d)
			case "terminal":
				s.t = t
				s.config = terminalOf(t, d)
			case "sale":
				s.t = t
				in := saleOf(t, d)
				s.follow(d.Input)
				s.out.Reset()
				s.sell(in)
				return s.out.String()
			default:
				t.Fatalf("directive %q", d.Cmd)
			}
			return ""
		})
	})
}

func dialogueCard(t *testing.T, d *datadriven.TestData) *shop {
	r, err := devcard.Default(d.CmdArgs[0].Key)
	noError(t, err)
	if v := argument(t, d, "balance"); v != "" {
		r.Balance = fen(t, v)
	}
	return newShopFor(t, r)
}

// argument is the value of name=value, "" without one.
func argument(t *testing.T, d *datadriven.TestData, name string) string {
	t.Helper()
	for _, a := range d.CmdArgs {
		if a.Key == name && len(a.Vals) == 1 {
			return a.Vals[0]
		}
	}
	return ""
}

func fen(t *testing.T, digits string) money.Fen {
	t.Helper()
	v, err := strconv.ParseInt(digits, 10, 64)
	noError(t, err)
	return money.Fen(v)
}

// terminalOf changes the usual till: 9F33, 9F35 and 9F40 by value, the lowest amount
// that goes online, and what it offers.
func terminalOf(t *testing.T, d *datadriven.TestData) *emv.Config {
	t.Helper()
	c := shopConfig(t)
	hex := func(name string, into []byte) {
		if v := argument(t, d, name); v != "" {
			copy(into, unhex(t, v))
		}
	}
	kind := []byte{c.Type}
	hex("type", kind)
	c.Type = kind[0]
	hex("capabilities", c.Capabilities[:])
	hex("additional", c.Additional[:])
	for i := range c.Applications {
		a := &c.Applications[i]
		if v := argument(t, d, "floor"); v != "" {
			a.FloorLimit = fen(t, v)
		}
		if v := argument(t, d, "random"); v != "" {
			a.Random = emv.RandomSelection{Target: byte(fen(t, v)), Max: byte(fen(t, v))}
		}
		hex("denial", a.Actions.Denial[:])
		hex("online", a.Actions.Online[:])
		hex("default", a.Actions.Default[:])
	}
	c.ElectronicCash, c.SM, c.Directory = d.HasArg("cash"), !d.HasArg("no-sm"), !d.HasArg("no-directory")
	if d.HasArg("exception") {
		c.Exception = func(txn.CardKey) bool { return true }
	}
	return c
}

func saleOf(t *testing.T, d *datadriven.TestData) emv.Input {
	t.Helper()
	in := shopInput(fen(t, d.CmdArgs[0].Key))
	if v := argument(t, d, "type"); v != "" {
		in.Type = unhex(t, v)[0]
	}
	if v := argument(t, d, "time"); v != "" {
		in.Time = int64(fen(t, v))
	}
	if v := argument(t, d, "drawn"); v != "" {
		in.Percent = byte(fen(t, v))
	}
	in.Contactless, in.ForceOnline = d.HasArg("air"), d.HasArg("force")
	return in
}

// follow reads what people, issuer and fate do in the sale.
func (s *shop) follow(script string) {
	s.t.Helper()
	s.pins, s.choices, s.host, s.faults = nil, nil, nil, nil
	for line := range strings.Lines(script) {
		w := strings.Fields(line)
		if len(w) == 0 || w[0][0] == '#' {
			continue
		}
		switch w[0] {
		case "pin":
			s.pins = w[1:]
		case "choose":
			s.choices = w[1:]
		case "host":
			s.host = w[1:]
		case "gone", "lost", "swap", "sw", "flip":
			n, err := strconv.Atoi(w[2])
			noError(s.t, err)
			f := meddling{kind: w[0], ins: w[1], nth: n}
			if w[0] == "flip" {
				f.at, err = strconv.Atoi(w[3])
				noError(s.t, err)
			} else if len(w) > 3 {
				f.bytes = unhex(s.t, strings.Join(w[3:], ""))
			}
			s.faults = append(s.faults, f)
		default:
			s.t.Fatalf("line %q", line)
		}
	}
}
