package pboc_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/money"
)

// transitCommand makes a command of the extension out of fuzzed bytes: kind says
// which, b its contents. Codes are those that a terminal with the keys makes, so that
// what stands behind them is reached; kind 10 is the bytes as they are.
func (g *gate) transitCommand(kind byte, b []byte) []byte {
	at := func(i int) byte {
		if i < len(b) {
			return b[i]
		}
		return 0
	}
	sfi := []byte{0x15, 0x17, 0x1E, 0x15}[at(0)%4]
	id := []uint16{0x0110, 0x0210, 0x0710, 0x0711, 0x0310}[at(1)%5]
	rest := b[min(2, len(b)):]
	switch kind % 11 {
	case 0:
		return g.selects()
	case 1:
		return g.read(sfi, id, at(2)&1 != 0, at(2)&2 != 0)
	case 2:
		return g.options(gateTTQ, money.Fen(at(0))*100, "0156", at(1))
	case 3:
		return g.update(sfi, recordKey(sfi, id), journeyRecord(id, string(rest)))
	case 4:
		return g.update(sfi, recordKey(sfi, id), rest)
	case 5:
		return g.appends(sfi, recordKey(sfi, id), journeyRecord(id, string(rest)))
	case 6:
		return g.appends(sfi, recordKey(sfi, id), rest)
	case 7:
		return g.push(uint16(at(0)), rest, 4+int(at(1)%5))
	case 8:
		return g.prove(uint16(at(0)))
	case 9:
		return g.last()
	}
	return b
}

// FuzzTransit plays sequences of commands of the extension, each kind(1) length(1)
// contents, with a power cut somewhere: status words come out, no panic, nobody gains
// money but by a push, and the memory can always be put into a new chip.
func FuzzTransit(f *testing.F) {
	f.Add([]byte{0, 0, 1, 3, 0, 0, 1, 2, 2, 4, 1, 3, 10, 0, 0, 'e', 'n', 't', 'e', 'r', 'e', 'd', '.', 9, 0, 8, 1, 1}, byte(0), false)
	f.Add([]byte{0, 0, 1, 3, 1, 2, 0, 2, 2, 30, 2, 3, 10, 1, 2, 'p', 'a', 'r', 'k', 'e', 'd', '.', '.', 9, 0}, byte(9), true)
	f.Add([]byte{0, 0, 7, 11, 1, 0, 0x9F, 0x79, 6, 0, 0, 0, 0, 0x20, 0, 7, 9, 2, 0, 0xDF, 0x62, 6, 0, 0, 0, 0}, byte(3), true)
	f.Add([]byte{0, 0, 5, 6, 0, 4, 't', 'h', 'i', 'r', 6, 5, 2, 0, 1, 2, 3, 10, 5, 0x80, 0xB4, 0, 0xA8, 0}, byte(2), false)
	f.Fuzz(func(t *testing.T, b []byte, cut byte, quota bool) {
		g := newGate(t, transitCard{quota: quota, balance: 5000, deposit: 1000})
		g.chip.Memory().CutAt(int(cut), cos.TearFirst)
		worth := money.Fen(5000)
		for n := 0; len(b) >= 2 && n < 40; n++ {
			kind, size := b[0], min(int(b[1]), len(b)-2, 200)
			cmd := g.transitCommand(kind, b[2:2+size])
			b = b[2+size:]
			out, err := g.chip.Transmit(nil, cmd)
			if errors.Is(err, card.ErrPowerCut) {
				noError(t, g.chip.PowerOn(randomFrom(9)))
				continue
			}
			noError(t, err)
			if len(out) < 2 {
				t.Fatalf("%X: answer %X", cmd, out)
			}
			if len(cmd) > 1 && cmd[1] == 0xA8 && bytes.HasSuffix(out, []byte{0x90, 0}) && kind%11 == 2 {
				g.paid(out[:len(out)-2])
			}
			s := g.state()
			now := s.Balance - s.Used
			for _, h := range s.Holds {
				now += h.Amount
			}
			if now > worth && !(quota && kind%11 == 7) {
				t.Fatalf("%X: the card has %v, had %v", cmd, now, worth)
			}
			worth = now
		}
		fresh := card.New()
		noError(t, fresh.Insert(g.image, g.chip.Snapshot(nil)))
		noError(t, fresh.PowerOn(randomFrom(9)))
	})
}
