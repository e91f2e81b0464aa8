package purse_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card/psam"
	cardpurse "github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// TestDialogues plays whole conversations; testdata/dialogues/README.md explains the
// words. Run with -rewrite after a wanted change, and read the difference.
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/dialogues", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		var s *stage
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "terminal" {
				s = sayTerminal(t, d, s)
				return "ok\n"
			}
			s.t = t
			word, ok := dialogueWords[d.Cmd]
			if !ok {
				t.Fatalf("%s: no word %q", d.Pos, d.Cmd)
			}
			return word(s, d)
		})
	})
}

var dialogueWords = map[string]func(*stage, *datadriven.TestData) string{
	"card": sayCard, "tap": sayTap, "retap": sayTap, "load": sayLoad, "unload": sayLoad, "reload": sayReload, "truth": sayTruth,
}

func number(s *stage, d *datadriven.TestData, key string, otherwise int) int {
	if d.HasArg(key) {
		d.ScanArgs(s.t.(*testing.T), key, &otherwise)
	}
	return otherwise
}

func word(t testing.TB, d *datadriven.TestData, key, otherwise string) string {
	if d.HasArg(key) {
		d.ScanArgs(t.(*testing.T), key, &otherwise)
	}
	return otherwise
}

// sayTerminal makes a terminal; the cards of the play stay.
func sayTerminal(t *testing.T, d *datadriven.TestData, old *stage) *stage {
	s := stageWith(t, func(spec *psam.Spec) {
		if d.HasArg("no-tac-key") {
			withoutTAC(spec)
		}
	})
	if old != nil {
		s.cards = old.cards
	}
	index := unhex(t, word(t, d, "key-index", "00"))
	s.install(purse.Config{Module: s.sam, KeyIndex: index[0]})
	return s
}

func (s *stage) player(d *datadriven.TestData) *player {
	x := s.cards[word(s.t, d, "card", "card")]
	if x == nil {
		s.t.Fatalf("%s: there is no such card", d.Pos)
	}
	return x
}

func sayCard(s *stage, d *datadriven.TestData) string {
	x := s.issue(word(s.t, d, "name", "card"), word(s.t, d, "profile", "dev-tunion"), uint32(number(s, d, "balance", 5000)), func(spec *cardpurse.Spec) {
		spec.Invalidated = d.HasArg("blocked")
	})
	if d.HasArg("blocked") {
		nvm := x.chip.Snapshot(nil)
		nvm[2] = 1 // the byte of the state
		check(s.t, x.chip.Insert(x.image, nvm))
	}
	return sayTruth(s, d)
}

func sayTruth(s *stage, d *datadriven.TestData) string {
	name := word(s.t, d, "name", word(s.t, d, "card", "card"))
	m := s.cards[name].state()
	return fmt.Sprintf("the card has %v yuan, offline number %d, online number %d\n", money.Fen(m.Balance), m.Offline, m.Online)
}

func sayTap(s *stage, d *datadriven.TestData) string {
	var b strings.Builder
	x := s.player(d)
	mark := number(s, d, "mark", 0)
	w := wants{amount: money.Fen(number(s, d, "amount", 0)), compound: !d.HasArg("plain"), mark: byte(mark), again: d.HasArg("again"), log: func(who string, command, answer []byte) { printExchange(&b, who, command, answer) }}
	w.fault = fault{lost: number(s, d, "lost", 0), unheard: number(s, d, "unheard", 0), samLost: number(s, d, "module-lost", 0),
		stopKnown: word(s.t, d, "stop", "") == "known", opened: word(s.t, d, "stop", "") == "opened"}
	s.now = now + 60*int64(number(s, d, "at", 0))
	if d.Cmd == "retap" {
		w.prove = s.torn
	}
	r := s.tap(x, w)
	if r.probe != nil {
		fmt.Fprintf(&b, "verdict: %v", r.probe.Verdict)
		if r.probe.Fault.Code != purse.NoFault {
			fmt.Fprintf(&b, " (%v)", r.probe.Fault)
		}
		b.WriteString("\n")
		if r.probe.Verdict == purse.Paid || r.probe.Verdict == purse.Unverified {
			printRow(s, &b, kindOf(w), txn.ClosedByProve, r.probe.Data)
		}
	}
	if r.out != nil {
		printOutcome(s, &b, w, r.out)
	}
	return b.String()
}

func printOutcome(s *stage, b *strings.Builder, w wants, out *purse.Outcome) {
	fmt.Fprintf(b, "= %v, %v", out.Result, out.Commit)
	if out.Fault.Code != purse.NoFault {
		fmt.Fprintf(b, ": %v", out.Fault)
	}
	if out.Reason != txn.NoDoubt {
		fmt.Fprintf(b, " [row: %v]", out.Reason)
	}
	b.WriteString("\n")
	if out.Identified {
		fmt.Fprintf(b, "  card %v", out.Data.Card.Key)
		if after := out.After(); after >= 0 {
			fmt.Fprintf(b, ", balance %v", after)
		}
		b.WriteString("\n")
	}
	switch {
	case out.Result == kernel.Approved:
		printRow(s, b, kindOf(w), txn.LastRecordRead|txn.ODAVerified|txn.ServiceGiven, out.Data)
	case out.Commit == kernel.CommitUnknown:
		d := *out.Data
		s.torn = &d
		printRow(s, b, txn.Doubt, txn.Flags(0).WithReason(out.Reason), out.Data)
	}
}

func printRow(s *stage, b *strings.Builder, kind txn.Kind, flags txn.Flags, d *purse.Data) {
	r := row(s.t, kind, flags, d)
	p, _ := r.Purse()
	fmt.Fprintf(b, "  row: %v of %v, number %d, TAC %X, MAC2 %X, module %X/%d: %v\n", kind, r.Amount, p.Sequence, p.TAC, p.MAC2, p.Terminal, p.TerminalSequence, verdict(s.t, r))
}

func printExchange(b *strings.Builder, who string, command, answer []byte) {
	mark, name := "", ""
	if who != "" {
		mark = "S"
	} else if c, err := apdu.ParseCommand(command); err == nil {
		name = c.Name() + " "
	}
	fmt.Fprintf(b, "%s> %s%s\n", mark, name, shorten(command))
	switch {
	case answer == nil && who != "":
		fmt.Fprintf(b, "%s< no answer\n", mark)
	case answer == nil:
		fmt.Fprintf(b, "%s< no answer, the card has left\n", mark)
	default:
		fmt.Fprintf(b, "%s< %s\n", mark, shorten(answer))
	}
}

// shorten writes hexadecimal, long rows of one byte as a number.
func shorten(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); {
		n := i
		for n < len(b) && b[n] == b[i] {
			n++
		}
		if n-i > 8 {
			fmt.Fprintf(&out, "(%02X x %d)", b[i], n-i)
			i = n
			continue
		}
		out.WriteString(strings.ToUpper(hex.EncodeToString(b[i : i+1])))
		i++
	}
	return out.String()
}

func sayLoad(s *stage, d *datadriven.TestData) string {
	x := s.player(d)
	in := loadInput(x, money.Fen(number(s, d, "amount", 0)), d.Cmd == "unload")
	in.PIN = unhex(s.t, word(s.t, d, "pin", ""))
	host := &bank{t: s.t, account: 100000, refuse: word(s.t, d, "host", "") == "refuses", lost: word(s.t, d, "host", "") == "lost"}
	var b strings.Builder
	out, _, _, _ := s.visit(x, host, in, nil, fault{lost: number(s, d, "lost", 0), unheard: number(s, d, "unheard", 0)}, func(c, a []byte) { printExchange(&b, "", c, a) })
	fmt.Fprintf(&b, "= %v, %v", out.Result, out.Commit)
	if out.Fault.Code != purse.NoFault {
		fmt.Fprintf(&b, ": %v", out.Fault)
	}
	fmt.Fprintf(&b, "; the issuer must hear of it: %v\n", out.Granted)
	if out.Commit == kernel.Committed {
		fmt.Fprintf(&b, "  balance %v, code %X genuine: %v\n", out.Data.After(), out.Code, host.done(&out.Data, out.Code))
	}
	if out.Commit == kernel.CommitUnknown {
		s.load = &out.Data
	}
	return b.String()
}

func sayReload(s *stage, d *datadriven.TestData) string {
	x := s.player(d)
	var b strings.Builder
	host := &bank{t: s.t}
	in := loadInput(x, money.Fen(s.load.Request.Trade.Amount), false)
	_, p, _, _ := s.visit(x, host, in, s.load, fault{lost: number(s, d, "lost", 0), unheard: number(s, d, "unheard", 0)}, func(c, a []byte) { printExchange(&b, "", c, a) })
	fmt.Fprintf(&b, "verdict: %v", p.Verdict)
	switch {
	case p.Verdict == purse.Unverified:
		fmt.Fprintf(&b, ", code %X genuine: %v", p.Code, host.done(s.load, p.Code))
	case p.Again != nil:
		fmt.Fprintf(&b, ", the card's online number is %d, that of the torn load was %d", p.Again.Sequence, s.load.Request.Sequence)
	}
	b.WriteString("\n")
	return b.String()
}
