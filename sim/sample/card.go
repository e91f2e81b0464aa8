package sample

import (
	"fmt"
	"math/rand/v2"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// chip is a simulated card before the files: number, keys, counter, value.
type chip struct {
	key   txn.CardKey
	alg   cryptogram.Alg
	cvn   cryptogram.CVN
	ac    cryptogram.Key
	mac   cryptogram.Key
	atc   uint16
	value money.Fen
}

// issuerBlocks are the development masters of issuer 0 for one algorithm.
type issuerBlocks struct{ ac, mac cryptogram.Block }

func masters(alg cryptogram.Alg) issuerBlocks {
	names := keystore.IssuerMasters(0, alg)
	block := func(name string) cryptogram.Block {
		b, err := cryptogram.NewBlock(alg, keystore.DevelopmentKey(name))
		if err != nil {
			panic("sample: a development master: " + err.Error())
		}
		return b
	}
	return issuerBlocks{block(names.AC), block(names.MAC)}
}

// cardsOfBIN is how many cards one BIN has: their last four digits differ.
const cardsOfBIN = 10_000

// newChip makes card i. Its last four digits are i, so that masked numbers differ.
func newChip(i int, rng *rand.Rand, blocks map[cryptogram.Alg]issuerBlocks) chip {
	pan, last := "", fmt.Sprintf("%04d", i%cardsOfBIN)
	for middle, filler := rng.IntN(100_000_000), 0; pan == ""; filler++ {
		head := fmt.Sprintf("%06d%08d%d%s", 622848+i/cardsOfBIN, middle, filler, last[:3])
		if txn.Luhn(head) == last[3] {
			pan = head + last[3:]
		}
	}
	number, err := txn.ParsePAN(pan)
	if err != nil {
		panic("sample: " + err.Error())
	}
	c := chip{key: txn.CardKey{PAN: number, PSN: 1}, alg: cryptogram.SM4, cvn: cryptogram.CVN17}
	if i%2 == 1 {
		c.alg = cryptogram.TDES
	}
	if i%5 == 0 {
		c.cvn = cryptogram.CVN01
	}
	b := blocks[c.alg]
	c.ac = cryptogram.DeriveCardKey(c.alg, b.ac, number, 1)
	c.mac = cryptogram.DeriveCardKey(c.alg, b.mac, number, 1)
	c.atc = uint16(16 + rng.IntN(400))
	c.value = money.Fen(3000 + 10*rng.IntN(1500))
	return c
}

// taps that a chip answers: the amount, the moment, what it decides.
type question struct {
	amount money.Fen
	time   int64
	kind   byte // 9C
	result cryptogram.Result
	un     [4]byte
}

// answer is what the chip says: 9F26 and 9F10, and the other data objects of field 55.
type answer struct {
	atc     uint16
	ac      [8]byte
	iad     [24]byte
	iadLen  int
	field55 []byte
	un      [4]byte
}

// ask makes the cryptogram of the counter that the chip has reached. A TC states the
// balance that it will have after the debit (JR/T 0025.12).
func (c *chip) ask(q question) answer {
	stated := c.value
	if q.result == cryptogram.TC {
		stated -= q.amount
	}
	iad := cryptogram.IAD{DKI: 1, CVN: c.cvn, CVR: [3]byte{0x80 | byte(q.result)<<4}, Alg: c.alg, IDD: cryptogram.IDDBalance}
	digits := n12(stated)
	iad.Amount1 = [5]byte(digits[1:])
	iad.MAC = cryptogram.BalanceMAC(c.alg, cryptogram.DeriveSessionKey(c.alg, c.mac, c.atc), c.atc, iad.IDD, iad.Amount1, iad.Amount2)
	t := cryptogram.TerminalInput{Amount: n12(q.amount), Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, Date: txn.DateBCD(q.time), Type: q.kind, UN: q.un}
	card := cryptogram.CardInput{AIP: [2]byte{0x7C, 0x00}, ATC: c.atc, CVR: iad.CVR}
	a := answer{atc: c.atc, un: q.un}
	a.ac = cryptogram.MAC(c.alg, cryptogram.DeriveSessionKey(c.alg, c.ac, c.atc), cryptogram.ACData(nil, c.cvn, &t, &card))
	a.iadLen = len(iad.Append(a.iad[:0]))
	a.field55 = field55(&a, &t, &card, c.key.PSN, q.result)
	return a
}

func n12(f money.Fen) [6]byte {
	b, err := f.N12()
	if err != nil {
		panic("sample: a chip with a value that cannot be: " + err.Error())
	}
	return b
}

// field55 writes the data objects that an issuer needs to check the cryptogram.
func field55(a *answer, t *cryptogram.TerminalInput, c *cryptogram.CardInput, psn byte, result cryptogram.Result) []byte {
	var dst []byte
	put := func(tag tlv.Tag, value ...byte) { dst = tlv.Append(dst, tag, value) }
	put(tlv.TagAC, a.ac[:]...)
	put(tlv.TagCID, byte(result)<<6)
	put(tlv.TagIAD, a.iad[:a.iadLen]...)
	put(tlv.TagUN, t.UN[:]...)
	put(tlv.TagATC, byte(a.atc>>8), byte(a.atc))
	put(tlv.TagTVR, t.TVR[:]...)
	put(tlv.TagTransactionDate, t.Date[:]...)
	put(tlv.TagTransactionType, t.Type)
	put(tlv.TagAmountAuthorised, t.Amount[:]...)
	put(tlv.TagAmountOther, t.Other[:]...)
	put(tlv.TagTransactionCurrency, t.Currency[:]...)
	put(tlv.TagTerminalCountry, t.Country[:]...)
	put(tlv.TagAIP, c.AIP[:]...)
	put(tlv.TagPANSequence, psn)
	return dst
}
