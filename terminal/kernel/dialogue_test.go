package kernel_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
	"github.com/citycard/citycard/wire/tlv/describe"
)

// TestDialogues plays whole conversations between our card and this kernel;
// testdata/dialogues/README.md explains the words. Run with -rewrite after a wanted
// change, and read the difference.
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/dialogues", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		s := newStage(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
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
	"terminal": sayTerminal, "card": sayCard, "faults": sayFaults, "deny": sayDeny, "tap": sayTap, "retap": sayRetap, "truth": sayTruth,
	"field-55": sayField55,
}

func number(s *stage, d *datadriven.TestData, key string, otherwise int) int {
	if d.HasArg(key) {
		d.ScanArgs(s.t.(*testing.T), key, &otherwise)
	}
	return otherwise
}

func text(s *stage, d *datadriven.TestData, key, otherwise string) string {
	if d.HasArg(key) {
		d.ScanArgs(s.t.(*testing.T), key, &otherwise)
	}
	return otherwise
}

func sayTerminal(s *stage, d *datadriven.TestData) string {
	ttq, err := hex.DecodeString(text(s, d, "ttq", "28000080"))
	check(s.t, err)
	c := &s.config
	c.TTQ = [4]byte(ttq)
	c.ContactlessLimit = money.Fen(number(s, d, "limit", 0))
	c.FloorLimit = money.Fen(number(s, d, "floor", 0))
	c.CVMLimit = money.Fen(number(s, d, "cvm", 0))
	c.ZeroAmountCheck, c.StatusCheck = d.HasArg("zero-amount"), d.HasArg("status-check")
	c.Transit = d.HasArg("transit")
	c.RequireFDDA01, c.SM = d.HasArg("require-fdda01"), !d.HasArg("without-sm")
	if d.HasArg("no-ca-keys") {
		c.Verify, err = oda.NewVerifier(nil, 1)
		check(s.t, err)
	}
	s.install()
	return "9F66\n" + value(s, tlv.TagTTQ, c.TTQ[:])
}

// value explains the bits of a value.
func value(s *stage, tag tlv.Tag, b []byte) string {
	item, err := describe.Value(tag, b, describe.Options{})
	check(s.t, err)
	return describe.Text([]describe.Item{item}, describe.Options{})
}

func (s *stage) player(d *datadriven.TestData) *player {
	p := s.cards[text(s, d, "card", "card")]
	if p == nil {
		s.t.Fatalf("%s: there is no such card", d.Pos)
	}
	return p
}

func sayCard(s *stage, d *datadriven.TestData) string {
	p := s.issue(text(s, d, "name", "card"), text(s, d, "profile", "sm"), money.Fen(number(s, d, "balance", 10000)))
	return fmt.Sprintf("%v, %v yuan\n", p.key, p.chip.Inspect().Balance)
}

// sayFaults makes the card misbehave, or behave again.
func sayFaults(s *stage, d *datadriven.TestData) string {
	s.player(d).behave(s.t, d.Input)
	return "ok\n"
}

func sayDeny(s *stage, d *datadriven.TestData) string {
	s.denied[s.player(d).key] = true
	return "ok\n"
}

func sayTruth(s *stage, d *datadriven.TestData) string {
	p := s.player(d)
	state := p.chip.Inspect()
	if state.Support != 0 {
		return fmt.Sprintf("the card has %v yuan, %v of its deposit used, %v held, ATC %04X, %s\n",
			state.Balance, state.Used, held(state.Holds[:]), state.ATC, s.journeys(p))
	}
	return fmt.Sprintf("the card has %v yuan, ATC %04X\n", state.Balance, state.ATC)
}

func (s *stage) conversation(d *datadriven.TestData, b *strings.Builder) conversation {
	return conversation{
		journey: sayJourney(s, d),
		lost:    number(s, d, "lost", 0), unheard: number(s, d, "unheard", 0), stop: d.HasArg("stop"),
		log: func(cmd, answer []byte) { printExchange(b, cmd, answer) },
	}
}

func sayTap(s *stage, d *datadriven.TestData) string {
	var b strings.Builder
	in := kernel.Input{Amount: money.Fen(number(s, d, "amount", 400)), Sequence: uint32(number(s, d, "sequence", 0))}
	out := s.tap(s.player(d), in, s.conversation(d, &b))
	printOutcome(&b, out)
	return b.String()
}

// sayRetap brings a card back after a torn tap.
func sayRetap(s *stage, d *datadriven.TestData) string {
	if s.torn == nil {
		s.t.Fatalf("%s: no tap was torn", d.Pos)
	}
	var b strings.Builder
	c, player := s.conversation(d, &b), s.player(d)
	s.hold(player)
	defer player.chip.PowerOff()
	p := s.converse(player, s.kernel.Probe(s.torn), c).Probe
	verdict := p.Verdict(s.torn)
	fmt.Fprintf(&b, "verdict: %v", verdict)
	if s.torn.DF60 != 0 {
		fmt.Fprintf(&b, ", proof: %v", p.ProofOf(s.torn))
	}
	b.WriteString("\n")
	if d.HasArg("on") {
		in := s.input(kernel.Input{Amount: c.journey.amount})
		printOutcome(&b, s.ended(s.converse(player, s.kernel.TradeOn(in), c).Outcome))
		return b.String()
	}
	if verdict == kernel.Finishable {
		printOutcome(&b, s.kernel.Resume(s.torn).Outcome)
	}
	return b.String()
}

func sayField55(s *stage, _ *datadriven.TestData) string {
	items, err := describe.TLV(s.kernel.ICC(nil), describe.Options{})
	check(s.t, err)
	if len(items) == 0 {
		return "nothing\n"
	}
	return describe.Text(items, describe.Options{})
}

func printOutcome(b *strings.Builder, o *kernel.Outcome) {
	fmt.Fprintf(b, "= %v, %v", o.Result, o.Commit)
	if o.Fault.Code != kernel.NoFault {
		fmt.Fprintf(b, ": %v", o.Fault)
	}
	if o.Reason != 0 {
		fmt.Fprintf(b, " [row: %v]", o.Reason)
	}
	fmt.Fprintf(b, "\n  TVR %X, TSI %X", o.TVR, o.TSI)
	if o.CADChecked {
		b.WriteString(", the signature covers 9F69")
	}
	if o.CVM != kernel.NoCVM {
		fmt.Fprintf(b, ", cardholder: %v", o.CVM)
	}
	if o.MSD {
		b.WriteString(", magnetic stripe data")
	}
	b.WriteString("\n")
	if o.Identified {
		fmt.Fprintf(b, "  %v", o.Data)
		if before, ok := o.Data.BalanceBefore(); ok {
			fmt.Fprintf(b, ", balance before %v", before)
		}
		b.WriteString("\n")
	}
}

func printExchange(b *strings.Builder, cmd, answer []byte) {
	fmt.Fprintf(b, "> %s\n", nameCommand(cmd))
	if answer == nil {
		b.WriteString("< no answer, the card has left\n")
		return
	}
	data, sw, err := apdu.ParseResponse(answer)
	if err != nil {
		fmt.Fprintf(b, "< %v\n", err)
		return
	}
	fmt.Fprintf(b, "< %s", sw)
	if plainAnswer[cmd[1]] {
		fmt.Fprintf(b, "  %d bytes\n", len(data))
		return
	}
	var objects []string
	nodes, err := tlv.Parse(data)
	if err != nil {
		objects = append(objects, err.Error())
	}
	objects = listObjects(objects, nodes)
	if len(objects) > 0 {
		b.WriteString("  " + strings.Join(objects, ", "))
	}
	b.WriteString("\n")
}

// plainAnswer are the instructions that are not answered with data objects.
var plainAnswer = map[byte]bool{0xB4: true, 0xDE: true, 0x5A: true}

// shown are the objects of an answer whose values a reader of a dialogue wants to see.
var shown = map[tlv.Tag]bool{
	tlv.TagADFName: true, tlv.TagAIP: true, tlv.TagAFL: true, tlv.TagATC: true, tlv.TagIAD: true, tlv.TagCTQ: true,
	tlv.TagCardAuthenticationData: true, tlv.TagECBalance: true, tlv.TagExpirationDate: true, tlv.TagVersionCard: true,
	tlv.TagServiceCode: true, tlv.TagCAPPSupport: true, tlv.TagAvailableOffline: true, tlv.TagCAKeyIndex: true, tlv.TagResponseFormat1: true,
}

func listObjects(dst []string, nodes []tlv.Node) []string {
	for i := range nodes {
		n := &nodes[i]
		switch {
		case n.Tag.Constructed():
			dst = listObjects(dst, n.Children)
		case shown[n.Tag]:
			dst = append(dst, fmt.Sprintf("%v %X", n.Tag, n.Value))
		default:
			dst = append(dst, n.Tag.String())
		}
	}
	return dst
}

func nameCommand(cmd []byte) string {
	c, err := apdu.ParseCommand(cmd)
	if err != nil {
		return err.Error()
	}
	switch c.INS {
	case 0xA4:
		if string(c.Data) == "2PAY.SYS.DDF01" {
			return "SELECT 2PAY.SYS.DDF01"
		}
		return fmt.Sprintf("SELECT %X", c.Data)
	case 0xB4:
		return fmt.Sprintf("READ CAPP DATA %X of file %d", c.Data[:2], c.P2>>3)
	case 0xDE:
		return fmt.Sprintf("UPDATE CAPP DATA CACHE of file %d", c.P2>>3)
	case 0x5A:
		return fmt.Sprintf("GET TRANS PROVE %X", c.Data)
	case 0xA8:
		return fmt.Sprintf("GET PROCESSING OPTIONS %X", c.Data)
	case 0xB2:
		return fmt.Sprintf("READ RECORD %d of file %d", c.P1, c.P2>>3)
	case 0xCA:
		return fmt.Sprintf("GET DATA %02X%02X", c.P1, c.P2)
	}
	return fmt.Sprintf("%X", cmd)
}
