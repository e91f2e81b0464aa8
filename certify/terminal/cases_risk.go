package terminal

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	riskClause   = "EMV Book 3, 10.6"
	actionClause = "EMV Book 3, 10.7"
)

func contactFloor(s *Setup) money.Fen { return s.FloorLimit }

// counters gives a card what velocity checking needs (EMV Book 3, 10.6.3).
func counters(lower, upper byte, counter, last uint16) func(*spec) {
	return func(s *spec) {
		s.change(tlv.TagLowerOfflineLimitEMV, lower)
		s.change(tlv.TagUpperOfflineLimitEMV, upper)
		s.atc = counter - 1
		s.data.set(tlv.TagLastOnlineATC, byte(last>>8), byte(last))
	}
}

var riskCases = []Case{
	{"risk-floor", text("At the floor limit", "达到最低限额"), riskClause + ".1",
		text("At the floor limit TVR byte 4 bit 8 is set.", "达到最低限额时 TVR 字节 4 的 b8 置位。"), follows, 0, plan{face: Contact, amount: limit(contactFloor, 0)}, func(v *verdict) { v.tvr(true, bitFloor) }},
	{"risk-floor-below", text("Below the floor limit", "低于最低限额"), riskClause + ".1",
		text("One fen below the floor limit nothing is set.", "低于最低限额一分时不置位。"), follows, needQuiet, plan{face: Contact, amount: limit(contactFloor, -1)}, func(v *verdict) { v.tvr(false, bitFloor) }},
	{"risk-velocity-no", text("Few offline transactions", "脱机笔数未超"), riskClause + ".3",
		text("Within the limits of 9F14 and 9F23 nothing is set.", "未超过 9F14 与 9F23 时不置位。"), follows, 0, plan{face: Contact, card: counters(5, 9, 0x45, 0x42)}, func(v *verdict) {
			v.tvr(false, bitLower, bitUpper, bitNewCard)
			v.must(len(v.all(insGetData)) >= 2, "expected GET DATA of 9F36 and 9F13")
		}},
	{"risk-velocity-lower", text("Lower limit exceeded", "超过下限"), riskClause + ".3",
		text("More than 9F14 offline transactions set TVR byte 4 bit 7.", "脱机笔数超过 9F14 时 TVR 字节 4 的 b7 置位。"), follows, 0, plan{face: Contact, card: counters(2, 9, 0x45, 0x42)}, func(v *verdict) {
			v.tvr(true, bitLower)
			v.tvr(false, bitUpper)
		}},
	{"risk-velocity-upper", text("Upper limit exceeded", "超过上限"), riskClause + ".3",
		text("More than 9F23 offline transactions set TVR byte 4 bits 7 and 6.", "脱机笔数超过 9F23 时 b7 与 b6 置位。"), follows, 0, plan{face: Contact, card: counters(1, 2, 0x45, 0x42)}, func(v *verdict) { v.tvr(true, bitLower, bitUpper) }},
	{"risk-velocity-unknown", text("Counters not readable", "计数器不可读"), riskClause + ".3",
		text("If the counters cannot be had both bits are set.", "计数器无法读取时两位均置位。"), follows, 0,
		plan{face: Contact, card: func(s *spec) {
			counters(5, 9, 0x45, 0x42)(s)
			s.edits = append(s.edits, at(insGetData, 0).status(apdu.SWDataNotFound))
		}}, func(v *verdict) { v.tvr(true, bitLower, bitUpper) }},
	{"risk-new-card", text("New card", "新卡"), riskClause + ".3",
		text("A last online counter of zero sets TVR byte 2 bit 4.", "上次联机计数器为零时 TVR 字节 2 的 b4 置位。"), follows, 0, plan{face: Contact, card: counters(5, 9, 0x01, 0)}, func(v *verdict) { v.tvr(true, bitNewCard) }},
	{"risk-velocity-absent", text("No limits on the card", "卡片无频度限制"), riskClause + ".3",
		text("Without 9F14 and 9F23 velocity is not checked.", "无 9F14 与 9F23 时不做频度检查。"), follows, 0, plan{face: Contact}, func(v *verdict) { v.tvr(false, bitLower, bitUpper) }},
	{"risk-status", text("Terminal status", "终端状态信息"), "EMV Book 3, annex C6",
		text("The TSI in CDOL2 says what was done: authentication, verification, risk management.", "CDOL2 中的 TSI 反映已执行的步骤。"), end(online), needDDA | needNoCVM | needHost,
		plan{face: Contact, card: func(s *spec) { s.first = gacARQC }}, func(v *verdict) {
			tsi := v.nth(insGAC, 1).values[tlv.TagTSI]
			v.must(len(tsi) != 2 || tsi[0]&0xE8 == 0xE8, "expected bits 8, 7, 6 and 4 of TSI byte 1 to be set, got %X", tsi)
		}},
}

// action is a case about action codes: an expired card, and codes that say what follows.
func action(id string, name, purpose [2]string, expected []string, needs need, host reply, iac map[tlv.Tag]byte, judge func(*verdict)) Case {
	return Case{"action-" + id, text(name[0], name[1]), actionClause, text(purpose[0], purpose[1]), expected, needs,
		plan{face: Contact, host: host, card: func(s *spec) {
			s.change(tlv.TagExpirationDate, 0x20, 0x12, 0x31)
			for tag, second := range iac {
				s.change(tag, 0, second, 0, 0, 0)
			}
		}}, judge}
}

var actionCases = []Case{
	action("denial", [2]string{"Issuer's denial code", "发卡行拒绝代码"}, [2]string{"A TVR bit in 9F0E leads to an AAC, and the issuer is not asked.", "TVR 位命中 9F0E 时请求 AAC 且不联机。"}, end(declined), 0, reply{},
		map[tlv.Tag]byte{tlv.TagIACDenial: 0x40, tlv.TagIACOnline: 0x40}, func(v *verdict) {
			v.gac(0, gacAAC)
			v.count(insGAC, 1)
			v.asked(0)
		}),
	action("online", [2]string{"Issuer's online code", "发卡行联机代码"}, [2]string{"A TVR bit in 9F0F leads to an ARQC.", "TVR 位命中 9F0F 时请求 ARQC。"}, end(online), needHost, reply{},
		map[tlv.Tag]byte{tlv.TagIACOnline: 0x40}, func(v *verdict) {
			v.gac(0, gacARQC)
			v.asked(1)
		}),
	{"action-neither", text("No code meets", "无代码命中"), actionClause,
		text("A clean TVR leads to a TC.", "TVR 无命中时请求 TC。"), end(offline), needNoCVM | needDDA | needQuiet, plan{face: Contact}, func(v *verdict) {
			v.clean()
			v.gac(0, gacTC)
			v.asked(0)
		}},
	{"action-absent", text("No issuer action codes", "无发卡行行为代码"), actionClause,
		text("Without 9F0F every TVR bit leads online; without 9F0E none leads to a denial.", "无 9F0F 时任何 TVR 位均联机；无 9F0E 时不拒绝。"), end(online), needHost,
		plan{face: Contact, card: func(s *spec) {
			s.change(tlv.TagExpirationDate, 0x20, 0x12, 0x31)
			s.drop(tlv.TagIACDefault)
			s.drop(tlv.TagIACDenial)
			s.drop(tlv.TagIACOnline)
		}}, func(v *verdict) {
			v.gac(0, gacARQC)
			v.asked(1)
		}},
	action("default-denial", [2]string{"Issuer not reached, default code meets", "无法联机且默认代码命中"}, [2]string{"If the issuer cannot be reached and 9F0D has the bit, an AAC is asked for with Z3.", "无法联机且命中 9F0D 时以 Z3 请求 AAC。"}, end(declined), needHost, reply{unreachable: true},
		map[tlv.Tag]byte{tlv.TagIACOnline: 0x40, tlv.TagIACDefault: 0x40}, func(v *verdict) {
			x := v.gac(1, gacAAC)
			v.value(x, tlv.TagARC, 'Z', '3')
		}),
	action("default-approval", [2]string{"Issuer not reached, no default code", "无法联机且默认代码未命中"}, [2]string{"If the issuer cannot be reached and no default code has the bit, a TC is asked for with Y3.", "无法联机且未命中默认代码时以 Y3 请求 TC。"}, end(offline, declined), needHost, reply{unreachable: true},
		map[tlv.Tag]byte{tlv.TagIACOnline: 0x40}, func(v *verdict) {
			if v.setup.Actions.Default[1]&0x40 != 0 {
				v.gac(1, gacAAC)
				return
			}
			x := v.gac(1, gacTC)
			v.value(x, tlv.TagARC, 'Y', '3')
			v.outcome(offline)
		}),
	{"action-forced", text("Merchant wants to go online", "商户要求联机"), riskClause,
		text("The merchant's wish sets TVR byte 4 bit 4.", "商户要求联机时 TVR 字节 4 的 b4 置位。"), follows, needHost, plan{face: Contact, online: true}, func(v *verdict) { v.tvr(true, bitForced) }},
}

const gacClause = "EMV Book 3, 6.5.5 and 9.3"

// given is a card that answers the first GENERATE AC with this CID, whatever was asked.
func given(cid int) func(*spec) { return func(s *spec) { s.first = cid } }

// toTheIssuer makes the terminal ask for an ARQC: an expired card and its online code.
func toTheIssuer(s *spec) {
	s.change(tlv.TagExpirationDate, 0x20, 0x12, 0x31)
	s.change(tlv.TagIACOnline, 0, 0x40, 0, 0, 0)
}

func deniedCard(s *spec) {
	s.change(tlv.TagExpirationDate, 0x20, 0x12, 0x31)
	s.change(tlv.TagIACDenial, 0, 0x40, 0, 0, 0)
}

// several puts changes of a card together.
func several(f ...func(*spec)) func(*spec) {
	return func(s *spec) {
		for _, g := range f {
			g(s)
		}
	}
}

// badAnswer is a first GENERATE AC that cannot be worked with.
func badAnswer(id string, name, purpose [2]string, e func(*edit) *edit) Case {
	return Case{"gac-" + id, text(name[0], name[1]), gacClause, text(purpose[0], purpose[1]), end(failed, declined, doubt), 0,
		plan{face: Contact, card: func(s *spec) { s.edits = append(s.edits, e(at(insGAC, 1))) }}, func(v *verdict) { v.asked(0) }}
}

var gacCases = []Case{
	{"gac-approved", text("TC asked for and given", "请求并得到 TC"), gacClause,
		text("A TC ends the transaction well after one GENERATE AC.", "返回 TC 后交易完成，仅一次 GENERATE AC。"), end(offline), 0, plan{face: Contact}, func(v *verdict) {
			v.count(insGAC, 1)
			v.over(v.first(insGAC))
			v.asked(0)
		}},
	{"gac-card-declines", text("TC asked for, AAC given", "请求 TC 得 AAC"), gacClause,
		text("An AAC ends the transaction as declined, and nothing more is sent.", "返回 AAC 时交易拒绝且不再发送命令。"), end(declined), 0, plan{face: Contact, card: given(gacAAC)}, func(v *verdict) {
			v.count(insGAC, 1)
			v.over(v.first(insGAC))
			v.asked(0)
		}},
	{"gac-card-online", text("TC asked for, ARQC given", "请求 TC 得 ARQC"), gacClause,
		text("An ARQC leads to the issuer.", "返回 ARQC 时联机。"), end(online), needHost, plan{face: Contact, card: given(gacARQC)}, func(v *verdict) {
			v.asked(1)
			v.count(insGAC, 2)
		}},
	{"gac-format2", text("Answer of format 2", "格式 2 应答"), gacClause,
		text("Template 77 with 9F27, 9F36, 9F26 and 9F10 is understood.", "接受模板 77 形式的应答。"), end(offline), 0, plan{face: Contact, card: func(s *spec) { s.format2 = true }}, func(v *verdict) { v.asked(0) }},
	{"gac-more-than-asked", text("ARQC asked for, TC given", "请求 ARQC 得 TC"), gacClause,
		text("A card must not give a TC where an ARQC was asked for: no approval.", "请求 ARQC 而返回 TC 时不得批准。"), end(failed, declined, doubt), needHost, plan{face: Contact, card: several(toTheIssuer, given(gacTC))}, func(*verdict) {}},
	{"gac-refusal-ignored", text("AAC asked for, TC given", "请求 AAC 得 TC"), gacClause,
		text("A card must not give a TC where an AAC was asked for: no approval.", "请求 AAC 而返回 TC 时不得批准。"), end(failed, declined, doubt), 0, plan{face: Contact, card: several(deniedCard, given(gacTC))}, func(v *verdict) {
			v.asked(0)
		}},
	{"gac-refusal-online", text("AAC asked for, ARQC given", "请求 AAC 得 ARQC"), gacClause,
		text("A card must not give an ARQC where an AAC was asked for: no approval.", "请求 AAC 而返回 ARQC 时不得批准。"), end(failed, declined, doubt), 0, plan{face: Contact, card: several(deniedCard, given(gacARQC))}, func(v *verdict) {
			v.asked(0)
		}},
	{"gac-advice", text("AAC with an advice asked for", "AAC 要求通知"), gacClause,
		text("The advice bit in 9F27 changes nothing about the decline.", "9F27 的通知位不影响拒绝。"), end(declined), 0, plan{face: Contact, card: given(0x08)}, func(v *verdict) {
			v.count(insGAC, 1)
		}},
	{"gac-service", text("AAC, service not allowed", "AAC 服务不允许"), gacClause,
		text("9F27 with the reason 001 is a decline.", "9F27 原因 001 为拒绝。"), end(declined, failed), 0, plan{face: Contact, card: given(0x01)}, func(*verdict) {}},
	{"gac-referral", text("Referral asked for", "要求参考"), "JR/T 0025.5, 9F27; reserved in EMV Book 3",
		text("C0 in 9F27 (referral) is no offline approval.", "9F27 为 C0（参考）时不得脱机批准。"), end(failed, declined, doubt, online), 0, plan{face: Contact, card: given(0xC0)}, func(*verdict) {}},
	badAnswer("short", [2]string{"Short answer", "应答过短"}, [2]string{"An answer without a whole cryptogram is no approval.", "应答不完整不得批准。"}, func(e *edit) *edit { return e.data(0x80, 0x05, 0x40, 0x00, 0x42, 1, 2) }),
	badAnswer("garbled", [2]string{"Malformed answer", "应答格式错误"}, [2]string{"An answer that is no template 80 or 77 is no approval.", "应答不是模板 80 或 77 时不得批准。"}, func(e *edit) *edit { return e.data(0x81, 0x01, 0x40) }),
	badAnswer("refused", [2]string{"Command refused", "命令被拒"}, [2]string{"A GENERATE AC that is refused ends the transaction.", "生成密文被拒时结束交易。"}, func(e *edit) *edit { return e.status(apdu.SWConditions) }),
	{"gac-same-amounts", text("Amounts agree", "金额一致"), gacClause,
		text("PDOL and both CDOLs have the same amount and type.", "PDOL 与两次 CDOL 的金额、类型一致。"), end(online), needHost, plan{face: Contact, card: given(gacARQC)}, func(v *verdict) {
			for _, x := range v.all(insGAC) {
				v.amount(x, v.tx.Amount)
				v.value(x, tlv.TagTransactionType, 0)
			}
		}},
}
