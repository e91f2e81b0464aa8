package describe

import "github.com/citycard/citycard/wire/tlv"

// bitRules gives the table of a tag whose value is bits, or nil.
func bitRules(tag tlv.Tag) []rule {
	switch tag {
	case tlv.TagTVR, tlv.TagIACDefault, tlv.TagIACDenial, tlv.TagIACOnline,
		tlv.TagTACDefault, tlv.TagTACDenial, tlv.TagTACOnline:
		return tvrRules[:]
	case tlv.TagAIP:
		return aipRules[:]
	case tlv.TagTSI:
		return tsiRules[:]
	case tlv.TagTTQ:
		return ttqRules[:]
	case tlv.TagCTQ:
		return ctqRules[:]
	case tlv.TagCardAdditionalProcessing:
		return processingRules[:]
	case tlv.TagADA:
		return adaRules[:]
	case tlv.TagCID:
		return cidRules[:]
	case tlv.TagAUC:
		return aucRules[:]
	case tlv.TagTerminalCapabilities:
		return capabilityRules[:]
	case tlv.TagIssuerAuthenticationIndicator:
		return issuerAuthRules[:]
	}
	return nil
}

// EMV Book 3, annex C5; the issuer and terminal action codes have the same bits.
var tvrRules = [...]rule{
	set(1, 8, "offline data authentication was not performed", "未进行脱机数据认证"),
	set(1, 7, "static data authentication failed", "静态数据认证失败"),
	set(1, 6, "ICC data missing", "IC卡数据缺失"),
	set(1, 5, "card is on the terminal exception file", "卡片出现在终端异常文件中"),
	set(1, 4, "dynamic data authentication failed", "动态数据认证失败"),
	set(1, 3, "combined data authentication failed", "复合动态数据认证失败"),
	set(1, 2, "static data authentication selected", "选择了静态数据认证"),
	set(2, 8, "card and terminal have different application versions", "卡片和终端应用版本不一致"),
	set(2, 7, "expired application", "应用已过期"),
	set(2, 6, "application not yet effective", "应用尚未生效"),
	set(2, 5, "requested service not allowed for the card product", "卡片产品不允许所请求的服务"),
	set(2, 4, "new card", "新卡"),
	set(3, 8, "cardholder verification was not successful", "持卡人验证失败"),
	set(3, 7, "unrecognised CVM", "未知的持卡人验证方法"),
	set(3, 6, "PIN try limit exceeded", "PIN重试次数超限"),
	set(3, 5, "PIN entry required, PIN pad missing or not working", "要求输入PIN，但密码键盘不存在或故障"),
	set(3, 4, "PIN entry required, PIN pad present, PIN not entered", "要求输入PIN，密码键盘存在，但未输入PIN"),
	set(3, 3, "online PIN entered", "已输入联机PIN"),
	set(4, 8, "transaction exceeds the floor limit", "交易超过最低限额"),
	set(4, 7, "lower consecutive offline limit exceeded", "超过连续脱机交易下限"),
	set(4, 6, "upper consecutive offline limit exceeded", "超过连续脱机交易上限"),
	set(4, 5, "transaction selected randomly for online processing", "交易被随机选择联机处理"),
	set(4, 4, "merchant forced the transaction online", "商户要求联机交易"),
	set(5, 8, "default TDOL used", "使用缺省TDOL"),
	set(5, 7, "issuer authentication failed", "发卡行认证失败"),
	set(5, 6, "script processing failed before the final GENERATE AC", "最后一次生成应用密文前脚本处理失败"),
	set(5, 5, "script processing failed after the final GENERATE AC", "最后一次生成应用密文后脚本处理失败"),
}

// EMV Book 3, annex C1.
var aipRules = [...]rule{
	set(1, 7, "static data authentication (SDA) supported", "支持静态数据认证（SDA）"),
	set(1, 6, "dynamic data authentication (DDA) supported", "支持动态数据认证（DDA）"),
	set(1, 5, "cardholder verification supported", "支持持卡人验证"),
	set(1, 4, "terminal risk management is to be performed", "要求终端风险管理"),
	set(1, 3, "issuer authentication by EXTERNAL AUTHENTICATE supported", "支持用外部认证命令进行发卡行认证"),
	set(1, 1, "combined DDA and application cryptogram (CDA) supported", "支持复合动态数据认证（CDA）"),
}

// EMV Book 3, annex C6.
var tsiRules = [...]rule{
	set(1, 8, "offline data authentication was performed", "已进行脱机数据认证"),
	set(1, 7, "cardholder verification was performed", "已进行持卡人验证"),
	set(1, 6, "card risk management was performed", "已进行卡片风险管理"),
	set(1, 5, "issuer authentication was performed", "已进行发卡行认证"),
	set(1, 4, "terminal risk management was performed", "已进行终端风险管理"),
	set(1, 3, "script processing was performed", "已进行脚本处理"),
}

// JR/T 0025.12, tag 9F66.
var ttqRules = [...]rule{
	set(1, 8, "MSD supported (edition of 2010)", "支持MSD（2010版）"),
	set(1, 7, "contactless full debit/credit supported", "支持非接触完整借贷记"),
	set(1, 6, "qPBOC supported", "支持qPBOC"),
	set(1, 5, "contact debit/credit supported", "支持接触式借贷记"),
	set(1, 4, "offline-only reader", "终端仅支持脱机"),
	set(1, 3, "online PIN supported", "支持联机PIN"),
	set(1, 2, "signature supported", "支持签名"),
	set(1, 1, "offline data authentication for online authorisations (edition of 2018)", "联机授权时支持脱机数据认证（2018版）"),
	set(2, 8, "online cryptogram required", "要求联机密文"),
	set(2, 7, "CVM required", "要求持卡人验证"),
	set(2, 6, "contact offline PIN supported", "支持接触式脱机PIN"),
	set(3, 8, "issuer update processing supported", "支持发卡行更新处理"),
	set(3, 7, "CVM on the consumer device supported", "支持消费者设备上的持卡人验证"),
	set(4, 8, "fDDA version 01 supported", "支持fDDA版本01"),
}

// JR/T 0025.12, tag 9F6C.
var ctqRules = [...]rule{
	set(1, 8, "online PIN required", "要求联机PIN"),
	set(1, 7, "signature required", "要求签名"),
	set(1, 6, "go online if offline data authentication fails and the reader is online-capable", "脱机数据认证失败且终端可联机时转联机"),
	set(1, 5, "switch interface if offline data authentication fails", "脱机数据认证失败时更换界面"),
}

// JR/T 0025.12, tag 9F68.
var processingRules = [...]rule{
	set(1, 8, "EC check", "支持电子现金检查"),
	set(1, 7, "EC and CTTA check", "支持电子现金与累计金额检查"),
	set(1, 6, "EC or CTTA check", "支持电子现金或累计金额检查"),
	set(1, 5, "new card check", "支持新卡检查"),
	set(1, 4, "PIN tries exceeded check", "支持PIN重试次数超过检查"),
	set(1, 3, "offline allowed when the currency does not match", "允许货币不匹配的脱机交易"),
	set(1, 2, "prefer the contact interface for online", "卡优先选择接触式联机"),
	set(1, 1, "return the available offline spending amount (9F5D)", "返回可用脱机消费金额（9F5D）"),
	set(2, 8, "prepaid", "支持预付"),
	set(2, 7, "refuse when the currency does not match", "不允许货币不匹配的交易"),
	set(2, 6, "refuse if new card and offline-only reader", "新卡且终端仅支持脱机时拒绝"),
	set(2, 5, "log offline approved qPBOC transactions", "记录脱机批准的qPBOC交易日志"),
	set(3, 8, "online PIN for the matching currency", "匹配货币支持联机PIN"),
	set(3, 7, "online PIN for other currencies", "不匹配货币支持联机PIN"),
	set(3, 6, "CVM required for other currencies", "不匹配货币要求持卡人验证"),
	set(3, 5, "signature supported", "支持签名"),
}

// JR/T 0025.5, tag 9F52.
var adaRules = [...]rule{
	set(1, 8, "issuer authentication failed: next transaction online", "发卡行认证失败：下次交易联机"),
	set(1, 7, "issuer authentication performed and failed: decline", "发卡行认证执行但失败：拒绝"),
	set(1, 6, "issuer authentication mandatory and no ARPC: decline", "发卡行认证必须但未收到ARPC：拒绝"),
	set(1, 5, "transaction declined: advice", "交易拒绝：生成通知"),
	set(1, 4, "PIN tries exceeded in this transaction and declined: advice", "本次交易PIN重试超限并拒绝：生成通知"),
	set(1, 3, "issuer authentication failed or not performed: advice", "发卡行认证失败或未执行：生成通知"),
	set(1, 2, "new card: online", "新卡：联机"),
	set(1, 1, "new card and unable to go online: decline", "新卡且无法联机：拒绝"),
	set(2, 8, "PIN tries exceeded in this transaction: block the application", "本次交易PIN重试超限：锁定应用"),
	set(2, 7, "PIN tries exceeded earlier: decline", "以前交易PIN重试超限：拒绝"),
	set(2, 6, "PIN tries exceeded earlier: online", "以前交易PIN重试超限：联机"),
	set(2, 5, "PIN tries exceeded earlier and unable to go online: decline", "以前交易PIN重试超限且无法联机：拒绝"),
	set(2, 4, "script failed earlier: online", "以前交易脚本失败：联机"),
	set(2, 3, "PIN tries exceeded earlier: decline and block the application", "以前交易PIN重试超限：拒绝并锁定应用"),
}

// EMV Book 3, annex C and 6.5.5.4, tag 9F27.
var cidRules = [...]rule{
	{1, 0xC0, 0x00, "AAC: declined", "AAC：拒绝"},
	{1, 0xC0, 0x40, "TC: approved offline", "TC：脱机批准"},
	{1, 0xC0, 0x80, "ARQC: online authorisation requested", "ARQC：请求联机授权"},
	{1, 0xC0, 0xC0, "reserved cryptogram type", "保留的密文类型"},
	set(1, 4, "advice required", "要求生成通知"),
	{1, 0x07, 0x01, "service not allowed", "服务不允许"},
	{1, 0x07, 0x02, "PIN try limit exceeded", "PIN重试次数超限"},
	{1, 0x07, 0x03, "issuer authentication failed", "发卡行认证失败"},
}

// EMV Book 3, annex C2, tag 9F07.
var aucRules = [...]rule{
	set(1, 8, "valid for domestic cash", "国内现金交易有效"),
	set(1, 7, "valid for international cash", "国际现金交易有效"),
	set(1, 6, "valid for domestic goods", "国内商品有效"),
	set(1, 5, "valid for international goods", "国际商品有效"),
	set(1, 4, "valid for domestic services", "国内服务有效"),
	set(1, 3, "valid for international services", "国际服务有效"),
	set(1, 2, "valid at ATMs", "ATM有效"),
	set(1, 1, "valid at terminals other than ATMs", "除ATM外的终端有效"),
	set(2, 8, "domestic cashback allowed", "允许国内返现"),
	set(2, 7, "international cashback allowed", "允许国际返现"),
}

// EMV Book 4, annex A2, tag 9F33.
var capabilityRules = [...]rule{
	set(1, 8, "manual key entry", "手工键盘输入"),
	set(1, 7, "magnetic stripe", "磁条"),
	set(1, 6, "IC with contacts", "接触式IC卡"),
	set(2, 8, "plaintext PIN for ICC verification", "IC卡明文PIN验证"),
	set(2, 7, "enciphered PIN for online verification", "加密PIN联机验证"),
	set(2, 6, "signature", "签名"),
	set(2, 5, "enciphered PIN for offline verification", "加密PIN脱机验证"),
	set(2, 4, "no CVM required", "无需持卡人验证"),
	set(2, 1, "cardholder certificate (PBOC)", "持卡人证件验证（PBOC）"),
	set(3, 8, "SDA", "静态数据认证"),
	set(3, 7, "DDA", "动态数据认证"),
	set(3, 6, "card capture", "吞卡"),
	set(3, 4, "CDA", "复合动态数据认证"),
}

// JR/T 0025.5, tag 9F56.
var issuerAuthRules = [...]rule{
	set(1, 8, "issuer authentication mandatory", "发卡行认证必须执行"),
}

// JR/T 0025.5, card verification results inside tag 9F10, without the length
// byte 03.
var cvrRules = [...]rule{
	{1, 0xC0, 0x00, "second GENERATE AC: AAC", "第二次生成应用密文返回AAC"},
	{1, 0xC0, 0x40, "second GENERATE AC: TC", "第二次生成应用密文返回TC"},
	{1, 0xC0, 0x80, "second GENERATE AC not requested", "未请求第二次生成应用密文"},
	{1, 0xC0, 0xC0, "second GENERATE AC: reserved value", "第二次生成应用密文：保留值"},
	{1, 0x30, 0x00, "first GENERATE AC: AAC", "第一次生成应用密文返回AAC"},
	{1, 0x30, 0x10, "first GENERATE AC: TC", "第一次生成应用密文返回TC"},
	{1, 0x30, 0x20, "first GENERATE AC: ARQC", "第一次生成应用密文返回ARQC"},
	{1, 0x30, 0x30, "first GENERATE AC: reserved value", "第一次生成应用密文：保留值"},
	set(1, 4, "issuer authentication performed and failed", "发卡行认证执行但失败"),
	set(1, 3, "offline PIN performed", "已执行脱机PIN验证"),
	set(1, 2, "offline PIN failed", "脱机PIN验证失败"),
	set(1, 1, "unable to go online", "不能联机"),
	set(2, 8, "last online transaction not completed", "上次联机交易未完成"),
	set(2, 7, "PIN tries exceeded", "PIN重试次数超限"),
	set(2, 6, "velocity counters exceeded", "超过频度检查"),
	set(2, 5, "new card", "新卡"),
	set(2, 4, "issuer authentication failed on the last online transaction", "上次联机交易发卡行认证失败"),
	set(2, 3, "issuer authentication not performed after online approval", "联机批准后未进行发卡行认证"),
	set(2, 2, "application blocked because PIN tries were exceeded", "PIN重试超限导致应用锁定"),
	set(2, 1, "SDA failed on the last transaction, which was declined", "上次交易静态数据认证失败且拒绝"),
	set(3, 4, "script failed on the last transaction", "上次交易脚本处理失败"),
	set(3, 3, "DDA failed on the last transaction, which was declined", "上次交易动态数据认证失败且拒绝"),
	set(3, 2, "DDA performed", "已执行动态数据认证"),
}
