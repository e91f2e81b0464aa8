package kernel

import (
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// recordRef is one record of the file locator.
type recordRef struct {
	sfi, number byte
	signed      bool // part of the static data to be authenticated
}

// parseAFL spreads the file locator (tag 94, EMV Book 3, 10.2): groups of SFI in
// the high five bits, first and last record, number of signed records.
func (m *Machine) parseAFL(afl []byte) Fault {
	bad := Fault{Code: BadValue, Tag: tlv.TagAFL}
	if len(afl)%4 != 0 {
		return bad
	}
	m.recordN = 0
	for ; len(afl) > 0; afl = afl[4:] {
		sfi, first, last, signed := afl[0]>>3, afl[1], afl[2], afl[3]
		if afl[0]&7 != 0 || sfi == 0 || sfi == 31 || first == 0 || last < first || int(signed) > int(last-first)+1 {
			return bad
		}
		if m.recordN+int(last-first)+1 > MaxRecords {
			return Fault{Code: TooMuchData, Tag: tlv.TagAFL}
		}
		for n := int(first); n <= int(last); n++ {
			m.records[m.recordN] = recordRef{sfi, byte(n), n-int(first) < int(signed)}
			m.recordN++
		}
	}
	last := m.records[m.recordN-1]
	for _, r := range m.records[:m.recordN-1] {
		if r.sfi == last.sfi && r.number == last.number {
			return bad // reading it is what pays, and nobody could say which time
		}
	}
	m.data.last = last
	return Fault{}
}

// readNext asks for the next record. Before the last one, everything is looked at
// that could refuse the card without costing its holder money.
func (m *Machine) readNext() Ready {
	if m.recordAt == m.recordN-1 {
		if r := m.refuse(NotCommitted); r.Outcome != nil {
			return r
		}
		if r := m.refuseEarly(); r.Outcome != nil {
			return r
		}
		m.lastSent = true
	}
	return m.sendReadRecord(stRecord, m.records[m.recordAt])
}

func (m *Machine) sendReadRecord(next state, r recordRef) Ready {
	return m.send(next, apdu.Command{INS: 0xB2, P1: r.number, P2: r.sfi<<3 | 4, Le: apdu.MaxShortLe})
}

// record reads the answer to READ RECORD. The answer 9000 to the last one is the
// card's word that it has paid, whatever else is in it, if it is the card that said it.
func (m *Machine) record(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.unusable(Fault{Code: BadStatus, SW: sw, Tag: tlv.TagRecordTemplate})
	}
	last := m.recordAt == m.recordN-1
	f := m.takeRecord(data, m.records[m.recordAt], last)
	switch {
	case f.Code != NoFault && !last:
		return m.unusable(f)
	case f.Code != NoFault:
		m.out.Fault = f
	case !last:
		m.recordAt++
		return m.readNext()
	}
	m.state = stRemove
	return Ready{RemoveCard: true}
}

// finish judges the transaction after the card has left the field. Until the signature
// says that the last record is the card's, somebody else may have given it, and the card
// may not have paid.
func (m *Machine) finish() Ready {
	if f := m.out.Fault; f.Code != NoFault {
		return m.end(Failed, CommitUnknown, txn.MissingCardData, f)
	}
	for _, o := range [...]object{objPAN, objExpiry} {
		if m.data.objects[o] == nil {
			m.out.TVR[0] |= tvr1DataMissing
			return m.end(Failed, CommitUnknown, txn.MissingCardData, Fault{Code: Missing, Tag: objectTable[o].tag})
		}
	}
	if r := m.refuse(CommitUnknown); r.Outcome != nil {
		return r
	}
	return m.authenticate()
}

// takeRecord stores the objects of a record and collects the static data: for
// SFI 1 to 10 the content of template 70, above that the whole record (EMV Book
// 3, 10.3).
func (m *Machine) takeRecord(data []byte, ref recordRef, last bool) Fault {
	it := tlv.Iterate(data)
	if !it.Next() || it.Tag != tlv.TagRecordTemplate {
		return Fault{Code: BadTLV, Tag: tlv.TagRecordTemplate}
	}
	body := it.Value
	put := m.data.put
	if last {
		put = func(tag tlv.Tag, value []byte) Fault { return m.data.putLast(tag, value, ref.signed) }
	}
	if f := putAll(it.Enter(), tlv.TagRecordTemplate, put); f.Code != NoFault {
		return f
	}
	if it.Next() || it.Err() != nil {
		return Fault{Code: BadTLV, Tag: tlv.TagRecordTemplate}
	}
	d := &m.data
	d.takeFields()
	if ref.signed {
		if ref.sfi > 10 {
			body = data
		}
		m.static = append(m.static, body...)
		d.static = slices.Clip(m.static)
		if v, ok := tlv.Find(data, tlv.TagRecordTemplate, tlv.TagVersionCard); ok && len(v) == 2 {
			d.version, d.versionSigned = binary.BigEndian.Uint16(v), true
		}
	}
	return Fault{}
}
