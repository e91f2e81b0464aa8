package pos

import (
	"github.com/citycard/citycard/terminal/kernel"
)

// Note is a finding of the till or of its kernel, as a sentence for the trace. It
// holds no account number.
type Note struct {
	EN, ZH string
}

// Text is the finding in Chinese for lang "zh" and in English for any other.
func (n Note) Text(lang string) string {
	if lang == "zh" {
		return n.ZH
	}
	return n.EN
}

// Notes are the findings of the running sale so far, in order: after each Step, what
// is new stands at the end. They belong to the till until the next Begin.
func (t *Till) Notes() []Note { return t.notes }

func (t *Till) note(en, zh string) { t.say(Note{EN: en, ZH: zh}) }

func (t *Till) say(n Note) { t.notes = append(t.notes, n) }

// takeNotes adds what the debit/credit kernel has found since the last time.
func (t *Till) takeNotes() {
	if t.phase != debiting {
		return
	}
	all := t.debit.Notes()
	for ; t.taken < len(all); t.taken++ {
		t.note(all[t.taken].Text("en"), all[t.taken].Text("zh"))
	}
}

// Findings of the till about a torn sale.
var (
	noteTorn = Note{
		EN: "the record with which the card pays was asked for and did not come: whether it has paid is not known",
		ZH: "已读取扣款记录但未收到应答：不知是否已扣款",
	}
	noteFinished = Note{
		EN: "the same card: its signature covers the record that it repeats, so it has paid; the torn sale is finished without a new charge",
		ZH: "同一张卡：签名覆盖其重发的记录，证明已扣款；完成原交易，不再扣款",
	}
	noteLooksUnpaid = Note{
		EN: "counter and balance say that it has not paid, but under no signature: the old counter stays in doubt, and a new transaction begins",
		ZH: "计数器和余额显示未扣款，但无签名为证：原计数器记为存疑，重新开始交易",
	}
	noteOtherCard  = Note{EN: "this is not the card of the torn sale", ZH: "不是未完成交易的那张卡"}
	noteUnreadable = Note{EN: "this card does not tell enough to know it: the sale still waits for its card", ZH: "此卡信息不足，无法识别：仍在等待原卡"}
	noteUndecided  = Note{
		EN: "the card does not prove whether it has paid: the sale stays in doubt",
		ZH: "卡不能证明是否已扣款：交易存疑",
	}
)

// Findings of the contactless kernel.
var (
	noteTC   = Note{EN: "the card decided: offline, TC (CVR in 9F10)", ZH: "卡片决定：脱机批准，TC（9F10中的CVR）"}
	noteARQC = Note{EN: "the card decided: ask the issuer, ARQC (CVR in 9F10)", ZH: "卡片决定：联机，ARQC（9F10中的CVR）"}
	noteAAC  = Note{EN: "the card decided: decline, AAC (CVR in 9F10)", ZH: "卡片决定：拒绝，AAC（9F10中的CVR）"}

	noteFDDA01 = Note{
		EN: "fDDA 01 is right: the signature covers amount, counter, and 9F69 of the last record, so this card has paid",
		ZH: "fDDA 01验证成功：签名覆盖金额、计数器及末条记录中的9F69，证明本卡已扣款",
	}
	noteFDDA00 = Note{
		EN: "fDDA 00 is right: the card is genuine; nothing in its signature says that it was asked to pay",
		ZH: "fDDA 00验证成功：卡片真实，但签名不含扣款证明",
	}
	noteOnlinePIN = Note{EN: "9F6C byte 1 b8: the card asks for the PIN, online", ZH: "9F6C字节1 b8：卡要求联机PIN"}
	noteSignature = Note{EN: "9F6C byte 1 b7: the card asks for a signature", ZH: "9F6C字节1 b7：卡要求签名"}
	noteMSD       = Note{EN: "magnetic stripe data over the air: the issuer decides, with track 2 as from a stripe", ZH: "非接触磁条数据：按磁条二磁道联机，由发卡行决定"}
)

// bitNotes explain the bits of TVR and TSI that the contactless kernel sets (EMV Book
// 3, annex C5 and C6).
var bitNotes = [...]struct {
	tsi  bool
	at   int
	mask byte
	note Note
}{
	{false, 0, 0x80, Note{EN: "TVR byte 1 b8: offline data authentication was not done", ZH: "TVR字节1 b8：未进行脱机数据认证"}},
	{false, 0, 0x20, Note{EN: "TVR byte 1 b6: card data are missing", ZH: "TVR字节1 b6：卡片数据缺失"}},
	{false, 0, 0x10, Note{EN: "TVR byte 1 b5: the card is on the exception file", ZH: "TVR字节1 b5：卡在终端异常文件中"}},
	{false, 0, 0x08, Note{EN: "TVR byte 1 b4: the dynamic signature failed", ZH: "TVR字节1 b4：动态数据认证失败"}},
	{false, 1, 0x80, Note{EN: "TVR byte 2 b8: card and terminal have different application versions", ZH: "TVR字节2 b8：卡片与终端应用版本不一致"}},
	{false, 1, 0x40, Note{EN: "TVR byte 2 b7: the application has expired", ZH: "TVR字节2 b7：应用已过期"}},
	{false, 1, 0x20, Note{EN: "TVR byte 2 b6: the application is not effective yet", ZH: "TVR字节2 b6：应用尚未生效"}},
	{false, 1, 0x10, Note{EN: "TVR byte 2 b5: this service is not allowed for the card", ZH: "TVR字节2 b5：卡片不允许此服务"}},
	{false, 3, 0x80, Note{EN: "TVR byte 4 b8: the amount exceeds the floor limit", ZH: "TVR字节4 b8：超过最低限额"}},
	{false, 3, 0x08, Note{EN: "TVR byte 4 b4: the merchant forces the transaction online", ZH: "TVR字节4 b4：商户要求联机交易"}},
	{true, 0, 0x80, Note{EN: "TSI byte 1 b8: offline data authentication was done", ZH: "TSI字节1 b8：已进行脱机数据认证"}},
}

// noteContactless explains what the contactless kernel found.
func (t *Till) noteContactless(out *kernel.Outcome) {
	t.noteDecision(out)
	switch {
	case out.Result == kernel.Approved && out.CADChecked:
		t.say(noteFDDA01)
	case out.Result == kernel.Approved:
		t.say(noteFDDA00)
	case out.Fault.Code == kernel.NotGenuine:
		t.note("fDDA failed, "+out.Fault.String(), "fDDA验证失败，"+out.Fault.Text("zh"))
	}
	for i := range bitNotes {
		b := &bitNotes[i]
		v := out.TVR[b.at]
		if b.tsi {
			v = out.TSI[b.at]
		}
		if v&b.mask != 0 {
			t.say(b.note)
		}
	}
	if f := out.Fault; f.Code != kernel.NoFault && f.Code != kernel.NotGenuine {
		t.note(f.String(), f.Text("zh"))
	}
}

// noteDecision explains what the card decided.
func (t *Till) noteDecision(out *kernel.Outcome) {
	if !out.Identified {
		return
	}
	if out.MSD {
		t.say(noteMSD)
	}
	switch t.result.CID {
	case 0x40:
		t.say(noteTC)
	case 0x80:
		t.say(noteARQC)
	default:
		if t.result.HasCryptogram {
			t.say(noteAAC)
		}
	}
	switch out.CVM {
	case kernel.OnlinePIN:
		t.say(noteOnlinePIN)
	case kernel.Signature:
		t.say(noteSignature)
	}
}
