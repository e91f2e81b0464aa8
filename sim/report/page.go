package report

import (
	"cmp"
	"html/template"
	"slices"
	"time"

	"github.com/citycard/citycard/money"
)

// busiestStations is how many stations the page shows.
const busiestStations = 20

// page is what the templates see: the data, and what is computed from it.
type page struct {
	*Data
	CSS      template.CSS
	Stamp    template.HTML
	Weekday  Text
	Balanced bool
	Checks   []Check
	NetSum   money.Fen

	RowsRefused, BlocksRefused int64

	Curve                       template.HTML
	TapsIn, TapsOut, TapsBus    int64
	Busiest                     []stationView
	Diagram                     []lineView
	KindStrip                   template.HTML
	KindRows                    []kindView
	Exposure                    template.HTML
	DebitDays, PushDays, ShortD dayView
	BlockStrip, RowStrip        template.HTML
	BlockCounts, RowCounts      []countView
	BlockRefusals, RowRefusals  []refusalView
	Matrix                      matrixView
	Shares                      []shareView
	ShareSum                    money.Fen
	RebateSum                   money.Fen
	FlashStrip, TearStrip       template.HTML
	Doubt                       int64 // Tears.After less Tears.Recovered
	StateRows                   []stateView
	OpenDays, RefundDays, LateD dayView
	Sample                      []breakView
	FirstFiles, MoreFiles       []File
}

type stationView struct {
	Station
	Rank    int
	In, Out template.HTML
}

type kindView struct {
	Kind
	Class string
	Bar   template.HTML // money cleared
}

type countView struct {
	Name  Text
	N     int64
	Class string
}

type refusalView struct {
	Refusal
	Name, What Text
	Bar        template.HTML
	OK         bool
}

type shareView struct {
	Operator
	Yuan, Km template.HTML
	PerKm    money.Fen // fen for each rider-kilometre
}

type stateView struct {
	StateCount
	Name Text
	Tone string
	Bar  template.HTML
}

type dayView struct {
	Svg    template.HTML
	N      int64 // of all days; of the last day for open breaks
	Amount money.Fen
}

type breakView struct {
	Break
	Name     Text
	Tone     string
	Sentence Text
}

func newPage(d *Data) *page {
	checks := Checks(d)
	p := &page{Data: d, CSS: template.CSS(style), Balanced: Balanced(d), Checks: checks, NetSum: netSum(d), Weekday: weekday(d.Date),
		Curve: curve(&d.Quarters), Diagram: diagram(d.Lines), Matrix: matrix(d), Doubt: d.Tears.After - d.Tears.Recovered}
	p.Stamp = stamp(p.Balanced)
	for _, q := range d.Quarters {
		p.TapsIn += q.Entries
		p.TapsOut += q.Exits
		p.TapsBus += q.Bus
	}
	p.FlashStrip = strip([]string{"ok", "open"}, []int64{d.Flash.Decidable, d.Flash.Undecided})
	p.TearStrip = strip([]string{"calm", "ok", "open"}, []int64{d.Tears.Before, d.Tears.Recovered, p.Doubt})
	p.FirstFiles, p.MoreFiles = files(d.Files)
	p.stations()
	p.kinds()
	p.quota()
	p.blocks()
	p.money()
	p.breaks()
	return p
}

// files parts those of D from those of later days, which the page folds away.
func files(all []File) (first, more []File) {
	for _, f := range all {
		if f.Later {
			more = append(more, f)
		} else {
			first = append(first, f)
		}
	}
	return first, more
}

func (p *page) stations() {
	all := slices.Clone(p.Data.Stations)
	slices.SortStableFunc(all, func(a, b Station) int {
		return cmp.Or(-cmp.Compare(a.Entries+a.Exits, b.Entries+b.Exits), cmp.Compare(a.Name.ZH, b.Name.ZH), cmp.Compare(a.Name.EN, b.Name.EN))
	})
	all = all[:min(len(all), busiestStations)]
	var longest int64
	for _, s := range all {
		longest = max(longest, s.Entries, s.Exits)
	}
	for i, s := range all {
		p.Busiest = append(p.Busiest, stationView{s, i + 1, bar("in", s.Entries, longest), bar("out", s.Exits, longest)})
	}
}

// kindClasses are the colours of the kinds of cards, in their order.
var kindClasses = [...]string{"in", "out", "bus", "calm"}

func (p *page) kinds() {
	var most int64
	var classes []string
	var taps []int64
	for _, k := range p.Data.Kinds {
		most = max(most, int64(k.Cleared))
	}
	for i, k := range p.Data.Kinds {
		class := kindClasses[min(i, len(kindClasses)-1)]
		classes, taps = append(classes, class), append(taps, k.Taps)
		p.KindRows = append(p.KindRows, kindView{k, class, bar("yuan", int64(k.Cleared), most)})
	}
	p.KindStrip = strip(classes, taps)
}

func (p *page) quota() {
	q := p.Data.Quota
	if q == nil {
		return
	}
	p.Exposure = bar("out", int64(q.Exposure), int64(max(q.Cap, q.Exposure)))
	var offsets []int
	var debits, pushes, short []int64
	for _, d := range q.Days {
		offsets = append(offsets, d.Offset)
		debits, pushes, short = append(debits, d.Debits), append(pushes, d.Pushes), append(short, d.Refused)
		p.DebitDays.N += d.Debits
		p.DebitDays.Amount += d.Amount
		p.PushDays.N += d.Pushes
		p.ShortD.N += d.Refused
	}
	p.DebitDays.Svg, p.PushDays.Svg, p.ShortD.Svg = days("ok", offsets, debits), days("out", offsets, pushes), days("late", offsets, short)
}

func (p *page) blocks() {
	b := &p.Data.Blocks
	p.BlockCounts = []countView{{outcomeName("accepted"), b.Accepted, "ok"}, {outcomeName("waiting"), b.Waiting, "wait"}}
	for _, c := range b.Refused {
		p.BlockCounts = append(p.BlockCounts, countView{outcomeName(c.Key), c.N, "refused"})
		p.BlocksRefused += c.N
	}
	for _, c := range p.Data.Rows {
		class := rowClass(c.Key)
		if class == "refused" {
			p.RowsRefused += c.N
		}
		p.RowCounts = append(p.RowCounts, countView{outcomeName(c.Key), c.N, class})
	}
	p.BlockStrip, p.RowStrip = counted(p.BlockCounts), counted(p.RowCounts)
	var longest int64
	for _, r := range p.Data.Refusals {
		longest = max(longest, r.Injected, r.Refused)
	}
	for _, r := range p.Data.Refusals {
		l, known := refusalLabels[key(r.Key)]
		if !known {
			l.name = Text{EN: r.Key}
		}
		v := refusalView{Refusal: r, Name: l.name, What: l.what, Bar: bar("refused", r.Refused, longest), OK: r.Injected == r.Refused}
		if l.block {
			p.BlockRefusals = append(p.BlockRefusals, v)
		} else {
			p.RowRefusals = append(p.RowRefusals, v)
		}
	}
}

// rowClass is the colour of a verdict of clearing; all but three refuse the row.
func rowClass(verdict string) string {
	switch verdict {
	case "cleared":
		return "ok"
	case "checkpoint":
		return "calm"
	case "noted":
		return "wait"
	}
	return "refused"
}

func counted(counts []countView) template.HTML {
	var classes []string
	var parts []int64
	for _, c := range counts {
		classes, parts = append(classes, c.Class), append(parts, c.N)
	}
	return strip(classes, parts)
}

func (p *page) money() {
	var yuanMost, kmMost int64
	for _, o := range p.Data.Operators {
		yuanMost, kmMost = max(yuanMost, int64(o.Amount)), max(kmMost, o.Metres)
		p.ShareSum += o.Amount
	}
	for _, o := range p.Data.Operators {
		v := shareView{Operator: o, Yuan: bar("yuan", int64(o.Amount), yuanMost), Km: bar("km", o.Metres, kmMost)}
		if o.Metres > 0 {
			v.PerKm = money.Fen((int64(o.Amount)*1000 + o.Metres/2) / o.Metres)
		}
		p.Shares = append(p.Shares, v)
	}
	for _, r := range p.Data.Rebates {
		p.RebateSum += r.Amount
	}
}

func (p *page) breaks() {
	var most int64
	for _, s := range p.Data.States {
		most = max(most, s.Breaks)
	}
	for _, s := range p.Data.States {
		name, tone := stateName(s.Key)
		p.StateRows = append(p.StateRows, stateView{s, name, tone, bar("tone-"+tone, s.Breaks, most)})
	}
	var offsets []int
	var open, refunds, late []int64
	for _, d := range p.Data.Days {
		offsets = append(offsets, d.Offset)
		open, refunds, late = append(open, d.Open), append(refunds, d.Refunds), append(late, d.Late)
		p.OpenDays.N, p.OpenDays.Amount = d.Open, d.OpenAmount
		p.RefundDays.N += d.Refunds
		p.RefundDays.Amount += d.RefundAmount
		p.LateD.N += d.Late
		p.LateD.Amount += d.LateAmount
	}
	p.OpenDays.Svg, p.RefundDays.Svg, p.LateD.Svg = days("open", offsets, open), days("ok", offsets, refunds), days("late", offsets, late)
	for _, b := range p.Data.Breaks[:min(len(p.Data.Breaks), SampleSize)] {
		name, tone := stateName(b.State)
		p.Sample = append(p.Sample, breakView{b, name, tone, sentence(&b)})
	}
}

var weekdays = [...]Text{{"Sunday", "星期日"}, {"Monday", "星期一"}, {"Tuesday", "星期二"}, {"Wednesday", "星期三"},
	{"Thursday", "星期四"}, {"Friday", "星期五"}, {"Saturday", "星期六"}}

// weekday is empty for the zero date.
func weekday(d Date) Text {
	if d == (Date{}) {
		return Text{}
	}
	return weekdays[time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Weekday()]
}
