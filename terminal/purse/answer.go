package purse

import (
	"encoding/binary"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// Answer takes what the card answered to Ready.Send, status word included.
func (m *Machine) Answer(b []byte) Ready {
	data, sw, err := apdu.ParseResponse(b)
	if err != nil || len(data) > apdu.MaxShortLe {
		return m.unusable(Fault{Code: BadAnswer})
	}
	switch m.state {
	case stSelect:
		return m.selected(data, sw)
	case stInfo:
		return m.identified(data, sw)
	case stRecord:
		return m.recordRead(data, sw)
	case stAuth:
		return m.authCode(data, sw)
	case stInit:
		return m.opened(data, sw)
	case stUpdate:
		return m.updated(data, sw)
	case stDebit:
		return m.debited(data, sw)
	case stProve, stProveInit:
		return m.proved(data, sw)
	}
	m.expect() // there is no state in which a card may answer else
	return Ready{}
}

// unusable ends the purchase for an answer that cannot be worked with. After DEBIT the
// card may have paid all the same.
func (m *Machine) unusable(f Fault) Ready {
	switch m.state {
	case stDebit:
		return m.end(kernel.Failed, kernel.CommitUnknown, txn.LastAnswerLost, f)
	case stProve, stProveInit:
		return m.probed(Unclear, f)
	case stSelect, stInfo, stRecord, stAuth, stInit, stUpdate:
		return m.end(kernel.Failed, kernel.NotCommitted, txn.NoDoubt, f)
	}
	m.expect()
	return Ready{}
}

// Left says that no answer came to Ready.Send: the card is gone.
func (m *Machine) Left() Ready {
	switch m.state {
	case stDebit:
		return m.end(kernel.Torn, kernel.CommitUnknown, txn.LastAnswerLost, Fault{})
	case stProve, stProveInit:
		m.probe.Left = true
		return m.probed(Unclear, Fault{})
	case stIdle, stTAC, stCredit, stProveModule, stProveCredit, stDone:
		m.expect()
	}
	return m.end(kernel.Torn, kernel.NotCommitted, txn.NoDoubt, Fault{})
}

func (m *Machine) selected(data []byte, sw apdu.SW) Ready {
	switch sw {
	case apdu.SWOK:
	case apdu.SWNotSupported, apdu.SWInvalidated: // both are seen for a blocked application
		if m.data.Card.read(m.data.Card.Network, infoOf(data)) {
			m.out.Identified = true
			return m.end(kernel.Declined, kernel.NotCommitted, txn.CardDeclined, Fault{Code: Blocked, SW: sw})
		}
		return m.end(kernel.Declined, kernel.NotCommitted, txn.NoDoubt, Fault{Code: Blocked, SW: sw})
	default:
		return m.end(kernel.Failed, kernel.NotCommitted, txn.NoDoubt, status(sw))
	}
	if info := infoOf(data); len(info) >= InfoSize {
		return m.identified(info, apdu.SWOK)
	}
	return m.send(stInfo, apdu.Command{INS: 0xB0, P1: 0x95, Le: InfoSize})
}

func (m *Machine) identified(info []byte, sw apdu.SW) Ready {
	c := &m.data.Card
	if sw != apdu.SWOK || !c.read(c.Network, info) {
		return m.end(kernel.Failed, kernel.NotCommitted, txn.NoDoubt, Fault{Code: BadInfo, SW: sw})
	}
	m.out.Identified = true
	switch code := c.valid(m.data.Time); code {
	case NotYetValid:
		return m.end(kernel.Declined, kernel.NotCommitted, txn.NotYetValid, Fault{Code: code})
	case Expired:
		return m.end(kernel.Declined, kernel.NotCommitted, txn.Expired, Fault{Code: code})
	}
	return m.readNext()
}

// readNext reads the next journey record by its identifier, of which the low byte
// stands in the command.
func (m *Machine) readNext() Ready {
	if m.refAt == m.refN {
		m.state = stKnown
		return Ready{Known: true}
	}
	r := m.refs[m.refAt]
	return m.send(stRecord, apdu.Command{INS: 0xB2, P1: byte(r.ID), P2: r.File << 3, Le: apdu.MaxShortLe})
}

// recordRead keeps a record. One that is not there is no fault; one that begins with
// another identifier is none.
func (m *Machine) recordRead(data []byte, sw apdu.SW) Ready {
	switch sw {
	case apdu.SWOK:
		id := m.refs[m.refAt].ID
		if len(data) < 2 || id > 0xFF && binary.BigEndian.Uint16(data) != id || id <= 0xFF && data[0] != byte(id) {
			return m.end(kernel.Failed, kernel.NotCommitted, txn.MissingCardData, Fault{Code: BadAnswer})
		}
		n := copy(m.recorded[m.refAt][:], data)
		m.records[m.refAt] = m.recorded[m.refAt][:n]
	case apdu.SWFileNotFound, apdu.SWRecordNotFound:
	default:
		return m.end(kernel.Failed, kernel.NotCommitted, txn.MissingCardData, status(sw))
	}
	m.refAt++
	return m.readNext()
}

func (m *Machine) authCode(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.refused(sw)
	}
	if len(data) != len(m.code) {
		return m.unusable(Fault{Code: BadAnswer})
	}
	copy(m.code[:], data)
	return m.initialize(stInit, m.data.Type, uint32(m.data.Amount))
}

// refused ends the purchase for a status word before DEBIT.
func (m *Machine) refused(sw apdu.SW) Ready {
	return m.end(kernel.Declined, kernel.NotCommitted, txn.CardDeclined, status(sw))
}

// opening is the answer to INITIALIZE FOR PURCHASE: balance 4, offline number 2,
// overdraft limit 3, key version, algorithm, random 4.
func (d *Data) opening(b []byte) Fault {
	if len(b) != 15 {
		return Fault{Code: BadAnswer}
	}
	be := binary.BigEndian
	alg, known := epurse.AlgOf(b[10])
	switch {
	case !known:
		return Fault{Code: NoKey}
	case be.Uint16(b[4:]) == maxSequence:
		return Fault{Code: CounterSpent}
	}
	d.Balance, d.Sequence = be.Uint32(b)&maxBalance, be.Uint16(b[4:])
	d.Limit = uint32(b[6])<<16 | uint32(b[7])<<8 | uint32(b[8])
	d.Version, d.Alg, d.Random = b[9], alg, [4]byte(b[11:])
	return Fault{}
}

func (m *Machine) opened(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.refused(sw)
	}
	if f := m.data.opening(data); f.Code != NoFault {
		return m.unusable(f)
	}
	m.data.Begun, m.state = true, stOpened
	return Ready{Opened: true}
}

func (m *Machine) updated(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.refused(sw)
	}
	if len(data) != 0 {
		return m.unusable(Fault{Code: BadAnswer})
	}
	return m.next()
}

// next puts the next record into the card's cache, or sends DEBIT after the last one.
func (m *Machine) next() Ready {
	if m.writeAt < m.writeN {
		w := &m.writes[m.writeAt]
		m.writeAt++
		return m.send(stUpdate, apdu.Command{CLA: 0x80, INS: 0xDC, P1: byte(w.ID), P2: w.File << 3, Data: w.Data, Le: apdu.NoLe})
	}
	d := &m.data
	b := binary.BigEndian.AppendUint32(m.body[:0], d.Number)
	stamp := txn.StampBCD(d.Time)
	b = append(append(b, stamp[:]...), d.MAC1[:]...)
	return m.send(stDebit, apdu.Command{CLA: 0x80, INS: 0x54, P1: 1, Data: b, Le: 8})
}

func (m *Machine) debited(data []byte, sw apdu.SW) Ready {
	switch {
	case sw != apdu.SWOK:
		return m.unusable(status(sw))
	case len(data) != 8:
		return m.unusable(Fault{Code: BadAnswer})
	}
	d := &m.data
	d.Answered, d.TAC, d.MAC2 = true, epurse.MAC(data), epurse.MAC(data[4:])
	t := d.trade()
	return m.work(stTAC, m.cfg.Module.CheckTAC(d.Card.module(), d.Alg, &t, d.TAC))
}

// After is the balance that the card shows after the purchase by its own word; -1 if it
// is not certain whether it has paid, or not known.
func (o *Outcome) After() money.Fen {
	switch {
	case !o.Data.Begun || o.Commit == kernel.CommitUnknown:
		return -1
	case o.Commit == kernel.Committed:
		return o.Data.After()
	}
	return money.Fen(o.Data.Balance)
}
