package pages

import (
	"html/template"
	"slices"
	"strconv"

	"github.com/citycard/citycard/money"
)

// drawnPoints is how many observations the chart shows: the last ones, so that each has
// a few millimetres on paper.
const drawnPoints = 60

const (
	valueHeight = 306
	valueTop    = 34  // room above for the numbers of the breaks
	valueBase   = 262 // y of the axis
	widestGap   = 3   // slots that missing counters take at most
	tailSlots   = 2   // after the last observation
)

// after is the value behind a tap: at least, at most.
func (p *Point) after() (least, most money.Fen) {
	switch p.Happened {
	case Yes:
		return p.Least + p.Change, p.Most + p.Change
	case No:
		return p.Least, p.Most
	}
	return min(p.Least, p.Least+p.Change), max(p.Most, p.Most+p.Change)
}

// missing is how many counters lie between two observations.
func missing(p, q *Point) int64 { return max(0, int64(q.ATC)-int64(p.ATC)-1) }

// chart draws the value over the counters. Every observation has one slot, missing
// counters together up to widestGap: a phone that used up hundreds of counters must not
// squeeze the rest.
type chart struct {
	drawing
	points []Point
	slots  []int64 // where each point begins
	width  int64   // in slots
	lo, hi money.Fen
}

func newChart(points []Point) *chart {
	c := &chart{points: slices.Clone(points)}
	for i := range points {
		p := &c.points[i]
		p.Least, p.Most, p.Change = drawable(p.Least), drawable(p.Most), drawable(p.Change)
		if i > 0 {
			c.width += min(missing(&points[i-1], &points[i]), widestGap)
		}
		c.slots = append(c.slots, c.width)
		c.width++
	}
	c.width += tailSlots
	c.scale()
	return c
}

// drawable keeps a value within what the axis can show without overflow.
func drawable(v money.Fen) money.Fen {
	const most = 1 << 50
	return max(-most, min(most, v))
}

// scale sets the ends of the axis: from 0 unless all values lie far from it.
func (c *chart) scale() {
	c.lo, c.hi = c.points[0].Least, c.points[0].Most
	for i := range c.points {
		least, most := c.points[i].after()
		c.lo, c.hi = min(c.lo, c.points[i].Least, least), max(c.hi, c.points[i].Most, most)
	}
	if c.lo > 0 && c.lo < c.hi/2 {
		c.lo = 0
	}
	step := c.step()
	c.lo, c.hi = floor(c.lo, step), -floor(-c.hi, step)
	if c.lo == c.hi {
		c.hi += step
	}
}

// step is the distance of two lines of the axis: 1, 2 or 5 times a power of ten.
func (c *chart) step() money.Fen {
	step := money.Fen(1)
	for i := 0; step < (c.hi-c.lo+3)/4; i++ {
		if i%3 == 1 {
			step = step / 2 * 5
		} else {
			step *= 2
		}
	}
	return step
}

// floor is the greatest multiple of step that is not above v.
func floor(v, step money.Fen) money.Fen {
	r := v % step
	if r < 0 {
		r += step
	}
	return v - r
}

// y is the height of a value on the page.
func (c *chart) y(v money.Fen) int64 {
	return valueBase - scaled(int64(v-c.lo), int64(c.hi-c.lo), valueBase-valueTop)
}

// x is a place in hundredths of a slot.
func (c *chart) x(slot int64) string { return percent(slot, c.width*100) }

// band draws what is known of the value from one place to another: a line where it
// is exact, else a band between two lines.
func (c *chart) band(class string, from, to int64, least, most money.Fen) {
	if least != most {
		y := c.y(most)
		c.rect(class, c.x(from), percent(to-from, c.width*100), y, max(1, c.y(least)-y))
		c.line("edge", c.x(from), c.x(to), y, y)
		c.line("edge", c.x(from), c.x(to), c.y(least), c.y(least))
		return
	}
	c.line("value", c.x(from), c.x(to), c.y(least), c.y(least))
}

// point draws one observation and what leads to the next.
func (c *chart) point(i int) {
	p := &c.points[i]
	at := c.slots[i] * 100
	least, most := p.after()
	c.put(`<g>`)
	c.tip(counter(p.ATC) + " · " + minute(p.Time) + " · " + p.What.EN + " " + p.What.ZH + " · " + span(p.Least, p.Most) + " → " + span(least, most))
	c.band("band", at, at+50, p.Least, p.Most)
	top, bottom := min(c.y(p.Most), c.y(most)), max(c.y(p.Least), c.y(least))
	if top < bottom {
		c.line("value", c.x(at+50), c.x(at+50), top, bottom)
	}
	end := at + 100
	c.band("band", at+50, end, least, most)
	if i+1 < len(c.points) {
		q := &c.points[i+1]
		if missing(p, q) > 0 {
			c.gap(end, c.slots[i+1]*100, p, q)
		} else {
			c.drop(end, min(least, q.Least), max(most, q.Most))
		}
	}
	class := "dot"
	if p.Doubt {
		class = "dot doubt"
	}
	c.put(`<circle class="`, class, `" cx="`, c.x(at+50), `" cy="`, px((top+bottom)/2), `" r="`, px(radius(p.Doubt)), `"/></g>`)
}

func radius(doubt bool) int64 {
	if doubt {
		return 5
	}
	return 3
}

// drop joins two values at one place.
func (c *chart) drop(at int64, least, most money.Fen) {
	if least != most {
		c.line("value thin", c.x(at), c.x(at), c.y(most), c.y(least))
	}
}

// gap draws the missing counters between two observations: the value lies anywhere
// between what it was before them and what it is after them.
func (c *chart) gap(from, to int64, p, q *Point) {
	least, most := p.after()
	least, most = min(least, q.Least), max(most, q.Most)
	y := c.y(most)
	c.rect("missing", c.x(from), percent(to-from, c.width*100), valueTop, valueBase-valueTop)
	c.rect("band", c.x(from), percent(to-from, c.width*100), y, max(2, c.y(least)-y))
	c.label("axis mid", c.x((from+to)/2), valueTop+11, "×"+count(missing(p, q)))
}

// axes draws the lines behind the values and the names below them.
func (c *chart) axes() {
	step := c.step()
	for v := c.lo; v <= c.hi; v += step {
		class := "grid"
		if v == 0 {
			class = "grid zero"
		}
		c.line(class, "0", "100%", c.y(v), c.y(v))
	}
	c.line("base", "0", "100%", valueBase, valueBase)
}

// names writes the values left of the lines, the counters and the days below.
func (c *chart) names() {
	for v, step := c.lo, c.step(); v <= c.hi; v += step {
		c.label("axis end", "-8", c.y(v)+4, yuan(v))
	}
	every := c.width/20 + 1
	day, named, shown, n := int64(0), -c.width, -every, 0
	for i := range c.points {
		slot, today := c.slots[i], dayOf(c.points[i].Time)
		if slot-shown >= every {
			class := "axis mid"
			if n%3 != 0 {
				class = "axis mid wide"
			}
			c.label(class, c.x(slot*100+50), valueBase+15, counter(c.points[i].ATC))
			shown, n = slot, n+1
		}
		if (i == 0 || today != day) && slot-named > c.width/8 {
			c.label("axis mid days", c.x(slot*100+50), valueBase+32, monthDay(c.points[i].Time))
			named = slot
		}
		day = today
	}
}

// place is where a counter is drawn, in hundredths of a slot, if it is.
func (c *chart) place(atc uint16) (at int64, found bool) {
	for i := range c.points {
		if c.points[i].ATC == atc {
			return c.slots[i]*100 + 50, true
		}
	}
	return 0, false
}

// marks draws the breaks behind the values, each with its number in the list.
func (c *chart) marks(breaks []Break) {
	for i := range breaks {
		b := &breaks[i]
		from, found := c.place(b.P)
		to, later := c.place(b.Q)
		switch {
		case !found && !later:
			continue
		case !found:
			from = 0
		case b.Q == 0:
			to = c.width * 100
		case !later || to <= from:
			to = from + 100
		}
		tone := state(b.State).tone
		c.put(`<g>`)
		c.tip(stretch(b.P, b.Q) + " · " + state(b.State).name.EN + " " + state(b.State).name.ZH + " · " + yuan(b.Amount))
		c.rect("break tone-"+tone, c.x(from), percent(to-from, c.width*100), valueTop-14, valueBase-valueTop+14)
		c.rect("flag tone-"+tone, c.x(from), percent(to-from, c.width*100), valueTop-14, 3)
		c.label("flagno mid tone-"+tone, c.x((from+to)/2), valueTop-19, strconv.Itoa(i+1))
		c.put(`</g>`)
	}
}

// valueChart draws the last observations of a card with its breaks.
func valueChart(d *Card) template.HTML {
	if len(d.Points) == 0 {
		return ""
	}
	c := newChart(d.Points[max(0, len(d.Points)-drawnPoints):])
	c.open("values", valueHeight)
	c.put(`<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatchground" width="6" height="6"/><rect class="hatchline" width="2" height="6"/></pattern></defs>`)
	c.axes()
	c.marks(d.Breaks)
	tail := (c.width - tailSlots) * 100
	c.rect("tail", c.x(tail), percent(tailSlots*100, c.width*100), c.y(min(d.Most, c.hi)), max(1, valueBase-c.y(min(d.Most, c.hi))))
	c.band("band", tail, c.width*100, max(d.Least, c.lo), min(d.Most, c.hi))
	for i := range c.points {
		c.point(i)
	}
	c.names()
	return c.close()
}
