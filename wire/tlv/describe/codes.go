package describe

import (
	"bytes"
	"encoding/hex"

	"github.com/citycard/citycard/wire/tlv"
)

// codeRow gives words for a coded value, written in hexadecimal.
type codeRow struct {
	code   string
	en, zh string
}

type codeTable []codeRow

func (t codeTable) text(b []byte, o Options) string {
	h := upperHex(b)
	for _, r := range t {
		if r.code == h {
			return o.pick(r.en, r.zh)
		}
	}
	return ""
}

func code(t codeTable, b byte, o Options) string {
	return t.text([]byte{b}, o)
}

// codeTables are the elements whose value is one of a list.
var codeTables = map[tlv.Tag]codeTable{
	tlv.TagTransactionCurrency: currencyCodes,
	tlv.TagApplicationCurrency: currencyCodes,
	tlv.TagCardCurrency:        currencyCodes,
	tlv.TagSecondCurrency:      currencyCodes,
	tlv.TagSecondECCurrency:    currencyCodes,
	tlv.TagTerminalCountry:     countryCodes,
	tlv.TagIssuerCountry:       countryCodes,
	tlv.TagCardIssuerCountry:   countryCodes,
	tlv.TagTransactionType:     transactionCodes,
	tlv.TagCAPPIndicator:       cappCodes,
	tlv.TagCAPPSupport:         cappSupportCodes,
	tlv.TagSMSupport:           smCodes,
	tlv.TagECTerminalIndicator: ecCodes,
	tlv.TagARC:                 responseCodes,
	tlv.TagTerminalType:        terminalCodes,
	tlv.TagIssuerCodeTable:     alphabetCodes,
	tlv.TagVersionCard:         versionCodes,
	tlv.TagVersionTerminal:     versionCodes,
}

// ISO 4217.
var currencyCodes = codeTable{
	{"0156", "CNY", "人民币"}, {"0344", "HKD", "港币"}, {"0446", "MOP", "澳门元"}, {"0901", "TWD", "新台币"},
	{"0392", "JPY", "日元"}, {"0410", "KRW", "韩元"}, {"0702", "SGD", "新加坡元"}, {"0840", "USD", "美元"},
	{"0978", "EUR", "欧元"}, {"0826", "GBP", "英镑"},
}

// ISO 3166-1.
var countryCodes = codeTable{
	{"0156", "China", "中国"}, {"0344", "Hong Kong", "中国香港"}, {"0446", "Macao", "中国澳门"}, {"0158", "Taiwan", "中国台湾"},
	{"0392", "Japan", "日本"}, {"0410", "Korea", "韩国"}, {"0702", "Singapore", "新加坡"}, {"0840", "United States", "美国"},
	{"0826", "United Kingdom", "英国"},
}

// The first two digits of the ISO 8583 processing code; 60 to 63 are the loads
// of point-of-sale practice.
var transactionCodes = codeTable{
	{"00", "goods and services", "消费"}, {"01", "cash", "取现"}, {"09", "goods with cashback", "返现消费"},
	{"20", "refund", "退货"}, {"30", "balance inquiry", "余额查询"}, {"31", "balance inquiry", "余额查询"},
	{"60", "load from the linked account", "指定账户圈存"}, {"62", "load from another account", "非指定账户圈存"},
	{"63", "load with cash", "现金充值"},
}

// JR/T 0025.14, tag DF60; values above 3 count as 0.
var cappCodes = codeTable{
	{"00", "no extended application", "不进行扩展应用"}, {"01", "section fare or single deduction", "分段扣费或单次扣费"},
	{"02", "offline pre-authorisation", "脱机预授权"}, {"03", "pre-authorisation completion", "脱机预授权完成"},
}

// JR/T 0025.14, tag DF61.
var cappSupportCodes = codeTable{
	{"00", "none", "不支持"}, {"01", "section fare", "支持分段扣费"},
	{"02", "section fare and pre-authorisation", "支持分段扣费和脱机预授权"},
}

// JR/T 0025.17, tag DF69.
var smCodes = codeTable{
	{"00", "SM algorithms not supported", "不支持国密算法"}, {"01", "SM algorithms supported", "支持国密算法"},
}

// JR/T 0025.13, tag 9F7A.
var ecCodes = codeTable{
	{"00", "EC not supported", "不支持电子现金"}, {"01", "EC supported", "支持电子现金"},
}

// EMV Book 4, annex A6, and ISO 8583 field 39; the code is ASCII.
var responseCodes = codeTable{
	{"3030", `"00" approved`, "“00”批准"}, {"3031", `"01" referral`, "“01”请与发卡行联系"},
	{"3032", `"02" referral`, "“02”请与发卡行联系"}, {"3035", `"05" declined`, "“05”拒绝"},
	{"3130", `"10" approved in part`, "“10”部分批准"}, {"3131", `"11" approved`, "“11”批准"},
	{"3531", `"51" not enough money`, "“51”余额不足"},
	{"5931", `"Y1" offline approved`, "“Y1”脱机批准"}, {"5A31", `"Z1" offline declined`, "“Z1”脱机拒绝"},
	{"5933", `"Y3" unable online, offline approved`, "“Y3”不能联机，脱机批准"},
	{"5A33", `"Z3" unable online, offline declined`, "“Z3”不能联机，脱机拒绝"},
}

// EMV Book 4, annex A1.
var terminalCodes = codeTable{
	{"11", "attended, online only, financial institution", "金融机构，有人值守，仅联机"},
	{"14", "unattended, online only, financial institution", "金融机构，无人值守，仅联机"},
	{"21", "attended, online only, merchant", "商户，有人值守，仅联机"},
	{"22", "attended, offline with online capability, merchant", "商户，有人值守，可脱机可联机"},
	{"23", "attended, offline only, merchant", "商户，有人值守，仅脱机"},
	{"24", "unattended, online only, merchant", "商户，无人值守，仅联机"},
	{"25", "unattended, offline with online capability, merchant", "商户，无人值守，可脱机可联机"},
	{"26", "unattended, offline only, merchant", "商户，无人值守，仅脱机"},
}

// EMV Book 4, annex A5: the high half of the first byte of a script result.
var scriptResultCodes = codeTable{
	{"00", "not performed", "未执行"}, {"01", "failed", "失败"}, {"02", "successful", "成功"},
}

// ISO/IEC 8859.
var alphabetCodes = codeTable{
	{"01", "ISO 8859-1", "ISO 8859-1"}, {"05", "ISO 8859-5", "ISO 8859-5"},
}

// JR/T 0025.5 and .12.
var versionCodes = codeTable{
	{"0020", "PBOC 2.0", "PBOC 2.0"}, {"0030", "PBOC 3.0", "PBOC 3.0"},
}

// JR/T 0025.5 and .12: the cryptogram versions and algorithms of tag 9F10.
var (
	cvnCodes = codeTable{
		{"01", "CVN 01", "密文版本01"}, {"11", "CVN 17", "密文版本17"},
	}
	algorithmCodes = codeTable{
		{"01", "3DES", "3DES"}, {"04", "SM4", "SM4"},
	}
	iddCodes = codeTable{
		{"01", "EC balance (9F79)", "电子现金余额（9F79）"},
		{"02", "cumulative offline amount (CTTA)", "累计脱机交易金额（CTTA）"},
		{"03", "EC balance, CTTA", "电子现金余额、CTTA"},
		{"04", "CTTA and its limit (9F54)", "CTTA及其限制数（9F54）"},
		{"05", "available offline spending amount (9F5D)", "可用脱机消费金额（9F5D）"},
	}
)

// applications are the names that begin an application identifier, the longer
// before the shorter.
var applications = codeTable{
	{"315041592E5359532E4444463031", "PSE 1PAY.SYS.DDF01", "PSE 1PAY.SYS.DDF01"},
	{"325041592E5359532E4444463031", "PPSE 2PAY.SYS.DDF01", "PPSE 2PAY.SYS.DDF01"},
	{"A000000333010101", "UnionPay debit", "银联借记"},
	{"A000000333010102", "UnionPay credit", "银联贷记"},
	{"A000000333010103", "UnionPay quasi-credit", "银联准贷记"},
	{"A000000333010106", "UnionPay electronic cash", "银联纯电子现金"},
	{"A000000333", "UnionPay", "银联"},
	{"A000000632010105", "T-Union electronic purse (JT/T 978)", "交通联合电子钱包（JT/T 978）"},
	{"A000000632", "T-Union (JT/T 978)", "交通联合（JT/T 978）"},
	{"A000000003", "Visa", "维萨"},
	{"A000000004", "Mastercard", "万事达"},
	{"A000000025", "American Express", "美国运通"},
	{"A000000065", "JCB", "JCB"},
}

func applicationName(it *Item, n *tlv.Node, o Options) {
	for _, a := range applications {
		if prefix, err := hex.DecodeString(a.code); err == nil && bytes.HasPrefix(n.Value, prefix) {
			it.Text = o.pick(a.en, a.zh)
			return
		}
	}
}
