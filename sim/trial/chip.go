package trial

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// chip is a card: counter, value and keys. A copy of it is a clone.
type chip struct {
	card    txn.CardKey
	alg     cryptogram.Alg
	ac, mac cryptogram.Key
	atc     uint16
	value   money.Fen
	loads   []loaded // the last ten, the newest first
}

// loaded is an entry of the load log.
type loaded struct {
	atc           uint16
	before, after money.Fen
	time          int64
}

// loadLogSize is how many loads the card's log keeps.
const loadLogSize = 10

// credit is a load script that runs.
func (c *chip) credit(amount money.Fen, at int64) {
	e := loaded{c.atc, c.value, c.value + amount, at}
	c.value = e.after
	c.loads = append([]loaded{e}, c.loads[:min(len(c.loads), loadLogSize-1)]...)
}

// loadLog is the answer to READ RECORD with P1 00 on the load log (JR/T 0025.13).
func (c *chip) loadLog() []byte {
	b := binary.BigEndian.AppendUint16(nil, c.atc)
	b = append(b, byte(len(c.loads)))
	for _, e := range c.loads {
		before, after := bcd(e.before), bcd(e.after)
		date, clock := txn.DateBCD(e.time), txn.TimeBCD(e.time)
		b = binary.BigEndian.AppendUint16(b, uint16(tlv.TagECBalance))
		b = append(append(append(append(b, before[:]...), after[:]...), date[:]...), clock[:]...)
		b = binary.BigEndian.AppendUint16(b, e.atc)
	}
	mac := cryptogram.MAC(c.alg, cryptogram.DeriveSessionKey(c.alg, c.mac, c.atc), b)
	return append(b, mac[:4]...)
}

// bin are the first digits of all cards of the trial: development issuer 0.
const bin = "622800"

// masters are the development keys of the issuer under one algorithm.
type masters struct{ ac, mac cryptogram.Block }

func newMasters(alg cryptogram.Alg) masters {
	names := keystore.IssuerMasters(0, alg)
	block := func(name string) cryptogram.Block {
		b, err := cryptogram.NewBlock(alg, keystore.DevelopmentKey(name))
		if err != nil {
			panic("trial: development key: " + err.Error())
		}
		return b
	}
	return masters{block(names.AC), block(names.MAC)}
}

// newChip personalises card n.
func newChip(n int, value money.Fen, keys map[cryptogram.Alg]masters) chip {
	digits := fmt.Sprintf("%s%09d", bin, n)
	pan, err := txn.ParsePAN(digits + string(rune(txn.Luhn(digits))))
	if err != nil {
		panic("trial: card number: " + err.Error())
	}
	alg := cryptogram.SM4
	if n%2 == 1 {
		alg = cryptogram.TDES
	}
	return chip{
		card: txn.CardKey{PAN: pan, PSN: 1}, alg: alg, value: value,
		ac:  cryptogram.DeriveCardKey(alg, keys[alg].ac, pan, 1),
		mac: cryptogram.DeriveCardKey(alg, keys[alg].mac, pan, 1),
	}
}

// answer is GET PROCESSING OPTIONS: the counter rises, and the card states its balance.
// With a TC that is the balance after the debit, which commit takes (JR/T 0025.12).
func (c *chip) answer(result cryptogram.Result, amount money.Fen, un uint32) (ac [8]byte, iad cryptogram.IAD) {
	c.atc++
	stated := c.value
	if result == cryptogram.TC {
		stated -= amount
	}
	text := bcd(stated)
	iad = cryptogram.IAD{DKI: 1, CVN: cryptogram.CVN17, CVR: [3]byte{0x80 | byte(result)<<4}, Alg: c.alg, IDD: cryptogram.IDDBalance, Amount1: [5]byte(text[1:])}
	iad.MAC = cryptogram.BalanceMAC(c.alg, cryptogram.DeriveSessionKey(c.alg, c.mac, c.atc), c.atc, iad.IDD, iad.Amount1, iad.Amount2)
	in := c.input(amount, un)
	data := cryptogram.ACData(nil, iad.CVN, &in, &cryptogram.CardInput{ATC: c.atc, CVR: iad.CVR})
	return cryptogram.MAC(c.alg, cryptogram.DeriveSessionKey(c.alg, c.ac, c.atc), data), iad
}

// input is the terminal's part of the cryptogram; the version covers no more of it.
func (c *chip) input(amount money.Fen, un uint32) cryptogram.TerminalInput {
	in := cryptogram.TerminalInput{Amount: bcd(amount)}
	binary.BigEndian.PutUint32(in.UN[:], un)
	return in
}

// row is the row of a tap that the card answered; kind and flags are the terminal's.
func (c *chip) row(kind txn.Kind, flags txn.Flags, result cryptogram.Result, amount money.Fen, un uint32) *txn.Row {
	ac, iad := c.answer(result, amount, un)
	r := &txn.Row{Kind: kind, Flags: flags, Card: c.card, ATC: c.atc, AC: ac, Amount: amount, DF63: txn.DF63Unread}
	iad.Append(r.IAD[:0])
	binary.BigEndian.PutUint32(r.UN[:], un)
	return r
}

func bcd(amount money.Fen) [6]byte {
	b, err := amount.N12()
	if err != nil {
		panic("trial: amount: " + err.Error())
	}
	return b
}
