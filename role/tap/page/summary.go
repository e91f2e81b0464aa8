package page

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
	"github.com/citycard/citycard/wire/tlv/describe"
)

// Summary prints how the sale ended, where the time went, and what to do next.
func (p *Printer) Summary(t *tap.Trace) {
	r := &t.Result
	b := &box{p: p}
	b.top(p.headline(r), r.Outcome.String(), outcomeColour(r.Outcome))
	b.row(p.say("display", "显示"), p.say(r.Display.EN(), r.Display.ZH()))
	if why := t.Fault(p.fault(r.Fault)); why != "" {
		b.row(p.say("reason", "原因"), why)
	}
	p.money(b, t)
	p.card(b, t)
	chip := t.Sale.Interface != pos.Stripe && t.Sale.Kind != pos.Balance && (r.Identified || r.TVR != [5]byte{})
	if chip {
		p.proof(b, t)
	}
	p.issuerSays(b, t)
	if chip {
		p.verified(b, r)
	} else if r.Signature {
		p.sign(b)
	}
	p.left(b, r)
	for i := range t.Loads {
		b.row(p.say("load", "圈存"), fmt.Sprintf("%04X  ", t.Loads[i].ATC)+t.Loads[i].Answer.Text(p.o.Lang))
	}
	b.rule()
	p.chart(b, t)
	b.rule()
	b.row(p.say("next", "下一步"), Hint(t, p.o.Lang))
	b.bottom()
}

// headline is the outcome in words.
func (p *Printer) headline(r *pos.Result) string {
	switch r.Outcome {
	case pos.OfflineApproved:
		if r.Display == pos.ShowBalance {
			return p.say("BALANCE READ", "余额已读出")
		}
		return p.say("APPROVED OFFLINE", "脱机批准")
	case pos.OnlineApproved:
		return p.say("APPROVED ONLINE", "联机批准")
	case pos.Declined:
		return p.say("DECLINED", "拒绝")
	case pos.OtherInterface:
		return p.say("USE ANOTHER INTERFACE", "请换用其他界面")
	case pos.CardLost:
		return p.say("CARD LOST, NOTHING PAID", "卡片离场，未扣款")
	case pos.Doubt:
		return p.say("IN DOUBT", "结果不明")
	}
	return p.say("NO TRANSACTION", "交易未成")
}

func outcomeColour(o pos.Outcome) string {
	switch o {
	case pos.OfflineApproved, pos.OnlineApproved:
		return green
	case pos.OtherInterface, pos.CardLost:
		return yellow
	}
	return red
}

func (p *Printer) money(b *box, t *tap.Trace) {
	r := &t.Result
	if amount := max(t.Sale.Amount, r.Amount); amount > 0 {
		b.row(p.say("amount", "金额"), amount.String()+p.done(t)+p.commit(r))
	}
	if r.Balance >= 0 {
		text := r.Balance.String()
		if t.Before >= 0 && t.Before != int64(r.Balance) {
			text = fmt.Sprintf("%d.%02d → %s", t.Before/100, t.Before%100, text)
		}
		b.row(p.say("on the card", "卡内余额"), text)
	}
	if r.SecondBalance >= 0 {
		b.row(p.say("second currency", "第二币种余额"), r.SecondBalance.String())
	}
	if r.SpendingLimit >= 0 {
		b.row(p.say("may spend offline", "可脱机消费"), r.SpendingLimit.String())
	}
	if r.Available >= 0 {
		b.row(p.say("on the account", "账户余额"), r.Available.String())
	}
}

// done says what became of the amount.
func (p *Printer) done(t *tap.Trace) string {
	switch {
	case t.Result.Amount == 0:
		return p.say(" yuan asked", " 元")
	case t.Sale.Kind == pos.Load:
		return p.say(" yuan loaded", " 元，已圈存")
	case t.Sale.Kind == pos.Unload:
		return p.say(" yuan unloaded", " 元，已圈提")
	}
	return p.say(" yuan paid", " 元，已付")
}

// commit says what is certain about electronic cash, where that is not plain.
func (p *Printer) commit(r *pos.Result) string {
	switch {
	case r.Commit == kernel.CommitUnknown:
		return p.say("; nobody knows yet whether the card has paid", "；尚不知卡片是否已扣款")
	case r.Commit == kernel.Committed && r.Outcome != pos.OfflineApproved && r.Outcome != pos.OnlineApproved:
		return p.say("; the card has paid", "；卡片已扣款")
	}
	return ""
}

func (p *Printer) card(b *box, t *tap.Trace) {
	r := &t.Result
	if !r.Identified {
		return
	}
	text := r.Card.PAN.Masked()
	if t.Sale.Interface != pos.Stripe {
		text += fmt.Sprintf(p.say(", sequence number %02X", "，序列号 %02X"), r.Card.PSN)
	}
	text += fmt.Sprintf(p.say(", expires %02X/%02X", "，有效期 %02X/%02X"), r.Expiry[1], r.Expiry[0])
	b.row(p.say("card", "卡号"), text)
	if len(r.AID) > 0 {
		text = fmt.Sprintf("%X", r.AID)
		if it, err := describe.Value(tlv.TagADFName, r.AID, describe.Options{Lang: p.o.Lang}); err == nil && it.Text != "" {
			text += "  " + it.Text
		}
		b.row(p.say("application", "应用"), text)
	}
}

func (p *Printer) proof(b *box, t *tap.Trace) {
	r := &t.Result
	b.row(p.say("authentication", "脱机认证"), p.oda(r.ODA))
	if !r.HasCryptogram {
		return
	}
	kind := map[byte]string{0x00: "AAC", 0x40: "TC", 0x80: "ARQC"}[r.CID&0xC0]
	text := fmt.Sprintf(p.say("%s %X, counter %d", "%s %X，计数器 %d"), kind, r.Cryptogram, r.ATC)
	switch t.Verified {
	case tap.Genuine:
		text += p.say(", genuine by the issuer's keys", "，发卡行密钥验证通过")
	case tap.Forged:
		text += p.say(", WRONG by the issuer's keys", "，发卡行密钥验证不通过")
	}
	b.row(p.say("cryptogram", "应用密文"), text)
}

func (p *Printer) oda(o pos.ODA) string {
	name, good, _ := strings.Cut(o.String(), "_")
	if name == "fdda" {
		name = "fDDA"
	} else {
		name = strings.ToUpper(name)
	}
	switch {
	case o == pos.NoODA:
		return p.say("none", "未进行")
	case good == "ok":
		return name + p.say(" passed: the card is genuine", " 通过，真卡")
	}
	return name + p.say(" FAILED", " 失败")
}

func (p *Printer) issuerSays(b *box, t *tap.Trace) {
	r := &t.Result
	if r.HostCode != [2]byte{} {
		it, _ := describe.Value(tlv.TagARC, r.HostCode[:], describe.Options{Lang: p.o.Lang})
		text := it.Text
		if text == "" {
			text = plain(string(r.HostCode[:]))
		}
		if r.AuthCode != "" {
			text += p.say(", authorisation code ", "，授权码 ") + plain(r.AuthCode)
		}
		b.row(p.say("issuer", "发卡行"), text)
	}
	for _, s := range r.Scripts {
		state := [...]string{p.say("not performed", "未执行"), fmt.Sprintf(p.say("failed at command %d", "第%d条命令失败"), s.Number), p.say("performed", "执行成功")}
		text := fmt.Sprintf("%02X %X", s.Template, s.ID)
		if int(s.Outcome) < len(state) {
			text += "  " + state[s.Outcome]
		}
		b.row(p.say("script", "脚本"), text)
	}
	if r.Reversal != nil {
		b.row(p.say("reversal", "冲正"), p.reversal(t))
	}
}

func (p *Printer) reversal(t *tap.Trace) string {
	if undone(t) && unsettled(&t.Result) {
		return p.say("the issuer knows that this is open, and waits for the card", "发卡行已知悉，待卡片下次联机查明")
	}
	if undone(t) {
		return p.say("the issuer has undone it", "发卡行已冲正")
	}
	return p.say("NOT delivered yet: the terminal must send it again", "尚未送达，终端须重发")
}

// verified lists the bits of TVR, TSI and the cardholder verification.
func (p *Printer) verified(b *box, r *pos.Result) {
	if r.CVMResults != [3]byte{} {
		b.row("CVM", p.bits(tlv.TagCVMResults, r.CVMResults[:])...)
	}
	if r.Signature {
		p.sign(b)
	}
	b.row("TVR", p.bits(tlv.TagTVR, r.TVR[:])...)
	b.row("TSI", p.bits(tlv.TagTSI, r.TSI[:])...)
}

func (p *Printer) sign(b *box) {
	b.row(p.say("signature", "签名"), p.say("the cardholder signs the receipt", "持卡人须在凭条上签名"))
}

// bits gives a value and the meaning of its bits, one a line.
func (p *Printer) bits(tag tlv.Tag, v []byte) []string {
	it, err := describe.Value(tag, v, describe.Options{Lang: p.o.Lang})
	out := []string{fmt.Sprintf("%X", v)}
	if err != nil {
		return out
	}
	for _, bit := range it.Bits {
		out = append(out, fmt.Sprintf("%d.%s %s", bit.Byte, bit.Bits, bit.Text))
	}
	for i := range it.Fields {
		if f := &it.Fields[i]; f.Text != "" {
			out = append(out, f.Value+" "+f.Text)
		}
	}
	switch {
	case it.Text != "":
		out[0] += "  " + it.Text
	case len(out) == 1:
		out[0] += p.say("  no bit is set", "  全部为零")
	}
	return out
}

// left names the rows that the sale leaves in the terminal.
func (p *Printer) left(b *box, r *pos.Result) {
	for i := range r.Records {
		row := &r.Records[i].Row
		text := fmt.Sprintf(p.say("%s of %v, counter %d", "%s %v，计数器 %d"), p.rowKind(row.Kind), row.Amount, row.ATC)
		if reason := row.Flags.Reason(); reason != txn.NoDoubt {
			text += p.say(": ", "：") + p.doubt(reason)
		}
		b.row(p.say("row kept", "留存记录"), text)
	}
}
