package terminal

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	fastClause   = "JR/T 0025.12, qPBOC transaction"
	answerClause = "JR/T 0025.12, GET PROCESSING OPTIONS"
)

// without takes an object out of the qPBOC answer.
func without(tag tlv.Tag) func(*spec) {
	return func(s *spec) { s.options = func(o *objects) { o.remove(tag) } }
}

// with puts another value into the qPBOC answer.
func with(tag tlv.Tag, value ...byte) func(*spec) {
	return func(s *spec) { s.options = func(o *objects) { o.set(tag, value...) } }
}

var qpbocCases = []Case{
	{"qpboc-approved", text("Approved offline", "脱机批准"), fastClause,
		text("A good card that answers TC is read to its last record and the purchase is approved.", "正常卡片返回 TC，终端读完最后记录后批准。"), end(offline), 0, plan{face: Contactless}, func(v *verdict) {
			v.reads()
			v.paid(1)
			v.asked(0)
		}},
	{"qpboc-few", text("Few commands", "命令条数"), fastClause,
		text("A plain purchase takes at most 8 commands with a card of four records.", "四条记录的卡片普通消费不超过 8 条命令。"), end(offline), 0, plan{face: Contactless}, func(v *verdict) {
			v.must(len(v.card.seen) <= 8, "expected at most 8 commands, got %d", len(v.card.seen))
		}},
	{"qpboc-once", text("Last record once", "最后记录只读一次"), fastClause,
		text("The last record, which pays, is read once and after all others.", "引起扣款的最后记录只读一次且最后读。"), end(offline), 0, plan{face: Contactless}, func(v *verdict) {
			n := 0
			for _, x := range v.all(insRead) {
				if x.cmd.P1 == v.card.lastNumber() && x.cmd.P2>>3 == v.card.lastFile() {
					n++
					v.over(x)
				}
			}
			v.must(n == 1, "expected the last record to be read once, got %d", n)
		}},
	{"qpboc-declined", text("Card declines", "卡片拒绝"), fastClause,
		text("After an AAC nothing more is sent, and the purchase is declined.", "卡片返回 AAC 后不再发送命令，交易拒绝。"), end(declined), 0,
		plan{face: Contactless, card: func(s *spec) { s.decide = cryptogram.AAC }}, func(v *verdict) {
			v.over(v.first(insGPO))
			v.asked(0)
		}},
	{"qpboc-online", text("Issuer approves", "发卡行批准"), fastClause,
		text("After an ARQC the issuer is asked and decides; the card gets no further command.", "卡片返回 ARQC 时由发卡行决定，不再向卡片发送命令。"), end(online), needHost, plan{face: Contactless, card: asks}, func(v *verdict) {
			v.over(v.first(insGPO))
			v.asked(1)
		}},
	{"qpboc-online-message", text("What the issuer is told", "联机报文数据"), "GB/T 15150, field 55",
		text("The request has the cryptogram, 9F10, 9F36, 9F37, 95, 9A, 9C, 9F02, 5F2A, 82 and 9F1A of the transaction.", "请求含本次交易的密文及其数据。"), end(online), needHost, plan{face: Contactless, card: asks}, func(v *verdict) {
			if !v.asked(1) || !v.tx.Host {
				return
			}
			x, o := v.first(insGPO), v.host.field55[0]
			b, _, _ := apdu.ParseResponse(x.answer)
			for _, tag := range []tlv.Tag{tlv.TagAC, tlv.TagIAD, tlv.TagATC, tlv.TagAIP} {
				want, _ := tlv.Find(b, tlv.TagResponseFormat2, tag)
				v.must(bytes.Equal(o.get(tag), want), "expected %s %X in field 55, got %X", tag, want, o.get(tag))
			}
			for _, tag := range []tlv.Tag{tlv.TagUN, tlv.TagTVR, tlv.TagTransactionDate, tlv.TagTransactionType, tlv.TagAmountAuthorised, tlv.TagTransactionCurrency, tlv.TagTerminalCountry} {
				v.must(bytes.Equal(o.get(tag), x.values[tag]), "expected %s %X in field 55, as in the PDOL, got %X", tag, x.values[tag], o.get(tag))
			}
		}},
	{"qpboc-online-declined", text("Issuer declines", "发卡行拒绝"), fastClause,
		text("If the issuer declines so does the terminal.", "发卡行拒绝时终端拒绝。"), end(declined), needHost, plan{face: Contactless, card: asks, host: reply{code: "51"}}, func(v *verdict) {
			v.asked(1)
		}},
	{"qpboc-online-silent", text("Issuer does not answer", "发卡行无应答"), fastClause,
		text("If the issuer cannot be reached after an ARQC the purchase is declined.", "ARQC 后无法联机时拒绝交易。"), end(declined), needHost, plan{face: Contactless, card: asks, host: reply{unreachable: true}}, func(*verdict) {}},
	{"qpboc-no-link", text("No link to an issuer", "无联机通路"), fastClause,
		text("Without a link to the issuer an ARQC ends as a decline.", "无联机通路时 ARQC 以拒绝结束。"), end(declined, other), 0, plan{face: Contactless, card: asks, noHost: true}, func(*verdict) {}},
	{"qpboc-other-interface", text("Card sends to the contacts", "卡片要求换界面"), answerClause,
		text("6985 to GET PROCESSING OPTIONS means another interface.", "取处理选项应答 6985 表示换其他界面。"), end(other), 0,
		plan{face: Contactless, card: func(s *spec) { s.refuse = apdu.SWConditions }}, func(v *verdict) {
			v.over(v.first(insGPO))
		}},
	{"qpboc-status", text("Processing options fail", "取处理选项失败"), answerClause,
		text("Another status word than 9000 and 6985 ends the transaction.", "应答既非 9000 也非 6985 时结束交易。"), end(failed, declined, other), 0,
		plan{face: Contactless, card: func(s *spec) { s.refuse = apdu.SWDataInvalidated }}, func(v *verdict) {
			v.count(insRead, 0)
		}},
	{"qpboc-record-status", text("Record cannot be read", "记录读取失败"), fastClause,
		text("If a record before the last fails, the last is not read.", "最后记录之前的记录读取失败时不读最后记录。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: func(s *spec) { s.edits = append(s.edits, atRecord(2, 1).status(apdu.SWRecordNotFound)) }}, func(v *verdict) {
			v.paid(0)
		}},
	{"qpboc-last-status", text("Last record refused", "最后记录被拒"), fastClause,
		text("If the last record is refused there is no approval.", "最后记录读取失败时不得批准。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: func(s *spec) {
			s.edits = append(s.edits, atRecord(1, 2).status(apdu.SWConditions))
		}}, func(*verdict) {}},
	{"qpboc-pin-online", text("Online PIN wanted", "卡片要求联机密码"), "JR/T 0025.12, 9F6C",
		text("With 9F6C byte 1 bit 8 the PIN goes to the issuer with the request.", "9F6C 字节 1 的 b8 置位时密码随请求上送。"), end(online), needHost | needOnlinePIN,
		plan{face: Contactless, card: func(s *spec) { asks(s); s.ctq[0] |= 0x80 }}, func(v *verdict) {
			if v.asked(1) && v.tx.Host {
				v.must(v.host.asked[0].HasPIN, "expected a PIN in the request, there is none")
			}
		}},
	{"qpboc-signature", text("Signature wanted", "卡片要求签名"), "JR/T 0025.12, 9F6C",
		text("With 9F6C byte 1 bit 7 the purchase is approved and signed for.", "9F6C 字节 1 的 b7 置位时交易批准并签名。"), end(offline), needSignature, plan{face: Contactless, card: signs}, func(v *verdict) {
			v.paid(1)
			v.asked(0)
		}},
	{"qpboc-psn-absent", text("Card without a sequence number", "无卡序列号"), answerClause,
		text("5F34 is not mandatory.", "5F34 非必备。"), end(offline), 0, plan{face: Contactless, card: func(s *spec) { without(tlv.TagPANSequence)(s); s.drop(tlv.TagPANSequence) }}, func(v *verdict) {
			v.paid(1)
			v.asked(0)
		}},
	{"qpboc-zero", text("Amount of zero", "零金额"), limitClause,
		text("With an amount of zero the issuer is asked, or the terminal ends, or the card decides: nothing but zeros stands in 9F02.", "零金额时 9F02 全零，终端联机、结束或由卡片决定。"), end(online, other, failed, declined), needHost,
		plan{face: Contactless, amount: func(*Setup) money.Fen { return 0 }, card: asks}, func(v *verdict) {
			for _, x := range v.all(insGPO) {
				v.value(x, tlv.TagAmountAuthorised, make([]byte, 6)...)
			}
		}},
	{"qpboc-available", text("Available amount is no obstacle", "可用余额不影响交易"), answerClause,
		text("9F5D in the answer changes nothing.", "应答中的 9F5D 不影响交易。"), end(offline), 0, plan{face: Contactless, card: with(tlv.TagAvailableOffline, 0, 0, 0, 0x19, 0x99, 0)}, func(v *verdict) {
			v.paid(1)
			v.asked(0)
		}},
}

// missingCase is a qPBOC answer without a mandatory object.
func missingCase(id string, tag tlv.Tag) Case {
	return Case{"qpboc-no-" + id, text("No "+tag.String(), "缺少 "+tag.String()), answerClause,
		text("Without "+tag.String()+" in the answer the last record is not read.", "应答缺少 "+tag.String()+" 时不读最后记录。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: without(tag)}, func(v *verdict) { v.paid(0) }}
}

// badCase is a qPBOC answer with an object that cannot be right.
func badCase(id string, tag tlv.Tag, value ...byte) Case {
	return Case{"qpboc-bad-" + id, text("Impossible "+tag.String(), tag.String()+" 值错误"), answerClause,
		text("With an impossible "+tag.String()+" the last record is not read.", tag.String()+" 值错误时不读最后记录。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: with(tag, value...)}, func(v *verdict) { v.paid(0) }}
}

var qpbocDataCases = []Case{
	missingCase("aip", tlv.TagAIP),
	missingCase("atc", tlv.TagATC),
	missingCase("track", tlv.TagTrack2Equivalent),
	missingCase("cryptogram", tlv.TagAC),
	missingCase("issuer-data", tlv.TagIAD),
	missingCase("locator", tlv.TagAFL),
	badCase("atc", tlv.TagATC, 0x01),
	badCase("cryptogram", tlv.TagAC, 1, 2, 3, 4),
	badCase("issuer-data", tlv.TagIAD, 0x07, 0x01, 0x01, 0x03),
	badCase("track", tlv.TagTrack2Equivalent, 0x62, 0x28),
	badCase("locator-length", tlv.TagAFL, 0x08, 0x01, 0x01),
	badCase("locator-file", tlv.TagAFL, 0x00, 0x01, 0x01, 0x00),
	badCase("locator-order", tlv.TagAFL, 0x08, 0x02, 0x01, 0x00),
	badCase("locator-signed", tlv.TagAFL, 0x08, 0x01, 0x02, 0x03),
	{"qpboc-repeated", text("Object repeated with another value", "对象重复且不一致"), "EMV Book 3, 7.5",
		text("An object that comes twice with different values makes no transaction.", "同一对象两次出现且不一致时不得批准。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: func(s *spec) { s.options = func(o *objects) { o.add(tlv.TagATC, 0x7F, 0x00) } }}, func(v *verdict) {
			v.paid(0)
		}},
	{"qpboc-expired", text("Expired", "已失效"), "EMV Book 3, 10.4.3",
		text("A card past 5F24 is declined, without having paid.", "超过 5F24 的卡片拒绝且未扣款。"), end(declined, doubt, failed), 0,
		plan{face: Contactless, card: func(s *spec) { s.change(tlv.TagExpirationDate, 0x20, 0x12, 0x31) }}, func(v *verdict) {
			v.paid(0)
		}},
	{"qpboc-not-yet", text("Not yet effective", "尚未生效"), "EMV Book 3, 10.4.3",
		text("A card before 5F25 is declined, without having paid.", "早于 5F25 的卡片拒绝且未扣款。"), end(declined, doubt, failed), 0,
		plan{face: Contactless, card: func(s *spec) { s.change(tlv.TagEffectiveDate, 0x48, 0x01, 0x01) }}, func(v *verdict) {
			v.paid(0)
		}},
	{"qpboc-other-number", text("Another account number in the record", "记录中卡号不一致"), "JR/T 0025.12, data elements",
		text("5A and 57 must agree.", "5A 与 57 必须一致。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: func(s *spec) {
			s.change(tlv.TagPAN, 0x62, 0x28, 0x00, 0x99, 0x99, 0x99, 0x99, 0x99)
		}}, func(v *verdict) {
			v.paid(0)
		}},
	{"qpboc-format1", text("Format 1 in qPBOC", "qPBOC 返回格式 1"), answerClause,
		text("An answer of format 1 to a qPBOC terminal is no qPBOC transaction.", "格式 1 的应答不构成 qPBOC 交易。"), end(failed, declined, doubt, other), 0,
		plan{face: Contactless, card: func(s *spec) {
			s.edits = append(s.edits, at(insGPO, 0).data(0x80, 0x06, 0x7C, 0x00, 0x08, 0x01, 0x01, 0x00))
		}}, func(*verdict) {}},
	{"qpboc-not-ttq", text("PDOL without 9F66", "PDOL 缺少 9F66"), "JR/T 0025.12, PDOL",
		text("An application whose PDOL does not ask for 9F66 is not used for qPBOC.", "PDOL 不含 9F66 的应用不用于 qPBOC。"), end(failed, declined, other), 0,
		plan{face: Contactless, card: withPDOL(0x9F02, 6, 0x9F37, 4)}, func(v *verdict) {
			v.paid(0)
		}},
	{"qpboc-records-garbled", text("Malformed record", "记录格式错误"), "EMV Book 3, 10.2",
		text("A record that is no template 70 makes no transaction, and the last is not read.", "记录不是模板 70 时不得批准，且不读最后记录。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: func(s *spec) { s.edits = append(s.edits, atRecord(2, 2).data(0x71, 0x00)) }}, func(v *verdict) {
			v.paid(0)
		}},
}
