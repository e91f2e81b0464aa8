package terminal

import (
	"encoding/binary"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const cvmClause = "EMV Book 3, 10.5"

// CVM codes and conditions (EMV Book 3, annex C3).
const (
	cvmFail    = 0x00
	cvmPlain   = 0x01
	cvmOnline  = 0x02
	cvmPlainBy = 0x03 // plain PIN and signature
	cvmEnc     = 0x04
	cvmSign    = 0x1E
	cvmNone    = 0x1F
	andNext    = 0x40 // apply the next rule if this one fails

	always     = 0x00
	cashOnly   = 0x01 // unattended cash
	notCash    = 0x02
	supported  = 0x03
	underX     = 0x06
	overX      = 0x07
	underY     = 0x08
	manualCash = 0x04
)

// cvmList makes 8E with amounts X and Y of zero.
func cvmList(rules ...byte) []byte { return cvmListXY(0, 0, rules...) }

func cvmListXY(x, y money.Fen, rules ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(x))
	b = binary.BigEndian.AppendUint32(b, uint32(y))
	return append(b, rules...)
}

// rules gives a card a CVM list.
func rules(r ...byte) func(*spec) { return changed(tlv.TagCVMList, cvmList(r...)...) }

// cvmResults wants 9F34 in the first GENERATE AC.
func (v *verdict) cvmResults(code, condition, result byte) {
	v.value(v.first(insGAC), tlv.TagCVMResults, code, condition, result)
}

// verification is a contact case about a CVM list.
func verification(id string, name, purpose [2]string, expected []string, needs need, list []byte, pins []PINEntry, judge func(*verdict)) Case {
	return Case{"cvm-" + id, text(name[0], name[1]), cvmClause, text(purpose[0], purpose[1]), expected, needs,
		plan{face: Contact, card: changed(tlv.TagCVMList, list...), pins: pins}, judge}
}

var cvmCases = []Case{
	verification("none", [2]string{"No verification", "无需验证"}, [2]string{"\"No CVM required\" succeeds: 9F34 is 1F0002.", "无需 CVM 成功，9F34 为 1F0002。"}, end(offline), needNoCVM,
		cvmList(cvmNone, always), nil, func(v *verdict) {
			v.cvmResults(cvmNone, always, 2)
			v.tvr(false, bitCVM)
			v.asked(0)
		}),
	verification("plain", [2]string{"Plain PIN", "明文密码"}, [2]string{"The right PIN goes to the card with VERIFY 80: 9F34 is 010002.", "正确密码以 VERIFY 80 送卡，9F34 为 010002。"}, end(offline), needPlainPIN,
		cvmList(cvmPlain, always), nil, func(v *verdict) {
			v.count(insVerify, 1)
			v.must(v.first(insVerify).cmd.P2 == 0x80, "expected VERIFY with P2 80, got %02X", v.first(insVerify).cmd.P2)
			v.cvmResults(cvmPlain, always, 2)
			v.tvr(false, bitCVM, bitNoPIN)
			v.asked(0)
		}),
	verification("plain-again", [2]string{"Wrong PIN, then the right one", "密码先错后对"}, [2]string{"After 63C2 the PIN is asked for again.", "应答 63C2 后再次要求输入。"}, end(offline), needPlainPIN|needPerson,
		cvmList(cvmPlain, always), []PINEntry{PINWrong}, func(v *verdict) {
			v.count(insVerify, 2)
			v.cvmResults(cvmPlain, always, 2)
			v.tvr(false, bitCVM, bitTries)
			v.asked(0)
		}),
	verification("plain-used-up", [2]string{"Three wrong PINs", "密码三次错误"}, [2]string{"After 63C0 verification has failed: TVR byte 3 bits 8 and 6.", "应答 63C0 后验证失败，TVR 字节 3 的 b8 与 b6 置位。"}, follows, needPlainPIN|needPerson,
		cvmList(cvmPlain, always), []PINEntry{PINWrong, PINWrong, PINWrong, PINWrong}, func(v *verdict) {
			v.count(insVerify, 3)
			v.cvmResults(cvmPlain, always, 1)
			v.tvr(true, bitCVM, bitTries)
		}),
	{"cvm-plain-blocked", text("PIN tries used up before", "密码已锁定"), cvmClause,
		text("With no tries left the PIN is not asked for, or VERIFY answers 6983: TVR byte 3 bit 6.", "无剩余次数时不再验证，TVR 字节 3 的 b6 置位。"), follows, needPlainPIN,
		plan{face: Contact, card: func(s *spec) { rules(cvmPlain, always)(s); s.tries = 0 }}, func(v *verdict) {
			v.cvmResults(cvmPlain, always, 1)
			v.tvr(true, bitCVM, bitTries)
		}},
	verification("plain-bypassed", [2]string{"PIN not entered", "未输入密码"}, [2]string{"Without an entry TVR byte 3 bits 8 and 4 are set.", "未输入密码时 TVR 字节 3 的 b8 与 b4 置位。"}, follows, needPlainPIN|needPerson,
		cvmList(cvmPlain, always), []PINEntry{PINBypass}, func(v *verdict) {
			v.count(insVerify, 0)
			v.cvmResults(cvmPlain, always, 1)
			v.tvr(true, bitCVM, bitNoPIN)
		}),
	verification("pad-broken", [2]string{"PIN pad does not work", "密码键盘故障"}, [2]string{"With a broken PIN pad TVR byte 3 bits 8 and 5 are set.", "密码键盘故障时 TVR 字节 3 的 b8 与 b5 置位。"}, follows, needPlainPIN|needPerson,
		cvmList(cvmPlain, always), []PINEntry{PINBroken}, func(v *verdict) {
			v.count(insVerify, 0)
			v.tvr(true, bitCVM, bitNoPad)
		}),
	verification("plain-next", [2]string{"PIN not entered, next rule", "未输入密码则下一规则"}, [2]string{"With bit 7 of the code the next rule applies after a failure.", "代码 b7 置位时失败后使用下一规则。"}, follows, needPlainPIN|needPerson|needNoCVM,
		cvmList(cvmPlain|andNext, always, cvmNone, always), []PINEntry{PINBypass}, func(v *verdict) {
			v.cvmResults(cvmNone, always, 2)
			v.tvr(true, bitNoPIN)
			v.tvr(false, bitCVM)
		}),
	verification("enciphered", [2]string{"Enciphered PIN", "密文密码"}, [2]string{"The PIN goes to the card enciphered, with a challenge: VERIFY 88.", "密码加密后以 VERIFY 88 送卡。"}, end(offline), needEncipheredPIN,
		cvmList(cvmEnc, always), nil, func(v *verdict) {
			v.count(insChallenge, 1)
			v.count(insVerify, 1)
			x := v.first(insVerify)
			v.must(x.cmd.P2 == 0x88 && x.sw() == apdu.SWOK, "expected VERIFY 88 that the card can open, got P2 %02X and %v", x.cmd.P2, x.sw())
			v.cvmResults(cvmEnc, always, 2)
			v.asked(0)
		}),
	{"cvm-enciphered-sm2", text("PIN enciphered with SM2", "SM2 加密密码"), "JR/T 0025.17",
		text("An SM2 card gets its PIN under its SM2 key.", "SM2 卡片以其公钥加密密码。"), end(offline), needEncipheredPIN | needSM,
		plan{face: Contact, card: func(s *spec) { s.sm = true; rules(cvmEnc, always)(s) }}, func(v *verdict) {
			v.cvmResults(cvmEnc, always, 2)
			v.asked(0)
		}},
	verification("online", [2]string{"Online PIN", "联机密码"}, [2]string{"TVR byte 3 bit 3 is set, 9F34 is 020000, and the PIN goes to the issuer.", "TVR 字节 3 的 b3 置位，9F34 为 020000，密码上送。"}, follows, needOnlinePIN|needHost,
		cvmList(cvmOnline, always), nil, func(v *verdict) {
			v.count(insVerify, 0)
			v.cvmResults(cvmOnline, always, 0)
			v.tvr(true, bitOnlinePIN)
		}),
	verification("signature", [2]string{"Signature", "签名"}, [2]string{"9F34 is 1E0000: the result is unknown till the receipt is signed.", "9F34 为 1E0000，签名结果未知。"}, end(offline), needSignature,
		cvmList(cvmSign, always), nil, func(v *verdict) {
			v.cvmResults(cvmSign, always, 0)
			v.tvr(false, bitCVM)
			v.asked(0)
		}),
	verification("plain-signature", [2]string{"PIN and signature", "密码加签名"}, [2]string{"The PIN is verified and the receipt is signed: the result is unknown.", "验证密码并签名，结果未知。"}, follows, needPlainPIN|needSignature,
		cvmList(cvmPlainBy, always), nil, func(v *verdict) {
			v.count(insVerify, 1)
			v.cvmResults(cvmPlainBy, always, 0)
			v.tvr(false, bitCVM)
		}),
	verification("fail", [2]string{"Fail processing", "验证失败代码"}, [2]string{"Code 00 fails: TVR byte 3 bit 8.", "代码 00 表示失败，TVR 字节 3 的 b8 置位。"}, follows, 0,
		cvmList(cvmFail, always), nil, func(v *verdict) {
			v.cvmResults(cvmFail, always, 1)
			v.tvr(true, bitCVM)
		}),
	verification("unknown", [2]string{"Unknown method", "未知验证方法"}, [2]string{"An unknown code sets TVR byte 3 bits 8 and 7.", "未知代码使 TVR 字节 3 的 b8 与 b7 置位。"}, follows, 0,
		cvmList(0x2F, always), nil, func(v *verdict) { v.tvr(true, bitCVM, bitUnknown) }),
	verification("unknown-next", [2]string{"Unknown method, next rule", "未知方法则下一规则"}, [2]string{"An unknown code with bit 7 leaves the next rule, and bit 7 of TVR byte 3.", "未知代码 b7 置位时用下一规则。"}, follows, needNoCVM,
		cvmList(0x2F|andNext, always, cvmNone, always), nil, func(v *verdict) {
			v.tvr(true, bitUnknown)
			v.tvr(false, bitCVM)
			v.cvmResults(cvmNone, always, 2)
		}),
	verification("condition", [2]string{"Condition not met", "条件不满足"}, [2]string{"A rule whose condition is not met is passed over.", "条件不满足的规则跳过。"}, follows, needNoCVM,
		cvmList(cvmFail, cashOnly, cvmFail, manualCash, cvmNone, notCash), nil, func(v *verdict) {
			v.cvmResults(cvmNone, notCash, 2)
			v.tvr(false, bitCVM)
		}),
	verification("condition-unknown", [2]string{"Unknown condition", "未知条件"}, [2]string{"A rule with an unknown condition is passed over.", "未知条件的规则跳过。"}, follows, needNoCVM,
		cvmList(cvmFail, 0x3F, cvmNone, always), nil, func(v *verdict) {
			v.cvmResults(cvmNone, always, 2)
			v.tvr(false, bitCVM)
		}),
	verification("no-rule", [2]string{"No rule applies", "无规则适用"}, [2]string{"If no condition is met verification has failed: 9F34 is 3F0001.", "无规则适用时验证失败，9F34 为 3F0001。"}, follows, 0,
		cvmList(cvmNone, cashOnly), nil, func(v *verdict) {
			v.cvmResults(0x3F, 0, 1)
			v.tvr(true, bitCVM)
		}),
	verification("under", [2]string{"Below amount X", "低于金额 X"}, [2]string{"The rule for amounts under X applies to one.", "低于 X 的规则适用。"}, follows, needNoCVM,
		cvmListXY(100_00, 0, cvmNone, underX, cvmFail, always), nil, func(v *verdict) {
			v.cvmResults(cvmNone, underX, 2)
			v.tvr(false, bitCVM)
		}),
	verification("over", [2]string{"Above amount X", "高于金额 X"}, [2]string{"The rule for amounts over X does not apply below.", "高于 X 的规则不适用于较低金额。"}, follows, needNoCVM,
		cvmListXY(100_00, 0, cvmFail, overX, cvmNone, always), nil, func(v *verdict) {
			v.cvmResults(cvmNone, always, 2)
			v.tvr(false, bitCVM)
		}),
	{"cvm-other-currency", text("Amount in another currency", "其他货币的金额条件"), cvmClause,
		text("Conditions with amounts apply to the currency of 9F42 only.", "金额条件仅适用于 9F42 的货币。"), follows, needNoCVM,
		plan{face: Contact, card: func(s *spec) {
			s.change(tlv.TagCVMList, cvmListXY(100_00, 0, cvmFail, underX, cvmNone, always)...)
			s.change(tlv.TagApplicationCurrency, 0x08, 0x40)
		}}, func(v *verdict) {
			v.cvmResults(cvmNone, always, 2)
			v.tvr(false, bitCVM)
		}},
	verification("supported", [2]string{"If the terminal supports it", "终端支持则使用"}, [2]string{"A rule for supported methods applies to a supported one.", "“终端支持时”的规则适用于支持的方法。"}, follows, needNoCVM,
		cvmList(cvmNone, supported), nil, func(v *verdict) { v.cvmResults(cvmNone, supported, 2) }),
	{"cvm-no-list", text("No list", "无 CVM 列表"), cvmClause,
		text("Without 8E verification is not done: 9F34 is 3F0000 and nothing has failed.", "无 8E 时不做验证，9F34 为 3F0000。"), follows, 0,
		plan{face: Contact, card: func(s *spec) { s.drop(tlv.TagCVMList) }}, func(v *verdict) {
			v.value(v.first(insGAC), tlv.TagCVMResults, 0x3F, 0, 0)
			v.tvr(false, bitCVM)
		}},
	{"cvm-not-supported", text("Card without verification", "卡片不支持持卡人验证"), cvmClause,
		text("Without bit 5 of the AIP verification is not done: 9F34 is 3F0000.", "AIP 的 b5 为零时不做验证。"), follows, 0,
		plan{face: Contact, card: func(s *spec) { s.aip[0] &^= aipCVM; rules(cvmFail, always)(s) }}, func(v *verdict) {
			v.value(v.first(insGAC), tlv.TagCVMResults, 0x3F, 0, 0)
			v.tvr(false, bitCVM)
		}},
}
