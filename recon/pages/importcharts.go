package pages

import (
	"html/template"
	"strconv"
)

// dayColumns is how many columns the drawing over days has at most.
const dayColumns = 62

// when is the moment at which a finding is drawn: its time, or the one before which it
// happened, 0 if neither is known.
func (f *Finding) when() int64 {
	if f.At != 0 {
		return f.At
	}
	return f.Latest
}

// foundDays draws flash cards and loads by the day on which they happened.
func foundDays(d *Import) (template.HTML, int64) {
	first, last, any := int64(0), int64(0), false
	for _, list := range [...][]Finding{d.FlashCards, d.FlashLoads} {
		for i := range list {
			if day := dayOf(list[i].when()); list[i].when() != 0 {
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
			if list[i].when() == 0 {
				continue
			}
			class := 2 * k
			if !list[i].Hard {
				class++
			}
			c.values[(dayOf(list[i].when())-first)/step][class]++
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
			if f.when() == 0 || f.DecidedOn < f.when() {
				continue
			}
			n := int(max(0, min((f.DecidedOn-f.when())/daySeconds, delaySize)))
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
		rows[k].Amount += f.Amount
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
