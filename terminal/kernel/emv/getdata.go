package emv

import (
	"encoding/binary"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

func (m *Machine) getData(next state, tag tlv.Tag) Ready {
	return m.send(next, apdu.Command{CLA: 0x80, INS: 0xCA, P1: byte(tag >> 8), P2: byte(tag), Le: apdu.MaxShortLe})
}

// askCounters gets the counters for velocity checking if the card has both limits
// (EMV Book 3, 10.6.3). For electronic cash, where there is no such check, 9F36 alone is
// asked for: a row of doubt must name the counter (our choice).
func (m *Machine) askCounters() Ready {
	if m.velocity() || m.data.Cash {
		return m.getData(stCounter, tlv.TagATC)
	}
	return m.authenticate()
}

func (m *Machine) velocity() bool {
	d := &m.data
	return d.Get(tlv.TagLowerOfflineLimitEMV) != nil && d.Get(tlv.TagUpperOfflineLimitEMV) != nil
}

// counters are what GET DATA told for risk management and electronic cash. What a
// record says under the same tags is not looked at: it cannot change.
type counters struct {
	lastOnline   uint16 // 9F13
	lastKnown    bool
	threshold    money.Fen // 9F6D
	thresholdSet bool
}

// told reads the answer to GET DATA: one object. A card that does not give it, or
// gives something else, has not told it; what that means is for the phase that
// wanted to know.
func (m *Machine) told(data []byte, sw apdu.SW) Ready {
	d, c := &m.data, &m.counters
	switch m.state {
	case stCounter:
		if v := single(data, sw, tlv.TagATC, 2); v != nil {
			d.ATC, d.atcKnown = binary.BigEndian.Uint16(v), true
			d.replace(tlv.TagATC, v)
		}
		if m.velocity() && !d.Cash {
			return m.getData(stLastOnline, tlv.TagLastOnlineATC)
		}
		return m.authenticate()
	case stLastOnline:
		if v := single(data, sw, tlv.TagLastOnlineATC, 2); v != nil {
			c.lastOnline, c.lastKnown = binary.BigEndian.Uint16(v), true
			d.replace(tlv.TagLastOnlineATC, v)
		}
		return m.authenticate()
	case stTries:
		if v := single(data, sw, tlv.TagPINTryCounter, 1); v != nil {
			m.pins.tries = int(v[0])
			m.note(Verification, NotePINTries, tlv.TagPINTryCounter, v)
		}
		return m.askOfflinePIN(false)
	case stBalance:
		if v := single(data, sw, tlv.TagECBalance, 6); v != nil {
			d.replace(tlv.TagECBalance, v)
			d.balance, d.balanceOK = amountOf(v)
		}
		return m.getData(stThreshold, tlv.TagECResetThreshold)
	}
	if v := single(data, sw, tlv.TagECResetThreshold, 6); v != nil {
		d.replace(tlv.TagECResetThreshold, v)
		c.threshold, c.thresholdSet = amountOf(v)
	}
	return m.actions()
}

// single is the value of the one object that an answer to GET DATA must be, nil if it
// is something else.
func single(data []byte, sw apdu.SW, tag tlv.Tag, length int) []byte {
	it := tlv.Iterate(data)
	if sw != apdu.SWOK || !it.Next() || it.Tag != tag || len(it.Value) != length {
		return nil
	}
	v := it.Value
	if it.Next() || it.Err() != nil {
		return nil
	}
	return v
}

func amountOf(n12 []byte) (money.Fen, bool) {
	amount, err := money.FromN12(n12)
	return amount, err == nil
}
