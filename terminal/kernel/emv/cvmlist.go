package emv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
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
// "4103 plain PIN checked by the card, if the terminal supports it, else the next
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
