package terminal

import (
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// shut is a case of an entry that must not open.
func shut(id string, name, purpose [2]string, clause string, card func(*spec), judge func(*verdict)) Case {
	return Case{"gate-" + id, text(name[0], name[1]), clause, text(purpose[0], purpose[1]), end(declined, failed), 0,
		ride(several(transit(1), card), Entry), judge}
}

// unusable is a case of an entry whose record cannot be had: the gate takes the card by
// records of its own, or refuses it.
func unusable(id string, name, purpose [2]string, clause string, card func(*spec)) Case {
	return Case{"gate-" + id, text(name[0], name[1]), clause, text(purpose[0], purpose[1]), end(offline, declined, failed), 0,
		ride(several(transit(1), card), Entry), func(v *verdict) {
			v.first(insReadCAPP)
			v.asIfShop()
		}}
}

// written changes the metro's record before the card is issued: its code stays right.
func written(f func(record []byte) []byte) func(*spec) {
	return func(s *spec) {
		s.journeys = func(x *extension) {
			r := x.find(fileMetro, idMetro)
			r.data = f(r.data)
		}
	}
}

// readAnswer changes the answer to READ CAPP DATA on its way.
func readAnswer(f func([]byte) []byte) func(*spec) {
	return func(s *spec) { s.edits = append(s.edits, at(insReadCAPP, 0).change(f)) }
}

// updateRefused is a case of an UPDATE CAPP DATA CACHE that the card refuses.
func updateRefused(id string, nth int, sw apdu.SW, name, purpose [2]string) Case {
	return shut("update-"+id, name, purpose, cappClause, refusing(insUpdate, nth, sw), func(v *verdict) { v.stopped(nth) })
}

var gateShutCases = []Case{
	shut("read-code", [2]string{"Wrong code of the record", "记录 MAC 错误"}, [2]string{"A record whose code is wrong is not the card's: no processing options.", "记录 MAC 错误时不取处理选项。"}, cappClause,
		readAnswer(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), (*verdict).untouched),
	shut("read-altered", [2]string{"Record altered on its way", "记录被改"}, [2]string{"A record that its code does not cover is not the card's: no processing options.", "记录被改时不取处理选项。"}, cappClause,
		readAnswer(func(b []byte) []byte { b[atState] ^= 1; return b }), (*verdict).untouched),
	unusable("read-bare", [2]string{"Record without a code", "记录缺少 MAC"}, [2]string{"A record without a code proves nothing: it makes no payment of the extension.", "记录缺少 MAC 时不得据以做扩展交易。"}, cappClause,
		readAnswer(func(b []byte) []byte { return b[:len(b)-codeLen] })),
	unusable("read-cut", [2]string{"Record cut off", "记录截断"}, [2]string{"An answer that is shorter than its length byte says makes no payment of the extension.", "应答短于其长度字节时不得据以做扩展交易。"}, cappClause,
		readAnswer(func(b []byte) []byte { return b[:40] })),
	shut("locked", [2]string{"Locked record", "记录锁定"}, [2]string{"A card whose record is locked does not enter.", "记录锁定的卡片不得进站。"}, "JT/T 978, lock flag",
		written(func(b []byte) []byte { b[atLocked] = 1; return b }), (*verdict).untouched),
	shut("not-valid", [2]string{"Record not enabled", "记录未启用"}, [2]string{"A card whose record was never enabled does not enter.", "记录未启用的卡片不得进站。"}, "JT/T 978, valid flag",
		written(func(b []byte) []byte { b[atValid] = 0; return b }), (*verdict).untouched),
	shut("senseless", [2]string{"Record without sense", "记录内容非法"}, [2]string{"A record whose state is none of the three leads to no journey.", "状态取值非法的记录不构成行程。"}, "JT/T 978, state",
		written(func(b []byte) []byte { b[atState] = 0x7F; return b }), (*verdict).untouched),
	{"gate-serial", text("Another card's record", "他卡记录"), cappClause,
		text("A record whose serial number is another card's, with its right code, does not price this card's payment.", "序列号属于他卡的记录即使 MAC 正确，也不得据以对本卡扣款。"), end(declined, failed), needSerial,
		ride(several(transit(1), func(s *spec) { s.extension.borrowed = true }), Entry), func(v *verdict) {
			v.first(insReadCAPP)
			v.unpaid()
		}},
	unusable("short", [2]string{"Short record", "记录过短"}, [2]string{"A record of 64 bytes where 128 are used makes no payment of the extension.", "记录长度不足 128 字节时不得据以做扩展交易。"}, cappClause,
		written(func(b []byte) []byte { b = b[:64]; b[2] = 61; return b })),
	unusable("no-file", [2]string{"No file of journeys", "无行程文件"}, [2]string{"6A82 to READ CAPP DATA makes no payment of the extension.", "读记录应答 6A82 时不得做扩展交易。"}, cappClause,
		refusing(insReadCAPP, 0, apdu.SWFileNotFound)),
	unusable("no-record", [2]string{"No record of the gate's trade", "无本行业记录"}, [2]string{"6A83 to READ CAPP DATA makes no payment of the extension.", "读记录应答 6A83 时不得做扩展交易。"}, cappClause,
		refusing(insReadCAPP, 0, apdu.SWRecordNotFound)),
	shut("options-refused", [2]string{"Processing options refused", "取处理选项被拒"}, [2]string{"If the card answers 6985 to a payment of the extension nothing is updated.", "扩展交易应答 6985 时不更新记录。"}, df60Clause,
		func(s *spec) { s.refuse = apdu.SWConditions }, func(v *verdict) { v.stopped(0) }),
	shut("declined", [2]string{"Card declines", "卡片拒绝"}, [2]string{"Behind an AAC nothing is updated and no record is read.", "返回 AAC 后不更新、不读记录。"}, cappClause,
		func(s *spec) { s.decide = cryptogram.AAC }, func(v *verdict) { v.stopped(0) }),
	shut("online", [2]string{"Card asks for the issuer", "卡片请求联机"}, [2]string{"A gate has no line: an ARQC is no payment, and nothing is updated.", "闸机不联机：返回 ARQC 不构成支付，不更新记录。"}, cappClause,
		func(s *spec) { s.decide = cryptogram.ARQC }, func(v *verdict) { v.stopped(0) }),
	updateRefused("code", 1, apdu.SWMACWrong, [2]string{"Code of the update refused (6988)", "更新 MAC 被拒（6988）"}, [2]string{"If the card refuses the code of the record the last record is not read.", "卡片拒绝记录 MAC 时不读最后记录。"}),
	updateRefused("sequence", 1, apdu.SWConditions, [2]string{"Update refused (6985)", "更新被拒（6985）"}, [2]string{"If the card refuses the update the last record is not read.", "卡片拒绝更新时不读最后记录。"}),
	updateRefused("memory", 1, apdu.SWMemory, [2]string{"No room for the update (6581)", "更新无空间（6581）"}, [2]string{"If the card has no room for the record the last record is not read.", "卡片无空间时不读最后记录。"}),
	updateRefused("log", 2, apdu.SWMemory, [2]string{"No room for the second update (6581)", "第二次更新无空间（6581）"}, [2]string{"If the card refuses the second of the updates the last record is not read.", "卡片拒绝第二次更新时不读最后记录。"}),
	{"gate-other-record", text("Last record refused (6974)", "最后记录被拒（6974）"), cappClause,
		text("6974 to the last READ RECORD: nothing was paid and the gate stays shut.", "最后记录应答 6974 时未扣款，不开闸。"), end(declined, failed, doubt), 0,
		ride(several(transit(1), func(s *spec) {
			s.edits = append(s.edits, atRecord(1, 2).paying().refused(apdu.SWCAPPOtherRecord))
		}), Entry), func(v *verdict) {
			v.first(insUpdate)
			v.unpaid()
		}},
	{"gate-signature", text("Wrong signature", "签名错误"), fddaClause,
		text("A card whose signature is wrong has paid and is not let out.", "签名错误的卡片已扣款但不放行。"), end(declined, failed, doubt), 0,
		ride(several(transit(1), func(s *spec) { s.signATC = 1 }), Entry), func(v *verdict) {
			v.first(insUpdate)
			v.reads()
		}},
	{"gate-expired", text("Expired card", "卡片失效"), "EMV Book 3, 10.4.3",
		text("A card past 5F24 does not enter, and has not paid.", "超过 5F24 的卡片不得进站且未扣款。"), end(declined, failed, doubt), 0,
		ride(several(transit(1), func(s *spec) { s.change(tlv.TagExpirationDate, 0x20, 0x12, 0x31) }), Entry), func(v *verdict) {
			v.first(insGPO)
			v.unpaid()
		}},
	shut("blocked", [2]string{"Blocked application", "应用锁定"}, [2]string{"An application that answers 6283 pays no gate.", "应答 6283 的应用不得过闸。"}, chooseClause,
		func(s *spec) { s.entries[0].status = apdu.SWInvalidated }, (*verdict).untouched),
	{"gate-priority", text("Two bank applications", "两个银行应用"), chooseClause,
		text("Of two applications of the same kind the card's priority decides.", "同类应用按卡片优先级选择。"), end(offline), 0,
		ride(several(transit(1), two(2, 1)), Entry), func(v *verdict) {
			v.selected(credit)
			v.made(tradeFare)
		}},
	{"gate-unknown-apps", text("Applications that are no gate's business", "与闸机无关的应用"), appsClause,
		text("Social security and a city pass before the bank's application are passed over.", "银行应用之前的社保与城市通行应用被跳过。"), end(offline), 0,
		ride(several(transit(1), beside([]entry{social, memberish}, nil)), Entry), func(v *verdict) {
			v.selected(debit)
			v.passedOver()
			v.made(tradeFare)
		}},
	{"gate-no-purse", text("Purse before the bank's application", "钱包在银行应用之前"), appsClause,
		text("A gate that takes no purses passes one over, whatever its priority.", "不受理钱包的闸机跳过钱包应用。"), end(offline), needNoPurse,
		ride(several(transit(1), beside([]entry{tunion}, nil)), Entry), func(v *verdict) {
			v.selected(debit)
			v.passedOver()
			v.made(tradeFare)
		}},
	{"gate-same-order", text("The same choice every time", "选择始终一致"), appsClause,
		text("The exit chooses the application that the entry chose, in a directory of another order.", "目录顺序改变时出站仍选择进站时的应用。"), end(offline), 0,
		ride(several(transit(1), two(2, 1), func(s *spec) {
			e := at(insSelect, 1)
			e.tap, e.before = 2, true
			e.do = func(*exchange) { slices.Reverse(s.entries) }
			s.edits = append(s.edits, e)
		}), Entry, Exit), func(v *verdict) {
			v.selected(credit)
			v.left(tradeFare)
		}},
}
