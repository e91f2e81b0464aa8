package psam_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/wire/apdu"
)

// pair is a terminal's two cards: a purse in the field and the module in its slot.
type pair struct {
	t          testing.TB
	purse, sam *session
	info       []byte // file 15 of the purse
	terminal   []byte // as the module knows it
	authCode   []byte // as the purse answers it; nil for T-Union
	key        byte   // key index of the purse
}

// meet takes the two cards as a terminal does when a card comes: it reads what it
// needs of both.
func meet(t testing.TB, name string, key byte) *pair {
	t.Helper()
	p, err := purse.Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	img, err := card.Assemble(card.Parts{Applications: []cos.Template{p.Template(p.Card())}})
	if err != nil {
		t.Fatal(err)
	}
	m := &pair{t: t, purse: place(t, img, nil), sam: insert(t, spec(t, 0)), key: key}
	m.purse.want(apdu.SWOK, fmt.Sprintf("00A40400%02X%X00", len(p.AID()), p.AID()))
	m.info = m.purse.want(apdu.SWOK, "00B095001E")
	m.terminal = m.sam.want(apdu.SWOK, "00B0960006")
	if name == "dev-cityunion" {
		m.authCode = m.purse.want(apdu.SWOK, "80CA000009")
		m.sam.cityUnion()
	} else {
		m.sam.union()
	}
	return m
}

// trade is what a terminal keeps of a purchase until it is closed.
type trade struct {
	kind     byte // P1 of INITIALIZE: 01 purchase, 03 compound
	amount   uint32
	offline  uint16 // counter of the purse before
	number   []byte // terminal transaction number
	mac1     []byte
	tac      []byte
	mac2     []byte
	purseKey [2]byte // version and algorithm of the purse's key
}

var stamp = []byte{0x20, 0x26, 0x01, 0x15, 0x10, 0x11, 0x12}

func (x *trade) code() byte {
	if x.kind == 3 {
		return 9
	}
	return 6
}

// factors as the module wants them: the card's, then the issuer's.
func (m *pair) factors() string { return fmt.Sprintf("%X%X", m.info[12:20], m.info[:8]) }

// open takes a purchase up to MAC1.
func (m *pair) open(kind byte, amount uint32) *trade {
	m.t.Helper()
	x := &trade{kind: kind, amount: amount}
	answer := m.purse.want(apdu.SWOK, fmt.Sprintf("8050%02X020B%02X%08X%X0F", kind, m.key, amount, m.terminal))
	x.offline = binary.BigEndian.Uint16(answer[4:])
	x.purseKey = [2]byte(answer[9:])
	if m.authCode != nil {
		m.sam.want(apdu.SWOK, fmt.Sprintf("80CA000009%X", m.authCode))
	}
	got := m.sam.want(apdu.SWOK, "80700000"+lc(fmt.Sprintf("%X%04X%08X%02X%X%X", answer[11:15], x.offline, amount, x.code(), stamp, x.purseKey)+m.factors())+"08")
	x.number, x.mac1 = got[:4], got[4:]
	return x
}

// debit is DEBIT FOR PURCHASE.
func (x *trade) debit() string {
	return fmt.Sprintf("805401000F%X%X%X08", x.number, stamp, x.mac1)
}

func (m *pair) pay(x *trade) {
	m.t.Helper()
	got := m.purse.want(apdu.SWOK, x.debit())
	x.tac, x.mac2 = got[:4], got[4:]
	m.close(x)
}

func (m *pair) close(x *trade) {
	m.t.Helper()
	m.sam.want(apdu.SWOK, fmt.Sprintf("8072000004%X", x.mac2))
}

func (m *pair) balance() uint32 {
	m.t.Helper()
	return binary.BigEndian.Uint32(m.purse.want(apdu.SWOK, "805C000204"))
}

// checkTAC makes the TAC with the module.
func (m *pair) checkTAC(x *trade) {
	m.t.Helper()
	size, index := 8, byte(0x02)
	if x.purseKey[1] == 0x04 {
		size, index = 16, 0x42
	}
	message := append(binary.BigEndian.AppendUint32(nil, x.amount), x.code())
	message = append(append(append(message, m.terminal...), x.number...), stamp...)
	message = append(message, 0x80)
	for len(message)%size != 0 {
		message = append(message, 0)
	}
	m.sam.want(apdu.SWOK, fmt.Sprintf("801A46%02X", index)+lc(m.factors()))
	m.sam.gives(fmt.Sprintf("%X", x.tac), "80FA0500"+lc(fmt.Sprintf("%X%X", make([]byte, size), message))+"04")
}

// kinds are the purses that a terminal meets.
var kinds = []struct {
	name string
	key  byte
}{{"dev-tunion", 0x01}, {"dev-tunion", 0x41}, {"dev-cityunion", 0x01}}

// TestTwoCards pays from every kind of purse with the module: MAC1 opens the card,
// MAC2 closes the module, the TAC is that of the card's key, and the card's log has
// the module's terminal.
func TestTwoCards(t *testing.T) {
	for _, k := range kinds {
		t.Run(fmt.Sprintf("%s key %02X", k.name, k.key), func(t *testing.T) {
			m := meet(t, k.name, k.key)
			before := m.balance()
			for i := range uint32(3) {
				x := m.open(1, 100+i)
				if n := binary.BigEndian.Uint32(x.number); n != i+1 {
					t.Fatalf("number %d, want %d", n, i+1)
				}
				m.pay(x)
				m.checkTAC(x)
			}
			if after := m.balance(); after != before-303 {
				t.Errorf("balance %d after 303 of %d", after, before)
			}
			log := m.purse.want(apdu.SWOK, "00B201C417")
			if !bytes.Equal(log[10:16], m.terminal) || log[9] != 6 {
				t.Errorf("log %X", log)
			}
		})
	}
}

// TestCompound writes a record with the fare, T-Union's bus record, under MAC1 of the
// module.
func TestCompound(t *testing.T) {
	m := meet(t, "dev-tunion", 0x01)
	x := m.open(3, 0) // boarding costs nothing yet
	m.purse.want(apdu.SWOK, "80DC01D4"+lc("27017D 010100"+fmt.Sprintf("%0244X", 1)))
	m.pay(x)
	m.checkTAC(x)
	x = m.open(3, 200)
	m.purse.want(apdu.SWOK, "80DC01D4"+lc("27017D 010100"+fmt.Sprintf("%0244X", 2)))
	m.pay(x)
	m.checkTAC(x)
}

// TestWrongModule: a module with other masters, and one that was told another
// factor, cannot debit a purse.
func TestWrongModule(t *testing.T) {
	m := meet(t, "dev-tunion", 0x01)
	before := m.balance()
	other := spec(t, 0)
	for i := range other.Applications[0].Keys {
		k := &other.Applications[0].Keys[i]
		k.Value[0] ^= 0x80
	}
	right := m.sam
	m.sam = insert(t, other)
	m.sam.union()
	x := m.open(1, 100)
	m.purse.want(apdu.SWPurseMAC, x.debit())

	m.sam, m.info[12] = right, m.info[12]^0x10
	x = m.open(1, 100)
	m.purse.want(apdu.SWPurseMAC, x.debit())
	if m.balance() != before {
		t.Error("the purse has paid")
	}
}

// TestTornPurse cuts the card's power at every write of DEBIT: the terminal asks for
// the proof of the trade, and the module agrees with it. Money is gone exactly when
// there is a proof.
func TestTornPurse(t *testing.T) {
	paid, unpaid := 0, 0
	for _, tear := range tears {
		for n := 1; ; n++ {
			m := meet(t, "dev-tunion", 0x01)
			before := m.balance()
			x := m.open(1, 500)
			memory := m.purse.chip.Memory()
			memory.CutAt(memory.Writes()+n, tear)
			if _, _, err := m.purse.send(unhex(t, x.debit())); err == nil {
				break
			} else if !errors.Is(err, cos.ErrPowerCut) {
				t.Fatal(err)
			}
			m.purse.powerOn()
			m.purse.want(apdu.SWOK, "00A4040008A00000063201010500")
			proof, sw := m.purse.do(fmt.Sprintf("805A000602%04X08", x.offline+1))
			switch sw {
			case apdu.SWOK:
				paid++
				x.mac2, x.tac = proof[:4], proof[4:]
				m.close(x)
				m.checkTAC(x)
				if m.balance() != before-500 {
					t.Fatal("there is a proof and no debit")
				}
			case apdu.SWProofNotAvailable:
				unpaid++
				if m.balance() != before {
					t.Fatal("there is a debit and no proof")
				}
				m.pay(m.open(1, 500)) // again, under the next number
			default:
				t.Fatal(sw)
			}
		}
	}
	if paid == 0 || unpaid == 0 {
		t.Errorf("%d paid, %d unpaid", paid, unpaid)
	}
}

// TestManyTrades plays random purchases at both cards, some left at any step and with
// the module's power failing: the balance is what was paid, and the module's
// numbers only grow.
func TestManyTrades(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := rapid.SampledFrom(kinds).Draw(rt, "purse")
		m := meet(t, k.name, k.key)
		want, last := m.balance(), uint32(0)
		for range rapid.IntRange(1, 12).Draw(rt, "trades") {
			amount := uint32(rapid.IntRange(1, 600).Draw(rt, "amount"))
			if amount > want {
				continue
			}
			x := m.open(1, amount)
			n := binary.BigEndian.Uint32(x.number)
			if n <= last {
				rt.Fatalf("number %d after %d", n, last)
			}
			last = n
			switch rapid.IntRange(0, 3).Draw(rt, "end") {
			case 0: // the card has left
			case 1: // the module loses its power before it sees MAC2
				m.purse.want(apdu.SWOK, x.debit())
				want -= amount
				m.sam.powerOn()
				if m.authCode != nil {
					m.sam.cityUnion()
				} else {
					m.sam.union()
				}
			default:
				m.pay(x)
				want -= amount
			}
			if got := m.balance(); got != want {
				rt.Fatalf("balance %d, want %d", got, want)
			}
		}
	})
}
