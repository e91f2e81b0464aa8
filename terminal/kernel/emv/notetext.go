package emv

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// noteTexts are the sentences, English and Chinese. Tests want one for every code.
var noteTexts = map[NoteCode][2]string{
	NoteODANotPerformed:  {"offline data authentication was not performed: card and terminal share no method", "未进行脱机数据认证：卡片与终端没有共同的方法"},
	NoteSDAFailed:        {"static data authentication failed", "静态数据认证失败"},
	NoteDataMissing:      {"the card did not give a data object that is needed", "卡片缺少必需的数据元"},
	NoteExceptionFile:    {"the card is on the terminal's exception file", "卡片出现在终端异常文件中"},
	NoteDDAFailed:        {"dynamic data authentication failed", "动态数据认证失败"},
	NoteCDAFailed:        {"combined dynamic data authentication failed", "复合动态数据认证失败"},
	NoteVersionsDiffer:   {"card and terminal have different application versions", "卡片与终端的应用版本不一致"},
	NoteExpired:          {"the application has expired", "应用已过期"},
	NoteNotYetEffective:  {"the application is not yet effective", "应用尚未生效"},
	NoteServiceRefused:   {"the card does not allow this service here", "卡片产品不允许所请求的服务"},
	NoteNewCard:          {"new card: it has never been online", "新卡：从未联机"},
	NoteCVMFailed:        {"cardholder verification was not successful", "持卡人验证失败"},
	NoteCVMUnknown:       {"the CVM list asks for a method that nobody knows", "未知的持卡人验证方法"},
	NotePINTriesExceeded: {"no PIN tries are left", "PIN 重试次数超限"},
	NotePINPadMissing:    {"a PIN is wanted, and the terminal cannot take it", "要求输入 PIN，但密码键盘不存在或工作不正常"},
	NotePINNotEntered:    {"a PIN is wanted, and was not entered", "要求输入 PIN，密码键盘存在，但未输入 PIN"},
	NoteOnlinePIN:        {"a PIN for the issuer was entered", "已输入联机 PIN"},
	NoteFloorLimit:       {"the amount, with earlier ones of this card, reaches the floor limit", "交易金额（含同卡先前交易）达到最低限额"},
	NoteLowerLimit:       {"lower consecutive offline limit exceeded", "超过连续脱机交易下限"},
	NoteUpperLimit:       {"upper consecutive offline limit exceeded", "超过连续脱机交易上限"},
	NoteRandomlySelected: {"chosen at random for online processing", "交易被随机选择联机处理"},
	NoteMerchantOnline:   {"the merchant forces the transaction online", "商户要求联机交易"},
	NoteDefaultTDOL:      {"the terminal's TDOL was used", "使用缺省 TDOL"},
	NoteIssuerAuthFailed: {"issuer authentication failed", "发卡行认证失败"},
	NoteScriptFailed71:   {"a script failed before the second GENERATE AC", "最后一次 GENERATE AC 命令之前脚本处理失败"},
	NoteScriptFailed72:   {"a script failed after the second GENERATE AC", "最后一次 GENERATE AC 命令之后脚本处理失败"},

	NoteODAPerformed:        {"offline data authentication was performed", "脱机数据认证已进行"},
	NoteCVMPerformed:        {"cardholder verification was performed", "持卡人验证已进行"},
	NoteCardRiskPerformed:   {"card risk management was performed", "卡片风险管理已进行"},
	NoteIssuerAuthPerformed: {"issuer authentication was performed", "发卡行认证已进行"},
	NoteRiskPerformed:       {"terminal risk management was performed", "终端风险管理已进行"},
	NoteScriptPerformed:     {"script processing was performed", "脚本处理已进行"},

	NoteODAMethod:       {"method of offline data authentication", "脱机数据认证方法"},
	NoteGenuine:         {"the signature verifies", "签名验证通过"},
	NotePINKeyBad:       {"the card's key for an enciphered PIN cannot be used", "卡片 PIN 加密公钥不可用"},
	NoteRulePassedOver:  {"rule passed over, its condition does not hold", "条件不满足，跳过该规则"},
	NoteRuleApplies:     {"rule applies", "采用该规则"},
	NoteRuleUnsupported: {"the terminal does not support the method of the rule", "终端不支持该规则的验证方法"},
	NoteRuleFailed:      {"method failed", "验证方法失败"},
	NoteRuleMet:         {"method done", "验证方法完成"},
	NoteNoVerification:  {"the card asks for no cardholder verification", "卡片不要求持卡人验证"},
	NoteCVMResults:      {"result of cardholder verification", "持卡人验证结果"},
	NoteNotSelected:     {"not chosen by random selection", "随机选择未选中"},
	NoteDenialCodes:     {"action codes for denial are met", "符合拒绝行为代码"},
	NoteOnlineCodes:     {"action codes for online are met", "符合联机行为代码"},
	NoteDefaultCodes:    {"default action codes are met", "符合缺省行为代码"},
	NoteOnlineOnly:      {"the terminal works online only", "终端仅支持联机"},
	NoteAskTC:           {"the terminal asks for a TC: approve offline", "终端请求 TC：脱机批准"},
	NoteAskARQC:         {"the terminal asks for an ARQC: go online", "终端请求 ARQC：联机"},
	NoteAskAAC:          {"the terminal asks for an AAC: decline", "终端请求 AAC：拒绝"},
	NoteCashEnough:      {"the electronic cash balance stays at or above the reset threshold", "电子现金余额扣款后不低于重置阈值"},
	NoteCashLow:         {"the electronic cash balance falls below the reset threshold", "电子现金余额扣款后低于重置阈值"},
	NoteCashUnknown:     {"the card does not tell its electronic cash balance", "卡片未提供电子现金余额"},
	NoteScriptsLong:     {"the scripts are longer than 128 bytes together", "脚本总长度超过 128 字节"},
}

// Text is the finding as a sentence, in Chinese for lang "zh" and in English for any
// other. Account numbers are left out.
func (n Note) Text(lang string) string {
	pair, ok := noteTexts[n.Code]
	if !ok {
		pair, ok = flowTexts[n.Code]
	}
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
	if s := n.flowDetail(lang); s != "" {
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
