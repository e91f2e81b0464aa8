package emv

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// maxPDOLData is what fits a short command beside the header 83 81 xx.
const maxPDOLData = apdu.MaxShortData - 3

// offersCash says that the terminal offers electronic cash over the contacts: for a
// purchase below the terminal's limit (9F7B).
func (m *Machine) offersCash() bool {
	return m.cfg.ElectronicCash && !m.in.Contactless && m.in.Type == TypePurchase && m.app != nil && m.in.Amount < m.app.CashLimit && !m.in.ForceOnline
}

// initiate sends GET PROCESSING OPTIONS with the data that the PDOL asks for, or
// 8300 without one (EMV Book 3, 10.1).
func (m *Machine) initiate() Ready {
	m.sel.pdol = nil
	if list := m.fciObject(tlv.TagPDOL); list != nil {
		dol, err := tlv.ParseDOL(list)
		if err != nil {
			return m.drop(fault(kernel.BadTLV, tlv.TagPDOL))
		}
		if dol.Len() > maxPDOLData {
			return m.drop(fault(kernel.TooMuchData, tlv.TagPDOL))
		}
		m.sel.pdol = dol
	}
	values, err := m.sel.pdol.Append(m.dolData[:0], m.value)
	if err != nil {
		return m.drop(fault(kernel.TooMuchData, tlv.TagPDOL))
	}
	m.found.sent = append(m.found.sent[:0], values...)
	n := len(values)
	m.dolData = tlv.Append(values, tlv.TagCommandTemplate, values)
	return m.send(stOptions, apdu.Command{CLA: 0x80, INS: 0xA8, Data: m.dolData[n:], Le: apdu.MaxShortLe})
}

func (m *Machine) fciObject(tag tlv.Tag) []byte {
	for i := range m.sel.fci {
		if m.sel.fci[i].tag == tag {
			return m.sel.fci[i].value
		}
	}
	return nil
}

// options reads the answer to GET PROCESSING OPTIONS, 80 L AIP AFL or template 77
// with 82 and 94 (EMV Book 3, 6.5.8.4). 6985 says that the application's conditions
// are not met, and gives way to the next one.
func (m *Machine) options(data []byte, sw apdu.SW) Ready {
	switch sw {
	case apdu.SWOK:
	case apdu.SWConditions:
		return m.drop(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagAIP})
	default:
		return m.unusable(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagAIP})
	}
	d := &m.data
	it := tlv.Iterate(data)
	if !it.Next() {
		return m.unusable(fault(kernel.BadTLV, tlv.TagResponseFormat1))
	}
	switch it.Tag {
	case tlv.TagResponseFormat1:
		v := it.Value
		if len(v) < 6 || len(v)%4 != 2 {
			return m.unusable(fault(kernel.BadValue, tlv.TagResponseFormat1))
		}
		d.replace(tlv.TagAIP, v[:2:2])
		d.replace(tlv.TagAFL, v[2:])
	case tlv.TagResponseFormat2:
		if f := d.putAll(it.Enter(), tlv.TagResponseFormat2); f.Code != kernel.NoFault {
			return m.unusable(f)
		}
	default:
		return m.unusable(fault(kernel.BadTLV, it.Tag))
	}
	template := it.Tag
	if it.Next() || it.Err() != nil {
		return m.unusable(fault(kernel.BadTLV, template))
	}
	for _, tag := range [...]tlv.Tag{tlv.TagAIP, tlv.TagAFL} {
		if d.Get(tag) == nil {
			return m.unusable(fault(kernel.Missing, tag))
		}
	}
	copy(d.AIP[:], d.Get(tlv.TagAIP))
	m.note(Initiation, NoteProfile, tlv.TagAIP, d.AIP[:])
	if f := m.rec.parse(d.Get(tlv.TagAFL)); f.Code != kernel.NoFault {
		return m.unusable(f)
	}
	return m.readNext()
}
