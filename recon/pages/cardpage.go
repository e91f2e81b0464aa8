package pages

import (
	"html/template"
	"strconv"

	"github.com/citycard/citycard/money"
)

// Bounds of the tables of the card page, which show the last of each.
const (
	breakSize    = 60
	evidenceSize = 200
	refundSize   = 60
	wordSize     = 40 // steps and alarms
)

// cardPage is what the template of the card page sees.
type cardPage struct {
	*Card
	frame
	Chart    template.HTML
	Drawn    int
	Stamp    template.HTML
	Rows     []rowView
	Hidden   int // observations left out at the beginning of the list
	Breaks   cut[breakView]
	Records  cut[recordView]
	Refunds  cut[refundView]
	Passed   int64
	Failed   int64
	NotDone  int64
	CheckBar template.HTML
	Steps    cut[Step]
	Alarms   cut[Text]
	Sure     bool // value exact and certain now

	OwedLeast, OwedMost money.Fen // due and not paid
}

// rowView is a line of the list: an observation, or the missing counters before it.
type rowView struct {
	Missing     int64
	From, To    uint16
	Took        string // what the missing counters took together
	Point       *Point
	Before, End string
	Happened    stateLabel
}

type breakView struct {
	*Break
	No    int
	Label stateLabel
}

type recordView struct {
	*Evidence
	Groups []checkGroup
}

// checkGroup is the checks of one record that ended alike, with the same note.
type checkGroup struct {
	Label  stateLabel
	Note   Text
	Names  []Text
	result Result
}

type refundView struct {
	*Refund
	Label stateLabel
	What  Text
}

// cut is the part of a list that is shown, and how much of it is not.
type cut[T any] struct {
	Shown []T
	More  int64
}

func shorten[T any](all []T, size int) cut[T] {
	n := min(len(all), size)
	return cut[T]{all[:n], int64(len(all) - n)}
}

func newCardPage(d *Card, lang string) *cardPage {
	p := &cardPage{Card: d, frame: newFrame(lang, Text{"Card " + d.Key.String(), "卡片 " + d.Key.String()}), Chart: valueChart(d), Drawn: min(len(d.Points), drawnPoints),
		Sure: d.Least == d.Most && (d.CertainOn == 0 || d.CertainOn <= d.At)}
	p.OwedLeast, p.OwedMost = max(0, d.DueLeast-d.Paid), max(0, d.DueMost-d.Paid)
	p.rows()
	for i := max(0, len(d.Breaks)-breakSize); i < len(d.Breaks); i++ {
		p.Breaks.Shown = append(p.Breaks.Shown, breakView{&d.Breaks[i], i + 1, state(d.Breaks[i].State)})
	}
	p.Breaks.More = int64(len(d.Breaks) - len(p.Breaks.Shown))
	p.Steps, p.Alarms = shorten(d.Steps, wordSize), shorten(d.Alarms, wordSize)
	p.evidence()
	p.Stamp = p.stamp()
	for i := max(0, len(d.Refunds)-refundSize); i < len(d.Refunds); i++ {
		r := &d.Refunds[i]
		p.Refunds.Shown = append(p.Refunds.Shown, refundView{r, r.State.label(), r.What.or(Text{"Refund", "退款"})})
	}
	p.Refunds.More = int64(len(d.Refunds) - len(p.Refunds.Shown))
	return p
}

// rows makes the list of observations with the missing counters between them.
func (p *cardPage) rows() {
	p.Hidden = max(0, len(p.Points)-PointSize)
	for i := p.Hidden; i < len(p.Points); i++ {
		q := &p.Points[i]
		if i > 0 {
			if n := missing(&p.Points[i-1], q); n > 0 {
				least, most := p.Points[i-1].after()
				p.Rows = append(p.Rows, rowView{Missing: n, From: p.Points[i-1].ATC + 1, To: q.ATC - 1, Took: span(least-q.Most, most-q.Least)})
			}
		}
		least, most := q.after()
		p.Rows = append(p.Rows, rowView{Point: q, Before: span(q.Least, q.Most), End: span(least, most), Happened: q.Happened.label()})
	}
}

func (p *cardPage) evidence() {
	for i := range p.Evidence {
		e := &p.Evidence[i]
		v := recordView{Evidence: e}
		for _, c := range e.Checks {
			v.add(c)
			switch c.Result {
			case Passed:
				p.Passed++
			case Failed:
				p.Failed++
			default:
				p.NotDone++
			}
		}
		if i >= len(p.Evidence)-evidenceSize {
			p.Records.Shown = append(p.Records.Shown, v)
		}
	}
	p.Records.More = int64(len(p.Evidence) - len(p.Records.Shown))
	p.CheckBar = strip(22, []string{"ok", "refused", "calm"}, []int64{p.Passed, p.Failed, p.NotDone}, 0)
}

// add puts a check into the group in which it belongs.
func (v *recordView) add(c Check) {
	for i := range v.Groups {
		if g := &v.Groups[i]; g.result == c.Result && g.Note == c.Note {
			g.Names = append(g.Names, c.Name)
			return
		}
	}
	v.Groups = append(v.Groups, checkGroup{c.Result.label(), c.Note, []Text{c.Name}, c.Result})
}

// Unverified says that there are records and that none of their checks was made.
func (p *cardPage) Unverified() bool { return p.Passed == 0 && p.Failed == 0 && p.NotDone > 0 }

// stamp is the card's state in one word, the worst first. What is decided or clean rests
// on records that verify: without them it is neither.
func (p *cardPage) stamp() template.HTML {
	d := p.Card
	waits, due := d.Least != d.Most || d.DueLeast != d.DueMost, false
	for i := range d.Breaks {
		switch state(d.Breaks[i].State).tone {
		case "wait":
			waits = true
		case "done":
			due = true
		}
	}
	for _, r := range d.Refunds {
		if r.State == Waits || r.State == Asked || r.State == Withheld {
			waits = true
		}
	}
	switch {
	case d.Frozen:
		return stamp("bad", Text{"frozen", "冻结"})
	case p.Failed > 0:
		return stamp("bad", Text{"failed", "不符"})
	case waits:
		return stamp("wait", Text{"pending", "待定"})
	case p.Unverified():
		return stamp("wait", Text{"unverified", "未验"})
	case due:
		return stamp("good", Text{"decided", "已定"})
	}
	return stamp("good", Text{"clean", "无误"})
}

// Range is the missing counters of a line.
func (r rowView) Range() string {
	if r.From == r.To {
		return counter(r.From)
	}
	return counter(r.From) + "–" + counter(r.To) + " (" + strconv.FormatInt(r.Missing, 10) + ")"
}
