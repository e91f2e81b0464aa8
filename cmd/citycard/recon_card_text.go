package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
)

// cardWriter writes a card for a person.
type cardWriter struct {
	strings.Builder
	lang language
}

func (w *cardWriter) say(en, zh string) string { return bothTexts{en, zh}.in(w.lang) }

func (w *cardWriter) line(en, zh string, args ...any) {
	fmt.Fprintf(w, w.say(en, zh)+"\n", args...)
}

func (w *cardWriter) card(c *clerk.Card) {
	w.line("Card %s   token %s", "卡 %s   令牌 %s", c.Key, tokenText(c.Token))
	w.line("As of %s", "截至 %s", clockText(c.At))
	if c.Frozen {
		w.line("The card is FROZEN: nothing is paid to it.", "卡片已冻结：暂停一切支付。")
	}
	w.WriteByte('\n')
	w.standing(c)
	w.timeline(c)
	w.breaks(c)
	w.loads(c)
	w.refunds(c)
	w.alarms(c)
	w.steps(c)
	verified, absent, failed := verifiedOf(c)
	w.line("\nRecords checked again: %d verified, %d not available, %d FAILED", "\n重新核验：%d 条通过，%d 条无从核验，%d 条不符", verified, absent, failed)
	w.failures(c)
}

// standing is what is on the card and what is due to the customer.
func (w *cardWriter) standing(c *clerk.Card) {
	v := &c.Value
	what := w.say("On the card", "卡上余额")
	if c.Quota {
		what = w.say("Head-room on the card", "卡上可用额度")
	}
	switch {
	case v.Least == v.Most:
		w.line("%s: %s yuan at %s", "%s：%s 元（%s）", what, v.Least, clockText(v.At))
	default:
		w.line("%s: at least %s, at most %s yuan at %s", "%s：至少 %s 元，至多 %s 元（%s）", what, v.Least, v.Most, clockText(v.At))
	}
	nextTap := func() { w.line("  the card's next tap tells", "  卡片下次刷卡后可知") }
	if v.Least != v.Most {
		nextTap()
	} else if v.CertainOn > c.At {
		w.line("  certain on %s: until then terminals may send later taps", "  %s 确定：此前终端仍可能补送交易", dayOnly(v.CertainOn))
	} else {
		w.line("  certain", "  已确定")
	}
	d := &c.Due
	if d.Most == 0 {
		w.line("Due to the customer: nothing", "应退客户：无")
	} else if d.Least == d.Most {
		w.line("Due to the customer: %s yuan", "应退客户：%s 元", d.Least)
	} else {
		w.line("Due to the customer: at least %s, at most %s yuan", "应退客户：至少 %s 元，至多 %s 元", d.Least, d.Most)
	}
	if c.Paid != 0 {
		w.line("  paid: %s yuan", "  已付：%s 元", c.Paid)
	}
	if d.CertainOn > c.At {
		w.line("  certain on %s", "  %s 确定", dayOnly(d.CertainOn))
	} else if d.Least != d.Most && slices.ContainsFunc(c.Steps, func(s clerk.Step) bool { return s.What == clerk.StepTap }) {
		nextTap()
	}
	if c.Unexplained != 0 {
		w.line("Books and timeline differ by %s yuan: there is a fault.", "账务与时间线相差 %s 元：系统有误。", c.Unexplained)
	}
}

var kindNames = map[timeline.ObsKind]bothTexts{
	timeline.Opening: {"opening value", "期初"}, timeline.Paid: {"paid", "消费"}, timeline.Zero: {"free tap", "零金额"}, timeline.Doubt: {"in doubt", "存疑"},
	timeline.Declined: {"declined", "卡拒绝"}, timeline.Online: {"online question", "联机请求"}, timeline.Load: {"load", "圈存"}, timeline.Hold: {"hold", "预授权"}, timeline.Push: {"quota push", "额度推送"},
}

var resultNames = map[clerk.Result]bothTexts{
	clerk.Verified: {"verified", "通过"}, clerk.NotAvailable: {"not available", "无从核验"}, clerk.Failed: {"FAILED", "不符"},
}

// timeline lists the observations and what is missing between them.
func (w *cardWriter) timeline(c *clerk.Card) {
	w.line("\nTimeline", "\n时间线")
	rows := [][]string{{w.say("counter", "计数器"), w.say("time", "时间"), w.say("what", "事项"), w.say("amount", "金额"), w.say("before", "之前"), w.say("after", "之后"), w.say("where", "地点"), w.say("evidence", "证据")}}
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Missing > 0 {
			rows = append(rows, []string{missingText(r.ATC, r.Missing), "", fmt.Sprintf(w.say("%d missing", "缺 %d 笔"), r.Missing), "", "", "", "", ""})
		}
		rows = append(rows, []string{fmt.Sprintf("%04X", r.ATC), momentText(r.Time), w.what(r), amountText(r), r.Before.String(), afterText(r), whereText(r), w.evidence(r)})
	}
	columns(&w.Builder, "  ", rows, 3, 4, 5)
}

// evidence is the word for the checks of a record. What the issuer wrote down itself has
// no other record behind it.
func (w *cardWriter) evidence(r *clerk.Row) string {
	if r.Evidence.Result == clerk.NotAvailable {
		switch sourceName(r) {
		case "issuer":
			return w.say("issuer's record", "发卡方记录")
		case "host":
			return w.say("host's record", "主机记录")
		}
	}
	return resultNames[r.Evidence.Result].in(w.lang)
}

// missingText names the counters before one that nobody has reported.
func missingText(next uint16, n int) string {
	if n == 1 {
		return fmt.Sprintf("%04X", next-1)
	}
	return fmt.Sprintf("%04X-%04X", next-uint16(n), next-1)
}

func amountText(r *clerk.Row) string {
	switch {
	case r.Kind == timeline.Opening || r.Kind == timeline.Push:
		return ""
	case r.Kind == timeline.Hold:
		return r.Held.String()
	case r.Debit == 0:
		return "0.00"
	}
	return r.Debit.String()
}

func afterText(r *clerk.Row) string {
	if !r.Known {
		return "?"
	}
	return r.After.String()
}

func whereText(r *clerk.Row) string {
	if r.Terminal == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%s %d", r.Place, r.Terminal))
}

// kindName is what a row is to a clerk: an unload is no tap in doubt.
func kindName(r *clerk.Row) bothTexts {
	if r.Unload {
		return bothTexts{"unload", "圈提"}
	}
	return kindNames[r.Kind]
}

// what is the kind with what is known of its end.
func (w *cardWriter) what(r *clerk.Row) string {
	s := kindName(r).in(w.lang)
	if r.Completes {
		s += w.say(", completes a hold", "，完成预授权")
	}
	switch {
	case r.Refused:
		s += w.say(", refused", "，已拒付")
	case r.Kind == timeline.Paid && r.Happened == timeline.No:
		s += w.say(": never paid", "：并未扣款")
	}
	if r.Kind != timeline.Doubt && r.Kind != timeline.Load {
		return s
	}
	switch {
	case r.Happened == timeline.Yes && r.Kind == timeline.Load:
		s += w.say(": on the card", "：已到账")
	case r.Happened == timeline.No && r.Kind == timeline.Load:
		s += w.say(": not on the card", "：未到账")
	case r.Happened == timeline.Yes && r.Unload:
		s += w.say(": off the card", "：已圈提")
	case r.Happened == timeline.No && r.Unload:
		s += w.say(": still on the card", "：未圈提")
	case r.Happened == timeline.Yes:
		s += w.say(": paid", "：已扣款")
	case r.Happened == timeline.No:
		s += w.say(": not paid", "：未扣款")
	default:
		s += w.say(": open", "：待定")
	}
	if r.Service {
		s += w.say(", service given", "，已服务")
	}
	return s
}

var stateNames = map[timeline.State]string{
	timeline.Suspected: "疑似", timeline.Expected: "待证", timeline.Provisional: "先行垫付", timeline.Proven: "已证实", timeline.Collectable: "应付运营商",
	timeline.Late: "迟到", timeline.Disproved: "已排除", timeline.Unbacked: "卡未扣款", timeline.Impossible: "不可能", timeline.LostUpload: "上送丢失",
}

var partNames = map[timeline.Part]bothTexts{
	timeline.PartDoubt: {"doubt", "存疑"}, timeline.PartLoad: {"load", "圈存"}, timeline.PartRow: {"row", "流水"}, timeline.PartGap: {"gap", "缺号"},
	timeline.PartPair: {"pair", "整段"}, timeline.PartPast: {"past", "曾有"}, timeline.PartStands: {"stands", "维持"}, timeline.PartHold: {"hold", "预授权"},
}

// breaks lists what is not clean, with its verdict in both languages.
func (w *cardWriter) breaks(c *clerk.Card) {
	if len(c.Breaks) == 0 {
		if c.Value.Least == c.Value.Most {
			w.line("\nNothing is missing.", "\n无短款。")
		}
		return
	}
	w.line("\nBreaks", "\n差错")
	for i := range c.Breaks {
		b := &c.Breaks[i]
		fmt.Fprintf(w, "  %s  %s  %s  %s%s\n", pairText(b.P, b.Q), partNames[b.Part].in(w.lang), w.say(b.State.String(), stateNames[b.State]), b.Amount+b.Contested, w.flags(b))
		s := breakSentence(b)
		fmt.Fprintf(w, "    %s\n    %s\n", s.in(w.lang), bothTexts{s.ZH, s.EN}.in(w.lang))
	}
}

// flags are the marks of a break.
func (w *cardWriter) flags(b *clerk.Break) string {
	s := ""
	add := func(on bool, en, zh string) {
		if on {
			s += "  [" + w.say(en, zh) + "]"
		}
	}
	add(b.Waits, "waits for two people", "待双人批准")
	add(b.Held, "withheld", "暂缓支付")
	add(b.Basis == timeline.Soft, "soft", "软")
	add(b.Closed, "closed by hand", "人工结案")
	return s
}

var postingNames = map[uint16]bothTexts{
	issuer.CodeRefund: {"refund", "退款"}, issuer.CodeProvisional: {"provisional credit", "垫付"}, issuer.CodeUndoProvisional: {"provisional credit taken back", "垫付冲回"},
	issuer.CodeUndoRefund: {"refund taken back", "退款冲回"}, issuer.CodeCollect: {"paid to the operator", "付运营商"}, issuer.CodeUndoCollect: {"taken back from the operator", "运营商退回"},
	issuer.CodeClaim: {"claimed from the acquirer", "向收单方索赔"}, issuer.CodeUndoClaim: {"claim undone", "索赔撤销"},
	issuer.CodeAdvance: {"given on the terminal's word", "按终端报告先行入账"}, issuer.CodeUndoAdvance: {"taken back: the card shows otherwise", "卡片证实不符，冲回"},
}

func postingName(code uint16) bothTexts { return postingNames[code] }

var proposalStates = map[desk.Status]bothTexts{
	desk.Proposed: {"waits for a second person", "待第二人批准"}, desk.Approved: {"approved", "已批准"}, desk.Rejected: {"rejected", "已驳回"},
	desk.Withdrawn: {"withdrawn", "已撤回"}, desk.Expired: {"expired", "已过期"},
}

// loads tells of loads and unloads in the words for rider and clerk.
func (w *cardWriter) loads(c *clerk.Card) {
	if len(c.Loads) == 0 {
		return
	}
	w.line("\nLoads", "\n圈存与圈提")
	for i := range c.Loads {
		l := &c.Loads[i]
		fmt.Fprintf(w, "  %04X  %s  %s\n", l.ATC, clockText(l.Time), l.Answer.Text(string(w.lang)))
	}
}

// refunds lists the postings and the proposals.
func (w *cardWriter) refunds(c *clerk.Card) {
	if len(c.Refunds) == 0 {
		return
	}
	w.line("\nRefunds and postings", "\n退款与记账")
	for i := range c.Refunds {
		r := &c.Refunds[i]
		if r.Proposal == nil {
			fmt.Fprintf(w, "  %s  %s  %s  %s\n", pairText(r.P, r.Q), clockText(r.At), r.Amount, postingName(r.Code).in(w.lang))
			continue
		}
		p := r.Proposal
		kind := w.say("refund", "退款")
		if p.Kind == desk.Close {
			kind = w.say("closing", "结案")
		}
		if p.Kind == desk.Dispute {
			kind = w.say("step of a dispute", "争议步骤")
		}
		fmt.Fprintf(w, "  %s  %s  %s  %s\n", pairText(p.P, p.Q), clockText(p.At), p.Amount+p.Credit, fmt.Sprintf(w.say("%s proposed as no. %d by %s: %s", "%s申请 %d 号（%s）：%s"), kind, p.ID, p.By, p.Reason))
		end := proposalStates[p.Status].in(w.lang)
		if p.DecidedBy != "" {
			end += fmt.Sprintf(w.say(" by %s, %s", "：%s，%s"), p.DecidedBy, clockText(p.DecidedAt))
		}
		fmt.Fprintf(w, "    %s\n", end)
	}
}

var alarmNames = map[timeline.AlarmKind]bothTexts{
	timeline.CloneAlarm:      {"clone: one counter, two valid cryptograms", "克隆卡：同一计数器出现两个有效密文"},
	timeline.ReplayAlarm:     {"replay: one cryptogram presented twice", "重放：同一密文被重复上送"},
	timeline.ImpossibleAlarm: {"impossible: value came from nowhere", "余额异常：凭空增加"},
	timeline.ClockAlarm:      {"counters against clocks: test the terminals' clocks", "计数器与时钟次序不符：检查终端时钟"},
	timeline.ArchivedAlarm:   {"older than what is kept", "早于留存期限"},
	timeline.WordAlarm:       {"a terminal said what cannot be", "终端所报数据与卡片不符"},
}

func alarmText(a *timeline.Alarm) bothTexts { return alarmNames[a.Kind] }

func (w *cardWriter) alarms(c *clerk.Card) {
	if len(c.Alarms) == 0 {
		return
	}
	w.line("\nAlarms", "\n警报")
	for i := range c.Alarms {
		a := &c.Alarms[i]
		fmt.Fprintf(w, "  %s  %s%s\n", pairText(a.P, a.Q), alarmText(a).in(w.lang), w.terminals(a))
	}
}

// terminals names the terminals of an alarm.
func (w *cardWriter) terminals(a *timeline.Alarm) string {
	switch {
	case a.A == 0:
		return ""
	case a.B == 0 || a.A == a.B:
		return fmt.Sprintf(w.say(" (terminal %d)", "（终端 %d）"), a.A)
	}
	return fmt.Sprintf(w.say(" (terminals %d and %d)", "（终端 %d、%d）"), a.A, a.B)
}

// stepNames are the steps: a name for JSON and a sentence, with the counters as %[1]s,
// the number of the proposal as %[2]d.
var stepNames = map[clerk.StepKind]struct {
	name string
	bothTexts
}{
	clerk.StepTap:     {"tap", bothTexts{"the card's next tap decides %[1]s", "卡片下次刷卡后判定 %[1]s"}},
	clerk.StepWindow:  {"window", bothTexts{"rows for %[1]s can come until then; what is missing then is decided", "%[1]s 的交易可补送至该日，届时定案"}},
	clerk.StepPropose: {"propose", bothTexts{"%[1]s is due: one person proposes the refund, another one approves it", "%[1]s 应退：须一人申请、另一人批准"}},
	clerk.StepApprove: {"approve", bothTexts{"proposal %[2]d for %[1]s: another person approves it before then", "%[1]s 的 %[2]d 号申请：须另一人在此前批准"}},
	clerk.StepRun:     {"run", bothTexts{"the next run of reconciliation moves the money of %[1]s", "下一次对账即处理 %[1]s 的款项"}},
	clerk.StepRelease: {"release", bothTexts{"%[1]s is paid when what froze the card is explained", "冻结原因查清后支付 %[1]s"}},
	clerk.StepCertain: {"certain", bothTexts{"the value on the card is certain", "卡上余额确定"}},
}

func stepText(s *clerk.Step) bothTexts {
	n := stepNames[s.What]
	fill := func(text string) string {
		if s.What == clerk.StepCertain {
			return text
		}
		if s.What == clerk.StepApprove {
			return fmt.Sprintf(text, pairText(s.P, s.Q), s.ID)
		}
		return fmt.Sprintf(text, pairText(s.P, s.Q))
	}
	return bothTexts{fill(n.EN), fill(n.ZH)}
}

func (w *cardWriter) steps(c *clerk.Card) {
	if len(c.Steps) == 0 {
		w.line("\nNothing more happens by itself.", "\n无后续事项。")
		return
	}
	w.line("\nWhat happens next", "\n后续")
	for i := range c.Steps {
		s := &c.Steps[i]
		on := dayOnly(s.On)
		if on == "" {
			on = w.say("open      ", "待定      ")
		}
		fmt.Fprintf(w, "  %s  %s\n", on, stepText(s).in(w.lang))
	}
}

// failures names the checks that failed.
func (w *cardWriter) failures(c *clerk.Card) {
	for i := range c.Rows {
		r := &c.Rows[i]
		for _, x := range r.Evidence.Checks {
			if x.Result == clerk.Failed {
				fmt.Fprintf(w, "  %04X  %s  FAILED: %s (%s)\n", r.ATC, x.Name, x.Why, r.Evidence.File)
			}
		}
	}
}
