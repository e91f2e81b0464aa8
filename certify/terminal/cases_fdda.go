package terminal

import (
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const fddaClause = "JR/T 0025.12, fast DDA"

// forged is a case whose card is not genuine in one way: it must not be approved. Where
// 9F6C asks for nothing else, the terminal declines; as the card has paid, it may call
// that a doubt.
func forged(id string, name, purpose [2]string, card func(*spec)) Case {
	return Case{"fdda-" + id, text(name[0], name[1]), fddaClause, text(purpose[0], purpose[1]), end(declined, doubt), 0,
		plan{face: Contactless, card: card}, func(*verdict) {}}
}

// spoiled alters the card after it was signed.
func spoiled(f func(*spec)) func(*spec) { return func(s *spec) { s.spoil = f } }

// badSignature spoils the dynamic signature of the qPBOC answer.
func badSignature(s *spec) {
	s.options = func(o *objects) {
		if v := o.get(tlv.TagSDAD); len(v) > 0 {
			v[len(v)/2] ^= 1
		}
	}
}

var fddaCases = []Case{
	{"fdda-rsa", text("Genuine RSA card", "正常 RSA 卡"), fddaClause,
		text("A card with RSA certificates and a right signature is approved.", "RSA 证书与签名正确时批准。"), end(offline), 0, plan{face: Contactless}, func(v *verdict) { v.asked(0) }},
	{"fdda-sm2", text("Genuine SM2 card", "正常 SM2 卡"), "JR/T 0025.17, fDDA",
		text("A card with SM2 certificates and a right signature is approved.", "SM2 证书与签名正确时批准。"), end(offline), needSM, plan{face: Contactless, card: func(s *spec) { s.sm = true }}, func(v *verdict) { v.asked(0) }},
	{"fdda-00", text("Card of version 00", "fDDA 00 版本卡"), fddaClause,
		text("A card whose signed 9F08 is below 0030 signs without 9F69 and may be approved, unless the terminal wants version 01.", "9F08 低于 0030 的卡片签名不含 9F69，终端可批准或按策略拒绝。"), end(offline, declined, doubt), 0,
		plan{face: Contactless, card: func(s *spec) { s.fdda = 0; s.change(tlv.TagVersionCard, 0x00, 0x20) }}, func(*verdict) {}},
	{"fdda-sm2-forged", text("Wrong SM2 signature", "SM2 签名错误"), "JR/T 0025.17, fDDA",
		text("A wrong SM2 signature is not approved.", "SM2 签名错误时不得批准。"), end(declined, doubt), needSM,
		plan{face: Contactless, card: func(s *spec) { s.sm = true; badSignature(s) }}, func(*verdict) {}},
	forged("signature", [2]string{"Wrong signature", "签名错误"}, [2]string{"A wrong 9F4B is not approved.", "9F4B 错误时不得批准。"}, badSignature),
	forged("no-signature", [2]string{"No signature", "缺少签名"}, [2]string{"A card without 9F4B is not approved.", "缺少 9F4B 时不得批准。"}, without(tlv.TagSDAD)),
	forged("counter", [2]string{"Signature over another counter", "签名的计数器不符"}, [2]string{"A signature over another counter is not approved.", "签名所含计数器不符时不得批准。"}, func(s *spec) { s.signATC = 1 }),
	forged("static", [2]string{"Altered record", "记录被改"}, [2]string{"A record altered after certification is not approved.", "静态数据被改时不得批准。"}, spoiled(func(s *spec) { s.change(tlv.TagAUC, 0xFF, 0x80) })),
	forged("issuer-cert", [2]string{"Altered issuer certificate", "发卡行证书错误"}, [2]string{"A wrong 90 is not approved.", "90 错误时不得批准。"}, spoiled(func(s *spec) { s.flip(tlv.TagIssuerCertificate) })),
	forged("card-cert", [2]string{"Altered card certificate", "卡片证书错误"}, [2]string{"A wrong 9F46 is not approved.", "9F46 错误时不得批准。"}, spoiled(func(s *spec) { s.flip(tlv.TagICCCertificate) })),
	forged("no-issuer-cert", [2]string{"No issuer certificate", "缺少发卡行证书"}, [2]string{"A card without 90 is not approved.", "缺少 90 时不得批准。"}, spoiled(func(s *spec) { s.drop(tlv.TagIssuerCertificate) })),
	forged("no-card-cert", [2]string{"No card certificate", "缺少卡片证书"}, [2]string{"A card without 9F46 is not approved.", "缺少 9F46 时不得批准。"}, spoiled(func(s *spec) { s.drop(tlv.TagICCCertificate) })),
	forged("no-index", [2]string{"No CA key index", "缺少认证中心公钥索引"}, [2]string{"A card without 8F is not approved.", "缺少 8F 时不得批准。"}, spoiled(func(s *spec) { s.drop(tlv.TagCAKeyIndex) })),
	forged("unknown-index", [2]string{"Unknown CA key", "未知认证中心公钥"}, [2]string{"A card under a CA key that the terminal does not have is not approved.", "终端无对应认证中心公钥时不得批准。"}, func(s *spec) { s.index = 0xF1 }),
	forged("issuer-expired", [2]string{"Expired issuer certificate", "发卡行证书过期"}, [2]string{"An expired issuer certificate is not approved.", "发卡行证书过期时不得批准。"}, func(s *spec) { s.issuerEnd = [2]byte{0x12, 0x20} }),
	forged("card-expired", [2]string{"Expired card certificate", "卡片证书过期"}, [2]string{"An expired card certificate is not approved.", "卡片证书过期时不得批准。"}, func(s *spec) { s.cardEnd = [2]byte{0x12, 0x20} }),
	forged("other-issuer", [2]string{"Certificate of another issuer", "证书发卡行标识不符"}, [2]string{"An issuer identifier that is not the beginning of the account number is not approved.", "发卡行标识与卡号不符时不得批准。"}, func(s *spec) { s.issuerID = [4]byte{0x45, 0x32, 0x10, 0xFF} }),
	forged("other-number", [2]string{"Certificate of another card", "证书卡号不符"}, [2]string{"A certificate for another account number is not approved.", "证书卡号不符时不得批准。"}, func(s *spec) { s.certPAN = accountNumber(9999999) }),
	forged("no-proof", [2]string{"No 9F69 from a card of version 01", "01 版本卡缺少 9F69"}, [2]string{"A card whose signed 9F08 is 0030 must give 9F69.", "9F08 为 0030 的卡片必须给出 9F69。"}, func(s *spec) { s.fdda = 0 }),
	forged("other-proof", [2]string{"Another 9F69 than was signed", "9F69 与签名不符"}, [2]string{"A 9F69 that the signature does not cover is not approved.", "9F69 与签名不符时不得批准。"}, func(s *spec) {
		s.records[3].objects.set(tlv.TagCardAuthenticationData, 1, 9, 9, 9, 9, 0, 0, 0)
	}),
	forged("other-qualifiers", [2]string{"9F6C altered on its way", "9F6C 被改"}, [2]string{"The 9F6C of the answer must be the one inside 9F69.", "应答 9F6C 须与 9F69 所含一致。"}, with(tlv.TagCTQ, 0x40, 0x00)),
	{"fdda-failed-online", text("Failed, and the card asks to go online", "认证失败转联机"), "JR/T 0025.12, 9F6C",
		text("With 9F6C byte 1 bit 6 the issuer decides if authentication fails.", "9F6C 字节 1 的 b6 置位时认证失败转联机。"), end(online, declined, doubt), needHost,
		plan{face: Contactless, card: func(s *spec) { s.ctq[0] |= 0x20; s.signATC = 1 }}, func(*verdict) {}},
	{"fdda-failed-switch", text("Failed, and the card asks for the contacts", "认证失败换界面"), "JR/T 0025.12, 9F6C",
		text("With 9F6C byte 1 bit 5 and a contact slot the terminal goes there if authentication fails.", "9F6C 字节 1 的 b5 置位且有接触界面时认证失败换界面。"), end(other, declined, doubt), 0,
		plan{face: Contactless, card: func(s *spec) { s.ctq[0] |= 0x10; s.signATC = 1 }}, func(*verdict) {}},
}

const tornClause = "JR/T 0025.12, torn transactions"

// torn has the card leave at a command, heard or not, and says what is certain then.
func torn(id string, name, purpose [2]string, e func() *edit, paid int, words ...string) Case {
	return Case{"torn-air-" + id, text(name[0], name[1]), tornClause, text(purpose[0], purpose[1]), words, 0,
		plan{face: Contactless, card: func(s *spec) { s.edits = append(s.edits, e()) }}, func(v *verdict) { v.paid(paid) }}
}

// returning is a card that leaves at an edit and comes back.
func returning(e func() *edit) plan {
	return plan{face: Contactless, again: true, card: func(s *spec) { s.edits = append(s.edits, e()) }}
}

var tornAirCases = []Case{
	torn("directory", [2]string{"Gone at the directory", "选目录时离开"}, [2]string{"A card that leaves at once has paid nothing.", "选目录时离开的卡片未扣款。"},
		func() *edit { return at(insSelect, 1).lost() }, 0, lost),
	torn("select", [2]string{"Gone at the application", "选应用时离开"}, [2]string{"A card that leaves at SELECT has paid nothing.", "选应用时离开的卡片未扣款。"},
		func() *edit { return at(insSelect, 2).unheard() }, 0, lost),
	torn("options", [2]string{"Gone before processing options", "取处理选项前离开"}, [2]string{"Without an answer to GET PROCESSING OPTIONS nothing was paid.", "无处理选项应答时未扣款。"},
		func() *edit { return at(insGPO, 1).lost() }, 0, lost),
	torn("options-answer", [2]string{"Gone with the options' answer", "处理选项应答丢失"}, [2]string{"If the answer to GET PROCESSING OPTIONS is lost nothing was paid.", "处理选项应答丢失时未扣款。"},
		func() *edit { return at(insGPO, 1).unheard() }, 0, lost),
	torn("record", [2]string{"Gone at the first record", "读首条记录时离开"}, [2]string{"A card that leaves with its TC but before the last record leaves a doubt, and is not approved.", "返回 TC 后在最后记录前离开记为存疑，不得批准。"},
		func() *edit { return atRecord(1, 1).unheard() }, 0, doubt),
	torn("before-last", [2]string{"Gone at the record before the last", "倒数第二条记录时离开"}, [2]string{"A card that leaves just before the last record leaves a doubt, and is not approved.", "读最后记录前离开记为存疑，不得批准。"},
		func() *edit { return atRecord(2, 2).unheard() }, 0, doubt),
	torn("last-unheard", [2]string{"Last record asked for, card gone unpaid", "最后记录未达卡片"}, [2]string{"If the last READ RECORD does not reach the card nobody knows: a doubt.", "最后读记录未达卡片时存疑。"},
		func() *edit { return atRecord(1, 2).lost() }, 0, doubt),
	torn("last-answer", [2]string{"Card has paid, its answer is lost", "扣款后应答丢失"}, [2]string{"If the answer to the last READ RECORD is lost nobody knows: a doubt.", "最后记录应答丢失时存疑。"},
		func() *edit { return atRecord(1, 2).unheard() }, 1, doubt),
	{"again-finished", text("Back after paying", "扣款后重刷"), tornClause,
		text("A card that has paid and comes back is asked for its last record before anything else, and the purchase is finished without paying again.", "已扣款的卡片重刷时先重读最后记录，不再次扣款。"), end(offline), needAgain,
		returning(func() *edit { return atRecord(1, 2).unheard() }), func(v *verdict) {
			v.paid(1)
			v.count(insGPO, 1)
		}},
	{"again-first", text("Last record before other questions", "重刷先读最后记录"), tornClause,
		text("Behind SELECT the first command to a card that is back is READ RECORD of the last record.", "重刷选择应用后第一条命令为读最后记录。"), end(offline, doubt), needAgain,
		returning(func() *edit { return atRecord(1, 2).unheard() }), func(v *verdict) {
			found := false
			for _, x := range v.card.seen {
				if x.life == 0 || x.cmd.INS == insSelect {
					continue
				}
				found = true
				v.must(x.cmd.INS == insRead && x.cmd.P1 == v.card.lastNumber() && x.cmd.P2>>3 == v.card.lastFile(),
					"expected the last record to be read first when the card is back, got %s", insName(x.cmd.INS))
				break
			}
			v.must(found, "expected the card to be looked at when it is back")
		}},
	{"again-unpaid", text("Back without having paid", "未扣款重刷"), tornClause,
		text("A card that has not paid and comes back pays once in all.", "未扣款的卡片重刷后共扣款一次。"), end(offline, doubt), needAgain,
		returning(func() *edit { return atRecord(1, 2).lost() }), func(v *verdict) {
			v.must(v.card.paid <= 1, "expected the card to pay once at most, it paid %s", timesOver(v.card.paid))

			v.must(v.reported.Outcome != offline || v.card.paid == 1, "expected an approval only if the card has paid")
		}},
	{"again-early", text("Back after leaving early", "提前离开后重刷"), tornClause,
		text("A card that left before the last record pays at most once when it is back.", "最后记录前离开的卡片重刷后至多扣款一次。"), end(offline, doubt), needAgain,
		returning(func() *edit { return atRecord(2, 1).unheard() }), func(v *verdict) {
			v.must(v.card.paid <= 1, "expected the card to pay once at most, it paid %s", timesOver(v.card.paid))
		}},
	{"again-forged", text("Back with a wrong record", "重刷记录被改"), tornClause,
		text("A repeated last record that the signature does not cover finishes nothing.", "重读的最后记录与签名不符时不得批准。"), end(doubt, declined, failed), needAgain,
		returning(func() *edit {
			e := atRecord(1, 2)
			e.nth = 0
			e.do = func(x *exchange) {
				if x.life == 0 {
					x.gone = true
				} else if x.sw() == apdu.SWOK && len(x.answer) > 14 {
					x.answer[len(x.answer)-8] ^= 1
				}
			}
			return e
		}), func(v *verdict) {
			v.must(v.card.paid == 1, "expected the card to have paid once, it paid %s", timesOver(v.card.paid))
		}},
}
