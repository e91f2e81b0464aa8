package terminal

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	cashClause = "JR/T 0025.13"
	loadClause = "JR/T 0025.13, load"
)

// purse is a card with electronic cash over the contacts.
func purse(balance, threshold money.Fen) func(*spec) {
	return func(s *spec) { s.cash, s.balance, s.threshold = true, balance, threshold }
}

func cashLimit(s *Setup) money.Fen { return s.CashLimit }

var cashCases = []Case{
	{"cash-offered", text("Electronic cash is offered", "声明电子现金"), cashClause,
		text("Below the terminal's limit 9F7A is 01 in the PDOL's data.", "低于终端限额时 9F7A 为 01。"), end(offline), needCash, plan{face: Contact, card: purse(500_00, 0)}, func(v *verdict) {
			v.value(v.first(insGPO), tlv.TagECTerminalIndicator, 1)
		}},
	{"cash-paid", text("Paid from electronic cash", "电子现金支付"), cashClause,
		text("A TC is asked for, the card pays once, and the issuer is not asked.", "请求 TC，卡片扣款一次且不联机。"), end(offline), needCash, plan{face: Contact, card: purse(500_00, 0)}, func(v *verdict) {
			v.gac(0, gacTC)
			v.paid(1)
			v.asked(0)
		}},
	{"cash-threshold", text("Balance would fall below the threshold", "余额低于重置阈值"), cashClause,
		text("If 9F79 less the amount is below 9F6D an online-capable terminal asks for an ARQC.", "扣款后低于 9F6D 时联机终端请求 ARQC。"), end(online), needCash | needHost, plan{face: Contact, card: purse(20_00, 19_00)}, func(v *verdict) {
			v.gac(0, gacARQC)
			v.paid(0)
		}},
	{"cash-limit", text("At the terminal's limit", "达到终端限额"), cashClause,
		text("From the terminal's limit on electronic cash is not offered: 9F7A is 00.", "达到终端电子现金限额时 9F7A 为 00。"), follows, needCash,
		plan{face: Contact, amount: limit(cashLimit, 0), card: purse(2000_00, 0)}, func(v *verdict) {
			v.value(v.first(insGPO), tlv.TagECTerminalIndicator, 0)
		}},
	{"cash-short", text("Not enough electronic cash", "电子现金不足"), cashClause,
		text("A card without enough electronic cash goes on as debit/credit.", "电子现金不足时按借贷记进行。"), end(offline), needCash, plan{face: Contact, card: purse(1, 0)}, func(v *verdict) {
			v.paid(0)
			v.gac(0, gacTC)
			v.asked(0)
		}},
	{"cash-declined", text("Card declines", "卡片拒绝"), cashClause,
		text("An AAC to electronic cash is a decline.", "电子现金返回 AAC 时拒绝。"), end(declined), needCash, plan{face: Contact, card: several(purse(500_00, 0), given(gacAAC))}, func(v *verdict) {
			v.paid(0)
		}},
	{"cash-torn-before", text("Pulled out before the cryptogram", "生成密文前拔卡"), cashClause,
		text("A card pulled out before GENERATE AC has paid nothing.", "生成密文前拔卡未扣款。"), end(lost), needCash,
		plan{face: Contact, card: several(purse(500_00, 0), func(s *spec) { s.edits = append(s.edits, atRecord(2, 2).unheard()) })}, func(v *verdict) {
			v.paid(0)
		}},
	{"cash-torn", text("Pulled out at the cryptogram", "生成密文时拔卡"), cashClause,
		text("If the answer to GENERATE AC is lost nobody knows whether the card has paid: a doubt.", "GENERATE AC 应答丢失时存疑。"), end(doubt), needCash,
		plan{face: Contact, card: several(purse(500_00, 0), func(s *spec) { s.edits = append(s.edits, at(insGAC, 1).unheard()) })}, func(v *verdict) {
			v.paid(1)
		}},
}

// loads is a plan for a load of the small amount.
func loads(r reply, more ...func(*spec)) plan {
	return plan{face: Contact, kind: Load, host: r, card: several(append([]func(*spec){purse(100_00, 0)}, more...)...)}
}

var loadCases = []Case{
	{"load-good", text("Load", "圈存"), loadClause,
		text("A load asks for an ARQC with 9C 60, and the issuer's script 72 raises the balance.", "圈存以 9C=60 请求 ARQC，脚本 72 增加余额。"), end(online), needLoad | needHost, loads(reply{load: 50_00}), func(v *verdict) {
			x := v.gac(0, gacARQC)
			v.value(x, tlv.TagTransactionType, 0x60)
			v.asked(1)
			v.scripted(0, 1)
			v.must(v.card.balance == 150_00, "expected a balance of 150.00 on the card, got %v", v.card.balance)
		}},
	{"load-declined", text("Load declined", "圈存被拒"), loadClause,
		text("If the issuer declines nothing is loaded.", "发卡行拒绝时不圈存。"), end(declined), needLoad | needHost, loads(reply{code: "51"}), func(v *verdict) {
			v.gac(1, gacAAC)
			v.must(v.card.balance == 100_00, "expected the balance to stay, got %v", v.card.balance)
		}},
	{"load-silent", text("Load, issuer not reached", "圈存无法联机"), loadClause,
		text("Without the issuer there is no load.", "无法联机时不圈存。"), end(declined, failed), needLoad | needHost, loads(reply{unreachable: true}), func(v *verdict) {
			v.must(v.card.balance == 100_00, "expected the balance to stay, got %v", v.card.balance)
		}},
	{"load-script-fails", text("Load script refused by the card", "圈存脚本失败"), loadClause,
		text("If the card refuses the script the load is no success.", "卡片拒绝脚本时圈存不成功。"), end(declined, failed, doubt), needLoad | needHost,
		loads(reply{load: 50_00}, func(s *spec) { s.edits = append(s.edits, at(insPutData, 1).refused(apdu.SWMACWrong)) }), func(v *verdict) {
			v.must(v.card.balance == 100_00, "expected the balance to stay, got %v", v.card.balance)
		}},
	{"load-script-result", text("Result of the load script is told", "上送圈存脚本结果"), loadClause,
		text("The message that undoes a failed load has the script's result, DF31, which says that it failed.", "冲正报文含脚本结果 DF31，标明失败。"), end(declined, failed, doubt), needLoad | needHost,
		loads(reply{load: 50_00}, func(s *spec) { s.edits = append(s.edits, at(insPutData, 1).refused(apdu.SWMACWrong)) }), func(v *verdict) {
			if v.must(v.host.reversed > 0, "expected a reversal of the issuer's approval") {
				r := v.host.results.get(tlv.TagIssuerScriptResult)
				v.must(len(r) >= 5 && r[0]>>4 == 1, "expected DF31 with a failed script in the reversal, got %X", r)
			}
		}},
	{"unload-good", text("Unload", "圈提"), "JR/T 0025.13, unload",
		text("An unload asks for an ARQC, and the issuer's script sets the balance to zero.", "圈提请求 ARQC，脚本将余额置零。"), end(online), needLoad | needHost,
		plan{face: Contact, kind: Unload, amount: func(*Setup) money.Fen { return 0 }, host: reply{unload: true}, card: purse(100_00, 0)}, func(v *verdict) {
			v.gac(0, gacARQC)
			v.scripted(0, 1)
			v.must(v.card.balance == 0, "expected an empty purse, got %v", v.card.balance)
		}},
	{"load-torn", text("Load script unanswered", "圈存脚本无应答"), loadClause,
		text("If the answer to the load script is lost the load is a doubt.", "圈存脚本应答丢失时存疑。"), end(doubt), needLoad | needHost,
		loads(reply{load: 50_00}, func(s *spec) { s.edits = append(s.edits, at(insPutData, 1).unheard()) }), func(*verdict) {}},
}

// pulled has the card leave at a command over the contacts, where nothing was paid.
func pulled(id string, name, purpose [2]string, needs need, p plan, reversal bool) Case {
	return Case{"pulled-" + id, text(name[0], name[1]), "EMV Book 4, 6.3 and 10", text(purpose[0], purpose[1]), end(lost, failed), needs, p, func(v *verdict) {
		if reversal {
			v.must(v.host.reversed > 0, "expected a reversal of the issuer's approval")
		}
	}}
}

func pulledAt(e func() *edit) plan {
	return plan{face: Contact, card: func(s *spec) { s.edits = append(s.edits, e()) }}
}

var tornContactCases = []Case{
	pulled("select", [2]string{"At SELECT", "选应用时拔卡"}, [2]string{"Nothing has happened.", "未发生交易。"}, 0, pulledAt(func() *edit { return at(insSelect, 1).lost() }), false),
	pulled("options", [2]string{"At processing options", "取处理选项时拔卡"}, [2]string{"Nothing has been paid.", "未扣款。"}, 0, pulledAt(func() *edit { return at(insGPO, 1).unheard() }), false),
	pulled("record", [2]string{"At a record", "读记录时拔卡"}, [2]string{"Nothing has been paid.", "未扣款。"}, 0, pulledAt(func() *edit { return atRecord(2, 1).lost() }), false),
	pulled("authentication", [2]string{"At INTERNAL AUTHENTICATE", "内部认证时拔卡"}, [2]string{"Nothing has been paid.", "未扣款。"}, needDDA, pulledAt(func() *edit { return at(insInternal, 1).unheard() }), false),
	pulled("cryptogram", [2]string{"At the first GENERATE AC", "首次生成密文时拔卡"}, [2]string{"A debit/credit transaction without a cryptogram is not approved.", "借贷记无密文时不批准。"}, 0, pulledAt(func() *edit { return at(insGAC, 1).unheard() }), false),
	pulled("pin", [2]string{"At VERIFY", "验证密码时拔卡"}, [2]string{"Nothing has been paid.", "未扣款。"}, needPlainPIN,
		plan{face: Contact, card: several(rules(cvmPlain, always), func(s *spec) { s.edits = append(s.edits, at(insVerify, 1).unheard()) })}, false),
	pulled("external", [2]string{"At EXTERNAL AUTHENTICATE", "外部认证时拔卡"}, [2]string{"The issuer has approved: a reversal is sent.", "发卡行已批准，须冲正。"}, needHost,
		toIssuer(reply{}, func(s *spec) { s.edits = append(s.edits, at(insExternal, 1).unheard()) }), true),
	pulled("second", [2]string{"At the second GENERATE AC", "第二次生成密文时拔卡"}, [2]string{"The issuer has approved: a reversal is sent.", "发卡行已批准，须冲正。"}, needHost,
		toIssuer(reply{}, func(s *spec) { s.edits = append(s.edits, at(insGAC, 2).unheard()) }), true),
}
