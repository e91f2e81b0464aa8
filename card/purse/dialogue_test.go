package purse_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// TestDialogues runs the conversations in testdata. Directives:
//
//	card PROFILE     the default card of a profile, selected; "contact" after it
//	                 turns to the contacts
//	send             one command a line, with its answer:
//	    HEX                     as it is
//	    auth USE INDEX HEX      the challenge enciphered is appended as data
//	    mac USE INDEX HEX       protected by a MAC; the answer is checked and shown plain
//	    enc USE INDEX HEX       enciphered too
//	    pay P1 P2 INDEX AMOUNT  INITIALIZE and DEBIT FOR PURCHASE, amount decimal
//	    load P2 INDEX AMOUNT    INITIALIZE and CREDIT FOR LOAD
//	    reset                   power off and on, then SELECT
//
// XX*n stands for n bytes XX.
// The challenge is what the last GET CHALLENGE gave. "#" begins a remark.
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/dialogues", func(t *testing.T, path string) {
		var talk dialogue
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "card":
				p := profile(t, d.CmdArgs[0].Key)
				spec := p.Spec(p.Card())
				talk = dialogue{reader: insert(t, template(t, spec)), host: host{spec}}
				if d.HasArg("contact") {
					talk.chip.UseInterface(card.Contact)
				}
				return talk.reset()
			case "send":
				talk.t = t
				var out strings.Builder
				for line := range strings.Lines(d.Input) {
					text, _, _ := strings.Cut(line, "#")
					text = strings.TrimSpace(text)
					fmt.Fprintf(&out, "%s -> %s", text, talk.line(strings.Fields(text)))
				}
				return out.String()
			}
			t.Fatalf("directive %s is not known", d.Cmd)
			return ""
		})
	})
}

type dialogue struct {
	*reader
	host
	challenge []byte
}

func (d *dialogue) reset() string {
	d.load(d.chip.Snapshot(nil))
	return answerLine(d.send(fmt.Sprintf("00A40400%02X%X00", len(d.spec.AID), d.spec.AID)))
}

func answerLine(data []byte, sw apdu.SW) string {
	text := ""
	if len(data) > 0 {
		text = fmt.Sprintf("%X ", data)
	}
	if sw == apdu.SWOK {
		return text + sw.String() + "\n"
	}
	return fmt.Sprintf("%s%s %s\n", text, sw, sw.Meaning("en"))
}

func (d *dialogue) named(use, index string) purse.Key {
	numbers := map[string]purse.Use{"maintenance": purse.UseMaintenance, "external": purse.UseExternal, "unblock-pin": purse.UseUnblockPIN,
		"block": purse.UseBlock, "unblock": purse.UseUnblock, "card-block": purse.UseCardBlock, "purchase": purse.UsePurchase, "reload-pin": purse.UseReloadPIN}
	n, ok := numbers[use]
	if !ok {
		d.t.Fatalf("use %s is not known", use)
	}
	return d.key(n, byte(d.number(index, 16)))
}

func (d *dialogue) number(text string, base int) uint64 {
	n, err := strconv.ParseUint(text, base, 32)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// line carries out one line of send.
func (d *dialogue) line(words []string) string {
	for i, w := range words {
		if b, n, ok := strings.Cut(w, "*"); ok {
			words[i] = strings.Repeat(b, int(d.number(n, 10)))
		}
	}
	switch words[0] {
	case "reset":
		return d.reset()
	case "pay":
		return d.pay(words[1:])
	case "load":
		return d.credited(words[1:])
	case "auth", "mac", "enc":
		return d.protected(words)
	}
	text := strings.Join(words, "")
	data, sw := d.send(text)
	if sw == apdu.SWOK && strings.HasPrefix(text, "0084") {
		d.challenge = data
	}
	return answerLine(data, sw)
}

func (d *dialogue) protected(words []string) string {
	k := d.named(words[1], words[2])
	c, err := apdu.ParseCommand(unhex(d.t, strings.Join(words[3:], "")))
	if err != nil {
		d.t.Fatal(err)
	}
	l := epurse.NewLine(k.Alg, k.Value, d.challenge)
	if words[0] == "auth" {
		x := epurse.Authentication(k.Alg, k.Value, d.challenge)
		c.Data = x[:]
	} else if c.Data, err = l.Protect(nil, epurse.Header{c.CLA, c.INS, c.P1, c.P2}, c.Data, words[0] == "enc"); err != nil {
		d.t.Fatal(err)
	}
	b, err := c.Append(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	data, sw, err := d.try(b)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(data) == 0 || words[0] == "auth" {
		return answerLine(data, sw)
	}
	plain, err := l.OpenAnswer(data, words[0] == "enc")
	if err != nil {
		return "answer is not protected: " + answerLine(data, sw)
	}
	return fmt.Sprintf("(%d bytes sent) ", len(data)) + answerLine(plain, sw)
}

func (d *dialogue) pay(words []string) string {
	p1, p2, index, amount := d.number(words[0], 16), d.number(words[1], 16), d.number(words[2], 16), d.number(words[3], 10)
	answer, sw := d.send(fmt.Sprintf("8050%02X%02X0B%02X%08X%s0F", p1, p2, index, amount, terminal))
	if sw != apdu.SWOK {
		return answerLine(answer, sw)
	}
	kind := map[uint64]epurse.Type{0x0101: epurse.PurchaseED, 0x0102: epurse.PurchaseEP, 0x0201: epurse.Cash}[p1<<8|p2]
	tr := trade(kind, uint32(amount))
	tr.AuthCode = d.spec.AuthCode
	data, want := d.debit(d.key(purse.UsePurchase, byte(index)), answer, tr)
	got, sw := d.send("805401000F" + hexOf(data) + "08")
	if sw == apdu.SWOK && string(got) == string(want) {
		return "TAC and MAC2 are right " + answerLine(nil, sw)
	}
	return answerLine(got, sw)
}

func (d *dialogue) credited(words []string) string {
	p2, index, amount := d.number(words[0], 16), d.number(words[1], 16), d.number(words[2], 10)
	answer, sw := d.send(fmt.Sprintf("805000%02X0B%02X%08X%s10", p2, index, amount, terminal))
	if sw != apdu.SWOK {
		return answerLine(answer, sw)
	}
	data, ok := d.credit(d.key(purse.UseLoad, byte(index)), answer, trade(epurse.Type(p2), uint32(amount)))
	if !ok {
		return "MAC1 is wrong\n"
	}
	got, sw := d.send("805200000B" + hexOf(data) + "04")
	return answerLine(got, sw)
}
