package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// First byte of P1 of GENERATE AC, and of 9F27 (EMV Book 3, 6.5.5).
const (
	askAAC  = 0x00
	askTC   = 0x40
	askARQC = 0x80
	askCDA  = 0x10
)

// Authorisation response codes (8A).
var (
	arcApproved = [2]byte{'0', '0'}
	arcDeclined = [2]byte{'0', '5'}
	arcUnable   = [2]byte{'Z', '3'} // unable to go online, declined by the terminal
)

// dialogue is a transaction over the contacts, or a full one over the air, up to
// the first GENERATE AC.
type dialogue struct {
	*processing
	records      *records
	cdol1, cdol2 tlv.DOL
	first        generated // the first cryptogram
}

// generated is the answer to GENERATE AC.
type generated struct {
	cid    byte
	atc    uint16
	ac     [8]byte
	rawIAD []byte
	iad    cryptogram.IAD
	sdad   []byte
	raw    []byte
}

// debit begins a debit/credit transaction over the contacts and reads its records.
func (s *session) debit(amount money.Fen) *dialogue {
	return s.begin(s.reader(readerContact, amount))
}

// cash is debit at a terminal that supports electronic cash.
func (s *session) cash(amount money.Fen) *dialogue {
	t := s.reader(readerContact, amount)
	t.cash = 1
	return s.begin(t)
}

func (s *session) begin(t *reader) *dialogue {
	s.selectContact()
	p := s.contactGPO(t)
	return s.readDialogue(p)
}

func (s *session) readDialogue(p *processing) *dialogue {
	d := &dialogue{processing: p, records: s.readRecords(p.afl)}
	s.wants("the records", d.records.values, tlv.TagCDOL1, tlv.TagCDOL2)
	var err error
	d.cdol1, err = tlv.ParseDOL(d.records.values[tlv.TagCDOL1])
	s.must(err == nil && len(d.cdol1) > 0, "expected a data object list in 8C, got %X", d.records.values[tlv.TagCDOL1])
	d.cdol2, err = tlv.ParseDOL(d.records.values[tlv.TagCDOL2])
	s.must(err == nil && len(d.cdol2) > 0, "expected a data object list in 8D, got %X", d.records.values[tlv.TagCDOL2])
	return d
}

func generateAC(p1 byte, data []byte) apdu.Command { return command(0x80, 0xAE, p1, 0, data, 256) }

// generate1 is the first GENERATE AC; the answer must be well formed and not better
// than what was asked for.
func (s *session) generate1(d *dialogue, p1 byte) generated {
	d.first = s.generated(s.ok(generateAC(p1, s.values(d.cdol1, d.reader))))
	s.notAbove(d.first.cid, p1)
	return d.first
}

// generate2 is the second GENERATE AC, with the issuer's response code.
func (s *session) generate2(d *dialogue, p1 byte, arc [2]byte) generated {
	d.reader.arc = arc
	g := s.generated(s.ok(generateAC(p1, s.values(d.cdol2, d.reader))))
	s.notAbove(g.cid, p1)
	return g
}

// notAbove: a card may answer less than it is asked for, never more (EMV Book 3,
// 9.3): AAC below ARQC below TC.
func (s *session) notAbove(cid, p1 byte) {
	rank := map[byte]int{askAAC: 0, askARQC: 1, askTC: 2}
	got, ok := rank[cid&0xC0]
	s.must(ok && got <= rank[p1&0xC0], "expected no more than %02X in 9F27, got %02X", p1&0xC0, cid)
}

// generated reads the answer to GENERATE AC in template 80 or 77.
func (s *session) generated(data []byte) generated {
	g := generated{raw: data}
	if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
		s.must(len(v) >= 11, "expected 9F27, 9F36, 9F26 and 9F10 in template 80, got %X", data)
		g.cid, g.atc, g.ac, g.rawIAD = v[0], number16(v[1:]), [8]byte(v[3:]), v[11:]
	} else {
		_, f := s.openTemplate("the answer to GENERATE AC", tlv.TagResponseFormat2, data)
		s.wants("the answer to GENERATE AC", f, tlv.TagCID, tlv.TagATC)
		s.must(len(f[tlv.TagCID]) == 1 && len(f[tlv.TagATC]) == 2, "expected 9F27 of one byte and 9F36 of two, got %X", data)
		g.cid, g.atc, g.rawIAD, g.sdad = f[tlv.TagCID][0], number16(f[tlv.TagATC]), f[tlv.TagIAD], f[tlv.TagSDAD]
		if ac := f[tlv.TagAC]; len(ac) == 8 {
			g.ac = [8]byte(ac)
		}
		s.must(g.sdad != nil || len(f[tlv.TagAC]) == 8, "expected 9F26 or 9F4B in template 77, got %X", data)
	}
	iad, err := cryptogram.ParseIAD(g.rawIAD)
	s.must(err == nil, "expected 9F10 as 07 DKI CVN 03 CVR ALG [IDD], got %X: %v", g.rawIAD, err)
	g.iad = iad
	return g
}

// askIssuer is a first GENERATE AC for an online request; a card that declines
// skips the case.
func (s *session) askIssuer(d *dialogue) generated {
	g := s.generate1(d, askARQC)
	if g.cid&0xC0 != askARQC {
		s.skip("the card declines debit/credit transactions", "卡片拒绝借记/贷记交易")
	}
	return g
}

func externalAuthenticate(data []byte) apdu.Command {
	return command(0x00, 0x82, 0, 0, data, apdu.NoLe)
}

// approveOnline ends an online request with the issuer's approval, so that the card
// is as after a good transaction.
func (s *session) approveOnline(d *dialogue) generated {
	s.ok(externalAuthenticate(s.arpc(d.first.iad.Alg, d.first.ac, d.first.atc, arcApproved)))
	return s.generate2(d, askTC, arcApproved)
}

// settled makes a whole online transaction that the issuer approves: what earlier
// cases left in the card's memory of its last transaction is gone after it.
func (s *session) settled() {
	d := s.debit(0)
	s.askIssuer(d)
	s.approveOnline(d)
	s.again()
}

// checkDialogueAC judges a cryptogram of GENERATE AC.
func (s *session) checkDialogueAC(d *dialogue, g *generated, dol tlv.DOL) {
	s.checkAC(g.ac, &g.iad, d.reader.input(dol), d.aip, g.atc)
}

// transactionData is what CDA hashes: PDOL and CDOL values and the answer without
// 9F4B (EMV Book 2, 6.6.1).
func (s *session) transactionData(d *dialogue, g *generated) []byte {
	out := s.values(d.side.pdol, d.reader)
	out = append(out, s.values(d.cdol1, d.reader)...)
	inner, _ := tlv.Find(g.raw, tlv.TagResponseFormat2)
	for it := tlv.Iterate(inner); it.Next(); {
		if it.Tag != tlv.TagSDAD {
			out = append(out, inner[it.Offset:it.ValueOffset()+len(it.Value)]...)
		}
	}
	return out
}

// combined verifies CDA and gives the cryptogram inside.
func (s *session) combined(d *dialogue, g *generated) [8]byte {
	key := s.cardKey(d.aip, d.records)
	in := oda.Combined{ATC: g.atc, CID: g.cid, UN: d.reader.un, Transaction: s.transactionData(d, g)}
	_, ac, reason := key.CombinedData(g.sdad, in)
	s.must(reason == oda.OK, "expected a combined signature that verifies, got: %v", reason)
	return ac
}

// isCash tells whether a transaction runs as electronic cash: its records have the
// offline authorisation code.
func (d *dialogue) isCash() bool {
	_, ok := d.records.values[tlv.TagECAuthorisationCode]
	return ok
}

// cashOrSkip is cash that must have taken the way of electronic cash.
func (s *session) cashOrSkip(amount money.Fen) *dialogue {
	s.noQuota()
	s.selectContact()
	l := s.cashLimits()
	if amount > l.balance || amount > l.single {
		s.skip("not enough electronic cash on the card", "卡内电子现金余额不足")
	}
	s.again()
	d := s.cash(amount)
	s.must(d.isCash(), "expected the records of electronic cash, with 9F74, for %d fen and 9F7A 01", amount)
	return d
}

// sameAFL tells whether two transactions name the same records.
func sameAFL(a, b *dialogue) bool { return bytes.Equal(a.afl, b.afl) && a.aip == b.aip }

// payContact pays 1 fen of electronic cash over the contacts. It gives the balance
// before.
func (s *session) payContact() (before money.Fen, d *dialogue) {
	s.selectContact()
	s.mayPay(1)
	before = s.balanceNow()
	s.again()
	d = s.cashOrSkip(1)
	s.spent++
	g := s.generate1(d, askTC)
	s.must(g.cid&0xC0 == askTC, "expected a TC in 9F27, got %02X", g.cid)
	return before, d
}
