package pages

import (
	"html/template"
	"slices"
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
	KindRows          []kindView    // files added up by content
	FileRows          cut[fileView] // files in the order of the import
	RefusedRows       cut[fileView] // of them, those with refused lines
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
	Behind, Undated   int   // flash cards and loads drawn by the counter behind them, and not drawn
	GapRows           []Gap // days whose file seems absent
	EmptyDays         int   // days without a file that may have had no line
}

type fileView struct {
	File
	Bar template.HTML
}

// kindView is the files of one content.
type kindView struct {
	Content           Text
	Files             int64
	Accepted, Refused int64
	Bar               template.HTML
}

// fileSize is how many files the page lists.
const fileSize = 400

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
	p.files()
	var longest int64
	for _, r := range d.Refusals {
		longest = max(longest, r.Lines)
	}
	for _, r := range d.Refusals {
		p.RefusalRows = append(p.RefusalRows, refusalView{r, bar("refused", r.Lines, longest)})
	}
	p.findings()
	p.Days, p.DaysStep = foundDays(d)
	p.undated()
	p.gaps()
	p.Delay = decideDelay(d)
	p.ages()
	p.Cases = cases(d.Cases, d.At)
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

// files adds the files up and makes their tables.
func (p *importPage) files() {
	var longest int64
	for _, f := range p.Files {
		p.Accepted += f.Accepted
		p.Refused += f.Refused
		longest = max(longest, f.Accepted+f.Refused)
		i := slices.IndexFunc(p.KindRows, func(k kindView) bool { return k.Content == f.Content })
		if i < 0 {
			i = len(p.KindRows)
			p.KindRows = append(p.KindRows, kindView{Content: f.Content})
		}
		k := &p.KindRows[i]
		k.Files, k.Accepted, k.Refused = k.Files+1, k.Accepted+f.Accepted, k.Refused+f.Refused
	}
	p.LineBar = strip(22, lineClasses, []int64{p.Accepted, p.Refused}, 0)
	var all, refused []fileView
	for _, f := range p.Files {
		v := fileView{f, strip(10, lineClasses, []int64{f.Accepted, f.Refused}, longest)}
		all = append(all, v)
		if f.Refused > 0 {
			refused = append(refused, v)
		}
	}
	p.FileRows, p.RefusedRows = shorten(all, fileSize), shorten(refused, ListSize)
	for i := range p.KindRows {
		k := &p.KindRows[i]
		k.Bar = strip(10, lineClasses, []int64{k.Accepted, k.Refused}, p.Accepted+p.Refused)
	}
}

// lineClasses are the colours of accepted and refused lines.
var lineClasses = []string{"ok", "refused"}

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
		{"breaks", "wait", Text{"Other breaks", "其他差错"}, Text{"What else is not clean: value that missing counters took, what waits for rows, payments that the card never made.", "其他不平事项：缺失计数器的扣款、等候上送者、卡片并未支付的流水。"}, d.Open, false},
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
		p.OpenSum += d.Open[i].Amount
	}
}

// undated counts findings whose own time is unknown.
func (p *importPage) undated() {
	for _, list := range [...][]Finding{p.FlashCards, p.FlashLoads} {
		for i := range list {
			switch f := &list[i]; {
			case f.when() == 0:
				p.Undated++
			case f.At == 0:
				p.Behind++
			}
		}
	}
}

// gaps parts days whose file seems absent from those that may have been empty.
func (p *importPage) gaps() {
	for _, g := range p.Gaps {
		if g.MayBeEmpty {
			p.EmptyDays++
		} else {
			p.GapRows = append(p.GapRows, g)
		}
	}
}

func basis(hard bool) stateLabel {
	if hard {
		return stateLabel{Text{"hard", "硬"}, "done"}
	}
	return stateLabel{Text{"soft", "软"}, "wait"}
}
