package terminal

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

// Offsets, from 0, in a journey record and in a trip of file 1E (JT/T 978). Only what
// the standard lays down is judged.
const (
	atValid  = 3
	atMode   = 4
	atLocked = 5
	atSerial = 6
	atState  = 14
	atBegin  = 46 // YYYYMMDDhhmmss, as all times
	atEnd    = 89
	atAmount = 96

	tripType    = 0
	tripTrade   = 9
	tripAmount  = 17
	tripBalance = 21
	tripTime    = 25

	stateIn  = 1
	stateOut = 2

	cashEntry  = 1 // types of a trip: electronic cash
	cashExit   = 2
	cashSingle = 5

	tradeMetro = 1 // trades of a trip
	tradeBus   = 2
)

// gateHabits judges what holds for every tap at a gate.
func (v *verdict) gateHabits() {
	for _, x := range v.seen {
		v.must(x.wrong == "", "expected %s", x.wrong)
		switch {
		case x.cmd.INS == insReadCAPP && x.sw() == apdu.SWOK:
			v.must(len(x.cmd.Data) == 10 && len(bytes.Trim(x.cmd.Data[2:], "\x00")) > 0,
				"expected READ CAPP DATA with a random number, so that the record comes with its code, got %X", x.raw)
		case x.cmd.INS == insAppend:
			v.must(false, "expected no APPEND RECORD from a gate")
		}
	}
	n := v.after.paid - v.before.paid
	v.must(n <= 1, "expected the card to pay once at most in one tap, it paid %s", timesOver(n))
}

// made wants one payment of the extension in this tap, of this kind.
func (v *verdict) made(trade byte) payment {
	got := v.after.commits[len(v.before.commits):]
	if !v.must(len(got) == 1, "expected the card to make one payment of the extension, it made %s", times(len(got))) {
		return payment{}
	}
	v.must(got[0].trade == trade, "expected %02X in DF60, got %02X", trade, got[0].trade)
	return got[0]
}

// unpaid wants a tap that changes nothing on the card.
func (v *verdict) unpaid() {
	v.must(v.after.paid == v.before.paid, "expected the card not to pay")
}

// journey wants the record to say where the rider is now.
func (v *verdict) journey(before, after []byte, state byte, amount money.Fen) {
	if len(after) != recordLen || !v.must(!bytes.Equal(before, after), "expected the journey record to be updated") {
		return
	}
	v.must(after[atState] == state, "expected the state %02X in byte 15 of the journey record, got %02X", state, after[atState])
	v.must(bytes.Equal(before[:atState], after[:atState]) || before[atMode] != after[atMode] && bytes.Equal(before[atSerial:atState], after[atSerial:atState]),
		"expected the beginning of the journey record to stay %X, got %X", before[:atState], after[:atState])
	at := atBegin
	if state == stateOut {
		at = atEnd
		got := money.Fen(binary.BigEndian.Uint32(after[atAmount:]))
		v.must(got == amount, "expected the amount %v in bytes 97 to 100 of the journey record, got %v", amount, got)
	}
	v.must(v.near(after[at+1:at+4]), "expected the day of the run in the journey record, got %X", after[at:at+7])
}

// trip wants one new line in file 1E.
func (v *verdict) trip(kind, trade byte, amount money.Fen) {
	if !v.must(len(v.after.trips) == len(v.before.trips)+1, "expected one new record in file 1E") {
		return
	}
	t := v.after.trips[0]
	if !v.must(len(t) == tripLen, "expected 48 bytes in file 1E, got %d", len(t)) {
		return
	}
	v.must(t[tripType] == kind, "expected the type %02X in the record of file 1E, got %02X", kind, t[tripType])
	v.must(t[tripTrade] == trade, "expected the trade %02X in the record of file 1E, got %02X", trade, t[tripTrade])
	got := money.Fen(binary.BigEndian.Uint32(t[tripAmount:]))
	v.must(got == amount, "expected the amount %v in the record of file 1E, got %v", amount, got)
	balance := binary.BigEndian.Uint32(t[tripBalance:])
	v.must(balance == 0xFFFFFFFF || money.Fen(balance) == v.after.balance, "expected the balance %v or FFFFFFFF in the record of file 1E, got %08X", v.after.balance, balance)
	v.must(v.near(t[tripTime+1:tripTime+4]), "expected the day of the run in the record of file 1E, got %X", t[tripTime:tripTime+7])
}

// entered wants an entry that costs nothing.
func (v *verdict) entered() {
	p := v.made(tradeFare)
	v.must(p.amount == 0, "expected nothing to be paid at the entry, got %v", p.amount)
	v.journey(v.before.metro, v.after.metro, stateIn, 0)
}

// left wants an exit that costs the fare.
func (v *verdict) left(trade byte) money.Fen {
	p := v.made(trade)
	v.must(p.amount > 0 && (v.setup.Fare == 0 || p.amount == v.setup.Fare), "expected the fare at the exit, got %v", p.amount)
	v.journey(v.before.metro, v.after.metro, stateOut, p.amount)
	return p.amount
}

// untouched wants a tap that ends before the card is asked to pay.
func (v *verdict) untouched() {
	v.count(insGPO, 0)
	v.count(insUpdate, 0)
	v.unpaid()
	v.must(len(v.seen) > 0, "expected the terminal to look at the card")
}

// stopped wants a tap that ends behind processing options without a payment.
func (v *verdict) stopped(updates int) {
	v.count(insGPO, 1)
	v.count(insUpdate, updates)
	v.count(insRead, 0)
	v.unpaid()
}

// asIfShop wants a tap of a card whose journey record cannot be had: it is no payment of
// the extension.
func (v *verdict) asIfShop() {
	for _, x := range v.all(insGPO) {
		v.must(trade(x.values) == tradeNone, "expected no payment of the extension without a journey record, got DF60 %02X", trade(x.values))
	}
	v.count(insUpdate, 0)
}

// proofs wants a gate to ask whether the torn tap of this transaction was paid: GET TRANS
// PROVE with its counter.
func (v *verdict) proofs() {
	torn := v.first(insGPO).atc
	asked := slices.ContainsFunc(v.all(insProve), func(x *exchange) bool {
		return len(x.cmd.Data) == 2 && binary.BigEndian.Uint16(x.cmd.Data) == torn
	})
	v.must(asked, "expected GET TRANS PROVE with the counter %04X of the card that is back", torn)
}
