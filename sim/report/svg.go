package report

import (
	"html/template"
	"strconv"
	"strings"
)

// drawing builds one inline SVG. Lengths along the page are percentages, so that
// drawings fill any width while their text keeps its size; heights are pixels.
// Only numbers, fixed words and escaped text may be written into it.
type drawing struct{ strings.Builder }

func (g *drawing) put(parts ...string) {
	for _, p := range parts {
		g.WriteString(p)
	}
}

// text writes text from outside.
func (g *drawing) text(s string) { template.HTMLEscape(g, []byte(s)) }

func (g *drawing) html() template.HTML { return template.HTML(g.String()) }

func (g *drawing) open(class string, height int64) {
	g.put(`<svg class="`, class, `" width="100%" height="`, px(height), `" aria-hidden="true">`)
}

func (g *drawing) rect(class, x, width string, y, height int64) {
	g.put(`<rect class="`, class, `" x="`, x, `" y="`, px(y), `" width="`, width, `" height="`, px(height), `"/>`)
}

func (g *drawing) label(class, x string, y int64, s string) {
	g.put(`<text class="`, class, `" x="`, x, `" y="`, px(y), `">`)
	g.text(s)
	g.put(`</text>`)
}

func px(n int64) string { return strconv.FormatInt(n, 10) }

// ceiling is the end of an axis for values up to largest, and the step of its
// lines: 1, 2 or 5 times a power of ten, so that there are at most five.
func ceiling(largest int64) (top, step int64) {
	largest = min(largest, 1<<60) // beyond it nothing is drawn higher
	step = 1
	for i := 0; step < (largest+4)/5; i++ {
		if i%3 == 1 {
			step = step / 2 * 5
		} else {
			step *= 2
		}
	}
	steps := max(1, largest/step)
	if steps*step < largest {
		steps++
	}
	return steps * step, step
}

// bar is one horizontal bar, n against the longest of its table.
func bar(class string, n, longest int64) template.HTML {
	var g drawing
	g.open("bar", 10)
	g.rect(class, "0", percent(n, longest), 0, 10)
	g.put(`</svg>`)
	return g.html()
}

// strip is one bar split among parts; classes repeat from the end.
func strip(classes []string, parts []int64) template.HTML {
	var sum, done int64
	for _, n := range parts {
		sum += max(n, 0)
	}
	var g drawing
	g.open("strip", 22)
	g.rect("rail", "0", "100%", 0, 22)
	for i, n := range parts {
		if n <= 0 {
			continue
		}
		from, to := scaled(done, sum, 10000), scaled(done+n, sum, 10000)
		g.rect(classes[min(i, len(classes)-1)], hundredths(from)+"%", hundredths(to-from)+"%", 0, 22)
		done += n
	}
	g.put(`</svg>`)
	return g.html()
}

const (
	curveHeight = 300
	curveTop    = 22  // room above the highest bar for its time
	curveBase   = 276 // y of the axis
)

// curve draws the taps of the day: one stacked bar for each quarter of an hour.
func curve(q *[96]Quarter) template.HTML {
	var largest int64
	for _, v := range q {
		largest = max(largest, v.sum())
	}
	top, step := ceiling(largest)
	const rise = curveBase - curveTop
	var g drawing
	g.open("curve", curveHeight)
	for v := step; v <= top; v += step {
		y := curveBase - scaled(v, top, rise)
		g.put(`<line class="grid" x1="0" x2="100%" y1="`, px(y), `" y2="`, px(y), `"/>`)
		g.label("axis", "0", y-4, count(v))
	}
	for i, v := range q {
		if v.sum() == 0 {
			continue
		}
		g.put(`<g><title>`, clock(i), `  `, count(v.Entries), ` + `, count(v.Exits), ` + `, count(v.Bus), `</title>`)
		var done int64
		x := percent(int64(i), 96)
		for j, n := range [...]int64{v.Entries, v.Exits, v.Bus} {
			if n <= 0 {
				continue
			}
			from, to := scaled(done, top, rise), scaled(done+n, top, rise)
			g.rect(tapClasses[j], x, "0.92%", curveBase-to, to-from)
			done += n
		}
		g.put(`</g>`)
	}
	g.peak(q, 0, 48, top)
	g.peak(q, 48, 96, top)
	g.put(`<line class="base" x1="0" x2="100%" y1="`, px(curveBase), `" y2="`, px(curveBase), `"/>`)
	for h := 1; h < 24; h++ {
		class := "axis mid"
		if h%3 != 0 {
			class = "axis mid wide"
		}
		g.label(class, percent(int64(h), 24), curveBase+17, clock(h * 4)[:2])
	}
	g.put(`</svg>`)
	return g.html()
}

var tapClasses = [...]string{"in", "out", "bus"}

func (q Quarter) sum() int64 { return q.Entries + q.Exits + q.Bus }

// peak writes time and height over the highest bar of half a day.
func (g *drawing) peak(q *[96]Quarter, from, to int, top int64) {
	best := from
	for i := from; i < to; i++ {
		if q[i].sum() > q[best].sum() {
			best = i
		}
	}
	if n := q[best].sum(); n > 0 {
		y := curveBase - scaled(n, top, curveBase-curveTop)
		g.label("peak mid", percent(int64(2*best+1), 192), y-6, clock(best)+" · "+count(n))
	}
}

const (
	cellWidth   = 26
	cellMiddle  = 19 // y of the track
	bandLargest = 32
	cellHeight  = 46 // band, then the marks of the other lines
)

// band is the thickness in pixels of a section with n riders.
func band(n, busiest int64) int64 {
	if n <= 0 {
		return 1
	}
	return max(2, scaled(n, busiest, bandLargest))
}

// cell draws one stop of a line: the half sections before and behind it (0 for
// none), its dot, and a mark for each line to which one can change.
func cell(before, behind int64, others []string) template.HTML {
	var g drawing
	g.put(`<svg width="`, px(cellWidth), `" height="`, px(cellHeight), `" aria-hidden="true">`)
	half := func(x string, height int64) {
		if height > 0 {
			g.put(`<rect x="`, x, `" y="`, hundredths(cellMiddle*100-height*50), `" width="13.5" height="`, px(height), `" fill="currentColor"/>`)
		}
	}
	half("-.5", before)
	half("13", behind)
	if len(others) == 0 {
		g.put(`<circle class="stop" cx="13" cy="`, px(cellMiddle), `" r="3"/>`)
	} else {
		g.put(`<circle class="change" cx="13" cy="`, px(cellMiddle), `" r="5"/>`)
	}
	const mark = 6
	shown := others[:min(len(others), 3)]
	x := (cellWidth - int64(len(shown))*(mark+1) + 1) / 2
	for _, color := range shown {
		g.put(`<rect x="`, px(x), `" y="39" width="6" height="6" rx="1" fill="`, safeColor(color), `"/>`)
		x += mark + 1
	}
	g.put(`</svg>`)
	return g.html()
}

const grey = "#8A8F98"

// safeColor is the colour if it is #RRGGBB, else grey.
func safeColor(c string) string {
	if _, ok := rgb(c); !ok {
		return grey
	}
	return c
}

func rgb(c string) (v [3]int64, ok bool) {
	if len(c) != 7 || c[0] != '#' {
		return v, false
	}
	n, err := strconv.ParseUint(c[1:], 16, 32)
	if err != nil {
		return v, false
	}
	return [3]int64{int64(n >> 16), int64(n >> 8 & 255), int64(n & 255)}, true
}

// ink is the colour of text on c: dark on a light ground, else white.
func ink(c string) string {
	v, _ := rgb(safeColor(c))
	if v[0]*299+v[1]*587+v[2]*114 > 165_000 {
		return "#1B2333"
	}
	return "#FFFFFF"
}

const (
	daysHeight = 96
	daysBase   = 78
)

// days draws one value for each day as a row of bars with its own scale.
func days(class string, offsets []int, values []int64) template.HTML {
	var largest int64
	for _, v := range values {
		largest = max(largest, v)
	}
	n := int64(len(values))
	var g drawing
	g.open("days", daysHeight)
	g.put(`<line class="base" x1="0" x2="100%" y1="`, px(daysBase), `" y2="`, px(daysBase), `"/>`)
	for i, v := range values {
		middle := percent(int64(2*i+1), 2*n)
		if v > 0 {
			h := max(2, scaled(v, largest, daysBase-18))
			g.rect(class, hundredths((int64(i)*10000+1200)/n)+"%", hundredths(7600/n)+"%", daysBase-h, h)
			name := "axis mid"
			if v != largest {
				name = "axis mid wide"
			}
			g.label(name, middle, daysBase-h-4, count(v))
		}
		name := "axis mid"
		if i%5 != 0 {
			name = "axis mid wide"
		}
		g.label(name, middle, daysBase+14, dayName(offsets[i]))
	}
	g.put(`</svg>`)
	return g.html()
}

func dayName(offset int) string {
	if offset == 0 {
		return "D"
	}
	return "+" + strconv.Itoa(offset)
}

// stamp is the seal at the head of the page.
func stamp(balanced bool) template.HTML {
	class, zh, en := "stamp good", "账平", "BALANCED"
	if !balanced {
		class, zh, en = "stamp bad", "未平", "NOT BALANCED"
	}
	var g drawing
	g.put(`<svg class="`, class, `" viewBox="0 0 132 132" width="132" height="132" role="img"><title>`, en, ` · `, zh, `</title>`,
		`<circle cx="66" cy="66" r="62" fill="none" stroke="currentColor" stroke-width="4"/>`,
		`<circle cx="66" cy="66" r="55" fill="none" stroke="currentColor" stroke-width="1.2"/>`,
		`<text class="zi" x="66" y="76">`, zh, `</text>`,
		`<text class="word" x="66" y="98">`, en, `</text></svg>`)
	return g.html()
}
