package emv

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Text is the finding as a sentence, in Chinese for lang "zh" and in English for any
// other. Account numbers are left out.
func (n Note) Text(lang string) string {
	pair, ok := noteTexts[n.Code]
	if !ok {
		pair = [2]string{fmt.Sprintf("finding %d", n.Code), fmt.Sprintf("记录 %d", n.Code)}
	}
	s := pick(pair, lang)
	if d := n.detail(lang); d != "" {
		s += pick([2]string{": ", "："}, lang) + d
	}
	return s
}

// detail is what the value says, or the object.
func (n Note) detail(lang string) string {
	v := n.Value
	switch n.Code {
	case NoteSDAFailed, NoteDDAFailed, NoteCDAFailed, NotePINKeyBad:
		if len(v) == 1 {
			return reasonText(oda.Reason(v[0]), lang)
		}
	case NoteODAMethod:
		if len(v) == 1 && int(v[0]) < len(methodNames) {
			return pick(methodNames[v[0]], lang)
		}
	case NoteRulePassedOver, NoteRuleApplies, NoteRuleUnsupported, NoteRuleFailed, NoteRuleMet, NoteCVMUnknown, NotePINPadMissing:
		if len(v) == 2 {
			return CVMRule{v[0], v[1]}.Text(lang)
		}
	case NoteRandomlySelected, NoteNotSelected:
		if len(v) == 2 {
			return fmt.Sprintf(pick([2]string{"drew %d, below %d is chosen", "随机数 %d，小于 %d 则选中"}, lang), v[0], v[1])
		}
	case NoteDenialCodes, NoteOnlineCodes, NoteDefaultCodes:
		return bitNames(v, lang)
	case NoteCashEnough, NoteCashLow:
		if len(v) == 12 {
			return amountText(v[:6]) + " / " + amountText(v[6:])
		}
	case NoteScriptsLong:
		if len(v) == 2 {
			return fmt.Sprint(binary.BigEndian.Uint16(v))
		}
	}
	if s := n.eventDetail(lang); s != "" {
		return s
	}
	return objectText(n.Tag, v, lang)
}

// objectText names an object with its value, unless that must not be shown.
func objectText(tag tlv.Tag, value []byte, lang string) string {
	if tag == 0 {
		return ""
	}
	info, ok := tlv.Lookup(tag)
	s := tag.String()
	if ok {
		s += " " + info.NameIn(lang)
	}
	if len(value) > 0 && ok && info.Secret == tlv.Public {
		s += fmt.Sprintf(" = %X", value)
	}
	return s
}

func amountText(n12 []byte) string {
	amount, err := money.FromN12(n12)
	if err != nil {
		return fmt.Sprintf("%X", n12)
	}
	return amount.String()
}

// bitNames lists the bits of a five-byte TVR mask.
func bitNames(mask []byte, lang string) string {
	var names []string
	for i, b := range mask {
		for bit := 8; bit >= 1; bit-- {
			if b&(1<<(bit-1)) == 0 {
				continue
			}
			name := fmt.Sprintf(pick([2]string{"byte %d b%d", "字节 %d 位 %d"}, lang), i+1, bit)
			if pair, ok := noteTexts[NoteCode(i*8+8-bit+1)]; ok {
				name = pick(pair, lang)
			}
			names = append(names, name)
		}
	}
	return strings.Join(names, pick([2]string{"; ", "；"}, lang))
}

var methodNames = [...][2]string{
	{"none", "无"}, {"SDA, signed static data", "SDA 静态数据认证"}, {"DDA, dynamic signature", "DDA 动态数据认证"}, {"CDA, signature within the cryptogram", "CDA 复合动态数据认证"},
}

// reasonsZH are the reasons of package oda in Chinese.
var reasonsZH = map[oda.Reason]string{
	oda.OK: "通过", oda.NotVerified: "未验证", oda.MissingData: "数据缺失", oda.Format: "格式错误", oda.NoCAKey: "没有相应的 CA 公钥", oda.IssuerCertBad: "发卡行公钥证书验证失败",
	oda.IssuerMismatch: "发卡行标识与主账号不符", oda.IssuerCertExpired: "发卡行公钥证书已过期", oda.CardCertBad: "IC 卡公钥证书验证失败",
	oda.PANMismatch: "证书中的主账号不符", oda.CardCertExpired: "IC 卡公钥证书已过期", oda.StaticDataBad: "静态数据与签名不符",
	oda.SDADBad: "签名动态应用数据验证失败", oda.ATCMismatch: "签名的是另一个交易计数器", oda.CIDMismatch: "签名的是另一个密文信息数据",
	oda.TransactionMismatch: "签名的是另一笔交易的数据",
}

func reasonText(r oda.Reason, lang string) string {
	if zh, ok := reasonsZH[r]; ok && lang == "zh" {
		return zh
	}
	return r.String()
}

// aipBits are the meanings of 82 byte 1 from b7 on (EMV Book 3, annex C1); b2 is
// reserved.
var aipBits = [...][2]string{
	{"SDA", "SDA"}, {"DDA", "DDA"}, {"cardholder verification", "持卡人验证"}, {"terminal risk management", "终端风险管理"},
	{"issuer authentication", "发卡行认证"}, {}, {"CDA", "CDA"},
}

// kinds are the cryptograms by the first two bits of 9F27.
var kinds = [...][2]string{
	{"AAC, declined", "AAC，拒绝"}, {"TC, approved", "TC，批准"}, {"ARQC, ask the issuer", "ARQC，请求联机"}, {"AAR, referral", "AAR，授权参考"},
}

// adviceReasons are the last three bits of 9F27 (EMV Book 3, 6.5.5.4).
var adviceReasons = [...][2]string{
	{"no reason given", "未给出原因"}, {"service not allowed", "不允许服务"}, {"PIN tries exceeded", "PIN 重试次数超限"}, {"issuer authentication failed", "发卡行认证失败"},
}

// eventDetail is detail for what card, cardholder and issuer did; "" if the value says
// nothing but what the object is.
func (n Note) eventDetail(lang string) string {
	v := n.Value
	switch {
	case n.Code == NoteProfile && len(v) == 2:
		return profileText(v, lang)
	case n.Code == NoteCryptogram && len(v) == 1:
		return fmt.Sprintf("9F27 = %02X ", v[0]) + pick(kinds[v[0]>>6], lang)
	case n.Code == NoteAdvice && len(v) == 1:
		reason := [2]string{"reserved reason", "保留原因"}
		if int(v[0]&7) < len(adviceReasons) {
			reason = adviceReasons[v[0]&7]
		}
		return pick(reason, lang)
	case (n.Code == NoteHostAnswer || n.Code == NoteUnableOnline) && len(v) == 2:
		return fmt.Sprintf("8A = %X (%q)", v, v)
	case n.Code == NotePINTries && len(v) == 1:
		return fmt.Sprint(v[0])
	case n.Code == NoteScriptDone && len(v) == 2:
		return fmt.Sprintf(pick([2]string{"template %02X, %d commands", "模板 %02X，%d 条命令"}, lang), v[0], v[1])
	case n.Code == NoteScriptStopped && len(v) == 4:
		text := fmt.Sprintf(pick([2]string{"template %02X, command %d", "模板 %02X，第 %d 条命令"}, lang), v[0], v[1])
		if sw := apdu.SW(v[2])<<8 | apdu.SW(v[3]); sw != 0 {
			text += fmt.Sprintf(": %v %s", sw, sw.Meaning(lang))
		}
		return text
	}
	return ""
}

func profileText(aip []byte, lang string) string {
	var names []string
	for i, name := range aipBits {
		if name[0] != "" && aip[0]&(0x40>>i) != 0 {
			names = append(names, pick(name, lang))
		}
	}
	return fmt.Sprintf("82 = %X ", aip) + strings.Join(names, ", ")
}
