package terminal

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Values of DF60, by which a terminal says what payment it wants (JR/T 0025.14); all
// above are none.
const (
	tradeNone     = 0
	tradeFare     = 1
	tradeHold     = 2
	tradeComplete = 3
)

// Instructions of the low-value extension (JR/T 0025.14 annex C).
const (
	insReadCAPP = 0xB4
	insUpdate   = 0xDE
	insAppend   = 0xE2
	insProve    = 0x5A
)

// Files of the extension, and the identifiers of their records (our choice of files, as
// in Setup's description).
const (
	fileMetro = 0x15
	fileBus   = 0x1A
	fileLog   = 0x1E
	idMetro   = 0x0110
	idBus     = 0x2701

	recordLen = 128
	tripLen   = 48
	logTrips  = 10
	codeLen   = 4
)

// RecordKeys are the master keys of the journey records, which a gate's security module
// holds too. A card's own key is diversified by its serial number (factor), bytes 7 to 14
// of the record: one level, as epurse.Diversify does it.
type RecordKeys struct {
	Metro, Bus, Log cryptogram.Key // files 15, 1A, 1E
}

// extension is the low-value extension of a card.
type extension struct {
	support byte // DF61
	quota   bool // the balance is a quota of the issuer's, which a shop never gets

	deposit, used money.Fen // DF62, DF63
	serial        [8]byte   // in the records
	borrowed      bool      // the records are another card's, as behind a relay
	records       []*journeyRecord
	trips         [][]byte // file 1E, the newest first
	logKey        cryptogram.Key

	held  money.Fen // amount of the pre-authorisation that is open
	holds *journeyRecord

	// Of the present transaction.
	read    *journeyRecord // that READ CAPP DATA gave last
	random  bool           // and it was asked with a random number
	bound   *journeyRecord // the one read before GET PROCESSING OPTIONS
	trade   byte
	open    bool // UPDATE CAPP DATA CACHE may come
	waiting []update
	tc      [8]byte

	proofATC uint16
	proof    [8]byte
	proven   bool
}

// journeyRecord is one record of the files 15 and 1A: identifier, length, body.
type journeyRecord struct {
	sfi  byte
	id   uint16
	key  cryptogram.Key
	data []byte
}

// update is a record that waits for the last record of the locator. to is nil for one of
// file 1E.
type update struct {
	to   *journeyRecord
	data []byte
}

// transit gives a card the low-value extension: DF61 in its FCI, and over the air a PDOL
// that asks for DF60.
func transit(support byte) func(*spec) {
	return func(s *spec) {
		s.extension = &extension{support: support}
		if s.face == Contactless {
			s.fci.set(tlv.TagPDOL, append(bytes.Clone(pdolAir), 0xDF, 0x60, 1)...)
		}
		s.discretionary(objects{{tlv.TagCAPPSupport, []byte{support}}})
	}
}

// discretionary is BF0C of the FCI.
func (s *spec) discretionary(o objects) {
	s.fci.set(tlv.TagFCIIssuerDiscretionary, o.append(nil)...)
}

// quota is a card whose balance only gates can spend, and only after READ CAPP DATA.
func quota(s *spec) {
	transit(1)(s)
	s.extension.quota = true
	s.balance = 50_00
}

// issueJourneys gives a new card the records of its files, with nothing in them but that
// they are valid, and the card's serial number.
func (s *spec) issueJourneys(k *RecordKeys) {
	x := s.extension
	x.serial = factor(s.pan, s.psn)
	if x.borrowed {
		x.serial = factor(accountNumber(lender), s.psn)
	}
	alg := epurse.TDES
	if s.sm {
		alg = epurse.SM4
	}
	for _, f := range []struct {
		sfi    byte
		id     uint16
		master cryptogram.Key
	}{{fileMetro, idMetro, k.Metro}, {fileBus, idBus, k.Bus}} {
		r := &journeyRecord{sfi: f.sfi, id: f.id, key: epurse.Diversify(alg, f.master, x.serial), data: make([]byte, recordLen)}
		binary.BigEndian.PutUint16(r.data, f.id)
		r.data[2], r.data[atValid], r.data[atMode] = recordLen-3, 1, 1
		copy(r.data[atSerial:], x.serial[:])
		x.records = append(x.records, r)
	}
	x.logKey = epurse.Diversify(alg, k.Log, x.serial)
}

// lender numbers the card of which borrowed records are; no case has it.
const lender = 9_999_999

// factorDigits are the digits of the account number in a serial number.
const factorDigits = 14

// factor is a card's serial number in its journey records: the rightmost fourteen digits
// of the account number, zeros on the left, and 5F34, as the issuer's keys are diversified
// (EMV Book 2, A1.4.1; our choice).
func factor(pan [10]byte, psn byte) (f [8]byte) {
	d := strings.Repeat("0", factorDigits) + panDigits(pan)
	copy(f[:], packed(d[len(d)-factorDigits:]))
	f[len(f)-1] = psn
	return f
}

// find gives a record; nil if there is none.
func (x *extension) find(sfi byte, id uint16) *journeyRecord {
	for _, r := range x.records {
		if r.sfi == sfi && r.id == id {
			return r
		}
	}
	return nil
}

func (x *extension) hasFile(sfi byte) bool {
	for _, r := range x.records {
		if r.sfi == sfi {
			return true
		}
	}
	return false
}

// forget is what SELECT and a reset do to the present transaction.
func (x *extension) forget() {
	if x != nil {
		x.read, x.bound, x.random, x.trade, x.open, x.waiting = nil, nil, false, tradeNone, false, nil
	}
}

// trade reads DF60.
func trade(v values) byte {
	if b := v[tlv.TagCAPPIndicator]; len(b) == 1 && b[0] <= tradeComplete {
		return b[0]
	}
	return tradeNone
}

// doExtension carries out the commands of the extension; false for all others.
func (c *Card) doExtension(e *exchange) ([]byte, bool) {
	x := c.extension
	if x == nil {
		return nil, false
	}
	open := x.open
	x.open = false
	k := e.cmd
	switch uint16(k.CLA)<<8 | uint16(k.INS) {
	case 0x8000 | insProve:
		return c.prove(k), true
	case 0x8000 | insReadCAPP:
		return c.readJourney(k), true
	case 0x8400 | insUpdate:
		x.open = open
		return c.updateJourney(e), true
	}
	return nil, false
}

// readJourney is READ CAPP DATA: the record, and for a random number a code over it.
func (c *Card) readJourney(k apdu.Command) []byte {
	x := c.extension
	switch {
	case c.stage != stSelected && c.stage != stOver:
		return status(apdu.SWConditions)
	case len(k.Data) != 2 && len(k.Data) != 10:
		return status(apdu.SWWrongLength)
	case k.P1 != 0 || k.P2&7 != 0:
		return status(apdu.SWWrongP1P2)
	case !x.hasFile(k.P2 >> 3):
		return status(apdu.SWFileNotFound)
	}
	r := x.find(k.P2>>3, binary.BigEndian.Uint16(k.Data))
	if r == nil {
		return status(apdu.SWRecordNotFound)
	}
	x.read, x.random = r, len(k.Data) == 10
	if !x.random {
		return good9000(r.data)
	}
	code := journeyCode(c.alg, r.key, [8]byte(k.Data[2:]), r.data)
	return good9000(append(bytes.Clone(r.data), code[:]...))
}

// updateJourney is UPDATE CAPP DATA CACHE: the record waits for the payment. What a right
// gate never sends is noted.
func (c *Card) updateJourney(e *exchange) []byte {
	x, k := c.extension, e.cmd
	open := x.open
	x.open = false
	sfi, n := k.P2>>3, len(k.Data)-codeLen
	refuse := func(sw apdu.SW, wrong string) []byte {
		e.wrong = wrong
		return status(sw)
	}
	switch {
	case n < 1:
		return refuse(apdu.SWWrongLength, "a record in UPDATE CAPP DATA CACHE")
	case !open:
		return refuse(apdu.SWConditions, "UPDATE CAPP DATA CACHE right behind processing options of the extension that gave a TC, or behind another")
	case k.P1 != 0 || k.P2&7 != 0:
		return refuse(apdu.SWWrongP1P2, "P1 00 and a file in P2 of UPDATE CAPP DATA CACHE")
	}
	data := k.Data[:n]
	to, key := (*journeyRecord)(nil), x.logKey
	switch {
	case sfi == fileLog && n > tripLen:
		return refuse(apdu.SWNoSpace, "at most 48 bytes for file 1E")
	case sfi == fileLog:
	case n < 3:
		return refuse(apdu.SWWrongData, "a whole record in UPDATE CAPP DATA CACHE")
	default:
		if to = x.find(sfi, binary.BigEndian.Uint16(data)); to == nil {
			return refuse(apdu.SWRecordNotFound, "a record that the card has in UPDATE CAPP DATA CACHE")
		}
		if len(to.data) != n || data[2] != to.data[2] {
			return refuse(apdu.SWWrongData, "a record of the same length in UPDATE CAPP DATA CACHE")
		}
		key = to.key
	}
	header := []byte{k.CLA, k.INS, k.P1, k.P2, byte(len(k.Data))}
	want := journeyCode(c.alg, key, [8]byte{6: byte(c.atc >> 8), 7: byte(c.atc)}, append(header, data...))
	if [codeLen]byte(k.Data[n:]) != want {
		return refuse(apdu.SWMACWrong, "a right code in UPDATE CAPP DATA CACHE, over this header, record and counter")
	}
	x.waiting = append(x.waiting, update{to, bytes.Clone(data)})
	x.open = true
	if !x.random {
		return good9000(nil)
	}
	start := [8]byte{4: want[0], 5: want[1], 6: want[2], 7: want[3]}
	code := journeyCode(c.alg, key, start, []byte{0x90, 0x00})
	return good9000(code[:])
}

// prove is GET TRANS PROVE: the TC of the last payment of the extension if its counter is
// that, zeros for a pre-authorisation.
func (c *Card) prove(k apdu.Command) []byte {
	x := c.extension
	switch {
	case k.P1 != 0 || k.P2 != 0:
		return status(apdu.SWWrongP1P2)
	case len(k.Data) != 2:
		return status(apdu.SWWrongLength)
	case !x.proven || x.proofATC != binary.BigEndian.Uint16(k.Data):
		return status(apdu.SWProofNotAvailable)
	}
	return good9000(x.proof[:])
}
