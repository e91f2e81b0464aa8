package emv_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	noError(t, err)
	return b
}

// unionPay are the applications of UnionPay cards, as a shop is set to them.
func unionPay() []emv.Application {
	var list []emv.Application
	for _, last := range []byte{1, 2, 3, 6} {
		list = append(list, emv.Application{
			Name: []byte{0xA0, 0, 0, 3, 0x33, 1, 1, last}, Partial: true, Version: [2]byte{0, 0x30},
			FloorLimit: 100000, CashLimit: 100000,
			Actions: emv.ActionCodes{Denial: [5]byte{0, 0x10, 0, 0, 0}, Online: [5]byte{0xD8, 0x40, 0x04, 0xF8, 0}, Default: [5]byte{0xD8, 0x40, 0, 0xA8, 0}},
		})
	}
	return list
}

// shopConfig is an attended till that can go online, with everything.
func shopConfig(t testing.TB) *emv.Config {
	t.Helper()
	keys, err := devkeys.CAKeys()
	noError(t, err)
	v, err := oda.NewVerifier(keys, 64)
	noError(t, err)
	return &emv.Config{
		Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, Exponent: 2, Type: 0x22,
		Capabilities: [3]byte{0xE0, 0xF8, 0xC8}, Additional: [5]byte{0x60, 0, 0xF0, 0xF0, 0x01}, TTQ: [4]byte{0x46, 0, 0, 0},
		Merchant: []byte("CITY SHOP"), TerminalID: [8]byte([]byte("CITY0001")), MerchantID: [15]byte([]byte("SHOP00000000001")),
		Applications: unionPay(), Directory: true, SM: true, Authenticate: v,
	}
}

// shopInput is one sale on 2026-11-22.
func shopInput(amount money.Fen) emv.Input {
	return emv.Input{
		Amount: amount, Time: 1795320000, UN: [4]byte{0x11, 0x22, 0x33, 0x44}, CardUN: [4]byte{0x55, 0x66, 0x77, 0x88},
		Sequence: 42, Percent: 99, Rand: rand.NewChaCha8([32]byte{7}),
	}
}

// shop is a till with a card of the house, a cardholder and an issuer.
type shop struct {
	t       testing.TB
	chip    *card.Chip
	request devcard.Request
	config  *emv.Config
	machine *emv.Machine
	input   emv.Input

	// What the people and the issuer do.
	pins    []string // digits, or bypass, broken, cancel
	choices []string
	host    []string // words of the issuer's answer
	faults  []meddling
	seen    map[string]int // commands by INS

	out    strings.Builder
	noted  int
	sent   int
	online *emv.Online
	arqc   [8]byte
	atc    uint16
	alg    cryptogram.Alg
}

// meddling is something that happens to the nth command with an INS, or of all.
type meddling struct {
	kind  string // gone: not delivered, no answer; lost: delivered, no answer; swap: this answer instead; sw: this status word instead; flip: byte at of the answer inverted, or the bits of bytes
	ins   string
	nth   int
	bytes []byte
	at    int
}

func newShop(t testing.TB, profile string) *shop {
	t.Helper()
	r, err := devcard.Default(profile)
	noError(t, err)
	return newShopFor(t, r)
}

func newShopFor(t testing.TB, r devcard.Request) *shop {
	t.Helper()
	s := &shop{t: t, chip: card.New(), request: r, config: shopConfig(t)}
	img, ok := images[r]
	if !ok {
		var err error
		img, err = devcard.Issue(r)
		noError(t, err)
		images[r] = img
	}
	noError(t, s.chip.Insert(img, nil))
	return s
}

// images are the cards that were issued: chips share them.
var images = map[devcard.Request]*card.Image{}

// sell runs a transaction to its outcome.
func (s *shop) sell(in emv.Input) *emv.Outcome {
	s.t.Helper()
	s.chip.PowerOff()
	s.chip.UseInterface(card.Contact)
	if in.Contactless {
		s.chip.UseInterface(card.Contactless)
	}
	noError(s.t, s.chip.PowerOn(rand.NewChaCha8([32]byte{3})))
	m, err := emv.New(s.config)
	noError(s.t, err)
	noError(s.t, m.Reset(in))
	s.machine, s.input, s.seen, s.noted, s.sent, s.online = m, in, map[string]int{}, 0, 0, nil
	ready := m.Step(emv.Event{Kind: emv.Start})
	for range 1000 {
		s.notes()
		if ready.Outcome != nil {
			explained(s.t, m)
			s.end(ready.Outcome)
			return ready.Outcome
		}
		ready = m.Step(s.act(ready))
	}
	s.t.Fatal("no end after 1000 steps")
	return nil
}

// act is what the world does after a Ready.
func (s *shop) act(r emv.Ready) emv.Event {
	s.t.Helper()
	switch {
	case r.Send != nil:
		return s.exchange(r.Send)
	case r.Choose != nil:
		return s.choose(r.Choose)
	case r.PIN != nil:
		return s.enterPIN(r.PIN)
	case r.Online != nil:
		return s.ask(r.Online)
	case r.RemoveCard:
		s.say("  take the card\n")
		return emv.Event{Kind: emv.CardRemoved}
	}
	s.t.Fatal("an empty Ready")
	return emv.Event{}
}

func (s *shop) say(format string, args ...any) { fmt.Fprintf(&s.out, format, args...) }

// notes writes the findings since the last time.
func (s *shop) notes() {
	all := s.machine.Notes()
	for _, n := range all[s.noted:] {
		s.say("    %v: %s\n", n.Phase, n.Text("en"))
	}
	s.noted = len(all)
}

// exchange takes a command to the card.
func (s *shop) exchange(cmd []byte) emv.Event {
	s.t.Helper()
	s.sent++
	c, err := apdu.ParseCommand(cmd)
	noError(s.t, err)
	name := c.Name()
	if name == "" {
		name = fmt.Sprintf("command %02X%02X", c.CLA, c.INS)
	}
	data := fmt.Sprintf(" %s", short(c.Data))
	if c.CarriesPIN() {
		data = " (PIN)"
	}
	s.say("> %s %02X%02X%s\n", name, c.P1, c.P2, strings.TrimRight(data, " "))
	ins := fmt.Sprintf("%02X", c.INS)
	s.seen[ins]++
	var f *meddling
	for i := range s.faults {
		if w := &s.faults[i]; w.ins == ins && w.nth == s.seen[ins] || w.ins == "" && w.nth == s.sent {
			f = &s.faults[i]
		}
	}
	if f != nil && f.kind == "gone" {
		s.say("  the card is gone\n")
		return emv.Event{Kind: emv.CardLeft}
	}
	answer, err := s.chip.Transmit(nil, cmd)
	noError(s.t, err)
	if f != nil {
		switch f.kind {
		case "lost":
			s.say("  the card did it, and is gone\n")
			return emv.Event{Kind: emv.CardLeft}
		case "swap":
			answer = f.bytes
		case "sw":
			answer = append(answer[:len(answer)-2:len(answer)-2], f.bytes...)
		case "flip":
			mask := byte(0xFF)
			if len(f.bytes) > 0 {
				mask = f.bytes[0]
			}
			answer[(f.at+len(answer))%len(answer)] ^= mask
		}
		s.say("  (altered on the way)\n")
	}
	s.say("< %s\n", short(answer))
	return emv.Answered(answer)
}

// short is hex with long runs cut out.
func short(b []byte) string {
	if len(b) > 72 {
		return fmt.Sprintf("%X..%X (%d bytes)", b[:20], b[len(b)-2:], len(b))
	}
	return fmt.Sprintf("%X", b)
}

// next takes the first word off a list.
func next(list *[]string, otherwise string) string {
	if len(*list) == 0 {
		return otherwise
	}
	w := (*list)[0]
	*list = (*list)[1:]
	return w
}

func (s *shop) choose(c *emv.Choice) emv.Event {
	s.t.Helper()
	what := fmt.Sprintf("choose from %q", c.Names)
	if c.Confirm {
		what = fmt.Sprintf("confirm %q", c.Names)
	}
	w := next(&s.choices, "0")
	s.say("? %s: %s\n", what, w)
	if w == "cancel" {
		return emv.Event{Kind: emv.Cancelled}
	}
	var i int
	_, err := fmt.Sscan(w, &i)
	noError(s.t, err)
	return emv.Event{Kind: emv.Chosen, Choice: i}
}

func (s *shop) enterPIN(r *emv.PINRequest) emv.Event {
	s.t.Helper()
	where := "for the card"
	if r.Online {
		where = "for the issuer"
	}
	w := next(&s.pins, "bypass")
	shown := w
	if len(w) > 0 && w[0] >= '0' && w[0] <= '9' {
		shown = strings.Repeat("*", len(w))
	}
	s.say("? PIN %s, tries left %d, again %v: %s\n", where, r.Tries, r.Again, shown)
	switch w {
	case "bypass":
		return emv.Event{Kind: emv.PINBypassed}
	case "broken":
		return emv.Event{Kind: emv.PINPadFailed}
	case "cancel":
		return emv.Event{Kind: emv.Cancelled}
	case "pull":
		return emv.Event{Kind: emv.CardLeft}
	}
	p, err := pin.New(w)
	noError(s.t, err)
	return emv.Event{Kind: emv.PINEntered, PIN: p}
}

// end writes the outcome.
func (s *shop) end(o *emv.Outcome) {
	d := o.Data
	s.say("= %v", o.Result)
	if o.Fault.Code != kernel.NoFault {
		s.say(" (%v)", o.Fault)
	}
	s.say("; %v", o.Commit)
	if o.Reason != txn.NoDoubt {
		s.say(" (%v)", o.Reason)
	}
	if o.Cash {
		s.say("; electronic cash")
	}
	if o.Online {
		s.say("; the issuer answered")
	}
	if o.Reversal != emv.NoReversal {
		s.say("; reversal %d", o.Reversal)
	}
	if o.Signature {
		s.say("; signature")
	}
	s.say("\n  TVR %X TSI %X CVM results %X", d.TVR, d.TSI, d.CVMResults)
	if d.ARC != [2]byte{} {
		s.say(" ARC %s", d.ARC[:])
	}
	if d.ATCKnown() {
		s.say(" ATC %04X CID %02X", d.ATC, d.CID)
	}
	if b, ok := d.BalanceBefore(); ok {
		s.say(" balance before %v", b)
	}
	if b, ok := d.BalanceAfter(); ok {
		s.say(" balance told %v", b)
	}
	s.say("\n")
	for _, r := range o.Scripts {
		s.say("  script %X: DF31 %X\n", r.Template, r.Append(nil))
	}
	st := s.chip.Inspect()
	s.say("  card: ATC %04X balance %v PIN tries %d\n", st.ATC, st.Balance, st.PINTries)
}

// find gets an object of field 55.
func find(t testing.TB, icc []byte, tag tlv.Tag) []byte {
	t.Helper()
	v, ok := tlv.Find(icc, tag)
	if !ok {
		t.Fatalf("field 55 %X has no %v", icc, tag)
	}
	return v
}
