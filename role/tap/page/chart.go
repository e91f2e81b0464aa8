package page

import (
	"fmt"
	"time"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/rf"
)

// fieldBudget is how long a card may have to stay in the field for an offline
// purchase: our choice, above which people take it away.
const fieldBudget = 300 * time.Millisecond

// chart shows where the time in the field went.
func (p *Printer) chart(b *box, t *tap.Trace) {
	if t.Sale.Interface == pos.Stripe {
		b.row(p.say("conversation", "通信量"), p.say("none with a chip", "未与芯片通信"))
		return
	}
	text := fmt.Sprintf(p.say("%d commands, %d bytes sent, %d received", "%d 条命令，发送 %d 字节，接收 %d 字节"), t.Used.APDUs, t.Used.Sent, t.Used.Received)
	if flow, ok := t.Flow(); ok {
		if most, ok := rf.BudgetOf(flow); ok {
			text += fmt.Sprintf(p.say("; at most %d, %d, %d", "；上限 %d、%d、%d"), most.APDUs, most.Sent, most.Received)
		}
	}
	b.row(p.say("conversation", "通信量"), text)
	if t.Computed > 0 {
		b.row(p.say("terminal computed", "终端计算"), fmt.Sprintf("%d µs", t.Computed.Microseconds()))
	}
	if t.Field <= 0 {
		return
	}
	text = ms(t.Field)
	switch flow, ok := t.Flow(); {
	case ok && flow == rf.QPBOC && t.Field <= fieldBudget:
		text += fmt.Sprintf(p.say(" of %s for an offline purchase", "，脱机消费上限 %s"), ms(fieldBudget))
	case ok && flow == rf.QPBOC:
		text += fmt.Sprintf(p.say(", MORE than the %s for an offline purchase", "，超过脱机消费上限 %s"), ms(fieldBudget))
	}
	label := p.say("in the field", "场内时间")
	if t.Sale.Interface == pos.Contact {
		label = p.say("in the slot", "插卡时间")
	}
	b.row(label, text+p.say(" (model)", "（模型）"))
	p.bars(b, t)
	p.slower(b, t)
}

// slower says that the card took longer than the model, and where.
func (p *Printer) slower(b *box, t *tap.Trace) {
	n, s := t.Slower()
	if n == 0 {
		return
	}
	b.row(p.say("measured", "实测"), fmt.Sprintf(p.say("the card was slower than the model: measured %s", "卡片慢于模型：实测%s"), ms(t.Measured)),
		fmt.Sprintf(p.say("command %d took %s, by the model %s", "第%d条命令用时%s，模型为%s"), n, ms(s.Took), ms(s.Field)))
}

// Columns of the chart.
const (
	barShare = 40 // per cent of the box for the bar
	msWidth  = 10
)

func (p *Printer) bars(b *box, t *tap.Trace) {
	var longest time.Duration
	for i := range t.Steps {
		longest = max(longest, t.Steps[i].Field)
	}
	barWidth := b.inner() * barShare / 100
	nameWidth := b.inner() - barWidth - msWidth - 1
	n := 0
	for i := range t.Steps {
		s := &t.Steps[i]
		name := p.say(" · activation", " · 激活")
		if s.Kind == tap.Exchange {
			n++
			name = fmt.Sprintf("%2d %s", n, s.Command.Title)
		} else if t.Sale.Interface == pos.Contact {
			name = p.say(" · reset", " · 复位")
		}
		if s.Field <= 0 {
			continue
		}
		block := bar(int64(s.Field), int64(longest), barWidth)
		b.framed(pad(fit(plain(name), nameWidth), nameWidth)+padLeft(ms(s.Field), msWidth)+" "+p.paint(green, block), barWidth-width(block))
	}
}
