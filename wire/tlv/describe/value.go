package describe

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// explain adds what can be said about a public value of the right length.
func explain(it *Item, n *tlv.Node, info *tlv.Info, o Options) {
	if rules := bitRules(n.Tag); rules != nil {
		it.Bits = find(rules, n.Value, o)
		return
	}
	if split := structures[n.Tag]; split != nil {
		split(it, n, o)
		return
	}
	if codes := codeTables[n.Tag]; codes != nil {
		it.Text = codes.text(n.Value, o)
		return
	}
	switch info.Format {
	case tlv.FormatNumeric, tlv.FormatCompressed:
		explainDigits(it, n, info, o)
	case tlv.FormatAlpha, tlv.FormatAlphanumeric, tlv.FormatSpecial:
		it.Text = quoted(n.Value)
	case tlv.FormatDOL:
		explainDOL(it, n, o)
	}
}

func explainDigits(it *Item, n *tlv.Node, info *tlv.Info, o Options) {
	if info.Format == tlv.FormatNumeric && !packedDecimal(n.Value) {
		it.Note = o.pick("not decimal digits", "不是十进制数字")
		return
	}
	switch {
	case isAmount(n.Tag):
		if fen, err := money.FromN12(n.Value); err == nil {
			it.Text = fen.String()
		}
	case n.Tag == tlv.TagTransactionTime:
		it.Text = fmt.Sprintf("%02x:%02x:%02x", n.Value[0], n.Value[1], n.Value[2])
	case isDate(n.Tag):
		it.Text = date(n.Value)
	}
}

func packedDecimal(b []byte) bool {
	for _, c := range b {
		if c>>4 > 9 || c&0xF > 9 {
			return false
		}
	}
	return true
}

// isAmount lists the n12 elements that are amounts in the smallest unit of a
// currency.
func isAmount(t tlv.Tag) bool {
	switch t {
	case tlv.TagAmountAuthorised, tlv.TagAmountOther, tlv.TagCTTAL, tlv.TagCTTAUpper, tlv.TagCTTALDual,
		tlv.TagAvailableOffline, tlv.TagCardCVMLimit, tlv.TagECResetThreshold, tlv.TagECBalanceLimit,
		tlv.TagECSingleLimit, tlv.TagECBalance, tlv.TagECTerminalLimit, tlv.TagContactlessFloorLimit,
		tlv.TagContactlessTransactionLimit, tlv.TagContactlessCVMLimit, tlv.TagDeductionLimit,
		tlv.TagDeductionUsed, tlv.TagSecondECCVMLimit, tlv.TagSecondECResetThreshold,
		tlv.TagSecondECBalanceLimit, tlv.TagSecondECSingleLimit, tlv.TagSecondECBalance:
		return true
	}
	return false
}

func isDate(t tlv.Tag) bool {
	return t == tlv.TagTransactionDate || t == tlv.TagExpirationDate || t == tlv.TagEffectiveDate
}

// date gives YYMMDD as a full date; years 50 to 99 belong to the twentieth
// century (EMV Book 4, 6.7.3).
func date(b []byte) string {
	century := "20"
	if b[0] >= 0x50 {
		century = "19"
	}
	return fmt.Sprintf("%s%02x-%02x-%02x", century, b[0], b[1], b[2])
}

// quoted gives printable text in quotes, and nothing for bytes that are not
// text in ASCII or UTF-8.
func quoted(b []byte) string {
	s := string(b)
	if s == "" || !utf8.ValidString(s) {
		return ""
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return ""
		}
	}
	return `"` + strings.TrimRight(s, " ") + `"`
}

func explainDOL(it *Item, n *tlv.Node, o Options) {
	d, err := tlv.ParseDOL(n.Value)
	if err != nil {
		it.Note = o.pick("not a data object list", "不是数据对象列表")
		return
	}
	it.Fields = dolItems(d, n.ValueOffset, o)
	it.Text = o.pick(fmt.Sprintf("asks for %d bytes", d.Len()), fmt.Sprintf("要求%d字节数据", d.Len()))
}

// structures take apart the values that have inner fields.
var structures = map[tlv.Tag]func(*Item, *tlv.Node, Options){
	tlv.TagIAD:                    splitIAD,
	tlv.TagAFL:                    splitAFL,
	tlv.TagCardAuthenticationData: splitCardAuthentication,
	tlv.TagCVMList:                splitCVMList,
	tlv.TagCVMResults:             splitCVMResults,
	tlv.TagLogEntry:               splitLogEntry,
	tlv.TagLoadLogEntry:           splitLogEntry,
	tlv.TagIssuerScriptCommand:    splitScriptCommand,
	tlv.TagIssuerScriptResult:     splitScriptResults,
	tlv.TagScriptResults:          splitScriptResults,
	tlv.TagATC:                    decimal,
	tlv.TagLastOnlineATC:          decimal,
	tlv.TagPINTryCounter:          decimal,
	tlv.TagLowerOfflineLimit:      decimal,
	tlv.TagUpperOfflineLimit:      decimal,
	tlv.TagLowerOfflineLimitEMV:   decimal,
	tlv.TagUpperOfflineLimitEMV:   decimal,
	tlv.TagDFName:                 applicationName,
	tlv.TagADFName:                applicationName,
	tlv.TagAIDTerminal:            applicationName,
}

func decimal(it *Item, n *tlv.Node, _ Options) {
	v := 0
	for _, c := range n.Value {
		v = v<<8 | int(c)
	}
	it.Text = fmt.Sprint(v)
}

// splitAFL reads the entries of the AFL: SFI, first and last record, and the
// number of records in offline data authentication (EMV Book 3, 10.2).
func splitAFL(it *Item, n *tlv.Node, o Options) {
	if len(n.Value)%4 != 0 {
		it.Note = o.pick("the length is not a multiple of 4", "长度不是4的倍数")
		return
	}
	for i := 0; i < len(n.Value); i += 4 {
		e := n.Value[i : i+4]
		it.Fields = append(it.Fields, Item{
			Offset: n.ValueOffset + i, Name: o.pick("file", "文件"), Length: 4, Value: upperHex(e),
			Text: o.pick(
				fmt.Sprintf("SFI %d, records %d to %d, %d of them signed", e[0]>>3, e[1], e[2], e[3]),
				fmt.Sprintf("SFI %d，记录%d至%d，其中%d条参与脱机数据认证", e[0]>>3, e[1], e[2], e[3])),
		})
	}
}

func splitLogEntry(it *Item, n *tlv.Node, o Options) {
	it.Text = o.pick(
		fmt.Sprintf("SFI %d, %d records", n.Value[0], n.Value[1]),
		fmt.Sprintf("SFI %d，%d条记录", n.Value[0], n.Value[1]))
}

// splitCardAuthentication reads tag 9F69 (JR/T 0025.12): fDDA version, random
// number of the card, card transaction qualifiers, DF61.
func splitCardAuthentication(it *Item, n *tlv.Node, o Options) {
	f := fields{b: n.Value, offset: n.ValueOffset, o: o}
	f.take(1, "fDDA version", "fDDA版本")
	f.take(4, "card random number", "卡片随机数")
	ctq := f.take(2, "card transaction qualifiers", "卡片交易属性")
	ctq.Bits = find(ctqRules[:], n.Value[5:7], o)
	capp := f.take(1, "CAPP support (DF61)", "扩展应用标识（DF61）")
	capp.Text = codeTables[tlv.TagCAPPSupport].text(n.Value[7:], o)
	it.Fields = f.items
}

func splitScriptCommand(it *Item, n *tlv.Node, o Options) {
	c, err := apdu.ParseCommand(n.Value)
	if err != nil {
		it.Note = err.Error()
		return
	}
	it.Text = c.Name()
	if c.CarriesPIN() {
		it.Value, it.Masked = hidden(n.Value, 5), true
	}
}

// splitScriptResults reads issuer script results: five bytes for each script,
// the result and the number of the failed command in the first, the script
// identifier in the others (EMV Book 4, annex A5).
func splitScriptResults(it *Item, n *tlv.Node, o Options) {
	if len(n.Value)%5 != 0 {
		it.Note = o.pick("the length is not a multiple of 5", "长度不是5的倍数")
		return
	}
	for i := 0; i < len(n.Value); i += 5 {
		e := n.Value[i : i+5]
		text := code(scriptResultCodes, e[0]>>4, o)
		if text == "" {
			text = o.pick("reserved result", "保留的结果值")
		}
		if seq := e[0] & 0xF; seq != 0 {
			text += o.pick(fmt.Sprintf(", at command %d", seq), fmt.Sprintf("，第%d条命令", seq))
		}
		it.Fields = append(it.Fields, Item{Offset: n.ValueOffset + i, Name: o.pick("script", "脚本"), Length: 5, Value: upperHex(e), Text: text})
	}
}

// fields cuts a value into named parts of fixed length.
type fields struct {
	b      []byte
	offset int
	o      Options
	items  []Item
}

// take cuts n bytes, which must be there, and returns the new item until the
// next call.
func (f *fields) take(n int, en, zh string) *Item {
	f.items = append(f.items, Item{Offset: f.offset, Name: f.o.pick(en, zh), Length: n, Value: upperHex(f.b[:n])})
	f.b = f.b[n:]
	f.offset += n
	return &f.items[len(f.items)-1]
}

// hidden shows the first keep bytes in hexadecimal and the rest as '*'.
func hidden(b []byte, keep int) string {
	keep = min(keep, len(b))
	return upperHex(b[:keep]) + strings.Repeat("*", 2*(len(b)-keep))
}
