package kernel

import (
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// FaultCode says why a transaction was not approved. Numbers are for ever.
type FaultCode uint8

// The codes. Where a data object is to blame, Fault.Tag names it.
const (
	NoFault        FaultCode = 0
	BadAnswer      FaultCode = 1  // not a response APDU
	BadStatus      FaultCode = 2  // a status word that ends the transaction (Fault.SW)
	BadTLV         FaultCode = 3  // the template Tag is not a list of data objects
	Missing        FaultCode = 4  // a mandatory object is absent
	BadValue       FaultCode = 5  // an object has an impossible length or content
	Repeated       FaultCode = 6  // an object came twice with different values
	Mismatch       FaultCode = 7  // two objects that must agree do not
	NoApplication  FaultCode = 8  // nothing in the directory that the terminal takes
	NotQPBOC       FaultCode = 9  // the PDOL lacks 9F66, or the answer is of format 1
	TooMuchData    FaultCode = 10 // more records or bytes than any real card has
	LimitReached   FaultCode = 11 // refused by pre-processing, before any command
	OnDenyList     FaultCode = 12
	Restricted     FaultCode = 13 // dates or usage control: 5F24, 5F25 or 9F07
	CardRefused    FaultCode = 14 // the card answered AAC
	CardAsksOnline FaultCode = 15 // the card answered ARQC
	NotGenuine     FaultCode = 16 // offline data authentication failed (Fault.ODA)

	// Of debit/credit.
	TerminalRefused FaultCode = 17 // terminal action analysis: the TVR meets an action code
	HostRefused     FaultCode = 18 // the issuer declined
	HostLost        FaultCode = 19 // the issuer could not be asked, and the card declined then
	GaveUp          FaultCode = 20 // cardholder or merchant cancelled
	WrongOrder      FaultCode = 21 // the card answered what it may not at this point, e.g. a TC where an AAC was asked for
)

var faultNames = [...]string{
	"none", "no response APDU", "status word", "malformed data", "missing data", "bad value", "repeated data",
	"contradicting data", "no application in common", "not a qPBOC application", "too much data", "terminal limit reached",
	"on the deny list", "processing restriction", "declined by the card", "the card asks to go online", "not genuine",
	"declined by terminal action analysis", "declined by the issuer", "issuer not reached", "cancelled", "impossible answer",
}

// faultNamesZH are the codes in Chinese.
var faultNamesZH = [...]string{
	"无", "不是响应APDU", "状态字", "数据格式错误", "数据缺失", "数据值错误", "数据重复且不一致",
	"数据互相矛盾", "没有共同支持的应用", "不是qPBOC应用", "数据过多", "达到终端限额",
	"在黑名单中", "处理限制", "卡片拒绝", "卡片要求联机", "脱机数据认证失败",
	"终端行为分析拒绝", "发卡行拒绝", "无法联机", "已取消", "卡片应答不合规则",
}

// reasonsZH are the reasons of oda in Chinese.
var reasonsZH = [...]string{
	"未认证", "成功", "数据缺失", "格式错误", "没有该CA公钥", "发卡行公钥证书错误", "发卡行标识与主账号不符",
	"发卡行公钥证书过期", "IC卡公钥证书错误", "主账号与证书不符", "IC卡公钥证书过期",
	"静态数据签名错误", "动态签名错误", "应用交易计数器与签名不符", "密文信息数据与签名不符", "交易数据与签名不符",
}

// Name is the code in Chinese for lang "zh" and in English for any other.
func (c FaultCode) Name(lang string) string {
	switch {
	case int(c) >= len(faultNames):
		return "invalid"
	case lang == "zh":
		return faultNamesZH[c]
	}
	return faultNames[c]
}

// String is the code in English.
func (c FaultCode) String() string { return c.Name("en") }

// Fault is a code with its object.
type Fault struct {
	Code FaultCode
	Tag  tlv.Tag    // the object at fault, 0 if none
	SW   apdu.SW    // the status word of BadStatus
	ODA  oda.Reason // the reason of NotGenuine
}

// String gives e.g. "missing data: 9F36 Application Transaction Counter (ATC)".
func (f Fault) String() string { return f.Text("en") }

// Text is String in Chinese for lang "zh" and in English for any other.
func (f Fault) Text(lang string) string {
	zh := lang == "zh"
	colon := ": "
	if zh {
		colon = "："
	}
	s := f.Code.Name(lang)
	switch {
	case f.Code == NotGenuine && zh && int(f.ODA) < len(reasonsZH):
		s += colon + reasonsZH[f.ODA]
	case f.Code == NotGenuine:
		s += colon + f.ODA.String()
	case f.Code == BadStatus:
		s += " " + f.SW.String()
	}
	if f.Tag == 0 {
		return s
	}
	s += colon + f.Tag.String()
	if info, ok := tlv.Lookup(f.Tag); ok {
		name := info.Name
		if zh {
			name = info.NameZH
		}
		s += " " + name
	}
	return s
}
