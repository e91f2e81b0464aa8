package emv

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// authenticate runs offline data authentication by the method that card and terminal
// share; CDA waits for GENERATE AC (EMV Book 3, 10.3).
func (m *Machine) authenticate() Ready {
	switch m.chooseODA() {
	case odaStatic:
		m.checkStatic()
	case odaDynamic:
		if values := m.internalAuthData(); values != nil {
			return m.send(stInternal, apdu.Command{INS: 0x88, Data: values, Le: apdu.MaxShortLe})
		}
	}
	return m.afterAuthentication()
}

// internalAnswered reads the answer to INTERNAL AUTHENTICATE, 80 L SDAD or template
// 77 with 9F4B. A status word other than 9000, and data that are not formed so, end
// the transaction (EMV Book 3, 6.5.9 and 7.5).
func (m *Machine) internalAnswered(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.unusable(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagSDAD})
	}
	it := tlv.Iterate(data)
	if !it.Next() {
		return m.unusable(fault(kernel.BadTLV, tlv.TagResponseFormat1))
	}
	tag, sdad := it.Tag, it.Value
	switch tag {
	case tlv.TagResponseFormat1:
	case tlv.TagResponseFormat2:
		var ok bool
		if sdad, ok = tlv.Find(it.Value, tlv.TagSDAD); !ok {
			return m.unusable(fault(kernel.Missing, tlv.TagSDAD))
		}
	default:
		return m.unusable(fault(kernel.BadTLV, tag))
	}
	if it.Next() || it.Err() != nil {
		return m.unusable(fault(kernel.BadTLV, tag))
	}
	m.checkDynamic(sdad)
	return m.afterAuthentication()
}

func (m *Machine) afterAuthentication() Ready {
	m.restrict()
	m.startCVM()
	return m.verifyCardholder()
}
