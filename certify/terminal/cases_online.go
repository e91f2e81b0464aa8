package terminal

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	onlineClause = "EMV Book 3, 10.8 and 10.9"
	scriptClause = "EMV Book 3, 10.10"
)

// toIssuer is a plan whose card wants the issuer.
func toIssuer(r reply, more ...func(*spec)) plan {
	return plan{face: Contact, host: r, card: several(append([]func(*spec){given(gacARQC)}, more...)...)}
}

// code wants the issuer's code in 8A of the second GENERATE AC.
func (v *verdict) code(code string) { v.value(v.nth(insGAC, 1), tlv.TagARC, []byte(code)...) }

var onlineCases = []Case{
	{"online-approved", text("Issuer approves", "发卡行批准"), onlineClause,
		text("EXTERNAL AUTHENTICATE with 91, then a TC asked for with the issuer's code in 8A.", "外部认证后以发卡行应答码请求 TC。"), end(online), needHost, toIssuer(reply{}), func(v *verdict) {
			v.asked(1)
			v.count(insExternal, 1)
			x := v.first(insExternal)
			v.must(x.sw() == apdu.SWOK, "expected issuer authentication data that the card accepts, got %v", x.sw())
			v.gac(1, gacTC)
			v.code("00")
			v.bits(v.nth(insGAC, 1).values[tlv.TagTVR], false, bitIssuer)
		}},
	{"online-sm", text("Issuer approves an SM card", "国密卡联机批准"), "JR/T 0025.17",
		text("An SM4 card goes online like any other.", "SM4 卡片联机流程相同。"), end(online), needHost | needSM, toIssuer(reply{}, national), func(v *verdict) {
			v.asked(1)
			v.gac(1, gacTC)
		}},
	{"online-message", text("What the issuer is told", "联机报文数据"), "GB/T 15150, field 55",
		text("The request has the ARQC and the data that it covers.", "请求含 ARQC 及其覆盖的数据。"), end(online), needHost, toIssuer(reply{}), func(v *verdict) {
			if !v.asked(1) || !v.tx.Host {
				return
			}
			x, o := v.first(insGAC), v.host.field55[0]
			for _, tag := range []tlv.Tag{tlv.TagUN, tlv.TagTVR, tlv.TagTransactionDate, tlv.TagTransactionType, tlv.TagAmountAuthorised, tlv.TagTransactionCurrency, tlv.TagTerminalCountry, tlv.TagCVMResults, tlv.TagTerminalCapabilities} {
				v.must(bytes.Equal(o.get(tag), x.values[tag]), "expected %s %X in field 55, as in CDOL1, got %X", tag, x.values[tag], o.get(tag))
			}
			v.must(bytes.Equal(o.get(tlv.TagAC), v.card.ac1[:]), "expected the ARQC %X in field 55, got %X", v.card.ac1, o.get(tlv.TagAC))
			v.must(bytes.Equal(o.get(tlv.TagCID), []byte{gacARQC}), "expected 9F27 80 in field 55, got %X", o.get(tlv.TagCID))
			v.must(bytes.Equal(o.get(tlv.TagATC), v.card.counter()), "expected 9F36 %X in field 55, got %X", v.card.counter(), o.get(tlv.TagATC))
		}},
	{"online-declined", text("Issuer declines", "发卡行拒绝"), onlineClause,
		text("An AAC is asked for with the issuer's code.", "以发卡行应答码请求 AAC。"), end(declined), needHost, toIssuer(reply{code: "51"}), func(v *verdict) {
			v.gac(1, gacAAC)
			v.code("51")
		}},
	{"online-silent", text("Issuer not reached", "无法联机"), actionClause,
		text("With nothing in the TVR a TC is asked for with Y3, or an AAC with Z3 if the terminal's default code says so.", "无法联机时按默认代码以 Y3 请求 TC 或以 Z3 请求 AAC。"), end(offline, declined), needHost, toIssuer(reply{unreachable: true}), func(v *verdict) {
			v.count(insExternal, 0)
			x := v.nth(insGAC, 1)
			arc := string(x.values[tlv.TagARC])
			v.must(len(x.raw) == 0 || arc == "Y3" && x.cmd.P1&0xC0 == gacTC || arc == "Z3" && x.cmd.P1&0xC0 == gacAAC, "expected a TC with Y3 or an AAC with Z3, got %s with %q", kindName(x.cmd.P1&0xC0), arc)
		}},
	{"online-silent-declines", text("Issuer not reached, card declines", "无法联机且卡片拒绝"), actionClause,
		text("If the card answers the offline approval with an AAC the purchase is declined.", "卡片以 AAC 应答时拒绝。"), end(declined), needHost, toIssuer(reply{unreachable: true}, func(s *spec) { s.second = gacAAC }), func(*verdict) {}},
	{"online-wrong-answer", text("Wrong issuer authentication", "发卡行认证失败"), "EMV Book 3, 10.9",
		text("6300 to EXTERNAL AUTHENTICATE sets TVR byte 5 bit 7 in CDOL2, and the card's AAC declines.", "外部认证应答 6300 时 TVR 字节 5 的 b7 置位。"), end(declined), needHost, toIssuer(reply{arpc: arpcWrong}), func(v *verdict) {
			v.count(insExternal, 1)
			v.tvr2(true, bitIssuer)
		}},
	{"online-no-data", text("No issuer authentication data", "无发卡行认证数据"), "EMV Book 3, 10.9",
		text("Without 91 there is no EXTERNAL AUTHENTICATE.", "无 91 时不发送外部认证。"), end(online), needHost, toIssuer(reply{arpc: arpcNone}), func(v *verdict) {
			v.count(insExternal, 0)
			v.gac(1, gacTC)
		}},
	{"online-not-supported", text("Card without issuer authentication", "卡片不支持发卡行认证"), "EMV Book 3, 10.9",
		text("Without bit 3 of the AIP there is no EXTERNAL AUTHENTICATE.", "AIP 的 b3 为零时不发送外部认证。"), end(online), needHost, toIssuer(reply{}, func(s *spec) { s.aip[0] &^= aipIssuerAuth }), func(v *verdict) {
			v.count(insExternal, 0)
			v.gac(1, gacTC)
		}},
	{"online-card-refuses", text("Issuer approves, card declines", "发卡行批准而卡片拒绝"), onlineClause,
		text("An AAC after the issuer's approval is a decline, and a reversal is sent.", "发卡行批准后卡片返回 AAC 时拒绝并冲正。"), end(declined), needHost, toIssuer(reply{}, func(s *spec) { s.second = gacAAC }), func(v *verdict) {
			v.must(v.host.reversed > 0, "expected a reversal of the issuer's approval")
		}},
	{"online-second-status", text("Second GENERATE AC refused", "第二次生成密文被拒"), onlineClause,
		text("A second GENERATE AC that is refused is no approval, and a reversal is sent.", "第二次生成密文被拒时不得批准并冲正。"), end(failed, declined, doubt), needHost, toIssuer(reply{}, func(s *spec) {
			s.edits = append(s.edits, at(insGAC, 2).status(apdu.SWConditions))
		}), func(v *verdict) {
			v.must(v.host.reversed > 0, "expected a reversal of the issuer's approval")
		}},
	{"online-second-arqc", text("Second cryptogram is an ARQC", "第二次返回 ARQC"), onlineClause,
		text("An ARQC to the second GENERATE AC is no approval.", "第二次返回 ARQC 时不得批准。"), end(failed, declined, doubt), needHost, toIssuer(reply{}, func(s *spec) { s.second = gacARQC }), func(v *verdict) {
			v.count(insGAC, 2)
		}},
	{"online-garbled-answer", text("Malformed field 55 of the issuer", "发卡行 55 域格式错误"), onlineClause,
		text("An answer of the issuer that cannot be read does not lead to a panic, and its scripts are not sent.", "发卡行应答无法解析时不发送脚本。"), end(offline, declined), needHost, toIssuer(reply{raw: []byte{0x91, 0x0A, 0x01}}), func(v *verdict) {
			v.must(v.card.scripts == 0, "expected no script commands")
		}},
	{"online-pin", text("Online PIN in the request", "请求中的联机密码"), cvmClause,
		text("With online PIN as the method the request has a PIN block.", "采用联机密码时请求含密码块。"), end(online), needHost | needOnlinePIN, toIssuer(reply{}, rules(cvmOnline, always)), func(v *verdict) {
			if v.asked(1) && v.tx.Host {
				v.must(v.host.asked[0].HasPIN, "expected a PIN in the request, there is none")
			}
		}},
}

// appBlock and pinUnblock are issuer scripts without data (JR/T 0025.5).
var (
	pinUnblock = []byte{0x84, 0x24, 0x00, 0x00}
	appUnblock = []byte{0x84, 0x18, 0x00, 0x00}
)

// sentScripts are the script commands that the card has seen, by INS, with where they came.
func (v *verdict) sentScripts() (before, after int) {
	second := false
	for _, x := range v.card.seen {
		if x.decoded && x.cmd.INS == insGAC && v.card.seen[0] != x && x == v.nthQuiet(insGAC, 1) {
			second = true
		}
		if x.decoded && (x.cmd.CLA == 0x84 || x.cmd.CLA == 0x04) {
			if second {
				after++
			} else {
				before++
			}
		}
	}
	return before, after
}

// nthQuiet is nth without a problem if there is none.
func (v *verdict) nthQuiet(ins byte, n int) *exchange {
	if all := v.all(ins); len(all) > n {
		return all[n]
	}
	return nil
}

// scripted wants so many script commands before and after the second GENERATE AC.
func (v *verdict) scripted(before, after int) {
	b, a := v.sentScripts()
	v.must(b == before && a == after, "expected %d script commands before and %d after the second GENERATE AC, got %d and %d", before, after, b, a)
}

var scriptCases = []Case{
	{"script-after", text("Script behind the last cryptogram", "末次密文后脚本"), scriptClause,
		text("Commands of template 72 come after the second GENERATE AC, as they are.", "模板 72 的命令在第二次生成密文之后原样发送。"), end(online), needHost, toIssuer(reply{after: [][]byte{pinUnblock}}), func(v *verdict) {
			v.scripted(0, 1)
			v.must(v.card.scripts == 1, "expected the card to carry the script out")
			v.must(len(v.reported.TSI) != 2 || v.reported.TSI[0]&0x04 != 0, "expected TSI byte 1 bit 3 (script processing performed) to be reported, got %X", v.reported.TSI)
		}},
	{"script-before", text("Script before the last cryptogram", "末次密文前脚本"), scriptClause,
		text("Commands of template 71 come before the second GENERATE AC.", "模板 71 的命令在第二次生成密文之前发送。"), end(online), needHost, toIssuer(reply{before: [][]byte{pinUnblock}}), func(v *verdict) {
			v.scripted(1, 0)
			v.must(v.card.scripts == 1, "expected the card to carry the script out")
			v.tvr2(false, bitBefore)
		}},
	{"script-both", text("Scripts on both sides", "前后脚本"), scriptClause,
		text("Both templates are carried out, each in its place.", "两种模板各在其位执行。"), end(online), needHost, toIssuer(reply{before: [][]byte{pinUnblock, appUnblock}, after: [][]byte{pinUnblock}}), func(v *verdict) {
			v.scripted(2, 1)
		}},
	{"script-fails-before", text("Script fails before", "前脚本失败"), scriptClause,
		text("A command that fails ends its script, and sets TVR byte 5 bit 6 in CDOL2.", "命令失败时停止该脚本，CDOL2 中 TVR 字节 5 的 b6 置位。"), end(online), needHost,
		toIssuer(reply{before: [][]byte{{0x84, 0x24, 0x00, 0x00, 0x04, 1, 2, 3, 4}, appUnblock}}), func(v *verdict) {
			v.scripted(1, 0)
			v.tvr2(true, bitBefore)
		}},
	{"script-fails-after", text("Script fails behind", "后脚本失败"), scriptClause,
		text("A command that fails ends its script, and the approval stands.", "命令失败时停止该脚本，批准仍有效。"), end(online), needHost,
		toIssuer(reply{after: [][]byte{{0x84, 0x24, 0x00, 0x00, 0x04, 1, 2, 3, 4}, appUnblock}}), func(v *verdict) {
			v.scripted(0, 1)
			v.bits(v.reported.TVR, true, bitAfter)
		}},
	{"script-warning", text("Warning is no failure", "警告不算失败"), scriptClause,
		text("62xx and 63xx do not end a script.", "62xx 与 63xx 不终止脚本。"), end(online), needHost,
		toIssuer(reply{after: [][]byte{pinUnblock, appUnblock}}, func(s *spec) { s.edits = append(s.edits, at(0x24, 1).status(0x6200)) }), func(v *verdict) {
			v.scripted(0, 2)
		}},
	{"script-declined", text("Script with a decline", "拒绝时的脚本"), scriptClause,
		text("Scripts are carried out when the issuer declines too.", "发卡行拒绝时也执行脚本。"), end(declined), needHost, toIssuer(reply{code: "05", after: [][]byte{pinUnblock}}), func(v *verdict) {
			v.gac(1, gacAAC)
			v.scripted(0, 1)
		}},
	{"script-malformed", text("Malformed script", "脚本格式错误"), scriptClause,
		text("A script template that cannot be read is not sent.", "无法解析的脚本不发送。"), follows, needHost,
		toIssuer(reply{raw: []byte{0x72, 0x05, 0x86, 0x09, 0x84, 0x24, 0x00}}), func(v *verdict) { v.scripted(0, 0) }},
}
