package emv_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
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

// chance hands out the bytes of a fuzz input; then zeros.
type chance struct{ rest []byte }

func (c *chance) byte() byte {
	if len(c.rest) == 0 {
		return 0
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
}

func (c *chance) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = c.byte()
	}
	return b
}

// witness looks over the machine's shoulder at a random card.
type witness struct {
	t        testing.TB
	tc       bool // the last cryptogram was a TC
	approved bool // the issuer approved
	asked    bool
	set      bool // the card said that it has taken a new balance
	unsure   bool // it was told to, and did not clearly refuse
}

// hostScripts are field 55 of issuers that load, before and after the second GENERATE
// AC, with more around it, or do something else. A random card takes any MAC.
var hostScripts = [][]byte{
	mustHex("72 11 86 0F 04DA9F790A 000000021000 11223344"),
	mustHex("71 11 86 0F 04DA9F790A 000000021000 11223344"),
	mustHex("72 1D 86 0A 04DA9F5805 03 11223344 86 0F 04DA9F790A 000000021000 11223344"),
	mustHex("71 11 86 0F 04DA9F790A 000000021000 11223344 72 0C 86 0A 04DA9F5805 03 11223344"),
	mustHex("72 0C 86 0A 04DA9F5805 03 11223344"),
	mustHex("72 07 9F1804 11223344"),
}

func mustHex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// command sees one leave for the card, before any answer.
func (w *witness) command(cmd []byte) {
	if w.loads(cmd) {
		w.set, w.unsure = false, true
	}
}

func (w *witness) loads(cmd []byte) bool { return bytes.HasPrefix(cmd[1:], []byte{0xDA, 0x9F, 0x79}) }

// answer is what a card of chance says: most often what the real one does, sometimes
// altered, cut, a status word, or nonsense.
func (w *witness) answer(chip *card.Chip, cmd []byte, c *chance) (emv.Event, bool) {
	real, err := chip.Transmit(nil, cmd)
	noError(w.t, err)
	switch c.byte() % 16 {
	case 1:
		return emv.Event{Kind: emv.CardLeft}, false
	case 2:
		real = c.bytes(int(c.byte()))
	case 3:
		real = append(c.bytes(int(c.byte())), 0x90, 0x00)
	case 4:
		real = c.bytes(2)
	case 5:
		real = real[:int(c.byte())%(len(real)+1)]
	case 6, 7:
		real[int(c.byte())%len(real)] ^= c.byte()
	case 8:
		real = append(real[:len(real)-2:len(real)-2], 0x62, 0x83)
	}
	return emv.Answered(real), true
}

// see keeps what was the card's word on the payment.
func (w *witness) see(cmd, answer []byte) {
	data, sw, err := apdu.ParseResponse(answer)
	if w.loads(cmd) && err == nil {
		w.set = sw == apdu.SWOK
		w.unsure = strings.Contains("62 63 65 6F", sw.String()[:2])
	}
	if cmd[1] != 0xAE || err != nil || sw != apdu.SWOK {
		return
	}
	w.tc = false
	it := tlv.Iterate(data)
	if !it.Next() {
		return
	}
	cid := it.Value
	if it.Tag == tlv.TagResponseFormat2 {
		cid, _ = tlv.Find(it.Value, tlv.TagCID)
	}
	w.tc = len(cid) > 0 && cid[0]&0xC0 == 0x40
}

// FuzzMachine: whatever card, cardholder and issuer do, there is an end, no panic,
// and nothing is approved without a TC.
func FuzzMachine(f *testing.F) {
	var images []*card.Image
	for _, profile := range []string{"dev-3des", "dev-sm", "dev-full"} {
		r, err := devcard.Default(profile)
		noError(f, err)
		img, err := devcard.Issue(r)
		noError(f, err)
		images = append(images, img)
	}
	keys, err := devkeys.CAKeys()
	noError(f, err)
	v, err := oda.NewVerifier(keys, 16)
	noError(f, err)
	f.Add([]byte{}, uint8(0))
	f.Add([]byte{1, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 9, 1}, uint8(1))
	f.Add([]byte{2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0x69, 0x85}, uint8(7))
	f.Add([]byte{0xFF, 0x60, 3, 0, 0, 3, 7, 0x6F, 5, 0x84, 0, 0xA5}, uint8(13))
	f.Fuzz(func(t *testing.T, b []byte, setting uint8) {
		c := &chance{rest: b}
		cfg := shopConfig(t)
		cfg.Authenticate, cfg.ElectronicCash, cfg.Directory = v, setting&1 != 0, setting&2 == 0
		if setting&4 != 0 {
			cfg.Capabilities[2] = 0xC0
		}
		if setting&8 != 0 {
			cfg.Type = 0x23
		}
		in := shopInput([]money.Fen{100, 2500, 60000, 100000}[c.byte()%4])
		in.Type = []byte{0, 0x60, 0x61, 0x31}[c.byte()>>5%4]
		in.Contactless = setting&16 != 0
		runChance(t, cfg, in, images[int(setting>>5)%len(images)], c)
	})
}

func runChance(t *testing.T, cfg *emv.Config, in emv.Input, img *card.Image, c *chance) {
	chip := card.New()
	noError(t, chip.Insert(img, nil))
	chip.UseInterface(card.Contact)
	if in.Contactless {
		chip.UseInterface(card.Contactless)
	}
	noError(t, chip.PowerOn(rand.NewChaCha8([32]byte{3})))
	m, err := emv.New(cfg)
	noError(t, err)
	noError(t, m.Reset(in))
	w := &witness{t: t}
	ready := m.Step(emv.Event{Kind: emv.Start})
	for steps := 0; ready.Outcome == nil; steps++ {
		if steps > 2000 {
			t.Fatal("no end")
		}
		ready = m.Step(w.act(chip, ready, c))
	}
	explained(t, m)
	w.judge(cfg, in, ready.Outcome)
}

// explained checks that every bit of TVR and TSI has a finding that explains it, and
// every finding its bit.
func explained(t testing.TB, m *emv.Machine) {
	t.Helper()
	var tvr [5]byte
	var tsi [2]byte
	for _, n := range m.Notes() {
		if n.Text("en") == "" || n.Text("zh") == "" {
			t.Fatalf("a finding without a text: %d", n.Code)
		}
		if i, bit, ok := n.Code.TVRBit(); ok {
			tvr[i-1] |= 1 << (bit - 1)
		}
		if i, bit, ok := n.Code.TSIBit(); ok {
			tsi[i-1] |= 1 << (bit - 1)
		}
	}
	if d := m.Data(); tvr != d.TVR || tsi != d.TSI {
		t.Fatalf("findings explain TVR %X TSI %X, they are %X and %X", tvr, tsi, d.TVR, d.TSI)
	}
}

// act does one thing.
func (w *witness) act(chip *card.Chip, r emv.Ready, c *chance) emv.Event {
	switch {
	case r.Send != nil:
		cmd := append([]byte(nil), r.Send...)
		w.command(cmd)
		ev, there := w.answer(chip, cmd, c)
		if there {
			w.see(cmd, ev.Data)
		}
		return ev
	case r.Choose != nil:
		return emv.Event{Kind: emv.Chosen, Choice: int(c.byte()) % len(r.Choose.Names)}
	case r.PIN != nil:
		p, err := pin.New([]string{"123456", "0000"}[c.byte()%2])
		noError(w.t, err)
		return emv.Event{Kind: []emv.EventKind{emv.PINEntered, emv.PINEntered, emv.PINBypassed, emv.PINPadFailed, emv.Cancelled, emv.CardLeft}[c.byte()%6], PIN: p}
	case r.Online != nil:
		w.asked = true
		a := &txn.OnlineAnswer{Code: [2]byte([]byte([]string{"00", "51", "05", "\x00\xFF"}[c.byte()%4]))}
		switch c.byte() % 4 {
		case 0, 2:
			a.ICC = c.bytes(int(c.byte()))
		case 1:
			a.ICC = hostScripts[int(c.byte())%len(hostScripts)]
		}
		switch c.byte() % 8 {
		case 0:
			return emv.Event{Kind: emv.HostUnreachable}
		case 1:
			return emv.Event{Kind: emv.CardLeft}
		case 2:
			return emv.Event{Kind: emv.Cancelled}
		}
		w.approved = a.Approved()
		return emv.Event{Kind: emv.HostAnswered, Host: a}
	}
	return emv.Event{Kind: emv.CardRemoved}
}

// judge holds the outcome against what the witness has seen.
func (w *witness) judge(cfg *emv.Config, in emv.Input, o *emv.Outcome) {
	t := w.t
	switch o.Result {
	case kernel.Approved:
		if !w.tc || o.Data.CID&0xC0 != 0x40 {
			t.Fatalf("approved without a TC: %+v", o)
		}
		if o.Fault.Code != kernel.NoFault {
			t.Fatalf("approved with a fault: %+v", o)
		}
	case kernel.Declined, kernel.Failed:
		if o.Fault.Code == kernel.NoFault {
			t.Fatalf("%v without a reason", o.Result)
		}
	case kernel.Torn, kernel.OtherInterface:
	default:
		t.Fatalf("result %v", o.Result)
	}
	if o.Commit != kernel.NotCommitted && (!cfg.ElectronicCash || in.Contactless || !o.Cash) {
		t.Fatalf("debit/credit committed: %+v", o)
	}
	if o.Reversal != emv.NoReversal && !w.asked {
		t.Fatalf("reversal %d and nobody was asked", o.Reversal)
	}
	if load := in.Type == emv.TypeLoad || in.Type == emv.TypeUnload; load && w.approved {
		switch {
		case o.Result == kernel.Approved && !w.set:
			t.Fatalf("a load that the card has not taken is approved: %+v", o)
		case o.Result != kernel.Approved && (w.set || w.unsure) && o.Reversal != emv.ScriptUnknown && o.Reversal != emv.AnswerLost:
			t.Fatalf("a load that the card may have taken is undone, reversal %d: %+v", o.Reversal, o)
		case o.Reversal == emv.ScriptUnknown && !w.set && !w.unsure:
			t.Fatalf("a load that the card has not taken is left in doubt: %+v", o)
		}
	}
	if w.approved && o.Result != kernel.Approved && o.Reversal == emv.NoReversal {
		t.Fatalf("the issuer approved, the result is %v and nothing is reversed: %+v", o.Result, o)
	}
}
