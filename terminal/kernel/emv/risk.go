package emv

import (
	"encoding/binary"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// aip1Risk asks for terminal risk management: AIP (82) byte 1 b4.
const aip1Risk byte = 0x08

// assess is terminal risk management (EMV Book 3, 10.6). atc and lastOnline are 9F36
// and 9F13 from GET DATA; known says that the card gave both. They are looked at only
// if the card has the limits 9F14 and 9F23.
//
// The exception file and the merchant's wish count whatever the card says. The rest
// is for cards whose AIP asks for it, and not for electronic cash: there the card's
// own limits and balance decide (JR/T 0025.13).
func (m *Machine) assess(atc, lastOnline uint16, known bool) {
	if m.cfg.Exception != nil && m.cfg.Exception(m.data.Card) {
		m.raise(RiskManagement, NoteExceptionFile, 0, nil)
	}
	if m.in.ForceOnline {
		m.raise(RiskManagement, NoteMerchantOnline, 0, nil)
	}
	if m.data.AIP[0]&aip1Risk == 0 {
		return
	}
	if !m.data.Cash {
		m.checkAmount()
		m.checkVelocity(atc, lastOnline, known)
	}
	m.perform(RiskManagement, NoteRiskPerformed)
}

// checkAmount is floor limit and random selection (EMV Book 3, 10.6.1 and 10.6.2).
func (m *Machine) checkAmount() {
	amount := m.in.Amount
	if m.cfg.Logged != nil {
		amount += m.cfg.Logged(m.data.Card)
	}
	if amount >= m.app.FloorLimit {
		var limit [4]byte
		binary.BigEndian.PutUint32(limit[:], uint32(min(m.app.FloorLimit, 1<<32-1)))
		m.raise(RiskManagement, NoteFloorLimit, tlv.TagFloorLimit, limit[:])
	}
	if m.in.Amount >= m.app.FloorLimit || !m.onlineCapable() {
		return
	}
	target := m.app.Random.target(m.in.Amount, m.app.FloorLimit)
	drawn := []byte{m.in.Percent, target}
	if m.in.Percent < target {
		m.raise(RiskManagement, NoteRandomlySelected, 0, drawn)
	} else if target > 0 {
		m.note(RiskManagement, NoteNotSelected, 0, drawn)
	}
}

// target is the chance, in per cent, that an amount below the floor limit is sent
// online: Target below the threshold, and from there to the floor limit a straight
// line from Target up to Max, rounded down (EMV Book 3, 10.6.2).
func (r RandomSelection) target(amount, floor money.Fen) byte {
	if amount < r.Threshold || floor <= r.Threshold {
		return r.Target
	}
	rise := money.Fen(r.Max) - money.Fen(r.Target)
	return byte(money.Fen(r.Target) + rise*(amount-r.Threshold)/(floor-r.Threshold))
}

// checkVelocity compares the offline transactions since the last online one with the
// card's limits (EMV Book 3, 10.6.3).
func (m *Machine) checkVelocity(atc, lastOnline uint16, known bool) {
	lower, upper := m.data.Get(tlv.TagLowerOfflineLimitEMV), m.data.Get(tlv.TagUpperOfflineLimitEMV)
	if len(lower) != 1 || len(upper) != 1 {
		return
	}
	if !known {
		if !m.data.atcKnown {
			m.raise(RiskManagement, NoteDataMissing, tlv.TagATC, nil)
		}
		if !m.counters.lastKnown {
			m.raise(RiskManagement, NoteDataMissing, tlv.TagLastOnlineATC, nil)
		}
		m.raise(RiskManagement, NoteLowerLimit, tlv.TagLowerOfflineLimitEMV, lower)
		m.raise(RiskManagement, NoteUpperLimit, tlv.TagUpperOfflineLimitEMV, upper)
		if c := &m.counters; c.lastKnown && c.lastOnline == 0 {
			m.raise(RiskManagement, NoteNewCard, tlv.TagLastOnlineATC, []byte{0, 0})
		}
		return
	}
	// A counter that is not above the last online one is nonsense, and counts as both.
	senseless := atc <= lastOnline
	if senseless || atc-lastOnline > uint16(lower[0]) {
		m.raise(RiskManagement, NoteLowerLimit, tlv.TagLowerOfflineLimitEMV, lower)
	}
	if senseless || atc-lastOnline > uint16(upper[0]) {
		m.raise(RiskManagement, NoteUpperLimit, tlv.TagUpperOfflineLimitEMV, upper)
	}
	if lastOnline == 0 {
		m.raise(RiskManagement, NoteNewCard, tlv.TagLastOnlineATC, []byte{0, 0})
	}
}
