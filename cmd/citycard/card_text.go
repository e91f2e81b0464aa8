package main

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/role/cardview"
)

// labelWidth is the width of the words in front of values.
const labelWidth = 24

// viewText says what a card shows.
func (e *environment) viewText(v *cardview.View) string {
	var b strings.Builder
	line(&b, e.say("Answer to reset", "复位应答"), strings.TrimSpace(v.ATR+"  "+v.Historical))
	if v.Domain != "" {
		line(&b, e.say("Security domain", "安全域"), v.Domain)
	}
	for i := range v.Applications {
		b.WriteString("\n")
		e.application(&b, &v.Applications[i])
	}
	e.notes(&b, v.Notes)
	return b.String()
}

// logText is the part of it about logs.
func (e *environment) logText(v *cardview.View) string {
	var b strings.Builder
	for i := range v.Applications {
		a := &v.Applications[i]
		if i > 0 {
			b.WriteString("\n")
		}
		line(&b, e.say("Application", "应用"), strings.TrimSpace(a.AID+"  "+a.Label))
		line(&b, e.say("  card number", "  卡号"), e.number(a))
		e.logs(&b, a)
	}
	e.notes(&b, v.Notes)
	return b.String()
}

func line(b *strings.Builder, label, value string) {
	fmt.Fprintf(b, "%s%s\n", pad(label, labelWidth), value)
}

func (e *environment) notes(b *strings.Builder, notes []string) {
	if len(notes) == 0 {
		return
	}
	b.WriteString(e.say("\nNotes\n", "\n备注\n"))
	for _, n := range notes {
		b.WriteString("  " + n + "\n")
	}
}

func (e *environment) application(b *strings.Builder, a *cardview.Application) {
	line(b, e.say("Application", "应用"), strings.TrimSpace(a.AID+"  "+a.Label))
	line(b, e.say("  reached over", "  界面"), e.sides(a))
	if a.Blocked {
		line(b, e.say("  state", "  状态"), e.say("BLOCKED", "已锁定"))
	}
	line(b, e.say("  card number", "  卡号"), e.number(a))
	if a.Expires != "" {
		line(b, e.say("  valid", "  有效期"), fmt.Sprintf(e.say("%s to %s", "%s 至 %s"), dash(a.Effective), a.Expires))
	}
	e.purse(b, e.say("  electronic cash", "  电子现金"), a.Cash)
	e.purse(b, e.say("  second currency", "  第二币种"), a.Second)
	if a.ATC != nil {
		text := fmt.Sprint(*a.ATC)
		if a.Online != nil {
			text += fmt.Sprintf(e.say(", last online at %d", "，上次联机 %d"), *a.Online)
		}
		line(b, e.say("  transaction counter", "  交易计数器"), text)
	}
	if a.PINTries != nil {
		line(b, e.say("  PIN tries left", "  PIN 剩余次数"), fmt.Sprint(*a.PINTries))
	}
	if a.Transit != "" {
		line(b, e.say("  transit extension", "  行业应用"), a.Transit)
	}
	e.journeys(b, a)
	line(b, e.say("  genuine", "  脱机认证"), e.verdict(&a.Authentication))
	if len(a.Limits) > 0 {
		b.WriteString(e.say("  limits\n", "  风险管理参数\n"))
		var rows [][]string
		for _, l := range a.Limits {
			rows = append(rows, []string{l.Tag, e.say(l.Name, l.NameZH), l.Value})
		}
		columns(b, "    ", rows)
	}
	e.logs(b, a)
}

func (e *environment) sides(a *cardview.Application) string {
	var list []string
	if a.Contactless {
		list = append(list, e.say("contactless (PPSE)", "非接触（PPSE）"))
	}
	if a.Contact {
		list = append(list, e.say("contacts (PSE)", "接触（PSE）"))
	}
	if list == nil {
		list = append(list, e.say("its name, no directory names it", "仅按名称，未列入目录"))
	}
	return strings.Join(list, e.say(", ", "、"))
}

func (e *environment) number(a *cardview.Application) string {
	if a.PAN == "" {
		return "-"
	}
	if a.PSN == "" {
		return a.PAN
	}
	return fmt.Sprintf(e.say("%s, sequence number %s", "%s，序列号 %s"), a.PAN, a.PSN)
}

func (e *environment) purse(b *strings.Builder, label string, p *cardview.Purse) {
	if p == nil {
		return
	}
	line(b, label, fmt.Sprintf(e.say("%s, at most %s, one payment up to %s; currency %s", "%s，余额上限 %s，单笔上限 %s，货币 %s"),
		yuan(&p.Balance), yuan(p.Limit), yuan(p.Single), dash(p.Currency)))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// verdict says in words what offline data authentication found.
func (e *environment) verdict(a *cardview.Authentication) string {
	how := strings.TrimSpace(a.Method + " " + a.Algorithm)
	if a.CAIndex != "" {
		how += fmt.Sprintf(e.say(", CA key %s", "，CA 公钥 %s"), a.CAIndex)
	}
	if a.Until != "" {
		how += fmt.Sprintf(e.say(", certificates until %s", "，证书有效至 %s"), a.Until)
	}
	if a.Counter != nil {
		how += fmt.Sprintf(e.say("; counter %d was used", "；占用计数器 %d"), *a.Counter)
	}
	how = strings.TrimLeft(how, ",;，； ")
	switch a.Result {
	case cardview.Genuine:
		return e.say("yes: ", "真卡：") + how
	case cardview.NotGenuine:
		return e.say("NO: ", "不通过：") + strings.Join([]string{a.Reason, how}, e.say("; ", "；"))
	}
	text := e.say("not checked: ", "未验证：") + a.Reason
	if how != "" {
		text += e.say("; ", "；") + how
	}
	return text
}

func (e *environment) logs(b *strings.Builder, a *cardview.Application) {
	if len(a.Log) > 0 {
		b.WriteString(e.say("  payments, newest first\n", "  交易日志（最近在前）\n"))
		rows := [][]string{{e.say("DATE", "日期"), e.say("TIME", "时间"), e.say("AMOUNT", "金额"), e.say("CURRENCY", "货币"),
			e.say("TYPE", "类型"), e.say("COUNTER", "计数器"), e.say("MERCHANT", "商户")}}
		for i := range a.Log {
			p := &a.Log[i]
			rows = append(rows, []string{dash(p.Date), dash(p.Time), yuan(p.Amount), dash(p.Currency), dash(p.Type), count(p.ATC), p.Merchant})
		}
		columns(b, "    ", rows, 2, 5)
	}
	if len(a.LoadLog) > 0 {
		b.WriteString(e.say("  loads, newest first\n", "  圈存日志（最近在前）\n"))
		rows := [][]string{{e.say("DATE", "日期"), e.say("TIME", "时间"), e.say("BALANCE", "余额"), e.say("BEFORE", "之前"), e.say("AFTER", "之后"),
			e.say("COUNTER", "计数器"), e.say("MERCHANT", "商户")}}
		for i := range a.LoadLog {
			l := &a.LoadLog[i]
			rows = append(rows, []string{dash(l.Date), dash(l.Time), l.Tag, yuan(&l.Before), yuan(&l.After), count(l.ATC), l.Merchant})
		}
		columns(b, "    ", rows, 3, 4, 5)
	}
	e.trips(b, a)
	if len(a.Log) == 0 && len(a.LoadLog) == 0 && len(a.Trips) == 0 {
		line(b, e.say("  logs", "  日志"), e.say("empty", "空"))
	}
}

func count(n *int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
