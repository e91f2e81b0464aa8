package pboc_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// TestContactDialogues plays the dialogues in testdata/contact. The terminal
// recomputes every cryptogram and checks every signature; the text keeps what the
// card answered, with signatures cut short.
func TestContactDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/contact", func(t *testing.T, path string) {
		var s *till
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "card":
				s = dialogueCard(t, d)
				return ""
			case "reset":
				s.t = t
				s.side = sideOf(d)
				s.chip.PowerOff()
				s.chip.UseInterface(s.side)
				noError(t, s.chip.PowerOn(randomFrom(6)))
				return ""
			case "sale":
				dialogueSale(t, s, d)
				return ""
			case "state":
				return describe(s.chip.Inspect())
			}
			s.t = t
			var out strings.Builder
			for line := range strings.Lines(d.Input) {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					s.play(&out, strings.Fields(line))
				}
			}
			return out.String()
		})
	})
}

func sideOf(d *datadriven.TestData) card.Interface {
	if d.HasArg("air") {
		return card.Contactless
	}
	return card.Contact
}

// number reads an argument of a directive in a base.
func argument(t *testing.T, d *datadriven.TestData, name string, base int, set func(uint64)) {
	var text string
	if d.MaybeScanArgs(t, name, &text); text == "" {
		return
	}
	n, err := strconv.ParseUint(text, base, 64)
	noError(t, err)
	set(n)
}

// dialogueCard makes the card of a dialogue.
func dialogueCard(t *testing.T, d *datadriven.TestData) *till {
	p := bothProduct(t)
	k := p.Contact
	argument(t, d, "ada", 16, func(n uint64) { binary.BigEndian.PutUint16(k.ADA[:], uint16(n)) })
	argument(t, d, "auth", 16, func(n uint64) { k.IssuerAuthentication = byte(n) })
	argument(t, d, "lcol", 10, func(n uint64) { p.Limits.LCOL = byte(n) })
	argument(t, d, "ucol", 10, func(n uint64) { p.Limits.UCOL = byte(n) })
	argument(t, d, "last", 10, func(n uint64) { p.LastOnline = uint16(n) })
	argument(t, d, "tries", 10, func(n uint64) { p.PINTries = byte(n) })
	c := bothCard(t, p)
	argument(t, d, "balance", 10, func(n uint64) { c.Opening = money.Fen(n) })
	return newTill(t, c, sideOf(d), nil)
}

func dialogueSale(t *testing.T, s *till, d *datadriven.TestData) {
	two := func(to *[2]byte) func(uint64) {
		return func(n uint64) { binary.BigEndian.PutUint16(to[:], uint16(n)) }
	}
	argument(t, d, "amount", 10, func(n uint64) { s.sale.amount = money.Fen(n) })
	argument(t, d, "currency", 16, two(&s.sale.currency))
	argument(t, d, "country", 16, two(&s.sale.country))
	argument(t, d, "tvr", 16, func(n uint64) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], n)
		s.sale.tvr = [5]byte(b[3:])
	})
	s.sm = d.HasArg("sm")
}

var asks = map[string]byte{"aac": 0x00, "tc": 0x40, "arqc": 0x80}

// command turns a line of a dialogue into a command.
func (s *till) command(w []string) string {
	rest := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	switch w[0] {
	case "select":
		return selectDC
	case "gpo":
		return s.options(rest(1) == "cash")
	case "gac":
		p1, known := asks[rest(1)]
		if !known {
			s.t.Fatalf("gac %q", rest(1))
		}
		code := rest(2)
		if code == "cda" {
			p1, code = p1|0x10, rest(3)
		}
		return s.generate(p1, code)
	case "arpc":
		return s.arpc(rest(1))
	case "challenge":
		return "0084000000"
	case "dda":
		return fmt.Sprintf("0088000004%X00", s.sale.un)
	case "verify":
		return "0020008008" + pinBlock(rest(1))
	case "verify-enciphered":
		b, err := s.key().EncipherPIN(nil, randomFrom(9), oda.PINBlock(hexBytes(s.t, pinBlock(rest(1)))), s.challenge)
		noError(s.t, err)
		return fmt.Sprintf("00200088%02X%X", len(b), b)
	case "read":
		return fmt.Sprintf("00B2%s%s00", rest(2), rest(1))
	}
	return strings.Join(w, "")
}

// pinBlock is a PIN as ISO 9564 format 2.
func pinBlock(digits string) string {
	return fmt.Sprintf("2%X%s%s", len(digits), digits, strings.Repeat("F", 14-len(digits)))
}

// play sends a line and writes what went over the line.
func (s *till) play(out *strings.Builder, w []string) {
	cmd := hexBytes(s.t, s.command(w))
	data, sw, err := s.transmit(cmd)
	noError(s.t, err)
	fmt.Fprintf(out, "> %s\n< %s\n", short(cmd), strings.TrimSpace(short(data)+" "+sw.String()))
	if sw != apdu.SWOK {
		return
	}
	switch w[0] {
	case "challenge":
		s.challenge = [8]byte(data)
	case "dda":
		v, _ := tlv.Find(data, tlv.TagResponseFormat1)
		st := s.chip.Inspect()
		fmt.Fprintf(out, "  signature of %d bytes: %v\n", len(v), s.key().VerifyDynamic(v, st.ATC, s.sale.un[:]))
	case "gac":
		if s.seen = append(s.seen, cmd[5:len(cmd)-1]...); len(cmd) < 5 {
			s.t.Fatal("short command")
		}
		a := s.read(data, s.aip)
		balance, _ := a.iad.Balance()
		fmt.Fprintf(out, "  CID %02X CVR %X balance %v", a.cid, a.iad.CVR, balance)
		if a.combined != nil {
			fmt.Fprintf(out, ", combined signature of %d bytes genuine", len(a.combined))
		}
		out.WriteByte('\n')
	case "gpo":
		v, _ := tlv.Find(data, tlv.TagResponseFormat1)
		s.aip = [2]byte(v)
	}
}

// short is hex with long runs cut out.
func short(b []byte) string {
	if len(b) > 64 {
		return fmt.Sprintf("%X..(%d bytes)", b[:20], len(b))
	}
	return fmt.Sprintf("%X", b)
}

// describe is the card's state in words.
func describe(s pboc.State) string {
	return fmt.Sprintf("ATC %d, last online %d, balance %v, CTTA %v, PIN tries %d, foreign %d/%d, log %d, memory %04X, scripts %d, blocked %v\n",
		s.ATC, s.LastOnlineATC, s.Balance, s.CTTA, s.PINTries, s.Foreign, s.ForeignCountry, s.LogRecords, uint16(s.Memory), s.Scripts, s.Invalidated)
}
