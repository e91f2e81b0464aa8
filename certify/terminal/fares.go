package terminal

import (
	"bytes"
	"crypto/subtle"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

// journeyCode is the code of the extension's commands: ISO/IEC 9797-1 algorithm 3 with
// triple DES over padded data, CBC-MAC with SM4, under the key itself, with a start value
// that carries the freshness (JR/T 0025.14 annex C). With SM4 the start value stands
// behind zeros (our choice).
func journeyCode(alg cryptogram.Alg, key cryptogram.Key, start [8]byte, data []byte) [codeLen]byte {
	// A start value does to a MAC what it does to the first block of the data.
	size := alg.BlockSize()
	b := append(bytes.Clone(data), make([]byte, max(0, size-len(data)))...)
	if len(data) < size {
		b[len(data)] = 0x80
	}
	subtle.XORBytes(b[size-8:size], b[size-8:size], start[:])
	if len(data) < size {
		return shortCode(alg, key, b)
	}
	m := cryptogram.MAC(alg, key, b)
	return [codeLen]byte(m[:])
}

// shortCode is the code over one block that is padded already.
func shortCode(alg cryptogram.Alg, key cryptogram.Key, b []byte) [codeLen]byte {
	block, err := cryptogram.NewBlock(alg, key)
	if err != nil {
		panic("terminal: " + err.Error()) // the algorithm is the card's own
	}
	// Over one block algorithm 3 is the cipher itself.
	block.Encrypt(b, b)
	return [codeLen]byte(b)
}

// admit is what a card with the extension looks at before its counter: a payment of the
// extension needs a journey record that was read, a completion a pre-authorisation. A
// quota card counts and declines instead.
func (c *Card) admit(e *exchange, v values) apdu.SW {
	x := c.extension
	if x == nil {
		return apdu.SWOK
	}
	x.trade, x.bound, x.waiting, x.open = trade(v), x.read, nil, false
	switch {
	case x.trade == tradeNone:
		return apdu.SWOK
	case x.bound == nil:
		e.wrong = "READ CAPP DATA before processing options with a payment of the extension"
		if x.quota {
			return apdu.SWOK
		}
		return apdu.SWConditions
	case x.trade == tradeFare:
		return apdu.SWOK
	case x.support < 2:
		e.wrong = "no pre-authorisation on a card whose DF61 is 01"
		return apdu.SWConditions
	case x.trade == tradeHold && x.holds == x.bound:
		return apdu.SWCAPPHoldOpen
	case x.trade == tradeComplete && x.holds != x.bound:
		e.wrong = "a completion only of a pre-authorisation that is open"
		return apdu.SWCAPPNoHold
	}
	return apdu.SWOK
}

// decision is what the card makes of a qPBOC transaction.
func (c *Card) decision() cryptogram.Result {
	x := c.extension
	switch {
	case x == nil:
		return c.decide
	case x.trade == tradeNone && x.quota:
		return cryptogram.ARQC
	case x.trade == tradeNone || c.decide != cryptogram.TC:
		return c.decide
	case x.bound == nil:
		return cryptogram.AAC
	}
	if balance, _ := x.taken(c.balance, c.amount()); balance < 0 {
		return cryptogram.AAC
	}
	return cryptogram.TC
}

// taken is balance and DF63 after the payment that is under way; a negative balance if it
// is not covered (JR/T 0025.14: balance and deposit cover a fare, the balance alone a
// pre-authorisation, all and the amount held a completion).
func (x *extension) taken(balance, amount money.Fen) (after, used money.Fen) {
	after, used = balance-amount, x.used
	switch x.trade {
	case tradeHold:
		return after, used
	case tradeComplete:
		after += x.held
		if back := min(max(0, x.held-amount), used); back > 0 {
			after, used = after-back, used-back
		}
	}
	if after < 0 && used-after <= x.deposit {
		return 0, used - after
	}
	return after, used
}

// commit makes the payment of the extension that is under way, with its records.
func (c *Card) commit() apdu.SW {
	x := c.extension
	written := false
	for _, u := range x.waiting {
		written = written || u.to == x.bound
	}
	if !written {
		return apdu.SWCAPPOtherRecord
	}
	c.balance, x.used = x.taken(c.balance, c.amount())
	switch x.trade {
	case tradeHold:
		x.held, x.holds = c.amount(), x.bound
	case tradeComplete:
		x.held, x.holds = 0, nil
	}
	for _, u := range x.waiting {
		if u.to != nil {
			u.to.data = u.data
			continue
		}
		x.trips = append([][]byte{u.data}, x.trips...)
		x.trips = x.trips[:min(len(x.trips), logTrips)]
	}
	x.proof, x.proofATC, x.proven = x.tc, c.atc, true
	if x.trade == tradeHold {
		x.proof = [8]byte{}
	}
	c.commits = append(c.commits, payment{trade: x.trade, amount: c.amount()})
	x.waiting, x.open = nil, false
	return apdu.SWOK
}

// payment is one of the extension that the card has made.
type payment struct {
	trade  byte
	amount money.Fen
}

// trip is READ RECORD of file 1E, 1 the newest.
func (x *extension) trip(number byte) []byte {
	if number == 0 || int(number) > len(x.trips) {
		return status(apdu.SWRecordNotFound)
	}
	return good9000(x.trips[number-1])
}
