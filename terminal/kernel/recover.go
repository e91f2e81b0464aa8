package kernel

import (
	"encoding/binary"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Probe is what a card tells without a transaction: enough to see whether it is
// the one whose last answer was lost.
type Probe struct {
	OK      bool      // what was asked for was read; of Recognise: it is the same card
	Left    bool      // the card left before that
	ATC     uint16    // 9F36
	Balance money.Fen // 9F79
}

// Probe begins the recovery of a torn transaction: it selects the application
// directly and reads 9F36 and 9F79 (GET DATA changes nothing on the card). The
// first Ready has the command; when the values are there, Ready.Probe is set, and
// the host goes on with Resume for the old transaction or Reset for a new one.
func (m *Machine) Probe(aid []byte) Ready {
	m.clear()
	return m.send(stProbeSelect, apdu.Command{INS: 0xA4, P1: 0x04, Data: aid, Le: apdu.MaxShortLe})
}

func (m *Machine) probed(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.probeEnd(false)
	}
	switch m.state {
	case stProbeSelect:
		return m.sendGetData(stProbeATC, tlv.TagATC)
	case stProbeATC:
		v, ok := tlv.Find(data, tlv.TagATC)
		if !ok || len(v) != 2 {
			return m.probeEnd(false)
		}
		m.probe.ATC = binary.BigEndian.Uint16(v)
		return m.sendGetData(stProbeBalance, tlv.TagECBalance)
	}
	v, ok := tlv.Find(data, tlv.TagECBalance)
	if !ok || len(v) != 6 {
		return m.probeEnd(false)
	}
	var err error
	m.probe.Balance, err = money.FromN12(v)
	return m.probeEnd(err == nil)
}

func (m *Machine) sendGetData(next state, tag tlv.Tag) Ready {
	return m.send(next, apdu.Command{CLA: 0x80, INS: 0xCA, P1: byte(tag >> 8), P2: byte(tag), Le: apdu.MaxShortLe})
}

func (m *Machine) probeEnd(ok bool) Ready {
	m.probe.OK, m.state = ok, stProbed
	return Ready{Probe: &m.probe}
}

// Matches says that the card is at the counter of the torn transaction with the
// balance that it has if it paid.
func (p Probe) Matches(torn *Data) bool {
	before, ok := torn.BalanceBefore()
	return p.OK && ok && p.ATC == torn.ATC && p.Balance == before-torn.Amount
}

// Resume goes on with a torn transaction where its last answer was lost: the card
// repeats the record that it gave when it paid, and with its 9F69 the signature of
// the old transaction can be checked. torn is a Clone of the Data of the Outcome;
// it is not changed. The card must be the one just probed.
func (m *Machine) Resume(torn *Data) Ready {
	if torn.last.sfi == 0 {
		panic("kernel: resume of a transaction that never asked for its last record")
	}
	m.clear()
	m.data, m.in = *torn, Input{Amount: torn.Amount, UN: torn.Sent.UN, Time: torn.time, Type: torn.Sent.Type}
	m.static = append(m.static[:0], torn.static...)
	m.records[0], m.recordN, m.resumed = torn.last, 1, true
	m.out.Identified, m.lastSent = true, true
	return m.sendRead(torn.last)
}

// Resumed says that the running transaction is one that Resume went on with.
func (m *Machine) Resumed() bool { return m.resumed }

// finish judges the transaction after the card has left the field.
func (m *Machine) finish() Ready {
	if f := m.out.Fault; f.Code != NoFault {
		return m.end(Failed, Committed, txn.MissingCardData, f)
	}
	for _, o := range [...]object{objPAN, objExpiry} {
		if m.data.objects[o] == nil {
			m.out.TVR[0] |= tvr1DataMissing
			return m.end(Failed, Committed, txn.MissingCardData, Fault{Code: Missing, Tag: objectTable[o].tag})
		}
	}
	if r := m.refuse(Committed); r.Outcome != nil {
		return r
	}
	return m.authenticate()
}
