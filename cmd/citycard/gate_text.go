package main

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/gate"
	"github.com/citycard/citycard/role/tap/page"
	terminal "github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/txn"
)

// title says what is about to happen.
func (r *gateRunner) title(env *environment, s *work) string {
	switch {
	case s.bus:
		return env.say("Inspection in a bus, route ", "车上查验，线路") + fmt.Sprint(s.Route)
	case s.inspects:
		return env.say("Inspection in the metro", "地铁查验")
	}
	words := map[terminal.Mode]string{
		terminal.Entry: env.say("Entry at ", "进站："), terminal.Exit: env.say("Exit at ", "出站："), terminal.Bus: env.say("Bus, route ", "公交，线路"),
		terminal.Board: env.say("Boarding, route ", "上车，线路"), terminal.Alight: env.say("Alighting, route ", "下车，线路"),
	}[s.Mode]
	if s.Mode > terminal.Exit {
		return words + fmt.Sprint(s.Route)
	}
	return words + r.plant.City.Book.Name(s.Station)
}

// gatePanel is the summary of a tap.
func gatePanel(env *environment, t *gate.Trace, r *gate.Report) page.Panel {
	x := page.Panel{Headline: env.say(r.Display, r.DisplayZH), Word: r.Outcome, Mood: page.Bad}
	switch t.Outcome() {
	case gate.Opened:
		x.Mood = page.Good
	case gate.Again, gate.Torn:
		x.Mood = page.Mild
	}
	row := func(label string, texts ...string) {
		x.Rows = append(x.Rows, page.Row{Label: label, Texts: texts})
	}
	for _, why := range gateReasons(env, t, r) {
		row(env.say("reason", "原因"), why)
	}
	if r.PAN != "" {
		row(env.say("card", "卡号"), r.PAN+"/"+r.PSN)
	}
	if r.Opened {
		row(env.say("paid", "扣款"), fenText(r.Amount))
	}
	if r.Held > 0 {
		row(env.say("held", "预授权"), fenText(r.Held))
	}
	if r.Balance != nil {
		row(env.say("on the card", "卡内余额"), fenText(*r.Balance))
	}
	for i := range r.Before {
		row(env.say("journey before", "原行程"), journeyText(env, &r.Before[i]))
	}
	for i := range r.After {
		row(env.say("journey written", "写入行程"), journeyText(env, &r.After[i]))
	}
	if r.Trip != nil {
		row(env.say("trip written", "写入记录"), tripText(env, r.Trip))
	}
	for i := range r.Expired {
		row(env.say("expired row", "到期记录"), rowText(env, &r.Expired[i], &t.Expired[i].Row)...)
	}
	for i := range r.Rows {
		row(env.say("row kept", "保存记录"), rowText(env, &r.Rows[i], &t.Result.Records[i].Row)...)
	}
	if r.Waiting > 0 {
		row(env.say("waiting", "待处理"), fmt.Sprintf(env.say("%d torn taps for their cards", "%d笔未完成交易等待原卡"), r.Waiting))
	}
	x.Rows = append(x.Rows, page.Row{})
	row(env.say("cost", "用量"), costText(env, r.APDUs, r.Sent, r.Received, string(r.FieldMS)))
	return x
}

// inspectionPanel is the summary of an inspection.
func inspectionPanel(env *environment, t *gate.Trace, r *gate.Inspection) page.Panel {
	x := page.Panel{Headline: env.say(r.Verdict, r.VerdictZH), Word: r.Outcome, Mood: page.Bad}
	switch t.Outcome() {
	case gate.Valid:
		x.Mood = page.Good
	case gate.Unverified, gate.Again:
		x.Mood = page.Mild
	}
	row := func(label string, texts ...string) {
		x.Rows = append(x.Rows, page.Row{Label: label, Texts: texts})
	}
	proof := env.say("verified by the security module", "已由安全模块核实")
	if !r.Verified {
		proof = env.say("none: ", "无：") + env.say(r.Why, r.WhyZH)
	}
	row(env.say("proof", "证明"), proof)
	for _, why := range []string{r.Module, r.ReaderError} {
		if why != "" {
			row(env.say("reason", "原因"), why)
		}
	}
	if r.PAN != "" {
		row(env.say("card", "卡号"), r.PAN)
	}
	for _, j := range []*gate.Journey{r.Metro, r.Bus} {
		if j != nil {
			row(env.say("journey", "行程"), journeyText(env, j))
		}
	}
	for i := range r.Trips {
		row(env.say("log", "记录"), shortClock(r.Trips[i].Time)+" "+tripText(env, &r.Trips[i]))
	}
	if r.TC != "" {
		row(env.say("for the issuer", "交发卡行核对"), "TC "+r.TC)
	}
	x.Rows = append(x.Rows, page.Row{})
	row(env.say("cost", "用量"), costText(env, r.APDUs, r.Sent, r.Received, string(r.FieldMS)))
	return x
}

// costText is what a conversation has cost.
func costText(env *environment, apdus, sent, received int, field string) string {
	return fmt.Sprintf(env.say("%d commands, %d bytes sent, %d received, %s ms in the field by the model", "%d条命令，发送%d字节，接收%d字节，模型场内时间%s毫秒"),
		apdus, sent, received, field)
}

func fenText(fen int64) string { return money.Fen(fen).String() }

// journeyText is a journey record in one line.
func journeyText(env *environment, j *gate.Journey) string {
	words := []string{map[string]string{"metro": env.say("metro", "地铁"), "bus": env.say("bus", "公交")}[j.Trade]}
	switch {
	case j.State == "fresh":
		return words[0] + env.say(", never used", "，未使用")
	case j.Entry != nil:
		words = append(words, env.say("from ", "起：")+endText(env, j.Trade, j.Entry))
	}
	if j.Exit != nil {
		words = append(words, env.say("to ", "止：")+endText(env, j.Trade, j.Exit))
	}
	switch {
	case j.State == "in":
		words = append(words, env.say("not ended", "未结束"))
	default:
		words = append(words, env.say("paid ", "扣款")+fenText(j.Amount))
	}
	if j.Held > 0 {
		words = append(words, env.say("held ", "预授权")+fenText(j.Held))
	}
	if j.Month != "" {
		words = append(words, fmt.Sprintf(env.say("month %s: %s", "%s月累计%s"), j.Month, fenText(j.MonthSum)))
	}
	if j.Locked {
		words = append(words, env.say("locked", "已锁定"))
	}
	return strings.Join(words, env.say(", ", "，"))
}

func endText(env *environment, trade string, e *gate.End) string {
	where := e.Station
	if trade == "bus" {
		where = fmt.Sprintf(env.say("route %d stop %d", "%d路第%d站"), e.Line, e.Stop)
	}
	return strings.TrimSpace(where + " " + shortClock(e.Time))
}

// shortClock is date and time of an RFC 3339 time, without seconds and zone.
func shortClock(s string) string {
	if len(s) < len("2006-01-02T15:04") {
		return s
	}
	return strings.Replace(s[:len("2006-01-02T15:04")], "T", " ", 1)
}

func tripText(env *environment, t *gate.Trip) string {
	where := t.Station
	if t.Trade == "bus" {
		where = fmt.Sprintf(env.say("route %d", "%d路"), t.Line)
	}
	text := fmt.Sprintf(env.say("type %s, %s, %s", "类型%s，%s，%s"), t.Type, where, fenText(t.Amount))
	if t.Balance != nil {
		text += env.say(", left ", "，余额") + fenText(*t.Balance)
	}
	return text
}

// rowText is a row in a few lines.
func rowText(env *environment, r *gate.Row, kept *txn.Row) []string {
	lang := string(env.lang)
	first := fmt.Sprintf(env.say("%s of %s, counter %d, terminal %d, number %d", "%s %s，计数器%d，终端%d，序号%d"),
		page.RowKind(lang, kept.Kind), fenText(r.Amount), r.ATC, r.Terminal, r.Sequence)
	if r.Reason != "" {
		first += env.say(": ", "：") + page.Doubt(lang, kept.Flags.Reason())
	}
	lines := []string{first}
	if r.EntryTime != "" {
		lines = append(lines, fmt.Sprintf(env.say("entered %s at terminal %d, counter %d", "%s进站，终端%d，计数器%d"), shortClock(r.EntryTime), r.EntryTerminal, r.EntryATC))
	}
	flags := make([]string, 0, len(r.Flags))
	for _, f := range r.Flags {
		flags = append(flags, env.say(f, flagsZH[f]))
	}
	if len(flags) > 0 {
		lines = append(lines, strings.Join(flags, env.say(" ", "，")))
	}
	return lines
}

// flagsZH are the flags of a row.
var flagsZH = map[string]string{
	"last_record_read": "末条记录已读", "oda_verified": "脱机认证通过", "9f69_checked": "9F69已核对", "service_given": "已放行",
	"closed_by_proof": "凭行程记录结清", "closed_by_retap": "凭再次刷卡结清", "evidence_kept": "证据已留存",
	"entry_unread": "进站记录未读到", "month_unread": "月累计未读到",
}

// gateReasons are why a tap did not come about, if that is known.
func gateReasons(env *environment, t *gate.Trace, r *gate.Report) []string {
	var out []string
	if why := t.Result.Refusal; why != 0 {
		out = append(out, env.say(r.Refusal, refusalsZH[why]))
	}
	if r.Fault != "" {
		out = append(out, t.Fault(string(env.lang)))
	}
	for _, why := range []string{r.Module, r.Setting, r.ReaderError} {
		if why != "" {
			out = append(out, why)
		}
	}
	return out
}

// refusalsZH are what a card's journey forbids.
var refusalsZH = map[journey.Refusal]string{
	journey.Locked: "已锁定", journey.NotValid: "不可用", journey.MissingExit: "缺出站记录", journey.MissingEntry: "缺进站记录", journey.OverTime: "超时",
	journey.MissingAlight: "缺下车记录", journey.MissingBoard: "缺上车记录", journey.WrongDirection: "方向不符", journey.BalanceLow: "余额不足",
}
