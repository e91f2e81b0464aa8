package terminal

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Applications of other schemes beside a bank's on one card. None is a shop's business.
var (
	tunion    = entry{aid: []byte{0xA0, 0x00, 0x00, 0x06, 0x32, 0x01, 0x01, 0x05}, label: "T-UNION"}                            // JT/T 978
	cityUnion = entry{aid: []byte{0xA0, 0x00, 0x00, 0x00, 0x03, 0x86, 0x98, 0x07, 0x01}, label: "CITY UNION"}                   // under the RID of another scheme
	social    = entry{aid: append([]byte("sx1.sh."), 0xC9, 0xE7, 0xBB, 0xE1, 0xB1, 0xA3, 0xD5, 0xCF), label: "SOCIAL SECURITY"} // LD/T 32
	memberish = entry{aid: []byte{0xF0, 0x42, 0x4A, 0x54, 0x01}, label: "CITY PASS"}                                            // proprietary
	others    = []entry{tunion, cityUnion, social, memberish}
)

const appsClause = "EMV Book 1, 12.4; JT/T 978; LD/T 32"

// beside puts applications into the directory, before the bank's or behind it.
func beside(front, back []entry) func(*spec) {
	return func(s *spec) {
		s.entries = slices.Concat(front, s.entries, back)
		for i := range s.entries {
			s.entries[i].priority = byte(i + 1)
		}
	}
}

// only is a card that has these applications and none of a bank's.
func only(list ...entry) func(*spec) {
	return func(s *spec) { s.entries = nil; beside(list, nil)(s) }
}

// passedOver wants no application of another scheme to be selected.
func (v *verdict) passedOver() {
	for _, x := range v.all(insSelect) {
		for _, e := range others {
			v.must(!bytes.Equal(x.cmd.Data, e.aid), "expected no SELECT of %s (%X)", e.label, e.aid)
		}
	}
}

// bankCase is a case about a card with other applications beside a bank's, which pays.
func bankCase(id string, face Interface, name, purpose [2]string, want []byte, card func(*spec)) Case {
	return Case{"apps-" + id, text(name[0], name[1]), appsClause, text(purpose[0], purpose[1]), end(offline), 0, plan{face: face, card: card}, func(v *verdict) {
		v.selected(want)
		v.passedOver()
		v.asked(0)
	}}
}

// noBankCase is a case about a card with which a shop can do nothing.
func noBankCase(id string, face Interface, name, purpose [2]string, card func(*spec)) Case {
	return Case{"apps-" + id, text(name[0], name[1]), appsClause, text(purpose[0], purpose[1]), end(failed, declined, other), 0, plan{face: face, card: card}, func(v *verdict) {
		v.passedOver()
		v.count(insGPO, 0)
		v.asked(0)
		v.must(len(v.all(insSelect)) > 0, "expected the terminal to look at the card")
	}}
}

var applicationCases = []Case{
	bankCase("tunion", Contactless, [2]string{"T-Union purse first", "交通联合钱包在前"}, [2]string{"A T-Union purse of better priority is passed over and the bank's application pays.", "优先级更高的交通联合应用被跳过，由银行应用支付。"}, debit,
		beside([]entry{tunion}, nil)),
	bankCase("city-union", Contactless, [2]string{"City Union purse first", "互联互通钱包在前"}, [2]string{"A City Union purse, whose name begins like that of a payment scheme, is passed over.", "名称前缀与其他支付组织相同的互联互通应用被跳过。"}, debit,
		beside([]entry{cityUnion}, nil)),
	bankCase("social", Contactless, [2]string{"Social security first", "社保应用在前"}, [2]string{"A name that is no registered identifier (sx1.sh.) is passed over.", "非注册应用标识的名称（sx1.sh.）被跳过。"}, debit,
		beside([]entry{social}, nil)),
	bankCase("livelihood", Contactless, [2]string{"Livelihood card", "民生一卡通"}, [2]string{"Of five applications in the directory only the bank's is selected.", "目录中五个应用仅选择银行应用。"}, debit,
		beside(others[:2], others[2:])),
	bankCase("blocked", Contactless, [2]string{"Blocked application, purse, bank", "锁定应用、钱包、银行"}, [2]string{"Behind a blocked bank application and a purse the next bank application is taken.", "银行应用锁定且其后为钱包时，取下一个银行应用。"}, credit,
		func(s *spec) {
			two(1, 3)(s)
			s.entries[0].status = apdu.SWInvalidated
			s.entries = slices.Insert(s.entries, 1, entry{aid: tunion.aid, label: tunion.label, priority: 2})
		}),
	bankCase("no-priority", Contactless, [2]string{"Purse with priority, bank without", "钱包有优先级而银行无"}, [2]string{"A purse's priority does not put it before a bank application without one.", "银行应用无优先级时仍不选择钱包。"}, debit,
		func(s *spec) {
			beside([]entry{tunion}, nil)(s)
			s.entries[1].priority = 0
		}),
	bankCase("directory-long", Contactless, [2]string{"Directory of nine applications", "九个应用的目录"}, [2]string{"A long directory is read whole: the bank's application stands last.", "长目录须完整解析，银行应用位于末尾。"}, debit,
		func(s *spec) {
			var front []entry
			for i := range 8 {
				e := others[i%2]
				front = append(front, entry{aid: append(bytes.Clone(e.aid), byte(i)), label: "P"})
			}
			beside(front, nil)(s)
		}),
	noBankCase("purse-only", Contactless, [2]string{"Card with a purse only", "仅有钱包的卡片"}, [2]string{"A card that has a T-Union purse and nothing else is not accepted, and not touched further.", "仅有交通联合钱包的卡片不受理，不再操作。"}, only(tunion)),
	noBankCase("purses-only", Contactless, [2]string{"Card with two purses", "仅有两个钱包的卡片"}, [2]string{"Two purses and a social security application make no payment card.", "两个钱包与社保应用不构成支付卡。"}, only(tunion, cityUnion, social)),
	noBankCase("blocked-purse", Contactless, [2]string{"Blocked application and a purse", "银行应用锁定且有钱包"}, [2]string{"If the bank's application is blocked the purse behind it is no way out.", "银行应用锁定时不得改用其后的钱包。"},
		func(s *spec) {
			beside(nil, []entry{tunion})(s)
			s.entries[0].status = apdu.SWInvalidated
		}),
	bankCase("contact", Contact, [2]string{"Purse first over the contacts", "接触式目录钱包在前"}, [2]string{"A purse in the first record of the contact directory is passed over.", "接触式目录首条为钱包时跳过。"}, debit,
		beside([]entry{tunion}, nil)),
	bankCase("contact-list", Contact, [2]string{"Purse and no directory", "有钱包而无目录"}, [2]string{"Without a directory the terminal's own list finds the bank's application and no other.", "无目录时按自身列表仅找到银行应用。"}, debit,
		func(s *spec) {
			beside([]entry{cityUnion}, nil)(s)
			s.noDirectory = apdu.SWFileNotFound
		}),
	noBankCase("contact-purse-only", Contact, [2]string{"Purse only, over the contacts", "接触式仅有钱包"}, [2]string{"A contact directory that lists a purse only leads to no purchase.", "接触式目录仅列钱包时不交易。"}, only(tunion)),
	{"apps-choice", text("Choice without the purse", "可选应用不含钱包"), chooseClause,
		text("The list shown to the cardholder has what the terminal supports: the second of it is the second bank application, though a purse stands between.", "向持卡人列出的仅为受理的应用：第二项为第二个银行应用，其间的钱包不列出。"), end(offline), needChoice,
		plan{face: Contact, choice: 1, card: func(s *spec) {
			two(1, 3)(s)
			s.entries = slices.Insert(s.entries, 1, entry{aid: tunion.aid, label: tunion.label, priority: 2})
		}}, func(v *verdict) {
			v.selected(credit)
			v.passedOver()
			v.asked(0)
		}},
	{"apps-transit-card", text("Bank card with extension and purse", "带扩展应用与钱包的银行卡"), appsClause,
		text("A card with a purse and the low-value extension pays a shop by its bank application, with DF60 00.", "同时带钱包与小额扩展的卡片以银行应用支付，DF60 为 00。"), end(offline), 0,
		plan{face: Contactless, card: several(transit(2), beside([]entry{tunion}, nil))}, func(v *verdict) {
			v.selected(debit)
			v.passedOver()
			v.value(v.first(insGPO), tlv.TagCAPPIndicator, 0)
			v.paid(1)
		}},
}
