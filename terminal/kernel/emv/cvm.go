package emv

import (
	"bytes"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// The third byte of CVM results, tag 9F34 (EMV Book 4, annex A4).
const (
	cvmUnknown    byte = 0
	cvmFailed     byte = 1
	cvmSuccessful byte = 2
)

// aip1CVM says that the card wants cardholder verification: AIP (82) byte 1 b5.
const aip1CVM byte = 0x10

// Bits of terminal capabilities, tag 9F33 byte 2 (EMV Book 4, annex A2).
const (
	capabilityPlainPIN      byte = 0x80
	capabilityOnlinePIN     byte = 0x40
	capabilitySignature     byte = 0x20
	capabilityEncipheredPIN byte = 0x10
	capabilityNoCVM         byte = 0x08
)

// cvmRun is cardholder verification on its way.
type cvmRun struct {
	list    CVMList
	at      int // the next rule
	current CVMRule
	noPIN   bool // no PIN was entered, or none can be: further PIN methods fail without asking
	padDown bool // because the PIN pad does not work
	any     bool // a method was performed
	over    bool
}

type cvmKind uint8

const (
	cvmDone cvmKind = iota // verification is over
	cvmPlainPIN
	cvmEncipheredPIN
	cvmOnlinePIN
)

// startCVM begins cardholder verification (EMV Book 3, 10.5).
func (m *Machine) startCVM() {
	run := &m.found.cvm
	m.data.CVMResults = [3]byte{cvmNotPerformed, 0, 0}
	run.over = true
	raw := m.data.Get(tlv.TagCVMList)
	switch {
	case m.data.AIP[0]&aip1CVM == 0:
		m.note(Verification, NoteNoVerification, tlv.TagAIP, m.data.AIP[:])
	case run.list.parse(raw) != nil || len(run.list.Rules) == 0:
		// No list, or one without rules, which counts as none.
		m.raise(Verification, NoteDataMissing, tlv.TagCVMList, nil)
	default:
		run.over = false
	}
}

// nextCVM applies rules up to one that needs the cardholder or the card.
func (m *Machine) nextCVM() cvmKind {
	run := &m.found.cvm
	for !run.over {
		if run.at == len(run.list.Rules) {
			m.cvmFails()
			break
		}
		rule := run.list.Rules[run.at]
		run.at++
		if !m.conditionHolds(rule) {
			m.noteRule(NoteRulePassedOver, rule)
			continue
		}
		run.current = rule
		if step := m.apply(rule); step != cvmDone {
			return step
		}
	}
	return cvmDone
}

// apply does what a rule asks for.
func (m *Machine) apply(rule CVMRule) cvmKind {
	run := &m.found.cvm
	method := rule.Code & cvmCodeMask
	known, supported, pinKind := m.methodSupport(method)
	switch {
	case method == cvmCodeFail:
		// The card orders failure; whatever comes after does not count.
		m.noteRule(NoteRuleApplies, rule)
		run.any = true
		m.data.CVMResults = [3]byte{rule.Code, rule.Condition, cvmFailed}
		m.cvmFails()
	case !known:
		m.raise(Verification, NoteCVMUnknown, tlv.TagCVMList, []byte{rule.Code, rule.Condition})
		m.otherwise(rule)
	case !supported:
		m.noteRule(NoteRuleUnsupported, rule)
		if pinKind != cvmDone {
			m.raise(Verification, NotePINPadMissing, tlv.TagCVMList, []byte{rule.Code, rule.Condition})
		}
		m.otherwise(rule)
	case pinKind == cvmDone:
		m.noteRule(NoteRuleApplies, rule)
		m.cvmMet(rule, method == cvmCodeSignature)
	case run.noPIN:
		// Who did not enter a PIN before is not asked again.
		m.pinMissing()
	default:
		m.noteRule(NoteRuleApplies, rule)
		return pinKind
	}
	return cvmDone
}

// methodSupport says whether a method exists, whether the terminal supports it (9F33
// byte 2), and which PIN it needs, cvmDone for none. There is no offline PIN over the
// air.
func (m *Machine) methodSupport(method byte) (known, supported bool, pinKind cvmKind) {
	has := m.cfg.Capabilities[1]
	all := func(bits byte) bool { return has&bits == bits }
	offline := !m.in.Contactless
	switch method {
	case cvmCodeFail:
		return true, true, cvmDone
	case cvmCodePlainPIN:
		return true, offline && all(capabilityPlainPIN), cvmPlainPIN
	case cvmCodeOnlinePIN:
		return true, all(capabilityOnlinePIN), cvmOnlinePIN
	case cvmCodePlainPINSignature:
		return true, offline && all(capabilityPlainPIN|capabilitySignature), cvmPlainPIN
	case cvmCodeEncipheredPIN:
		return true, offline && all(capabilityEncipheredPIN), cvmEncipheredPIN
	case cvmCodeEncipheredPINSignature:
		return true, offline && all(capabilityEncipheredPIN|capabilitySignature), cvmEncipheredPIN
	case cvmCodeSignature:
		return true, all(capabilitySignature), cvmDone
	case cvmCodeNone:
		return true, all(capabilityNoCVM), cvmDone
	}
	return false, false, cvmDone
}

// conditionHolds judges CVMRule.Condition. A condition that is not known, or whose
// data are missing, does not hold (EMV Book 3, 10.5).
func (m *Machine) conditionHolds(rule CVMRule) bool {
	list, amount := &m.found.cvm.list, m.in.Amount
	cash := m.in.Type == typeCash
	switch rule.Condition {
	case 0x00: // always
		return true
	case 0x01: // unattended cash
		return cash && m.unattended()
	case 0x02: // neither cash nor purchase with cashback
		return !cash && !m.cashback()
	case 0x03: // the terminal supports the method
		_, supported, _ := m.methodSupport(rule.Code & cvmCodeMask)
		return supported
	case 0x04: // manual cash
		return cash && !m.unattended()
	case 0x05: // purchase with cashback
		return m.cashback()
	case 0x06:
		return m.applicationCurrency() && amount < list.X
	case 0x07:
		return m.applicationCurrency() && amount > list.X
	case 0x08:
		return m.applicationCurrency() && amount < list.Y
	case 0x09:
		return m.applicationCurrency() && amount > list.Y
	}
	return false
}

func (m *Machine) applicationCurrency() bool {
	return bytes.Equal(m.data.Get(tlv.TagApplicationCurrency), m.cfg.Currency[:])
}

// cvmResult ends the method that nextCVM asked for: ok for 9000 of VERIFY, or for an
// online PIN that was entered. sw is that of the last VERIFY, 0 for an online PIN and
// where no VERIFY was possible. A wrong PIN (63Cx, x > 0) is repeated before.
func (m *Machine) cvmResult(ok bool, sw apdu.SW) {
	rule := m.found.cvm.current
	if !ok {
		if tries, counted := sw.Remaining(); sw == apdu.SWBlocked || sw == apdu.SWDataInvalidated || counted && tries == 0 {
			m.raise(Verification, NotePINTriesExceeded, tlv.TagPINTryCounter, nil)
		}
		m.performed(rule)
		m.otherwise(rule)
		return
	}
	method := rule.Code & cvmCodeMask
	if method == cvmCodeOnlinePIN {
		m.raise(Verification, NoteOnlinePIN, 0, nil)
	}
	m.cvmMet(rule, method == cvmCodePlainPINSignature || method == cvmCodeEncipheredPINSignature)
}

// cvmTriesExceeded ends the method before any VERIFY: 9F17 is 0.
func (m *Machine) cvmTriesExceeded() { m.cvmResult(false, apdu.SWBlocked) }

// cvmBypassed ends the method: no PIN was entered. Later PIN methods count as
// bypassed too (EMV Book 4, 6.3.4.3).
func (m *Machine) cvmBypassed() {
	m.found.cvm.noPIN = true
	m.pinMissing()
}

// cvmPadFailed ends the method: the PIN pad does not work.
func (m *Machine) cvmPadFailed() {
	m.found.cvm.noPIN, m.found.cvm.padDown = true, true
	m.pinMissing()
}

// pinMissing ends a PIN method without a PIN.
func (m *Machine) pinMissing() {
	run := &m.found.cvm
	if run.padDown {
		m.raise(Verification, NotePINPadMissing, tlv.TagCVMList, []byte{run.current.Code, run.current.Condition})
	} else {
		m.raise(Verification, NotePINNotEntered, 0, nil)
	}
	m.performed(run.current)
	m.otherwise(run.current)
}

// performed records a method that failed; the record stands if no later one is
// performed.
func (m *Machine) performed(rule CVMRule) {
	m.found.cvm.any = true
	m.data.CVMResults = [3]byte{rule.Code, rule.Condition, cvmFailed}
	m.noteRule(NoteRuleFailed, rule)
}

// otherwise goes on to the next rule after a method that failed, or ends.
func (m *Machine) otherwise(rule CVMRule) {
	if rule.Code&cvmCodeNext == 0 {
		m.cvmFails()
	}
}

// cvmFails ends verification without success.
func (m *Machine) cvmFails() {
	run := &m.found.cvm
	run.over = true
	if !run.any {
		m.data.CVMResults = [3]byte{cvmNotPerformed, 0, cvmFailed}
	}
	m.raise(Verification, NoteCVMFailed, tlv.TagCVMList, nil)
	m.cvmEnds()
}

// cvmMet ends verification with a method that was performed. Whether a signature or
// an online PIN is right, the terminal does not know (EMV Book 4, 6.3.4.5).
func (m *Machine) cvmMet(rule CVMRule, signature bool) {
	run := &m.found.cvm
	run.over, run.any = true, true
	result := cvmSuccessful
	if signature || rule.Code&cvmCodeMask == cvmCodeOnlinePIN {
		result = cvmUnknown
	}
	m.out.Signature = signature
	m.data.CVMResults = [3]byte{rule.Code, rule.Condition, result}
	m.noteRule(NoteRuleMet, rule)
	m.cvmEnds()
}

func (m *Machine) cvmEnds() {
	m.perform(Verification, NoteCVMPerformed)
	m.note(Verification, NoteCVMResults, tlv.TagCVMResults, m.data.CVMResults[:])
}

func (m *Machine) noteRule(c NoteCode, rule CVMRule) {
	m.note(Verification, c, 0, []byte{rule.Code, rule.Condition})
}

// plainPINBlock is the data of VERIFY, ISO 9564 format 2.
func plainPINBlock(p pin.PIN) oda.PINBlock {
	b, err := pin.Encode(pin.Format2, p, [10]byte{}, nil)
	if err != nil {
		panic("emv: PIN block without a PIN: " + err.Error())
	}
	return b
}
