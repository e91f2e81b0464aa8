package terminal

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Instructions of an electronic purse (JT/T 978).
const (
	insBinary  = 0xB0
	insBalance = 0x5C
	insInit    = 0x50
	insCache   = 0xDC
	insDebit   = 0x54
)

// Files and records of a T-Union purse.
const (
	fileInfo   = 0x15
	fileTrades = 0x18
	fileUnion  = 0x1A
	idUnion    = 0x2702 // metro; a bus has idBus

	infoLen = 30
)

// PurseKeys are the master keys of T-Union purses, triple DES: those for purchases, which
// a gate's security module holds too, and for transaction authentication codes. A card's
// own are diversified by bytes 0 to 7 and then 12 to 19 of its file 15.
type PurseKeys struct {
	Index         byte // of the purchase key, in the command
	Purchase, TAC cryptogram.Key
}

// unionPurse is the purse of JT/T 978 on a card.
type unionPurse struct {
	index         byte
	purchase, tac cryptogram.Key
	info          [infoLen]byte
	balance       money.Fen
	seq           uint16 // of purchases, before the next one
	metro, bus    []byte
	trips         [][]byte

	selected bool
	open     bool // a compound purchase was begun
	what     epurse.Trade
	random   [4]byte
	waiting  []purseUpdate

	proof    [8]byte // MAC2, TAC
	proofSeq uint16
	proven   bool
	payments []money.Fen
}

// purseUpdate is a record that waits for the debit.
type purseUpdate struct {
	file, id byte
	data     []byte
}

// withPurse puts a T-Union purse on a card, before the bank's application or alone.
func withPurse(balance money.Fen, alone bool) func(*spec) {
	return func(s *spec) {
		s.union = &unionPurse{balance: balance, seq: 0x0020}
		if alone {
			s.entries = nil
		}
		beside([]entry{tunion}, nil)(s)
	}
}

// issue gives a new purse its number, its keys and its records.
func (u *unionPurse) issue(pan [10]byte, k *PurseKeys) {
	copy(u.info[:], []byte{0x01, 0x01, 0x10, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0x02, 0x01, 0x03, 0x10})
	copy(u.info[12:], pan[:8])
	copy(u.info[20:], []byte{0x20, 0x20, 0x01, 0x01, 0x20, 0x49, 0x12, 0x31})
	issuer, serial := epurse.Factor(u.info[:8]), epurse.Factor(u.info[12:20])
	u.index = k.Index
	u.purchase, u.tac = epurse.Diversify(epurse.TDES, k.Purchase, issuer, serial), epurse.Diversify(epurse.TDES, k.TAC, issuer, serial)
	for id, to := range map[uint16]*[]byte{idUnion: &u.metro, idBus: &u.bus} {
		r := make([]byte, recordLen)
		binary.BigEndian.PutUint16(r, id)
		r[2], r[atValid], r[atMode] = recordLen-3, 1, 1
		copy(r[atSerial:], serial[:])
		*to = r
	}
}

// control is the FCI of the purse.
func (u *unionPurse) control() []byte {
	inner := objects{{0x9F08, []byte{2}}, {0x9F0C, u.info[:]}}
	outer := objects{{tlv.TagDFName, tunion.aid}, {tlv.TagFCIProprietary, inner.append(nil)}}
	return outer.wrap(tlv.TagFCITemplate)
}

// forget is what SELECT and a reset do.
func (u *unionPurse) forget() {
	if u != nil {
		u.selected, u.open, u.waiting = false, false, nil
	}
}

// doPurse carries out a command while the purse is selected; false if it is not.
func (c *Card) doPurse(x *exchange) ([]byte, bool) {
	u := c.union
	if u == nil || !u.selected || x.cmd.INS == insSelect {
		return nil, false
	}
	k := x.cmd
	open := u.open
	u.open = false
	switch uint16(k.CLA)<<8 | uint16(k.INS) {
	case insBinary:
		if k.P1 != 0x80|fileInfo || k.P2 != 0 {
			return status(apdu.SWFileNotFound), true
		}
		return good9000(u.info[:]), true
	case insRead:
		return u.readRecord(k), true
	case 0x8000 | insBalance:
		return good9000(binary.BigEndian.AppendUint32(nil, uint32(u.balance))), true
	case 0x8000 | insInit:
		return c.beginPurchase(x), true
	case 0x8000 | insCache:
		u.open = open
		return u.cache(x), true
	case 0x8000 | insDebit:
		return c.debitPurse(x, open), true
	case 0x8000 | insProve:
		return u.prove(k), true
	}
	return status(apdu.SWUnknownINS), true
}

// readRecord is READ RECORD by identifier, of which P1 has the low byte, or of the trips
// by number.
func (u *unionPurse) readRecord(k apdu.Command) []byte {
	switch {
	case k.P2>>3 == fileLog && k.P2&7 == 4:
		if k.P1 == 0 || int(k.P1) > len(u.trips) {
			return status(apdu.SWRecordNotFound)
		}
		return good9000(u.trips[k.P1-1])
	case k.P2>>3 == fileTrades:
		return status(apdu.SWRecordNotFound)
	case k.P2>>3 != fileUnion:
		return status(apdu.SWFileNotFound)
	}
	if r := u.record(k.P1); r != nil && k.P2&7 == 0 {
		return good9000(*r)
	}
	return status(apdu.SWRecordNotFound)
}

func (u *unionPurse) record(id byte) *[]byte {
	switch id {
	case byte(idUnion & 0xFF):
		return &u.metro
	case byte(idBus & 0xFF):
		return &u.bus
	}
	return nil
}

// beginPurchase is INITIALIZE FOR CAPP PURCHASE.
func (c *Card) beginPurchase(x *exchange) []byte {
	u, k := c.union, x.cmd
	switch {
	case k.P1 != 3 || k.P2 != 2:
		x.wrong = "INITIALIZE FOR CAPP PURCHASE of the purse (P1 03, P2 02), since a journey is to be written"
		return status(apdu.SWWrongP1P2)
	case len(k.Data) != 11:
		x.wrong = "key index, amount and terminal number, eleven bytes, in INITIALIZE FOR CAPP PURCHASE"
		return status(apdu.SWWrongLength)
	case k.Data[0] != u.index:
		return status(apdu.SWPurseKeyIndex)
	}
	u.what = epurse.Trade{Type: epurse.Compound, Amount: binary.BigEndian.Uint32(k.Data[1:]), Terminal: epurse.Terminal(k.Data[5:])}
	if money.Fen(u.what.Amount) > u.balance {
		return status(apdu.SWPurseFunds)
	}
	if _, err := c.rand.Read(u.random[:]); err != nil {
		c.broken = err
	}
	u.open, u.waiting = true, nil
	b := binary.BigEndian.AppendUint32(nil, uint32(u.balance))
	b = binary.BigEndian.AppendUint16(b, u.seq)
	b = append(b, 0, 0, 0, 1, byte(epurse.TDES)) // overdraft limit, key version, algorithm
	return good9000(append(b, u.random[:]...))
}

// cache is UPDATE CAPP DATA CACHE of a purse, without a code: it waits for the debit.
func (u *unionPurse) cache(x *exchange) []byte {
	k := x.cmd
	open := u.open
	u.open = false
	file := k.P2 >> 3
	refuse := func(sw apdu.SW, wrong string) []byte {
		x.wrong = wrong
		return status(sw)
	}
	switch {
	case !open:
		return refuse(apdu.SWWrongState, "UPDATE CAPP DATA CACHE right behind INITIALIZE FOR CAPP PURCHASE, or behind another")
	case file == fileLog && (k.P1 != 0 || len(k.Data) != tripLen):
		return refuse(apdu.SWWrongLength, "P1 00 and 48 bytes for file 1E")
	case file == fileLog:
	case file != fileUnion:
		return refuse(apdu.SWFileNotFound, "a file that the purse has in UPDATE CAPP DATA CACHE")
	default:
		if r := u.record(k.P1); r == nil || len(k.Data) != recordLen || !bytes.Equal((*r)[:3], k.Data[:3]) {
			return refuse(apdu.SWWrongData, "a record of the same identifier and length in UPDATE CAPP DATA CACHE")
		}
	}
	u.waiting = append(u.waiting, purseUpdate{file, k.P1, bytes.Clone(k.Data)})
	u.open = true
	return good9000(nil)
}

// debitPurse is DEBIT FOR CAPP PURCHASE: balance, counter, records and proof change together.
func (c *Card) debitPurse(x *exchange, open bool) []byte {
	u, k := c.union, x.cmd
	refuse := func(sw apdu.SW, wrong string) []byte {
		x.wrong = wrong
		return status(sw)
	}
	switch {
	case !open || len(u.waiting) == 0:
		return refuse(apdu.SWConditions, "DEBIT behind INITIALIZE FOR CAPP PURCHASE and an UPDATE CAPP DATA CACHE")
	case k.P1 != 1 || k.P2 != 0:
		return refuse(apdu.SWWrongP1P2, "P1 01 and P2 00 of DEBIT")
	case len(k.Data) != 15:
		return refuse(apdu.SWWrongLength, "the terminal's counter, date, time and code, 15 bytes, in DEBIT")
	}
	u.what.TerminalSeq, u.what.Stamp = binary.BigEndian.Uint32(k.Data), epurse.Stamp(k.Data[4:])
	session := epurse.PurchaseSession(epurse.TDES, u.purchase, u.random, u.seq, u.what.TerminalSeq)
	if !epurse.Equal(epurse.PurchaseMAC1(session, &u.what), k.Data[11:]) {
		return refuse(apdu.SWPurseMAC, "a right MAC1 in DEBIT, over this amount, terminal, date and time")
	}
	u.balance -= money.Fen(u.what.Amount)
	u.seq++
	for _, w := range u.waiting {
		if w.file == fileLog {
			u.trips = append([][]byte{w.data}, u.trips...)
			continue
		}
		*u.record(w.id) = w.data
	}
	mac2 := epurse.PurchaseMAC2(session, u.what.Amount)
	tac := epurse.PurchaseTAC(epurse.TACSession(epurse.TDES, u.tac), &u.what)
	u.proof, u.proofSeq, u.proven = [8]byte(append(mac2[:], tac[:]...)), u.seq, true
	u.payments = append(u.payments, money.Fen(u.what.Amount))
	c.paid++
	u.waiting = nil
	return good9000(append(tac[:], mac2[:]...))
}

// prove is GET TRANSACTION PROVE: the codes of the last purchase if its number, as it
// stands in the log, is that.
func (u *unionPurse) prove(k apdu.Command) []byte {
	switch {
	case k.P1 != 0 || k.P2 != byte(epurse.Compound):
		return status(apdu.SWProofNotAvailable)
	case len(k.Data) != 2:
		return status(apdu.SWWrongLength)
	case !u.proven || binary.BigEndian.Uint16(k.Data) != u.proofSeq:
		return status(apdu.SWProofNotAvailable)
	}
	return good9000(u.proof[:])
}

// purseHoldings are what a purse has.
type purseHoldings struct {
	balance    money.Fen
	seq        uint16
	metro, bus []byte
	trips      [][]byte
	payments   []money.Fen
}

func (u *unionPurse) holdings() purseHoldings {
	if u == nil {
		return purseHoldings{}
	}
	return purseHoldings{balance: u.balance, seq: u.seq, metro: slices.Clone(u.metro), bus: slices.Clone(u.bus),
		trips: slices.Clone(u.trips), payments: slices.Clone(u.payments)}
}

// bought wants one purchase of the purse in this tap.
func (v *verdict) bought() money.Fen {
	got := v.after.purse.payments[len(v.before.purse.payments):]
	if !v.must(len(got) == 1, "expected the purse to pay once, it paid %s", timesOver(len(got))) {
		return 0
	}
	return got[0]
}

// stamped wants the day of the run in DEBIT.
func (v *verdict) stamped() {
	if x := v.first(insDebit); len(x.cmd.Data) == 15 {
		v.must(x.cmd.Data[4] == 0x20 && v.near(x.cmd.Data[5:8]), "expected the day of the run in DEBIT, got %X", x.cmd.Data[4:8])
	}
}
