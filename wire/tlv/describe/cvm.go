package describe

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/wire/tlv"
)

// EMV Book 3, annex C3, table 43: the method, bits 6 to 1; 20 is PBOC's.
var methodCodes = codeTable{
	{"00", "fail CVM processing", "持卡人验证失败"},
	{"01", "plaintext PIN verified by the card", "IC卡明文PIN验证"},
	{"02", "enciphered PIN verified online", "联机加密PIN验证"},
	{"03", "plaintext PIN verified by the card, and signature", "IC卡明文PIN验证和签名"},
	{"04", "enciphered PIN verified by the card", "IC卡加密PIN验证"},
	{"05", "enciphered PIN verified by the card, and signature", "IC卡加密PIN验证和签名"},
	{"1E", "signature", "签名"},
	{"1F", "no CVM required", "无需持卡人验证"},
	{"20", "cardholder certificate shown", "持卡人证件出示"},
	{"3F", "no CVM performed", "未执行持卡人验证"},
}

// EMV Book 3, annex C3, table 44.
var conditionCodes = codeTable{
	{"00", "always", "总是"},
	{"01", "if unattended cash", "无人值守取现时"},
	{"02", "if not cash", "非取现时"},
	{"03", "if the terminal supports it", "终端支持时"},
	{"04", "if manual cash", "人工取现时"},
	{"05", "if purchase with cashback", "返现消费时"},
	{"06", "if in the application currency and under X", "应用货币且金额小于X时"},
	{"07", "if in the application currency and over X", "应用货币且金额大于X时"},
	{"08", "if in the application currency and under Y", "应用货币且金额小于Y时"},
	{"09", "if in the application currency and over Y", "应用货币且金额大于Y时"},
}

// EMV Book 4, annex A4: the third byte of the CVM results.
var resultCodes = codeTable{
	{"00", "unknown result", "结果未知"}, {"01", "failed", "失败"}, {"02", "successful", "成功"},
}

func cvmRule(b []byte, o Options) string {
	method := code(methodCodes, b[0]&0x3F, o)
	if method == "" {
		method = o.pick("unknown method", "未知方法")
	}
	condition := code(conditionCodes, b[1], o)
	if condition == "" {
		condition = o.pick("unknown condition", "未知条件")
	}
	return method + o.pick(", ", "，") + condition
}

// splitCVMList reads tag 8E: amounts X and Y of four bytes each, then rules of
// two (EMV Book 3, 10.5).
func splitCVMList(it *Item, n *tlv.Node, o Options) {
	if len(n.Value)%2 != 0 {
		it.Note = o.pick("the last rule is cut short", "最后一条规则不完整")
		return
	}
	f := fields{b: n.Value, offset: n.ValueOffset, o: o}
	for _, name := range []string{"X", "Y"} {
		v := binary.BigEndian.Uint32(f.b)
		f.take(4, "amount "+name, "金额"+name).Text = fmt.Sprint(v)
	}
	for len(f.b) > 0 {
		rule := f.b[:2]
		text := cvmRule(rule, o)
		if rule[0]&0x40 != 0 {
			text += o.pick(", else the next rule", "，失败则用下一条")
		} else {
			text += o.pick(", else fail", "，失败则验证失败")
		}
		f.take(2, "rule", "规则").Text = text
	}
	it.Fields = f.items
}

func splitCVMResults(it *Item, n *tlv.Node, o Options) {
	it.Text = cvmRule(n.Value, o)
	if r := code(resultCodes, n.Value[2], o); r != "" {
		it.Text += o.pick(": ", "：") + r
	}
}
