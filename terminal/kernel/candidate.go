package kernel

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// selected reads the answer to SELECT of an application. One that is blocked
// (6283), missing or no qPBOC application gives way to the next candidate (EMV
// Book 1, 12.4).
func (m *Machine) selected(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.selectNext(Fault{Code: BadStatus, SW: sw, Tag: tlv.TagADFName})
	}
	if f := m.application(data, m.candidates[m.next-1].aid); f.Code != NoFault {
		return m.selectNext(f)
	}
	if m.data.Support != 0 {
		return m.paused(stTransit)
	}
	return m.sendGPO()
}

// application takes the FCI of an application that was selected by the name aid, or the
// first bytes of its name.
func (m *Machine) application(fci, aid []byte) Fault {
	name, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName)
	if !ok {
		return Fault{Code: Missing, Tag: tlv.TagDFName}
	}
	if len(name) > 16 || !bytes.HasPrefix(name, aid) {
		return Fault{Code: Mismatch, Tag: tlv.TagDFName}
	}
	list, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagPDOL)
	if !ok {
		return Fault{Code: Missing, Tag: tlv.TagPDOL}
	}
	if f := m.parsePDOL(list); f.Code != NoFault {
		return f
	}
	m.data.aid, m.data.Support = name, m.support(fci)
	return Fault{}
}

// parsePDOL takes the card's data object list. Cards of one profile have the same
// list, so the last one parsed is kept.
func (m *Machine) parsePDOL(list []byte) Fault {
	if m.pdol == nil || !bytes.Equal(list, m.pdolRaw) {
		m.pdol = nil
		dol, err := tlv.ParseDOL(list)
		if err != nil {
			return Fault{Code: BadTLV, Tag: tlv.TagPDOL}
		}
		if dol.Len() > maxPDOLData {
			return Fault{Code: TooMuchData, Tag: tlv.TagPDOL}
		}
		m.pdolRaw, m.pdol = append(m.pdolRaw[:0], list...), dol
	}
	for _, e := range m.pdol {
		if e.Tag == tlv.TagTTQ && e.Len == len(m.data.TTQ) {
			return Fault{}
		}
	}
	return Fault{Code: NotQPBOC, Tag: tlv.TagTTQ}
}

// maxPDOLData is what fits a short command beside the header 83 81 xx.
const maxPDOLData = apdu.MaxShortData - 3
