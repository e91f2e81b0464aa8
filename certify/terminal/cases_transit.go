package terminal

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	df60Clause  = "JR/T 0025.14, DF60"
	df61Clause  = "JR/T 0025.14, DF61"
	quotaClause = "JR/T 0025.12, 9F10; JR/T 0025.14, DF60"
)

// shop wants a terminal that is no gate to keep away from the low-value extension: DF60
// is 00, and none of its commands comes.
func (v *verdict) shop(x *exchange) {
	if b, ok := x.values[tlv.TagCAPPIndicator]; ok {
		v.must(len(bytes.Trim(b, "\x00")) == 0, "expected 00 in DF60 from a terminal that is no gate, got %X", b)
	}
	switch x.cmd.INS {
	case insReadCAPP, insUpdate, insAppend, insProve:
		v.must(false, "expected no command of the low-value extension from a terminal that is no gate, got %s", insName(x.cmd.INS))
	}
}

// df60 wants a PDOL that asks for DF60 to have been filled.
func (v *verdict) df60() {
	x := v.first(insGPO)
	_, ok := x.values[tlv.TagCAPPIndicator]
	v.must(ok || len(x.raw) == 0, "expected DF60 among the data of the PDOL, got %X", x.cmd.Data)
}

// withTransitPDOL gives an extension card another list.
func withTransitPDOL(pairs ...int) func(*spec) { return several(transit(2), withPDOL(pairs...)) }

// deposit gives a card DF62 and DF63.
func deposit(limit, used money.Fen) func(*spec) {
	return func(s *spec) {
		s.data.set(tlv.TagDeductionLimit, n12(limit)...)
		s.data.set(tlv.TagDeductionUsed, n12(used)...)
	}
}

// support puts another value of DF61 into the FCI.
func support(value ...byte) func(*spec) {
	return several(transit(2), func(s *spec) { s.discretionary(objects{{tlv.TagCAPPSupport, value}}) })
}

// passes is a case about a transit card that a shop reads like any other.
func passes(id string, name, purpose [2]string, clause string, card func(*spec), more func(*verdict)) Case {
	return Case{"transit-" + id, text(name[0], name[1]), clause, text(purpose[0], purpose[1]), end(offline), 0,
		plan{face: Contactless, card: card}, func(v *verdict) {
			v.reads()
			v.paid(1)
			v.asked(0)
			more(v)
		}}
}

var transitCases = []Case{
	passes("shop", [2]string{"Transit card in a shop", "公交卡在商户消费"}, [2]string{"A shop puts 00 into DF60 and reads the card like any other.", "商户终端 DF60 填 00，按普通卡处理。"}, df60Clause,
		transit(2), (*verdict).df60),
	passes("section-only", [2]string{"Card for section fares only", "仅支持分段扣费"}, [2]string{"DF61 01 changes nothing for a shop.", "DF61 为 01 时商户处理不变。"}, df61Clause,
		transit(1), (*verdict).df60),
	passes("first-in-list", [2]string{"DF60 first in the PDOL", "DF60 位于 PDOL 首位"}, [2]string{"DF60 is 00 wherever the PDOL asks for it, and what follows is not shifted.", "DF60 无论位置均为 00，其后数据不移位。"}, df60Clause,
		withTransitPDOL(0xDF60, 1, 0x9F66, 4, 0x9F02, 6, 0x9F03, 6, 0x9F1A, 2, 0x95, 5, 0x5F2A, 2, 0x9A, 3, 0x9C, 1, 0x9F37, 4), func(v *verdict) {
			v.df60()
			v.amount(v.first(insGPO), v.tx.Amount)
		}),
	passes("long-in-list", [2]string{"Two bytes of DF60", "DF60 请求两字节"}, [2]string{"A PDOL that asks for two bytes gets two zeros.", "PDOL 请求两字节时填两个零。"}, "EMV Book 3, 5.4; "+df60Clause,
		withTransitPDOL(0x9F66, 4, 0x9F02, 6, 0x9F03, 6, 0x9F1A, 2, 0x95, 5, 0x5F2A, 2, 0x9A, 3, 0x9C, 1, 0x9F37, 4, 0xDF60, 2), func(v *verdict) {
			v.value(v.first(insGPO), tlv.TagCAPPIndicator, 0, 0)
		}),
	passes("fci-only", [2]string{"DF61 without DF60", "有 DF61 无 DF60"}, [2]string{"DF61 in the FCI of a card whose PDOL does not ask for DF60 changes nothing.", "FCI 含 DF61 而 PDOL 不请求 DF60 时处理不变。"}, df61Clause,
		several(transit(2), func(s *spec) { s.fci.set(tlv.TagPDOL, pdolAir...) }), func(*verdict) {}),
	passes("support-unknown", [2]string{"DF61 with an unknown value", "DF61 取值未知"}, [2]string{"DF61 of a value that nobody knows is passed over.", "未知的 DF61 取值被忽略。"}, df61Clause, support(0x7F), (*verdict).df60),
	passes("support-empty", [2]string{"Empty DF61", "DF61 为空"}, [2]string{"DF61 without a value is passed over by a shop.", "商户终端忽略空的 DF61。"}, df61Clause, support(), (*verdict).df60),
	passes("support-long", [2]string{"DF61 of five bytes", "DF61 长五字节"}, [2]string{"DF61 that is too long is passed over by a shop.", "商户终端忽略过长的 DF61。"}, df61Clause, support(2, 0, 0, 0, 0), (*verdict).df60),
	passes("fci-more", [2]string{"Other issuer data beside DF61", "DF61 旁的其他发卡行数据"}, [2]string{"Log entries and unknown objects in BF0C beside DF61 are passed over.", "BF0C 中的日志入口与未知对象被忽略。"}, "EMV Book 3, 7.5",
		several(transit(2), func(s *spec) {
			s.discretionary(objects{{tlv.TagLogEntry, []byte{0x0B, 0x0A}}, {0xDF7F, bytes.Repeat([]byte{0x5A}, 40)}, {tlv.TagCAPPSupport, []byte{2}}})
		}), (*verdict).df60),
	passes("deposit-in-answer", [2]string{"Deposit told with the cryptogram", "应答含押金数据"}, [2]string{"DF62 and DF63 in the answer to GET PROCESSING OPTIONS are passed over.", "取处理选项应答中的 DF62、DF63 被忽略。"}, "JR/T 0025.14, DF62 and DF63",
		several(transit(2), func(s *spec) {
			s.options = func(o *objects) {
				o.set(tlv.TagDeductionLimit, n12(20_00)...)
				o.set(tlv.TagDeductionUsed, n12(5_00)...)
			}
		}), func(*verdict) {}),
	{"transit-fci-garbled", text("BF0C cut off", "BF0C 截断"), "EMV Book 3, annex B; " + df61Clause,
		text("An FCI whose BF0C cannot be read leads to a purchase with DF60 00, or to none.", "BF0C 无法解析时以 DF60=00 交易或不交易。"), end(offline, failed, declined, other), 0,
		plan{face: Contactless, card: several(transit(2), func(s *spec) { s.fci.set(tlv.TagFCIIssuerDiscretionary, 0xDF, 0x61, 0x05, 0x02) })}, func(v *verdict) {
			v.asked(0)
		}},
	{"transit-hold-answer", text("Answer of a pre-authorisation", "预授权应答"), df60Clause,
		text("An answer without 9F26, as a pre-authorisation has it, is no purchase: the last record is not read.", "如预授权般缺少 9F26 的应答不构成消费，不读最后记录。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: several(transit(2), without(tlv.TagAC))}, func(v *verdict) {
			v.paid(0)
			v.asked(0)
		}},
	{"transit-hold-empty", text("Empty cryptogram", "密文为空"), df60Clause,
		text("An empty 9F26 is no purchase either.", "9F26 为空同样不构成消费。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: several(transit(2), with(tlv.TagAC))}, func(v *verdict) {
			v.paid(0)
			v.asked(0)
		}},
	{"transit-owes", text("Card that owes its deposit", "已动用押金的卡片"), "JR/T 0025.14, DF62 and DF63",
		text("A card whose deposit is used declines a shop, and the deposit buys nothing there.", "押金已动用的卡片拒绝商户消费，押金不用于购物。"), end(declined), 0,
		plan{face: Contactless, card: several(transit(2), deposit(20_00, 15_00), func(s *spec) { s.balance, s.decide = 0, cryptogram.AAC })}, func(v *verdict) {
			v.over(v.first(insGPO))
			v.paid(0)
			v.asked(0)
		}},
	{"transit-balance", text("Balance of a card that owes", "已动用押金卡的余额"), "JR/T 0025.14, DF63",
		text("The balance told is 9F79, without the deposit.", "显示的余额为 9F79，不含押金。"), end(offline), 0,
		plan{face: Contactless, kind: Balance, amount: func(*Setup) money.Fen { return 0 }, card: several(transit(2), deposit(20_00, 15_00), func(s *spec) { s.balance = 0 })}, func(v *verdict) {
			v.count(insGPO, 0)
			v.first(insGetData)
			v.must(!v.reported.HasBalance || v.reported.Balance == 0, "expected the balance 0.00, got %v", v.reported.Balance)
		}},
	{"transit-threshold", text("Deposit and threshold over the contacts", "接触式阈值不计押金"), cashClause + "; JR/T 0025.14, DF62",
		text("The deposit does not count as balance: if 9F79 less the amount is below 9F6D an ARQC is asked for.", "押金不计入余额：扣款后低于 9F6D 时请求 ARQC。"), end(online), needCash | needHost,
		plan{face: Contact, card: several(transit(2), purse(20_00, 19_00), deposit(100_00, 0))}, func(v *verdict) {
			v.gac(0, gacARQC)
			v.paid(0)
			v.asked(1)
		}},
	{"transit-torn", text("Transit card torn in a shop", "公交卡在商户闪卡"), tornClause,
		text("If the answer to the last READ RECORD is lost nobody knows: a doubt.", "最后记录应答丢失时存疑。"), end(doubt), 0,
		plan{face: Contactless, card: several(transit(2), func(s *spec) { s.edits = append(s.edits, atRecord(1, 2).unheard()) })}, func(v *verdict) { v.paid(1) }},
	{"transit-again", text("Transit card back in a shop", "公交卡在商户重刷"), "JR/T 0025.14, GET TRANS PROVE; " + tornClause,
		text("A card that has paid a shop and comes back is proved by its last record: GET TRANS PROVE answers 9406 for a purchase.", "商户闪卡以重读最后记录证明；GET TRANS PROVE 对普通消费应答 9406。"), end(offline), needAgain,
		plan{face: Contactless, again: true, card: several(transit(2), func(s *spec) { s.edits = append(s.edits, atRecord(1, 2).unheard()) })}, func(v *verdict) {
			v.paid(1)
			v.count(insGPO, 1)
		}},
}

// quotaOnline is what a shop owes a quota card: DF60 00, the issuer asked, no record read.
func quotaOnline(v *verdict) {
	v.over(v.first(insGPO))
	v.count(insRead, 0)
	v.paid(0)
	v.asked(1)
}

var quotaCases = []Case{
	{"quota-online", text("Quota card in a shop", "额度卡在商户消费"), quotaClause,
		text("A quota card asks for the issuer, whatever the amount: the till asks it and reads no record.", "额度卡在商户一律请求联机，终端联机且不读记录。"), end(online), needHost, plan{face: Contactless, card: quota}, func(v *verdict) {
			v.df60()
			quotaOnline(v)
		}},
	{"quota-no-indicator", text("Quota card without DF60 in its list", "额度卡 PDOL 无 DF60"), quotaClause,
		text("A quota card that never asks for DF60 is decided by the issuer.", "PDOL 不含 DF60 的额度卡由发卡行决定。"), end(online), needHost,
		plan{face: Contactless, card: several(quota, func(s *spec) { s.fci.set(tlv.TagPDOL, pdolAir...) })}, quotaOnline},
	{"quota-declined", text("Quota card, issuer declines", "额度卡被发卡行拒绝"), quotaClause,
		text("The issuer's decline is the end: the quota is no way round it.", "发卡行拒绝即结束，不得动用额度。"), end(declined), needHost, plan{face: Contactless, host: reply{code: "51"}, card: quota}, quotaOnline},
	{"quota-silent", text("Quota card, issuer silent", "额度卡联机无应答"), quotaClause,
		text("Without the issuer's answer there is no purchase.", "发卡行无应答时不得批准。"), end(declined, failed), needHost, plan{face: Contactless, host: reply{unreachable: true}, card: quota}, quotaOnline},
	{"quota-no-line", text("Quota card, no line", "额度卡无联机线路"), quotaClause,
		text("Without a line to the issuer a quota card is refused.", "无联机线路时拒绝额度卡。"), end(declined, failed, other), 0, plan{face: Contactless, noHost: true, card: quota}, func(v *verdict) {
			v.over(v.first(insGPO))
			v.paid(0)
		}},
	{"quota-message", text("Quota in the issuer data", "9F10 中的额度"), "JR/T 0025.12, 9F10; GB/T 15150, field 55",
		text("9F10, which states the quota, and the cryptogram go to the issuer as the card gave them.", "载有额度的 9F10 与密文原样上送。"), end(online), needHost, plan{face: Contactless, card: quota}, func(v *verdict) {
			v.sent(tlv.TagIAD, tlv.TagAC, tlv.TagATC)
		}},
	{"quota-bare-message", text("Issuer data without a balance", "9F10 不含余额"), "JR/T 0025.12, 9F10",
		text("9F10 that ends behind the algorithm is whole, and goes to the issuer.", "9F10 止于算法标识亦为完整，原样上送。"), end(online), needHost,
		plan{face: Contactless, card: several(quota, with(tlv.TagIAD, 0x07, 0x01, 0x01, 0x03, 0xA0, 0x00, 0x00, 0x01))}, func(v *verdict) {
			quotaOnline(v)
			v.sent(tlv.TagIAD)
		}},
	{"quota-locator", text("Quota card names records too", "额度卡应答含 AFL"), quotaClause,
		text("9F10 says ARQC: a file locator beside it does not make a purchase.", "9F10 表明 ARQC 时即使含 AFL 也不构成脱机消费。"), end(online, failed, declined), needHost,
		plan{face: Contactless, card: several(quota, with(tlv.TagAFL, 0x08, 0x01, 0x01, 0x01, 0x08, 0x02, 0x02, 0x00))}, func(v *verdict) {
			v.count(insRead, 0)
			v.paid(0)
		}},
	{"quota-no-locator", text("TC of a quota card without records", "额度卡误返 TC"), quotaClause,
		text("A quota card that wrongly says TC, and names no record to pay with, is not approved.", "额度卡误返 TC 且无 AFL 时不得批准。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: several(quota, wronglyTC)}, func(v *verdict) {
			v.paid(0)
			v.asked(0)
		}},
	{"quota-refused-record", text("TC of a quota card that will not pay", "额度卡误返 TC 后拒付"), quotaClause,
		text("A quota card that says TC but refuses its records has not paid, and is not approved.", "额度卡误返 TC 但拒绝读记录时未扣款，不得批准。"), end(failed, declined, doubt), 0,
		plan{face: Contactless, card: several(quota, wronglyTC, func(s *spec) {
			f := s.options
			s.options = func(o *objects) { f(o); o.set(tlv.TagAFL, 0x08, 0x01, 0x01, 0x01, 0x08, 0x02, 0x02, 0x00) }
		})}, func(v *verdict) {
			v.paid(0)
			v.asked(0)
		}},
	{"quota-contact", text("Quota card over the contacts", "额度卡接触式消费"), cashClause + "; " + onlineClause,
		text("A card that offers no electronic cash over the contacts and answers ARQC is decided by the issuer.", "接触界面不提供电子现金且返回 ARQC 的卡片由发卡行决定。"), end(online), needHost,
		plan{face: Contact, card: quotaSlot}, func(v *verdict) {
			v.asked(1)
			v.gac(1, gacTC)
			v.paid(0)
		}},
	{"quota-contact-silent", text("Quota card over the contacts, issuer silent", "额度卡接触式联机无应答"), onlineClause,
		text("If the issuer is not reached the card declines, whatever it is asked for.", "无法联机时卡片拒绝。"), end(declined), needHost,
		plan{face: Contact, host: reply{unreachable: true}, card: several(quotaSlot, func(s *spec) { s.second = gacAAC })}, func(v *verdict) {
			v.count(insGAC, 2)
			v.paid(0)
		}},
	{"quota-contact-tc", text("Quota card that gives more than asked for", "额度卡超越请求返回 TC"), gacClause,
		text("A TC where an ARQC was asked for is no approval, of a quota least of all.", "请求 ARQC 而返回 TC 时不得批准。"), end(failed, declined, doubt), needHost,
		plan{face: Contact, card: several(quotaSlot, toTheIssuer, given(gacTC))}, func(v *verdict) { v.asked(0) }},
}

// quotaSlot is a quota card over the contacts: GET DATA gives the quota, and every
// purchase is the issuer's.
func quotaSlot(s *spec) {
	quota(s)
	s.first = gacARQC
	s.data.set(tlv.TagECBalance, n12(s.balance)...)
	s.data.set(tlv.TagECResetThreshold, n12(0)...)
}

// wronglyTC has 9F10 say TC, though the card does not pay.
func wronglyTC(s *spec) {
	s.options = func(o *objects) {
		if b := bytes.Clone(o.get(tlv.TagIAD)); len(b) > 4 {
			b[4] = 0x90
			o.set(tlv.TagIAD, b...)
		}
	}
}

// sent wants objects of the card's answer to have gone to the issuer unchanged.
func (v *verdict) sent(tags ...tlv.Tag) {
	if !v.asked(1) || !v.tx.Host {
		return
	}
	answer := v.first(insGPO).answer
	for _, tag := range tags {
		want, _ := tlv.Find(answer[:max(0, len(answer)-2)], tlv.TagResponseFormat2, tag)
		got := v.host.field55[0].get(tag)
		v.must(bytes.Equal(want, got) && len(want) > 0, "expected %s %X in the request to the issuer, got %X", tag, want, got)
	}
}
