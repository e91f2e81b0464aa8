package emv

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// maxRecords is the number of records that the machine is ready to read.
const maxRecords = 64

// recordRef is one record of the file locator.
type recordRef struct {
	sfi, number byte
	signed      bool // part of the static data to be authenticated
}

// reading is the reading of the records.
type reading struct {
	list  [maxRecords]recordRef
	n, at int
	cdol1 tlv.DOL
	cdol2 tlv.DOL
	tdol  tlv.DOL // only if a CDOL asks for tag 98
}

// parse spreads the file locator (tag 94; EMV Book 3, 10.2): groups of SFI in the
// high five bits, first and last record, number of signed records.
func (r *reading) parse(afl []byte) kernel.Fault {
	bad := fault(kernel.BadValue, tlv.TagAFL)
	if len(afl) == 0 || len(afl)%4 != 0 {
		return bad
	}
	for ; len(afl) > 0; afl = afl[4:] {
		sfi, first, last, signed := afl[0]>>3, afl[1], afl[2], afl[3]
		if afl[0]&7 != 0 || sfi == 0 || sfi == 31 || first == 0 || last < first || int(signed) > int(last-first)+1 {
			return bad
		}
		if r.n+int(last-first)+1 > maxRecords {
			return fault(kernel.TooMuchData, tlv.TagAFL)
		}
		for n := int(first); n <= int(last); n++ {
			r.list[r.n] = recordRef{sfi, byte(n), n-int(first) < int(signed)}
			r.n++
		}
	}
	return kernel.Fault{}
}

func (m *Machine) readNext() Ready {
	if m.rec.at == m.rec.n {
		return m.recordsRead()
	}
	r := m.rec.list[m.rec.at]
	return m.send(stRecord, apdu.Command{INS: 0xB2, P1: r.number, P2: r.sfi<<3 | 4, Le: apdu.MaxShortLe})
}

// record reads the answer to READ RECORD; any status word but 9000 ends the
// transaction (EMV Book 3, 10.2).
func (m *Machine) record(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.unusable(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagRecordTemplate})
	}
	ref := m.rec.list[m.rec.at]
	if f := m.takeRecord(data, ref); f.Code != kernel.NoFault {
		return m.unusable(f)
	}
	m.rec.at++
	return m.readNext()
}

// takeRecord stores the objects of a record and collects the static data: for SFI 1
// to 10 the content of template 70, above that the whole record. Files above SFI 10
// belong to the issuer: a record there that is not a template 70 is no fault, but if
// it is signed, authentication has failed (EMV Book 3, 10.2 and 10.3).
func (m *Machine) takeRecord(data []byte, ref recordRef) kernel.Fault {
	d := &m.data
	it := tlv.Iterate(data)
	template := it.Next() && it.Tag == tlv.TagRecordTemplate
	if !template && ref.sfi <= 10 {
		return fault(kernel.BadTLV, tlv.TagRecordTemplate)
	}
	if !template {
		d.staticBad = d.staticBad || ref.signed
		return kernel.Fault{}
	}
	body := it.Value
	if f := d.putAll(it.Enter(), tlv.TagRecordTemplate); f.Code != kernel.NoFault {
		return f
	}
	if it.Next() || it.Err() != nil {
		return fault(kernel.BadTLV, tlv.TagRecordTemplate)
	}
	switch {
	case ref.signed && ref.sfi <= 10:
		d.static = append(d.static, body...)
	case ref.signed:
		d.static = append(d.static, data...)
	}
	return kernel.Fault{}
}

// recordsRead looks for what every card must have (EMV Book 3, 7.2): account number,
// expiry date and both lists for GENERATE AC.
func (m *Machine) recordsRead() Ready {
	d := &m.data
	for _, tag := range [...]tlv.Tag{tlv.TagExpirationDate, tlv.TagPAN, tlv.TagCDOL1, tlv.TagCDOL2} {
		if d.Get(tag) == nil {
			return m.unusable(fault(kernel.Missing, tag))
		}
	}
	if f := m.identify(); f.Code != kernel.NoFault {
		return m.unusable(f)
	}
	if list := d.Get(tlv.TagCVMList); list != nil {
		if _, err := ParseCVMList(list); err != nil {
			return m.unusable(fault(kernel.BadValue, tlv.TagCVMList))
		}
	}
	if f := m.parseLists(); f.Code != kernel.NoFault {
		return m.unusable(f)
	}
	d.Cash = m.offersCash() && m.sel.pdol.Has(tlv.TagECTerminalIndicator) && d.Get(tlv.TagECAuthorisationCode) != nil
	if d.Cash {
		m.note(ReadData, NoteCash, tlv.TagECAuthorisationCode, nil)
	}
	return m.askCounters()
}

// parseLists reads the lists of GENERATE AC, so that nothing can be wrong with them
// once a cryptogram was asked for.
func (m *Machine) parseLists() kernel.Fault {
	r := &m.rec
	var f kernel.Fault
	if r.cdol1, f = parseList(tlv.TagCDOL1, m.data.Get(tlv.TagCDOL1)); f.Code != kernel.NoFault {
		return f
	}
	if r.cdol2, f = parseList(tlv.TagCDOL2, m.data.Get(tlv.TagCDOL2)); f.Code != kernel.NoFault {
		return f
	}
	if !r.cdol1.Has(tlv.TagTCHash) && !r.cdol2.Has(tlv.TagTCHash) {
		return f
	}
	list := m.data.Get(tlv.TagTDOL)
	if list == nil {
		list = m.app.TDOL
	}
	r.tdol, f = parseList(tlv.TagTDOL, list)
	return f
}

func parseList(tag tlv.Tag, raw []byte) (tlv.DOL, kernel.Fault) {
	list, err := tlv.ParseDOL(raw)
	switch {
	case err != nil:
		return nil, fault(kernel.BadTLV, tag)
	case list.Len() > tlv.MaxDOLData:
		return nil, fault(kernel.TooMuchData, tag)
	}
	return list, kernel.Fault{}
}

// identify turns account number, sequence number and expiry date into typed fields.
func (m *Machine) identify() kernel.Fault {
	d := &m.data
	pan, err := txn.PANFromBCD(d.Get(tlv.TagPAN))
	if err != nil {
		return fault(kernel.BadValue, tlv.TagPAN)
	}
	expiry := d.Get(tlv.TagExpirationDate)
	if _, ok := kernel.DateKey(expiry); !ok {
		return fault(kernel.BadValue, tlv.TagExpirationDate)
	}
	d.Card.PAN, d.Expiry = pan, [2]byte(expiry)
	if psn := d.Get(tlv.TagPANSequence); psn != nil {
		d.Card.PSN = psn[0]
	}
	if track := d.Track2(m.track[:0]); len(track) > 0 {
		digits := pan.Digits()
		if len(track) <= len(digits) || string(track[:len(digits)]) != digits || track[len(digits)] != 'D' {
			return fault(kernel.Mismatch, tlv.TagTrack2Equivalent)
		}
	}
	m.out.Identified = true
	return kernel.Fault{}
}
