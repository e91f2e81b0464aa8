package terminal

import (
	"bytes"

	"github.com/citycard/citycard/wire/tlv"
)

const odaClause = "EMV Book 3, 10.3"

// Bits of the TVR (EMV Book 3, annex C5).
var (
	bitNoODA     = bit{1, 0x80}
	bitSDA       = bit{1, 0x40}
	bitMissing   = bit{1, 0x20}
	bitDDA       = bit{1, 0x08}
	bitCDA       = bit{1, 0x04}
	bitVersion   = bit{2, 0x80}
	bitExpired   = bit{2, 0x40}
	bitNotYet    = bit{2, 0x20}
	bitService   = bit{2, 0x10}
	bitNewCard   = bit{2, 0x08}
	bitCVM       = bit{3, 0x80}
	bitUnknown   = bit{3, 0x40}
	bitTries     = bit{3, 0x20}
	bitNoPad     = bit{3, 0x10}
	bitNoPIN     = bit{3, 0x08}
	bitOnlinePIN = bit{3, 0x04}
	bitFloor     = bit{4, 0x80}
	bitLower     = bit{4, 0x40}
	bitUpper     = bit{4, 0x20}
	bitForced    = bit{4, 0x08}
	bitIssuer    = bit{5, 0x40}
	bitBefore    = bit{5, 0x20}
	bitAfter     = bit{5, 0x10}
)

// methods gives a card its offline data authentication.
func methods(bits byte, more ...func(*spec)) func(*spec) {
	return func(s *spec) {
		s.aip[0] = s.aip[0]&^(aipSDA|aipDDA|aipCDA) | bits
		for _, f := range more {
			f(s)
		}
	}
}

func national(s *spec) { s.sm = true }

// static, dynamic and combined are cards that are not genuine under one method: the TVR
// says so in the first GENERATE AC.
func staticFails(id string, name, purpose [2]string, card func(*spec), bits ...bit) Case {
	return Case{"sda-" + id, text(name[0], name[1]), "EMV Book 2, 5", text(purpose[0], purpose[1]), follows, needSDA,
		plan{face: Contact, card: methods(aipSDA, card)}, func(v *verdict) {
			v.count(insInternal, 0)
			v.tvr(true, append(bits, bitSDA)...)
		}}
}

func dynamicFails(id string, name, purpose [2]string, card func(*spec), bits ...bit) Case {
	return Case{"dda-" + id, text(name[0], name[1]), "EMV Book 2, 6.5", text(purpose[0], purpose[1]), follows, needDDA,
		plan{face: Contact, card: methods(aipDDA, card)}, func(v *verdict) { v.tvr(true, append(bits, bitDDA)...) }}
}

// combinedOK wants CDA to be asked for and the transaction to be approved.
func combinedOK(v *verdict) {
	x := v.gac(0, gacTC)
	v.must(len(x.raw) == 0 || x.cmd.P1&gacCDA != 0, "expected CDA to be asked for in GENERATE AC, got P1 %02X", x.cmd.P1)
	v.count(insInternal, 0)
	v.asked(0)
}

// spoilCombined alters the answer to a GENERATE AC with CDA.
func spoilCombined(nth int, tag tlv.Tag) func(*spec) {
	return func(s *spec) {
		s.edits = append(s.edits, at(insGAC, nth).change(func(b []byte) []byte {
			if v, ok := tlv.Find(b, tlv.TagResponseFormat2, tag); ok && len(v) > 0 {
				if i := bytes.Index(b, v); i >= 0 {
					b[i+len(v)/2] ^= 1
				}
			}
			return b
		}))
	}
}

var odaCases = []Case{
	{"oda-none", text("Card without authentication", "卡片不支持脱机认证"), odaClause,
		text("Without a common method TVR byte 1 bit 8 is set.", "无共同认证方式时 TVR 字节 1 的 b8 置位。"), follows, 0, plan{face: Contact, card: methods(0)}, func(v *verdict) {
			v.tvr(true, bitNoODA)
			v.tvr(false, bitSDA, bitDDA, bitCDA)
		}},
	{"sda-good", text("SDA", "静态数据认证"), odaClause,
		text("A card with right signed static data is approved.", "静态签名正确时批准。"), end(offline), needSDA, plan{face: Contact, card: methods(aipSDA)}, func(v *verdict) {
			v.tvr(false, bitNoODA, bitSDA, bitMissing)
			v.asked(0)
		}},
	{"sda-good-sm2", text("SDA with SM2", "SM2 静态数据认证"), "JR/T 0025.17",
		text("A card with right SM2 signed static data is approved.", "SM2 静态签名正确时批准。"), end(offline), needSDA | needSM, plan{face: Contact, card: methods(aipSDA, national)}, func(v *verdict) {
			v.tvr(false, bitNoODA, bitSDA, bitMissing)
			v.asked(0)
		}},
	{"sda-code", text("Data authentication code", "数据认证代码"), "EMV Book 2, 5.4",
		text("After SDA the data authentication code goes into 9F45.", "SDA 成功后数据认证代码存入 9F45。"), follows, needSDA, plan{face: Contact, card: methods(aipSDA)}, func(v *verdict) {
			v.value(v.first(insGAC), tlv.TagDAC, 0xDA, 0xC1)
		}},
	staticFails("altered", [2]string{"SDA, altered record", "SDA 记录被改"}, [2]string{"Altered static data set TVR byte 1 bit 7.", "静态数据被改时 TVR 字节 1 的 b7 置位。"}, spoiled(func(s *spec) { s.change(tlv.TagAUC, 0xFF, 0x80) })),
	staticFails("signature", [2]string{"SDA, wrong signature", "SDA 签名错误"}, [2]string{"A wrong 93 sets TVR byte 1 bit 7.", "93 错误时 TVR 字节 1 的 b7 置位。"}, spoiled(func(s *spec) { s.flip(tlv.TagSSAD) })),
	staticFails("missing", [2]string{"SDA, no signature", "SDA 缺少签名"}, [2]string{"A missing 93 sets bits 7 and 6.", "缺少 93 时 b7 与 b6 置位。"}, spoiled(func(s *spec) { s.drop(tlv.TagSSAD) }), bitMissing),
	{"dda-good", text("DDA", "动态数据认证"), odaClause,
		text("INTERNAL AUTHENTICATE comes once with the DDOL's data, and a right signature is approved.", "发送一次内部认证，签名正确时批准。"), end(offline), needDDA, plan{face: Contact, card: methods(aipDDA)}, func(v *verdict) {
			v.count(insInternal, 1)
			x := v.first(insInternal)
			v.must(len(x.values[tlv.TagUN]) == 4, "expected the data of the DDOL in INTERNAL AUTHENTICATE, got %X", x.cmd.Data)
			v.tvr(false, bitNoODA, bitDDA, bitMissing)
			v.asked(0)
		}},
	{"dda-good-sm2", text("DDA with SM2", "SM2 动态数据认证"), "JR/T 0025.17",
		text("A right SM2 signature is approved.", "SM2 动态签名正确时批准。"), end(offline), needDDA | needSM, plan{face: Contact, card: methods(aipDDA, national)}, func(v *verdict) {
			v.tvr(false, bitNoODA, bitDDA, bitMissing)
			v.asked(0)
		}},
	{"dda-default-list", text("Default DDOL", "默认 DDOL"), "EMV Book 2, 6.5.1",
		text("Without 9F49 the terminal's default list is used, which has 9F37.", "无 9F49 时使用终端默认 DDOL。"), follows, needDDA, plan{face: Contact, card: methods(aipDDA, spoiled(func(s *spec) { s.drop(tlv.TagDDOL) }))}, func(v *verdict) {
			v.must(len(v.first(insInternal).cmd.Data) >= 4, "expected at least the unpredictable number in INTERNAL AUTHENTICATE")
			v.tvr(false, bitDDA)
		}},
	{"dda-number", text("Dynamic number", "IC 卡动态数"), "EMV Book 2, 6.5.2",
		text("After DDA the card's dynamic number goes into 9F4C.", "DDA 成功后动态数存入 9F4C。"), follows, needDDA, plan{face: Contact, card: methods(aipDDA)}, func(v *verdict) {
			got := v.first(insGAC).values[tlv.TagICCDynamicNumber]
			v.must(bytes.HasPrefix(got, v.card.counter()), "expected the dynamic number %X in 9F4C, got %X", v.card.counter(), got)
		}},
	{"dda-preferred", text("DDA before SDA", "DDA 优先于 SDA"), odaClause,
		text("A card with SDA and DDA is authenticated by DDA.", "同时支持时采用 DDA。"), follows, needDDA, plan{face: Contact, card: methods(aipSDA | aipDDA)}, func(v *verdict) { v.count(insInternal, 1) }},
	dynamicFails("signature", [2]string{"DDA, wrong signature", "DDA 签名错误"}, [2]string{"A wrong signature sets TVR byte 1 bit 4.", "签名错误时 TVR 字节 1 的 b4 置位。"},
		func(s *spec) {
			s.edits = append(s.edits, at(insInternal, 1).change(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }))
		}),
	dynamicFails("status", [2]string{"DDA, command refused", "DDA 命令被拒"}, [2]string{"A refused INTERNAL AUTHENTICATE sets TVR byte 1 bit 4, or ends the transaction.", "内部认证被拒时 TVR 字节 1 的 b4 置位。"},
		func(s *spec) { s.edits = append(s.edits, at(insInternal, 1).data(0x80, 0x01, 0x00)) }),
	dynamicFails("issuer-cert", [2]string{"DDA, wrong issuer certificate", "DDA 发卡行证书错误"}, [2]string{"A wrong 90 sets TVR byte 1 bit 4.", "90 错误时 TVR 字节 1 的 b4 置位。"}, spoiled(func(s *spec) { s.flip(tlv.TagIssuerCertificate) })),
	dynamicFails("card-cert", [2]string{"DDA, wrong card certificate", "DDA 卡片证书错误"}, [2]string{"A wrong 9F46 sets TVR byte 1 bit 4.", "9F46 错误时 TVR 字节 1 的 b4 置位。"}, spoiled(func(s *spec) { s.flip(tlv.TagICCCertificate) })),
	dynamicFails("altered", [2]string{"DDA, altered record", "DDA 记录被改"}, [2]string{"Altered static data set TVR byte 1 bit 4.", "静态数据被改时 TVR 字节 1 的 b4 置位。"}, spoiled(func(s *spec) { s.change(tlv.TagAUC, 0xFF, 0x80) })),
	dynamicFails("missing", [2]string{"DDA, no card certificate", "DDA 缺少卡片证书"}, [2]string{"A missing 9F46 sets bits 4 and 6.", "缺少 9F46 时 b4 与 b6 置位。"}, spoiled(func(s *spec) { s.drop(tlv.TagICCCertificate) }), bitMissing),
	dynamicFails("unknown-key", [2]string{"DDA, unknown CA key", "DDA 未知认证中心公钥"}, [2]string{"An unknown CA key sets TVR byte 1 bit 4.", "未知认证中心公钥时 TVR 字节 1 的 b4 置位。"}, func(s *spec) { s.index = 0xF1 }),
	dynamicFails("expired", [2]string{"DDA, expired certificate", "DDA 证书过期"}, [2]string{"An expired card certificate sets TVR byte 1 bit 4.", "卡片证书过期时 TVR 字节 1 的 b4 置位。"}, func(s *spec) { s.cardEnd = [2]byte{0x12, 0x20} }),
	dynamicFails("tag-list", [2]string{"DDA, wrong 9F4A", "DDA 9F4A 错误"}, [2]string{"A 9F4A with another tag than 82 fails.", "9F4A 含 82 以外的标签时失败。"}, func(s *spec) { s.change(tlv.TagSDATagList, 0x9F, 0x36) }),
	{"cda-good", text("CDA", "复合动态数据认证"), "EMV Book 2, 6.6",
		text("CDA is asked for with GENERATE AC, and a right signature is approved.", "生成密文时请求 CDA，签名正确时批准。"), end(offline), needCDA, plan{face: Contact, card: methods(aipSDA | aipDDA | aipCDA)}, combinedOK},
	{"cda-good-sm2", text("CDA with SM2", "SM2 复合认证"), "JR/T 0025.17",
		text("CDA with an SM2 card is approved.", "SM2 卡片 CDA 正确时批准。"), end(offline), needCDA | needSM, plan{face: Contact, card: methods(aipSDA|aipDDA|aipCDA, national)}, combinedOK},
	{"cda-failed", text("CDA, wrong signature", "CDA 签名错误"), "EMV Book 2, 6.6.2",
		text("A TC with a wrong combined signature is declined.", "TC 的复合签名错误时拒绝。"), end(declined), needCDA, plan{face: Contact, card: methods(aipDDA|aipCDA, spoilCombined(1, tlv.TagSDAD))}, func(v *verdict) {
			v.asked(0)
		}},
	{"cda-other-type", text("CDA, type altered", "CDA 密文类型被改"), "EMV Book 2, 6.6.2",
		text("A TC whose 9F27 or data differ from the signed ones is declined.", "TC 数据与签名不符时拒绝。"), end(declined, failed), needCDA, plan{face: Contact, card: methods(aipDDA|aipCDA, spoilCombined(1, tlv.TagIAD))}, func(*verdict) {}},
	{"cda-online-failed", text("CDA, wrong signature over an ARQC", "ARQC 的 CDA 签名错误"), "EMV Book 2, 6.6.2",
		text("After an ARQC with a wrong combined signature the second cryptogram asked for is an AAC.", "ARQC 复合签名错误时第二次请求 AAC。"), end(declined), needCDA | needHost,
		plan{face: Contact, card: methods(aipDDA|aipCDA, func(s *spec) { s.first = gacARQC }, spoilCombined(1, tlv.TagSDAD))}, func(v *verdict) {
			for _, x := range v.all(insGAC)[min(1, len(v.all(insGAC))):] {
				v.must(x.cmd.P1&0xC0 == gacAAC, "expected an AAC to be asked for, got %s", kindName(x.cmd.P1&0xC0))
			}
		}},
	{"cda-cert", text("CDA, wrong certificate", "CDA 证书错误"), "EMV Book 2, 6.6",
		text("If the card key cannot be had, TVR byte 1 bit 3 is set before the first GENERATE AC, or the TC is declined.", "无法恢复卡片公钥时 TVR 字节 1 的 b3 置位或拒绝。"), follows, needCDA,
		plan{face: Contact, card: methods(aipDDA|aipCDA, spoiled(func(s *spec) { s.flip(tlv.TagICCCertificate) }))}, func(v *verdict) {
			if tvr := v.first(insGAC).values[tlv.TagTVR]; len(tvr) == 5 && tvr[0]&bitCDA.mask == 0 {
				v.outcome(declined)
			}
		}},
}

const restrictClause = "EMV Book 3, 10.4"

func restriction(id string, name, purpose [2]string, b bit, on bool, card func(*spec)) Case {
	return Case{"restrict-" + id, text(name[0], name[1]), restrictClause, text(purpose[0], purpose[1]), follows, 0,
		plan{face: Contact, card: card}, func(v *verdict) { v.tvr(on, b) }}
}

func changed(tag tlv.Tag, value ...byte) func(*spec) {
	return func(s *spec) { s.change(tag, value...) }
}

var restrictionCases = []Case{
	restriction("version", [2]string{"Another version", "应用版本不同"}, [2]string{"Another 9F08 than the terminal's 9F09 sets TVR byte 2 bit 8.", "9F08 与 9F09 不同时 TVR 字节 2 的 b8 置位。"}, bitVersion, true, changed(tlv.TagVersionCard, 0x7F, 0x01)),
	restriction("version-same", [2]string{"Same version", "应用版本相同"}, [2]string{"The same version sets nothing.", "版本相同时不置位。"}, bitVersion, false, func(*spec) {}),
	restriction("version-absent", [2]string{"No version", "无应用版本"}, [2]string{"Without 9F08 the versions count as the same.", "无 9F08 时视为相同。"}, bitVersion, false, func(s *spec) { s.drop(tlv.TagVersionCard) }),
	restriction("expired", [2]string{"Expired", "已失效"}, [2]string{"A day past 5F24 sets TVR byte 2 bit 7.", "超过 5F24 时 TVR 字节 2 的 b7 置位。"}, bitExpired, true, changed(tlv.TagExpirationDate, 0x20, 0x12, 0x31)),
	restriction("not-yet", [2]string{"Not yet effective", "尚未生效"}, [2]string{"A day before 5F25 sets TVR byte 2 bit 6.", "早于 5F25 时 TVR 字节 2 的 b6 置位。"}, bitNotYet, true, changed(tlv.TagEffectiveDate, 0x48, 0x01, 0x01)),
	restriction("last-century", [2]string{"Effective since 1999", "1999 年生效"}, [2]string{"Years from 50 on belong to the last century.", "年份 50 至 99 属于上世纪。"}, bitNotYet, false, changed(tlv.TagEffectiveDate, 0x99, 0x01, 0x01)),
	restriction("domestic", [2]string{"Not for domestic services", "不可用于国内服务"}, [2]string{"Usage control without domestic goods and services sets TVR byte 2 bit 5.", "用途控制不含国内商品与服务时 TVR 字节 2 的 b5 置位。"}, bitService, true, changed(tlv.TagAUC, 0x57, 0xC0)),
	restriction("international", [2]string{"Not for international services", "不可用于国际服务"}, [2]string{"Usage control without international goods and services matters only abroad.", "国际用途限制不影响国内交易。"}, bitService, false, changed(tlv.TagAUC, 0xAB, 0xC0)),
	restriction("abroad", [2]string{"Foreign card, not for international services", "境外卡不可国际使用"}, [2]string{"A foreign card without international services sets TVR byte 2 bit 5.", "境外卡无国际用途时 TVR 字节 2 的 b5 置位。"}, bitService, true, func(s *spec) {
		s.change(tlv.TagIssuerCountry, 0x08, 0x40)
		s.change(tlv.TagAUC, 0xAB, 0xC0)
	}),
	restriction("no-country", [2]string{"No issuer country", "无发卡国家代码"}, [2]string{"Without 5F28 the domestic rules are not checked.", "无 5F28 时不检查国别用途。"}, bitService, false, func(s *spec) {
		s.drop(tlv.TagIssuerCountry)
		s.change(tlv.TagAUC, 0x57, 0xC0)
	}),
	restriction("terminal", [2]string{"Not at such terminals", "不可用于此类终端"}, [2]string{"Usage control without terminals other than ATMs sets TVR byte 2 bit 5.", "用途控制不含 ATM 以外终端时 TVR 字节 2 的 b5 置位。"}, bitService, true, changed(tlv.TagAUC, 0xFE, 0xC0)),
}
