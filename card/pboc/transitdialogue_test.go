package pboc_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

// TestTransitDialogues plays the dialogues in testdata/transit between a gate, an
// issuer and a card, and checks every code that the card gives.
func TestTransitDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/transit", func(t *testing.T, path string) {
		var g *gate
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "card" {
				g = newGate(t, transitArguments(t, d))
				return ""
			}
			g.t = t
			var out strings.Builder
			for line := range strings.Lines(d.Input) {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					fmt.Fprintf(&out, "%s: %s\n", line, g.play(strings.Fields(line)))
				}
			}
			return out.String()
		})
	})
}

func transitArguments(t *testing.T, d *datadriven.TestData) transitCard {
	w := transitCard{alg: cryptogram.TDES, quota: d.HasArg("quota"), blind: d.HasArg("blind"), balance: 10000, deposit: 2000}
	if d.HasArg("sm") {
		w.alg = cryptogram.SM4
	}
	argument(t, d, "support", 10, func(n uint64) { w.support = byte(n) })
	argument(t, d, "balance", 10, func(n uint64) { w.balance = money.Fen(n) })
	argument(t, d, "deposit", 10, func(n uint64) { w.deposit = money.Fen(n) })
	argument(t, d, "options", 16, func(n uint64) { w.options = uint32(n) })
	return w
}

// lineWords reads the arguments of a line: numbers are hexadecimal, amounts decimal fen.
type lineWords struct {
	t testing.TB
	w []string
}

func (l lineWords) has(word string) bool {
	for _, w := range l.w {
		if w == word {
			return true
		}
	}
	return false
}

func (l lineWords) hex(i int) uint64 {
	n, err := strconv.ParseUint(l.w[i], 16, 64)
	noError(l.t, err)
	return n
}

func (l lineWords) fen(i int) money.Fen {
	n, err := strconv.ParseInt(l.w[i], 10, 64)
	noError(l.t, err)
	return money.Fen(n)
}

// play carries out one line of a dialogue and says what came of it.
func (g *gate) play(w []string) string {
	l := lineWords{g.t, w}
	g.spoil = l.has("spoil")
	switch w[0] {
	case "reset":
		g.powerOn(card.Contactless)
		return "done"
	case "state":
		return transitState(g.state())
	case "script":
		var out []string
		for _, sw := range g.script(func(i *issuer) []string { return []string{i.putData(w[1], w[2])} }) {
			out = append(out, sw.String())
		}
		return strings.Join(out, " ")
	case "read":
		return g.playRead(l)
	case "gpo":
		ttq, currency := byte(gateTTQ), "0156"
		if l.has("shop") {
			ttq = 0x26
		}
		if l.has("foreign") {
			currency = "0840"
		}
		data, sw := g.send(g.options(ttq, l.fen(1), currency, byte(l.hex(2))))
		if sw != apdu.SWOK {
			return sw.String()
		}
		return g.paid(data)
	case "update":
		return g.playUpdate(l)
	case "append":
		sfi, id := byte(l.hex(1)), uint16(l.hex(2))
		record := journeyRecord(id, w[3])
		if sfi == capp.CyclicSFI {
			record = []byte(w[3])
		}
		return g.sent(g.appends(sfi, recordKey(sfi, id), record))
	case "push":
		object := hexBytes(g.t, w[2]+fmt.Sprintf("%02X", len(w[3])/2)+w[3])
		n := 4
		if l.has("long") {
			n = 8
		}
		return g.sent(g.push(uint16(l.hex(1)), object, n))
	}
	return g.sent(g.simple(l))
}

// simple are the commands that nothing is asked about.
func (g *gate) simple(l lineWords) []byte {
	switch l.w[0] {
	case "select":
		return g.selects()
	case "last":
		return g.last()
	case "prove":
		return g.prove(uint16(l.hex(1)))
	case "ring":
		return []byte{0x00, 0xB2, byte(l.hex(1)), 0xF4, 0}
	case "get":
		return hexBytes(g.t, "80CA"+l.w[1]+"00")
	}
	return hexBytes(g.t, strings.Join(l.w, ""))
}

func (g *gate) sent(cmd []byte) string {
	data, sw := g.send(cmd)
	return strings.TrimSpace(fmt.Sprintf("%s %v", short(data), sw))
}

func (g *gate) playRead(l lineWords) string {
	sfi, id := byte(l.hex(1)), uint16(l.hex(2))
	random := l.has("random")
	data, sw := g.send(g.read(sfi, id, random, l.has("next")))
	if sw != apdu.SWOK {
		return sw.String()
	}
	g.random = random
	if random {
		n := len(data) - 4
		code := capp.ReadMAC(g.want.alg, recordKey(sfi, id), [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, data[:n])
		if !capp.Genuine(code, data[n:]) {
			g.t.Errorf("READ CAPP DATA: code %X, want %X", data[n:], code)
		}
		data = data[:n]
	}
	return fmt.Sprintf("%X %q", data[:3], data[3:])
}

func (g *gate) playUpdate(l lineWords) string {
	sfi, id := byte(l.hex(1)), uint16(l.hex(2))
	record := journeyRecord(id, l.w[3])
	if sfi == capp.CyclicSFI {
		record = []byte(l.w[3])
	}
	cmd := g.update(sfi, recordKey(sfi, id), record)
	data, sw := g.send(cmd)
	if sw != apdu.SWOK {
		return sw.String()
	}
	if !g.random {
		return strings.TrimSpace(fmt.Sprintf("%X %v", data, sw))
	}
	code := capp.AnswerMAC(g.want.alg, recordKey(sfi, id), [4]byte(cmd[len(cmd)-4:]))
	return fmt.Sprintf("%v, code %v", sw, capp.Genuine(code, data))
}

// transitState is the card's state in words.
func transitState(s pboc.State) string {
	var holds []string
	for _, h := range s.Holds {
		if h.SFI != 0 {
			holds = append(holds, fmt.Sprintf("%02X/%04X %v", h.SFI, h.ID, h.Amount))
		}
	}
	return fmt.Sprintf("ATC %d, balance %v, deposit %v of %v used, held [%s], proof %d, push %04X, log %d, loads %d",
		s.ATC, s.Balance, s.Used, s.Deposit, strings.Join(holds, ", "), s.ProofATC, s.PushATC, s.LogRecords, s.LoadRecords)
}
