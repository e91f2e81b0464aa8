package emv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Methods of cardholder verification, the low six bits of CVMRule.Code (EMV Book 3,
// annex C3).
const (
	cvmCodeFail                   byte = 0x00
	cvmCodePlainPIN               byte = 0x01
	cvmCodeOnlinePIN              byte = 0x02
	cvmCodePlainPINSignature      byte = 0x03
	cvmCodeEncipheredPIN          byte = 0x04
	cvmCodeEncipheredPINSignature byte = 0x05
	cvmCodeSignature              byte = 0x1E
	cvmCodeNone                   byte = 0x1F
	cvmCodeMask                   byte = 0x3F
	cvmCodeNext                   byte = 0x40 // apply the next rule if this method fails
	cvmNotPerformed               byte = 0x3F
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

// CVMRule is one rule of a CVM list: Code has the method in b6-b1 and in b7 whether
// the next rule applies if it fails, Condition when the rule counts (EMV Book 3,
// annex C3).
type CVMRule struct{ Code, Condition byte }

// CVMList is tag 8E. X and Y are amounts in the application currency, 9F42.
type CVMList struct {
	X, Y  money.Fen
	Rules []CVMRule
}

var errCVMList = errors.New("not a CVM list (8E): want two amounts of four bytes and pairs of bytes")

// ParseCVMList reads the value of tag 8E: amounts X and Y, four bytes each, and two
// bytes a rule. A list without rules is a list. The error names the length.
func ParseCVMList(b []byte) (CVMList, error) {
	var l CVMList
	return l, l.parse(b)
}

// parse keeps the memory of the rules.
func (l *CVMList) parse(b []byte) error {
	l.Rules = l.Rules[:0]
	if len(b) < 8 || len(b) > 252 || len(b)%2 != 0 {
		return fmt.Errorf("read CVM list of %d bytes: %w", len(b), errCVMList)
	}
	l.X, l.Y = money.Fen(binary.BigEndian.Uint32(b)), money.Fen(binary.BigEndian.Uint32(b[4:]))
	for r := b[8:]; len(r) > 0; r = r[2:] {
		l.Rules = append(l.Rules, CVMRule{r[0], r[1]})
	}
	return nil
}

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

type cvmStep struct{ kind cvmKind }

// startCVM begins cardholder verification (EMV Book 3, 10.5).
func (m *Machine) startCVM() {
	run := &m.parts.cvm
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
func (m *Machine) nextCVM() cvmStep {
	run := &m.parts.cvm
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
		if step := m.apply(rule); step.kind != cvmDone {
			return step
		}
	}
	return cvmStep{cvmDone}
}

// apply does what a rule asks for.
func (m *Machine) apply(rule CVMRule) cvmStep {
	run := &m.parts.cvm
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
		return cvmStep{pinKind}
	}
	return cvmStep{cvmDone}
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
	list, amount := &m.parts.cvm.list, m.in.Amount
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
// where no VERIFY was possible. The flow repeats a wrong PIN (63Cx, x > 0) itself and
// comes here with the end.
func (m *Machine) cvmResult(ok bool, sw apdu.SW) {
	rule := m.parts.cvm.current
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
	m.parts.cvm.noPIN = true
	m.pinMissing()
}

// cvmPadFailed ends the method: the PIN pad does not work.
func (m *Machine) cvmPadFailed() {
	m.parts.cvm.noPIN, m.parts.cvm.padDown = true, true
	m.pinMissing()
}

// pinMissing ends a PIN method without a PIN.
func (m *Machine) pinMissing() {
	run := &m.parts.cvm
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
	m.parts.cvm.any = true
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
	run := &m.parts.cvm
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
	run := &m.parts.cvm
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

var cvmMethodNames = map[byte][2]string{
	cvmCodeFail: {"fail", "CVM 失败处理"}, cvmCodePlainPIN: {"plain PIN checked by the card", "卡片脱机明文 PIN 验证"},
	cvmCodeOnlinePIN: {"online PIN", "联机加密 PIN 验证"}, cvmCodePlainPINSignature: {"plain PIN checked by the card and signature", "脱机明文 PIN 验证加签名"},
	cvmCodeEncipheredPIN: {"enciphered PIN checked by the card", "脱机密文 PIN 验证"}, cvmCodeEncipheredPINSignature: {"enciphered PIN checked by the card and signature", "脱机密文 PIN 验证加签名"},
	cvmCodeSignature: {"signature", "签名"}, cvmCodeNone: {"no CVM", "无需 CVM"},
}

var cvmConditionNames = [...][2]string{
	{"always", "总是"}, {"if unattended cash", "无人值守取现时"}, {"if neither cash nor cashback", "非取现且非返现时"},
	{"if the terminal supports it", "终端支持时"}, {"if manual cash", "人工取现时"}, {"if purchase with cashback", "消费返现时"},
	{"if below X", "金额低于 X 时"}, {"if above X", "金额高于 X 时"}, {"if below Y", "金额低于 Y 时"}, {"if above Y", "金额高于 Y 时"},
}

// Text is the rule in words, Chinese for lang "zh" and English for any other, e.g.
// "4103: plain PIN checked by the card, if the terminal supports it, else the next
// rule".
func (r CVMRule) Text(lang string) string {
	method, ok := cvmMethodNames[r.Code&cvmCodeMask]
	if !ok {
		method = [2]string{"unknown method", "未知方法"}
	}
	condition := [2]string{"unknown condition", "未知条件"}
	if int(r.Condition) < len(cvmConditionNames) {
		condition = cvmConditionNames[r.Condition]
	}
	s := fmt.Sprintf("%02X%02X ", r.Code, r.Condition) + pick(method, lang) + pick([2]string{", ", "，"}, lang) + pick(condition, lang)
	if r.Code&cvmCodeNext != 0 {
		s += pick([2]string{", else the next rule", "，失败则用下一规则"}, lang)
	}
	return s
}
