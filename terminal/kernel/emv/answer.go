package emv

import (
	"encoding/binary"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/tlv"
)

// takeCryptogram reads 80 L CID ATC AC [IAD] or template 77 with 9F27, 9F36, 9F26 or
// 9F4B, and 9F10. genuine is false if a combined signature was asked for and did not
// come or does not verify; an AAC is never signed (EMV Book 2, 6.6).
func (m *Machine) takeCryptogram(data []byte) (genuine bool, f kernel.Fault) {
	it := tlv.Iterate(data)
	if !it.Next() {
		return false, fault(kernel.BadTLV, tlv.TagResponseFormat1)
	}
	template, value := it.Tag, it.Value
	inside := it.Enter()
	if it.Next() || it.Err() != nil {
		return false, fault(kernel.BadTLV, template)
	}
	switch template {
	case tlv.TagResponseFormat1:
		return m.takeFormat1(value)
	case tlv.TagResponseFormat2:
		return m.takeFormat2(inside, value)
	}
	return false, fault(kernel.BadTLV, template)
}

func (m *Machine) takeFormat1(v []byte) (genuine bool, f kernel.Fault) {
	const fixed = 1 + 2 + 8
	if len(v) < fixed || len(v) > fixed+32 {
		return false, fault(kernel.BadValue, tlv.TagResponseFormat1)
	}
	var iad []byte
	if len(v) > fixed {
		iad = v[fixed:]
	}
	if f := m.takeFields(v[:1:1], v[1:3:3], iad); f.Code != kernel.NoFault {
		return false, f
	}
	copy(m.data.AC[:], v[3:fixed])
	m.data.replace(tlv.TagAC, v[3:fixed:fixed])
	if m.signs(m.data.CID) {
		m.combinedFailed()
		return false, kernel.Fault{}
	}
	return true, kernel.Fault{}
}

// signs says that an answer with this CID must bear a combined signature.
func (m *Machine) signs(cid byte) bool {
	kind := cid & cidKind
	return m.gen.combined && (kind == askTC || kind == askARQC)
}

// answerObjects are what template 77 of GENERATE AC may hold, with their lengths.
var answerObjects = [...]struct {
	tag      tlv.Tag
	min, max int
}{{tlv.TagCID, 1, 1}, {tlv.TagATC, 2, 2}, {tlv.TagAC, 8, 8}, {tlv.TagIAD, 1, 32}, {tlv.TagSDAD, 1, 252}}

func (m *Machine) takeFormat2(it tlv.Iter, content []byte) (genuine bool, f kernel.Fault) {
	var found [len(answerObjects)][]byte
	for it.Next() {
		for i, o := range answerObjects {
			if it.Tag != o.tag {
				continue
			}
			if n := len(it.Value); n < o.min || n > o.max {
				return false, fault(kernel.BadValue, o.tag)
			}
			if found[i] != nil {
				return false, fault(kernel.Repeated, o.tag)
			}
			found[i] = it.Value
		}
	}
	if it.Err() != nil {
		return false, fault(kernel.BadTLV, tlv.TagResponseFormat2)
	}
	cid, atc, ac, iad, sdad := found[0], found[1], found[2], found[3], found[4]
	for i, v := range [...][]byte{cid, atc} {
		if v == nil {
			return false, fault(kernel.Missing, answerObjects[i].tag)
		}
	}
	if f := m.takeFields(cid, atc, iad); f.Code != kernel.NoFault {
		return false, f
	}
	if m.signs(cid[0]) {
		if sdad == nil {
			m.combinedFailed()
			return false, kernel.Fault{}
		}
		m.data.replace(tlv.TagSDAD, sdad)
		if !m.checkCombined(content) {
			return false, kernel.Fault{}
		}
		m.data.replace(tlv.TagAC, m.data.AC[:])
		return true, kernel.Fault{}
	}
	if ac == nil {
		return false, fault(kernel.Missing, tlv.TagAC)
	}
	copy(m.data.AC[:], ac)
	m.data.replace(tlv.TagAC, ac)
	return true, kernel.Fault{}
}

// takeFields keeps 9F27, 9F36 and 9F10. The second answer must be of the same
// transaction as the first.
func (m *Machine) takeFields(cid, atc, iad []byte) kernel.Fault {
	d := &m.data
	counter := binary.BigEndian.Uint16(atc)
	if m.gen.second && counter != d.ATC {
		return fault(kernel.Mismatch, tlv.TagATC)
	}
	d.CID, d.ATC, d.atcKnown, d.IAD = cid[0], counter, true, iad
	d.AC = [8]byte{}
	d.replace(tlv.TagCID, cid)
	d.replace(tlv.TagATC, atc)
	d.replace(tlv.TagIAD, iad)
	d.replace(tlv.TagAC, nil)
	return kernel.Fault{}
}
