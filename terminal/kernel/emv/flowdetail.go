package emv

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/wire/apdu"
)

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

// flowDetail is what the value of one of the flow's findings says, "" if nothing but
// its object.
func (n Note) flowDetail(lang string) string {
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
