package kernel

import (
	"encoding/binary"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Probe is what a card tells without a transaction: enough to see whether it is the
// one whose last answer was lost.
type Probe struct {
	OK       bool // counter and balance were read; of Recognise: it is the same card
	Left     bool // the card left before all was read
	Selected bool // it has the application of the torn transaction
	Repeated bool // it gave the last record again (9000); the machine keeps that answer
	ATC      uint16
	Balance  money.Fen // 9F79
	// Proof is the answer to GET TRANS PROVE for the torn transaction that the Probe, or
	// ProveOn, was called for; see ProofOf.
	Proof Proof

	asked asked
	prove prove
	again bool  // ProveOn: nothing but the proof is asked
	ready ready // what the FCI said, for TradeOn
	proof bool  // the repeated record has 9F69 or 9F4B: a signature decides, not counter and balance
	fault Fault // why something was not read
}

// asked is what a Probe selects and reads: the same for all torn transactions of one
// kind of card.
type asked struct {
	aid                 [16]byte
	aidLen, sfi, number byte
}

func (d *Data) asks() asked {
	if d.last.sfi == 0 {
		panic("kernel: recovery of a transaction that never asked for its last record")
	}
	a := asked{aidLen: byte(len(d.aid)), sfi: d.last.sfi, number: d.last.number}
	copy(a.aid[:], d.aid)
	return a
}

// SameProbe says that one Probe serves d and other: both transactions were torn at the
// same record of the same application.
func (d *Data) SameProbe(other *Data) bool { return d.asks() == other.asks() }

// Verdict is what a Probe says of a torn transaction. Numbers are for ever.
type Verdict uint8

// The verdicts. Only Finishable leads to proof, by Resume. The others rest on the
// card's counter and balance, which are under no signature and no MAC: good for what
// is shown to people, never for money.
const (
	VerdictUnknown Verdict = 0 // not all was read, or what was read contradicts itself
	Finishable     Verdict = 1 // the last record is here again: Resume checks the signature
	LooksUnpaid    Verdict = 2 // at the torn counter, with the balance of before
	LooksPaid      Verdict = 3 // at the torn counter, with the balance of after, but it does not repeat its record
	OtherCard      Verdict = 4 // another counter, or no such application (6A82): another card, or this one used since
)

var verdictNames = [...]string{"unknown", "last record repeated", "looks unpaid", "looks paid", "another card or counter"}

// String is the verdict in words.
func (v Verdict) String() string {
	if int(v) >= len(verdictNames) {
		return "invalid"
	}
	return verdictNames[v]
}

// Verdict compares a card with a torn transaction. torn must be of this Probe
// (SameProbe); of another one nothing is known.
func (p Probe) Verdict(torn *Data) Verdict {
	before, known := torn.BalanceBefore()
	proof := p.ProofOf(torn)
	switch {
	case p.asked != torn.asks():
		return VerdictUnknown
	case p.fault.SW == apdu.SWFileNotFound && !p.Selected:
		return OtherCard
	case p.Repeated && !p.OK:
		return Finishable
	case !p.OK:
		return VerdictUnknown
	case proof == ProofCommitted && torn.AC != [8]byte{} && !p.Repeated:
		return LooksPaid // though the counter may have gone on since
	case p.ATC != torn.ATC, proof == ProofOther:
		return OtherCard
	case p.Repeated && (p.proof || p.matches(torn)):
		return Finishable // a card need not state its balance, nor pay from 9F79
	case proof == ProofCommitted:
		return LooksPaid
	case proof == ProofNotCommitted:
		return LooksUnpaid
	case known && p.Balance == before:
		return LooksUnpaid
	case p.matches(torn):
		return LooksPaid
	}
	return VerdictUnknown
}

// matches says that the card is at the counter of the torn transaction with the
// balance that it has if it paid.
func (p Probe) matches(torn *Data) bool {
	after, ok := torn.BalanceAfter()
	return p.OK && ok && p.ATC == torn.ATC && p.Balance == after
}

// Probe begins the recovery of a torn transaction, of which torn is a Clone of the
// Data: it selects the application directly, reads the last record, for a payment of
// the low-value extension (Data.DF60) asks GET TRANS PROVE, and then reads 9F36 and
// 9F79. Real cards repeat the record of a payment only as long as no other command
// came, so this is the first thing that they are asked; nothing of this changes
// anything on the card. The first Ready has the command; at the end Ready.Probe is
// set, and the host goes on with Resume for each torn transaction that is Finishable,
// or with Reset for a new one.
//
// Every Probe begins anew: it may be for another card than the one before.
func (m *Machine) Probe(torn *Data) Ready {
	m.clear()
	m.probe.asked, m.probe.prove = torn.asks(), torn.toProve()
	return m.selectAsked()
}

// ProbeOn is Probe for the card that Recognise has just asked and that has not left the
// field since. If that was the same record, it is not asked for again.
func (m *Machine) ProbeOn(torn *Data) Ready {
	p := m.probe
	if m.state != stProbed || !m.seen.Known() || p.asked != torn.asks() || !p.Selected || p.Left {
		return m.Probe(torn)
	}
	m.seen, m.probe.OK, m.probe.prove = Seen{}, false, torn.toProve()
	return m.sendProve()
}

func (m *Machine) selectAsked() Ready {
	a := &m.probe.asked
	return m.send(stProbeSelect, apdu.Command{INS: 0xA4, P1: 0x04, Data: a.aid[:a.aidLen], Le: apdu.MaxShortLe})
}

func (m *Machine) probed(data []byte, sw apdu.SW) Ready {
	p := &m.probe
	switch m.state {
	case stProbeSelect:
		if sw != apdu.SWOK && sw != apdu.SWInvalidated {
			return m.probeEnd(Fault{Code: BadStatus, SW: sw, Tag: tlv.TagADFName})
		}
		p.Selected = true // one that was blocked since (6283) may have paid before
		m.foundAgain(data, sw)
		return m.sendReadRecord(stProbeRecord, recordRef{sfi: p.asked.sfi, number: p.asked.number})
	case stProbeRecord:
		return m.repeatedRecord(data, sw)
	case stProbeProve:
		return m.proved(data, sw)
	case stProbeATC:
		v, f := dataObject(data, sw, tlv.TagATC, 2)
		if f.Code != NoFault {
			return m.probeEnd(f)
		}
		p.ATC = binary.BigEndian.Uint16(v)
		return m.sendGetData(stProbeBalance, tlv.TagECBalance)
	}
	v, f := dataObject(data, sw, tlv.TagECBalance, 6)
	if f.Code != NoFault {
		return m.probeEnd(f)
	}
	var err error
	if p.Balance, err = money.FromN12(v); err != nil {
		return m.probeEnd(Fault{Code: BadValue, Tag: tlv.TagECBalance})
	}
	p.OK = true
	return m.probeEnd(p.fault)
}

// repeatedRecord keeps the answer to READ RECORD. A card that does not repeat it is
// asked for counter and balance all the same.
func (m *Machine) repeatedRecord(data []byte, sw apdu.SW) Ready {
	p := &m.probe
	if sw == apdu.SWOK {
		m.repeated = append(m.repeated[:0], data...)
		_, cad := tlv.Find(data, tlv.TagRecordTemplate, tlv.TagCardAuthenticationData)
		_, sdad := tlv.Find(data, tlv.TagRecordTemplate, tlv.TagSDAD)
		p.proof = cad || sdad
		p.Repeated = true
	} else {
		p.fault = Fault{Code: BadStatus, SW: sw, Tag: tlv.TagRecordTemplate}
	}
	if m.seen.Known() {
		p.OK = m.recognised(data, sw)
		return m.probeEnd(p.fault)
	}
	return m.sendProve()
}

// dataObject reads the answer to GET DATA.
func dataObject(data []byte, sw apdu.SW, tag tlv.Tag, length int) ([]byte, Fault) {
	if sw != apdu.SWOK {
		return nil, Fault{Code: BadStatus, SW: sw, Tag: tag}
	}
	v, ok := tlv.Find(data, tag)
	switch {
	case !ok:
		return nil, Fault{Code: Missing, Tag: tag}
	case len(v) != length:
		return nil, Fault{Code: BadValue, Tag: tag}
	}
	return v, Fault{}
}

func (m *Machine) sendGetData(next state, tag tlv.Tag) Ready {
	return m.send(next, apdu.Command{CLA: 0x80, INS: 0xCA, P1: byte(tag >> 8), P2: byte(tag), Le: apdu.MaxShortLe})
}

func (m *Machine) probeEnd(f Fault) Ready {
	m.probe.fault, m.state = f, stProbed
	return Ready{Probe: &m.probe}
}

// Resume ends a torn transaction with the record that the card has just repeated
// (Probe), which needs no command: with 9F69, or the signature itself, from that record
// the signature of the old transaction can be checked. torn is a Clone of the Data of
// its Outcome; it is not changed. The Ready has an Outcome always: Approved if the
// signature proves that this card has paid, or if it is one of fDDA version 00, which
// covers nothing of the record, and counter and balance agree. Then CADChecked is
// false, and it is for the host to say whether that will do. Every other Result leaves
// open whether the old transaction was paid; Resume may be called for another one then,
// with the same Probe.
//
// It panics if the Probe was of another record or application (SameProbe).
func (m *Machine) Resume(torn *Data) Ready {
	p := m.probe
	if p.asked != torn.asks() {
		panic("kernel: resume of a transaction that was not probed")
	}
	m.clear()
	m.probe = p
	m.data, m.in = *torn, Input{Amount: torn.Amount, UN: torn.Sent.UN, Time: torn.time, Type: torn.Sent.Type}
	m.out.Identified, m.out.CVM = true, m.verification()
	if !p.Repeated {
		return m.end(Failed, CommitUnknown, txn.LastAnswerLost, p.fault)
	}
	m.static = append(m.static[:0], torn.static...)
	m.records[0], m.recordN, m.resumed = torn.last, 1, true
	m.lastSent, m.signedLast = true, torn.objects[objSDAD] == nil
	if f := m.takeRecord(m.repeated, torn.last, true); f.Code != NoFault {
		m.out.Fault = f
	}
	return m.finish()
}
