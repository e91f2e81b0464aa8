package pages

import (
	"html/template"
	"strconv"

	"github.com/citycard/citycard/money"
)

// importPage is what the template of the import page sees.
type importPage struct {
	*Import
	frame
	Stamp             template.HTML
	Accepted, Refused int64
	LineBar           template.HTML
	FileRows          []fileView
	RefusalRows       []refusalView
	Lists             []listView
	Hard, Soft        int64 // findings of all lists but duplicates and undecided
	FlashSum, LoadSum money.Fen
	OpenSum           money.Fen
	Days              template.HTML // flash cards and loads over days
	DaysStep          int64         // days that one column stands for
	Delay             template.HTML // days to decide
	Ages              template.HTML
	AgeRows           []ageView
	Cases             cut[caseView]
	Methods           []methodView
	DelayNote         Text
}

type fileView struct {
	File
	Bar template.HTML
}

type refusalView struct {
	Refusal
	Bar template.HTML
}

// listView is one list of findings.
type listView struct {
	ID, Tone   string
	Name, What Text
	All        int64
	Sum        money.Fen
	Rows       cut[findingView]
	Decided    bool // has a date of decision
}

type findingView struct {
	Finding
	Basis  stateLabel
	State  stateLabel
	Places cut[string]
}

type ageView struct {
	Name   Text
	N      int64
	Amount money.Fen
	Bar    template.HTML
}

func newImportPage(d *Import, lang string) *importPage {
	p := &importPage{Import: d, frame: newFrame(lang, Text{"Flash cards and flash loads", "闪卡与闪圈"}), DelayNote: delayNote(d.Window / daySeconds)}
	var longest int64
	for _, f := range d.Files {
		p.Accepted += f.Accepted
		p.Refused += f.Refused
		longest = max(longest, f.Accepted+f.Refused)
	}
	p.LineBar = strip(22, []string{"ok", "refused"}, []int64{p.Accepted, p.Refused}, 0)
	for _, f := range d.Files {
		p.FileRows = append(p.FileRows, fileView{f, strip(10, []string{"ok", "refused"}, []int64{f.Accepted, f.Refused}, longest)})
	}
	longest = 0
	for _, r := range d.Refusals {
		longest = max(longest, r.Lines)
	}
	for _, r := range d.Refusals {
		p.RefusalRows = append(p.RefusalRows, refusalView{r, bar("refused", r.Lines, longest)})
	}
	p.findings()
	p.Days, p.DaysStep = foundDays(d)
	p.Delay = decideDelay(d)
	p.ages()
	p.Cases = cases(d.Cases)
	if d.Compared != nil {
		p.Methods = compared(&d.Compared.Timeline, &d.Compared.TwoLoads)
	}
	p.Stamp = importStamp(d.Keys)
	return p
}

func importStamp(keys bool) template.HTML {
	if keys {
		return stamp("good", Text{"verified", "已验"})
	}
	return stamp("wait", Text{"soft", "软证"})
}

// delayNote says what the days of decision are made of.
func delayNote(window int64) Text {
	days := strconv.FormatInt(window, 10)
	return Text{"0 is the same day. A doubt row is decided by the card's next tap; money that is missing without one waits for the window of " + days + " days.",
		"0 为当日。有存疑流水者于卡片下次刷卡时判定；无存疑流水的短款须等满上送时限 " + days + " 日。"}
}

// findings makes the lists, and adds up what is found in them.
func (p *importPage) findings() {
	d := p.Import
	for _, l := range [...]struct {
		id, tone   string
		name, what Text
		all        []Finding
		decided    bool
	}{
		{"flash-cards", "done", Text{"Flash cards", "闪卡"}, Text{"The card paid and the terminal did not finish; nobody presented it.", "卡已扣款而终端未完成交易，无人上送。"}, d.FlashCards, true},
		{"flash-loads", "done", Text{"Flash loads", "闪圈"}, Text{"The account was debited for the load and the card got nothing.", "账户已扣款而圈存未写入卡片。"}, d.FlashLoads, true},
		{"clones", "bad", Text{"Clones", "克隆卡"}, Text{"One counter of one card with two different transactions.", "同一卡片同一计数器出现两笔不同交易。"}, d.Clones, true},
		{"duplicates", "none", Text{"Duplicates", "重复流水"}, Text{"The same transaction a second time: counted once.", "同一交易重复出现：仅计一次。"}, d.Duplicates, false},
		{"replays", "turn", Text{"Replays", "重放流水"}, Text{"A line repeats a transaction with another terminal, time or trace number: the first one stands.", "以不同终端、时间或流水号重复同一交易：以首笔为准。"}, d.Replays, false},
		{"undecided", "wait", Text{"Undecided", "无法判定"}, Text{"What arrived allows more than one history.", "已到数据允许多种情形，尚无唯一结论。"}, d.Undecided, false},
	} {
		if l.id == "replays" && len(l.all) == 0 {
			continue
		}
		v := listView{ID: l.id, Tone: l.tone, Name: l.name, What: l.what, All: int64(len(l.all)), Decided: l.decided}
		for i := range l.all {
			f := &l.all[i]
			v.Sum += f.Amount
			if l.decided && f.Hard {
				p.Hard++
			} else if l.decided {
				p.Soft++
			}
		}
		shown := shorten(l.all, ListSize)
		v.Rows.More = shown.More
		for _, f := range shown.Shown {
			v.Rows.Shown = append(v.Rows.Shown, findingView{f, basis(f.Hard), state(f.State), shorten(f.Where, PlaceSize)})
		}
		p.Lists = append(p.Lists, v)
	}
	p.FlashSum, p.LoadSum = p.Lists[0].Sum, p.Lists[1].Sum
	for i := range d.Open {
		p.OpenSum += d.Open[i].Amount + d.Open[i].Open
	}
}

func basis(hard bool) stateLabel {
	if hard {
		return stateLabel{Text{"hard", "硬"}, "done"}
	}
	return stateLabel{Text{"soft", "软"}, "wait"}
}

// dayColumns is how many columns the drawing over days has at most.
const dayColumns = 62

// foundDays draws flash cards and loads by the day on which they happened.
func foundDays(d *Import) (template.HTML, int64) {
	first, last, any := int64(0), int64(0), false
	for _, list := range [...][]Finding{d.FlashCards, d.FlashLoads} {
		for i := range list {
			if day := dayOf(list[i].At); list[i].At != 0 {
				if !any {
					first, last, any = day, day, true
				}
				first, last = min(first, day), max(last, day)
			}
		}
	}
	if !any {
		return "", 0
	}
	step := (last - first + dayColumns) / dayColumns
	n := int((last-first)/step) + 1
	c := columns{classes: []string{"out", "outsoft", "in", "insoft"}, every: max(1, (n+9)/10)}
	for i := range int64(n) {
		c.names = append(c.names, monthDay(midnight(first+i*step)))
		c.values = append(c.values, make([]int64, 4))
	}
	for k, list := range [...][]Finding{d.FlashCards, d.FlashLoads} {
		for i := range list {
			if list[i].At == 0 {
				continue
			}
			class := 2 * k
			if !list[i].Hard {
				class++
			}
			c.values[(dayOf(list[i].At)-first)/step][class]++
		}
	}
	for i, v := range c.values {
		c.tips = append(c.tips, date(midnight(first+int64(i)*step))+" · "+count(v[0]+v[1])+" + "+count(v[2]+v[3]))
	}
	return c.draw(), step
}

// decideDelay draws how many days after the tap or load a finding was decided.
func decideDelay(d *Import) template.HTML {
	var days []int64
	for _, list := range [...][]Finding{d.FlashCards, d.FlashLoads} {
		for i := range list {
			f := &list[i]
			if f.At == 0 || f.DecidedOn < f.At {
				continue
			}
			n := int(max(0, min((f.DecidedOn-f.At)/daySeconds, delaySize)))
			for len(days) <= n {
				days = append(days, 0)
			}
			days[n]++
		}
	}
	if days == nil {
		return ""
	}
	return delays(days, len(days), "yuan")
}

// ageEnds are the last days of the classes of age.
var ageEnds = [...]int64{1, 5, 10, 15, 20}

// ages sorts what is open by its age; what has no date has no age.
func (p *importPage) ages() {
	if len(p.Open) == 0 {
		return
	}
	rows := make([]ageView, len(ageEnds)+2)
	from := int64(0)
	for i, end := range ageEnds {
		days := strconv.FormatInt(from, 10) + "–" + strconv.FormatInt(end, 10)
		rows[i].Name, from = Text{days + " days", days + " 日"}, end+1
	}
	rows[len(ageEnds)].Name, rows[len(ageEnds)+1].Name = Text{"more than 20 days", "20 日以上"}, Text{"without a date", "无日期"}
	var most int64
	for i := range p.Open {
		f := &p.Open[i]
		k := len(ageEnds) + 1
		if f.At != 0 {
			for k = 0; k < len(ageEnds) && (p.At-f.At)/daySeconds > ageEnds[k]; {
				k++
			}
		}
		rows[k].N++
		rows[k].Amount += f.Amount + f.Open
		most = max(most, rows[k].N)
	}
	if rows[len(rows)-1].N == 0 {
		rows = rows[:len(rows)-1]
	}
	for i := range rows {
		rows[i].Bar = bar("open", rows[i].N, most)
	}
	p.AgeRows = rows
}
