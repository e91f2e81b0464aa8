package pages

import (
	"html/template"
	"strconv"

	"github.com/citycard/citycard/recon/twoloads"
)

// caseView is one case: two strips over the days, and the words to them.
type caseView struct {
	*Case
	End    Text
	Strips template.HTML
	Days   []knownView
}

type knownView struct {
	Day                int64
	Offset             string
	Timeline, TwoLoads Text
	ToneT, ToneP       string
}

// cases draws the first of them; nothing is drawn behind until, if that is a moment.
func cases(all []Case, until int64) cut[caseView] {
	var out cut[caseView]
	for i := range all[:min(len(all), CaseSize)] {
		c := &all[i]
		v := caseView{Case: c, End: says(c.What), Strips: strips(c, until)}
		for _, k := range c.Knew {
			v.Days = append(v.Days, knownView{k.Day, c.distance(k.Day), says(k.ByTimeline), says(k.ByTwoLoads), tone(c, k.ByTimeline), tone(c, k.ByTwoLoads)})
		}
		out.Shown = append(out.Shown, v)
	}
	out.More = int64(len(all) - len(out.Shown))
	return out
}

// first is the day with which the drawing begins: that of the tap, or the first on which
// something was known where nobody knows when the tap was.
func (c *Case) first() int64 {
	if c.At == 0 && len(c.Knew) > 0 {
		return dayOf(c.Knew[0].Day)
	}
	return dayOf(c.At)
}

// distance is a day counted from that of the tap, nothing where nobody knows that.
func (c *Case) distance(day int64) string {
	if c.At == 0 {
		return ""
	}
	return offset(dayOf(day) - c.first())
}

// offset names a day after the first: by its distance from the tap, or by its date.
func (c *Case) offset(days int64) string {
	if c.At == 0 {
		return monthDay(midnight(c.first() + days))
	}
	return offset(days)
}

// offset is a day counted from the day of the tap.
func offset(days int64) string {
	if days <= 0 {
		return "D"
	}
	return "D+" + strconv.FormatInt(days, 10)
}

// tone is the colour of what a method says: right, right in amount, wrong, waiting.
func tone(c *Case, k twoloads.Known) string {
	switch {
	case k.Kind == twoloads.Nothing:
		return "none"
	case k.Kind == twoloads.Waiting || k.Kind == twoloads.Undecided:
		return "wait"
	case k == c.What:
		return "done"
	case k.Kind == twoloads.Missing || k.Amount == c.What.Amount && k.Amount != 0:
		return "half"
	}
	return "bad"
}

const (
	stripsHeight = 62
	stripsLeast  = 21 // days drawn at least
)

// strips draws both methods over the days from the tap on: the card timeline above,
// the two loads below.
func strips(c *Case, until int64) template.HTML {
	first := c.first()
	last := int64(stripsLeast)
	if until != 0 {
		last = min(last, dayOf(until)-first)
	}
	for _, k := range c.Knew {
		last = max(last, dayOf(k.Day)-first)
	}
	last = max(last, 0) + 1
	var g drawing
	g.open("knew", stripsHeight)
	g.rect("rail", "0", "100%", 4, 16)
	g.rect("rail", "0", "100%", 26, 16)
	for i, k := range c.Knew {
		from, to := max(0, dayOf(k.Day)-first), last
		if i+1 < len(c.Knew) {
			to = max(0, dayOf(c.Knew[i+1].Day)-first)
		}
		if from >= to {
			continue
		}
		x, w := percent(from, last), percent(to-from, last)
		g.rect("tone-"+tone(c, k.ByTimeline), x, w, 4, 16)
		g.rect("tone-"+tone(c, k.ByTwoLoads), x, w, 26, 16)
	}
	step := (last/6 + 4) / 5 * 5
	if last <= 10 {
		step = (last + 4) / 5
	}
	for d := int64(0); d <= last-step/3; d += step {
		x := percent(d, last)
		g.line("tick", x, x, 2, 46)
		class := "axis"
		if d > 0 {
			class = "axis mid"
		}
		g.label(class, x, 59, c.offset(d))
	}
	return g.close()
}

// methodView is one method in a comparison.
type methodView struct {
	*Method
	Name    Text
	Strip   template.HTML
	Columns template.HTML
	Half    string // days within which half of the answers were given
	Answers int64
}

// methodClasses are the colours of right, right sum, wrong, undecided, none.
var methodClasses = []string{"tone-done", "tone-half", "tone-bad", "tone-wait", "calm"}

// compared draws two methods on one scale.
func compared(timeline, papers *Method) []methodView {
	span := max(len(timeline.Days), len(papers.Days))
	out := make([]methodView, 0, 2)
	for i, m := range [...]*Method{timeline, papers} {
		name := [...]Text{{"Card timeline", "卡片时间线"}, {"Two loads", "两次圈存比对"}}[i]
		v := methodView{Method: m, Name: name, Half: "–",
			Strip: strip(22, methodClasses, []int64{m.Right, m.RightSum, m.Wrong, m.Undecided, m.None}, m.Cases)}
		for _, n := range m.Days {
			v.Answers += n
		}
		if v.Answers > 0 {
			v.Half, v.Columns = offset(half(m.Days, v.Answers)), delays(m.Days, span, []string{"yuan", "km"}[i])
		}
		out = append(out, v)
	}
	return out
}

// half is the first day at whose end half of the answers were there.
func half(days []int64, all int64) int64 {
	var sum int64
	for i, n := range days {
		if sum += n; 2*sum >= all {
			return int64(i)
		}
	}
	return int64(len(days))
}

// delaySize is how many days the drawing of delays has at most; the last column takes
// all later ones.
const delaySize = 46

// delays draws how many answers came on which day.
func delays(days []int64, span int, class string) template.HTML {
	n := min(span, delaySize)
	c := columns{classes: []string{class}, every: max(1, (n+11)/12)}
	for i := range n {
		v, name := int64(0), strconv.Itoa(i)
		if i < len(days) {
			v = days[i]
		}
		if i == delaySize-1 {
			for _, more := range days[min(len(days), delaySize):] {
				v += more
			}
			name += "+"
		}
		c.names, c.tips, c.values = append(c.names, name), append(c.tips, offset(int64(i))+" · "+count(v)), append(c.values, []int64{v})
	}
	return c.draw()
}
