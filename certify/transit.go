package certify

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Values of DF60 (JR/T 0025.14).
const (
	tradeNone     = 0
	tradeFare     = 1
	tradeHold     = 2
	tradeComplete = 3
)

// Files of the low-value extension (JR/T 0025.14, annex A).
const (
	firstJourney = 0x15
	lastJourney  = 0x1D
	tripFile     = 0x1E
)

// knownJourneys are identifiers that records of trades are known to have.
var knownJourneys = []uint16{0x0110, 0x0210, 0x0310, 0x0710, 0x2701, 0x2702, 0x2712, 0x0570}

// addedID is the record that cases open in a file, and that stays there.
const addedID = 0x7E01

// transit is what was learned about the low-value extension.
type transit struct {
	support byte // DF61; 0: the card has no extension
	quota   bool
	records []journeyRecord
	missing byte // a file that is not there; 0 for none
}

// journeyRecord is a record that READ CAPP DATA gives.
type journeyRecord struct {
	sfi    byte
	id     uint16
	length int
}

func (j journeyRecord) String() string { return fmt.Sprintf("%04X of file %02X", j.id, j.sfi) }

// probeTransit finds out whether the card has the extension, and its records.
func probeTransit(s *session) {
	if s.air == nil {
		return
	}
	support, ok := tlv.Find(s.air.fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary, tlv.TagCAPPSupport)
	if !ok || len(support) != 1 || support[0] == 0 {
		return
	}
	s.transit.support = support[0]
	if digits := s.pan.Digits() + fmt.Sprintf("%02X", s.psn); s.panSeen && len(digits) >= 16 {
		s.mask.private = append(s.mask.private, digits[len(digits)-16:]) // factor of the records' keys
	}
	s.selectAir()
	for sfi := byte(firstJourney); sfi <= lastJourney; sfi++ {
		for _, id := range knownJourneys {
			data, sw := s.send(readJourney(sfi, id, false, nil))
			if sw == apdu.SWFileNotFound {
				s.transit.missing = sfi
				break
			}
			if sw == apdu.SWOK && len(data) > 3 && number16(data) == id && int(data[2]) == len(data)-3 {
				s.transit.records = append(s.transit.records, journeyRecord{sfi, id, len(data)})
			}
		}
	}
}

// probeQuota finds out whether the card sends a gate that knows no extension to its
// issuer, which can not be reached there.
func probeQuota(s *session) {
	if s.transit.support == 0 {
		return
	}
	s.transit.quota = s.opts.Quota
	if !s.air.pdol.Has(tlv.TagCAPPIndicator) {
		return
	}
	s.selectAir()
	data, _ := s.gpo(s.air, s.reader(readerGate, 1))
	iad, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD)
	s.transit.quota = s.transit.quota || len(iad) > 4 && iad[4]&0x30 == 0x20
}

// readJourney is READ CAPP DATA: next asks for another record of the same identifier,
// random for a code under the record's key.
func readJourney(sfi byte, id uint16, next bool, random []byte) apdu.Command {
	p2 := sfi << 3
	if next {
		p2 |= 1
	}
	return command(0x80, 0xB4, 0, p2, append([]byte{byte(id >> 8), byte(id)}, random...), 256)
}

func (j journeyRecord) read(random []byte) apdu.Command {
	return readJourney(j.sfi, j.id, false, random)
}

// prove is GET TRANS PROVE.
func prove(atc uint16) apdu.Command {
	return command(0x80, 0x5A, 0, 0, []byte{byte(atc >> 8), byte(atc)}, 8)
}

// journeyMAC is the code of the extension's commands: ISO/IEC 9797-1 algorithm 3, or
// CBC MAC with SM4, start value at the end of a block, key used as it is.
func journeyMAC(alg cryptogram.Alg, key cryptogram.Key, start [8]byte, data ...[]byte) [4]byte {
	whole := blockOf(alg, key)
	part := whole
	if alg == cryptogram.TDES {
		left := key
		copy(left[8:], key[:8])
		part = blockOf(alg, left)
	}
	size := alg.BlockSize()
	all := append(slices.Concat(data...), 0x80)
	for len(all)%size != 0 {
		all = append(all, 0)
	}
	x := make([]byte, size)
	copy(x[size-8:], start[:])
	for ; len(all) > 0; all = all[size:] {
		for i := range x {
			x[i] ^= all[i]
		}
		if len(all) == size {
			whole.Encrypt(x, x)
		} else {
			part.Encrypt(x, x)
		}
	}
	return [4]byte(x)
}

func blockOf(alg cryptogram.Alg, key cryptogram.Key) cryptogram.Block {
	b, err := cryptogram.NewBlock(alg, key)
	if err != nil {
		panic("certify: a known algorithm was refused: " + err.Error())
	}
	return b
}

// startOf is the start value of commands that change a record.
func startOf(atc uint16) [8]byte { return [8]byte{6: byte(atc >> 8), 7: byte(atc)} }

// journeyKey is a card's key of one file of the extension: use is record or opening.
func (s *session) journeyKey(use string, sfi byte) cryptogram.Key {
	alg := s.alg()
	k := s.secret(alg, fmt.Sprintf("%s-%02X", use, sfi))
	if k.Own {
		return k.Value
	}
	s.must(s.panSeen, "expected an account number in track 2 or 5A, got none")
	return cryptogram.DeriveCardKey(alg, blockOf(alg, k.Value), s.pan, s.psn)
}

// journey is the n-th record that was found, or the case is skipped.
func (s *session) journey(n int) journeyRecord {
	if n >= len(s.transit.records) {
		s.skip("the card has too few journey records of known identifiers", "卡上已知标识的行程记录不足")
	}
	return s.transit.records[n]
}

// journeyNow reads a record without a code.
func (s *session) journeyNow(j journeyRecord) []byte {
	data := s.ok(j.read(nil))
	s.must(len(data) == j.length && number16(data) == j.id && int(data[2]) == len(data)-3,
		"expected record %v of %d bytes, got %X", j, j.length, data)
	return data
}

// altered is a record with its last byte changed, which no trade gives a meaning.
func altered(record []byte) []byte {
	out := slices.Clone(record)
	out[len(out)-1]++
	return out
}

// updateJourney is UPDATE CAPP DATA CACHE.
func (s *session) updateJourney(sfi byte, atc uint16, record []byte) apdu.Command {
	return s.updateUnder(s.journeyKey("record", sfi), sfi, atc, record)
}

func (s *session) updateUnder(key cryptogram.Key, sfi byte, atc uint16, record []byte) apdu.Command {
	head := []byte{0x84, 0xDE, 0, sfi << 3, byte(len(record) + 4)}
	code := journeyMAC(s.alg(), key, startOf(atc), head, record)
	return command(head[0], head[1], head[2], head[3], append(slices.Clone(record), code[:]...), 256)
}

// tripReader is a gate that knows the extension.
func (s *session) tripReader(trade byte, amount money.Fen) *reader {
	t := s.reader(readerGate, amount)
	t.trade = trade
	return t
}

// trip is GET PROCESSING OPTIONS of a payment of the extension, which must be approved.
// A pre-authorisation has no cryptogram.
func (s *session) trip(trade byte, amount money.Fen) *processing {
	s.mayFare(amount)
	t := s.tripReader(trade, amount)
	if trade != tradeHold {
		p := s.qpbocHere(t)
		s.mustResult(p, cryptogram.TC)
		return p
	}
	data := s.okOrAway(processingOptions(s.values(s.air.pdol, t)), t)
	p := &processing{side: s.air, reader: t, raw: data}
	p.order, p.fields = s.openTemplate("the answer to GET PROCESSING OPTIONS", tlv.TagResponseFormat2, data)
	iad, err := cryptogram.ParseIAD(p.fields[tlv.TagIAD])
	s.must(err == nil, "expected 9F10 as 07 DKI CVN 03 CVR ALG [IDD], got %X", p.fields[tlv.TagIAD])
	s.must(len(p.fields[tlv.TagATC]) == 2 && len(p.fields[tlv.TagAIP]) == 2, "expected 82 and 9F36 with two bytes, got %X", data)
	p.iad, p.rawIAD, p.afl = iad, p.fields[tlv.TagIAD], p.fields[tlv.TagAFL]
	p.aip, p.atc = [2]byte(p.fields[tlv.TagAIP]), number16(p.fields[tlv.TagATC])
	s.mustResult(p, cryptogram.TC)
	return p
}

// mayFare skips the case if the fare is more than the run may spend; a case that has
// set the balance itself puts it back.
func (s *session) mayFare(amount money.Fen) {
	if amount > 0 && !s.lent {
		s.mayPay(amount)
	}
}

// last names the record at which the card pays.
func (s *session) last(p *processing) place {
	all := s.places(p.afl)
	return all[len(all)-1]
}

// pays makes a whole payment of the extension with record j, which becomes record; nil
// leaves it as it is.
func (s *session) pays(j journeyRecord, trade byte, amount money.Fen, record []byte) *processing {
	s.selectAir()
	now := s.journeyNow(j)
	if record == nil {
		record = now
	}
	p := s.trip(trade, amount)
	s.ok(s.updateJourney(j.sfi, p.atc, record))
	s.readRecords(p.afl)
	return p
}

// spends is pays for an amount that is gone.
func (s *session) spends(j journeyRecord, amount money.Fen) *processing {
	p := s.pays(j, tradeFare, amount, nil)
	s.spent += amount
	return p
}

// putBack gives a record its content again, in a fare of nothing.
func (s *session) putBack(j journeyRecord, record []byte) {
	s.aside(func(s *session) {
		s.selectAir()
		if string(s.journeyNow(j)) != string(record) {
			s.again()
			s.pays(j, tradeFare, 0, record)
		}
	})
}

// amount reads a data object that is an amount.
func (s *session) amount(tag tlv.Tag) money.Fen {
	v := s.object(tag)
	f, err := money.FromN12(v)
	s.must(err == nil, "expected %X as twelve digits, got %X", uint32(tag), v)
	return f
}

// mustOtherRecord reads all records of a payment: at the last one the card must say
// 6974, and nothing may be paid.
func (s *session) mustOtherRecord(p *processing, before money.Fen) {
	at := s.last(p)
	for _, x := range s.places(p.afl) {
		if x != at {
			s.ok(readRecord(x.sfi, x.number))
		}
	}
	s.refused(readRecord(at.sfi, at.number), apdu.SWCAPPOtherRecord)
	s.mustBalance(before)
}
