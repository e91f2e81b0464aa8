package pages

import (
	"html/template"
	"strconv"
	"strings"
)

// drawing builds one inline SVG. Lengths along the page are percentages, so that
// drawings fill any width while their text keeps its size; heights are pixels. Only
// numbers, fixed words and escaped text may be written into it.
type drawing struct{ strings.Builder }

func (g *drawing) put(parts ...string) {
	for _, p := range parts {
		g.WriteString(p)
	}
}

// text writes text from outside.
func (g *drawing) text(s string) { template.HTMLEscape(g, []byte(masked(s))) }

func (g *drawing) html() template.HTML { return template.HTML(g.String()) }

func (g *drawing) open(class string, height int64) {
	g.put(`<svg class="`, class, `" width="100%" height="`, px(height), `" aria-hidden="true">`)
}

func (g *drawing) close() template.HTML {
	g.put(`</svg>`)
	return g.html()
}

func (g *drawing) rect(class, x, width string, y, height int64) {
	g.put(`<rect class="`, class, `" x="`, x, `" y="`, px(y), `" width="`, width, `" height="`, px(height), `"/>`)
}

func (g *drawing) line(class, x1, x2 string, y1, y2 int64) {
	g.put(`<line class="`, class, `" x1="`, x1, `" x2="`, x2, `" y1="`, px(y1), `" y2="`, px(y2), `"/>`)
}

func (g *drawing) label(class, x string, y int64, s string) {
	g.put(`<text class="`, class, `" x="`, x, `" y="`, px(y), `">`)
	g.text(s)
	g.put(`</text>`)
}

// tip is what a pointer over the drawing that follows shows.
func (g *drawing) tip(s string) {
	g.put(`<title>`)
	g.text(s)
	g.put(`</title>`)
}

func px(n int64) string { return strconv.FormatInt(n, 10) }

// bar is one horizontal bar, n against the longest of its table.
func bar(class string, n, longest int64) template.HTML {
	var g drawing
	g.open("bar", 10)
	g.rect(class, "0", percent(n, longest), 0, 10)
	return g.close()
}

// thinnest is the width of the smallest part of a strip, in hundredths of a percent:
// one in a million must still be seen.
const thinnest = 25

// strip is one bar split among parts, drawn against whole; the sum of the parts if
// whole is 0.
func strip(height int64, classes []string, parts []int64, whole int64) template.HTML {
	var sum, done int64
	for _, n := range parts {
		sum += max(n, 0)
	}
	if whole > 0 {
		sum = max(sum, whole)
	}
	var g drawing
	g.open("strip", height)
	g.rect("rail", "0", "100%", 0, height)
	for i, n := range parts {
		if n <= 0 {
			continue
		}
		from, to := scaled(done, sum, 10000), scaled(done+n, sum, 10000)
		from = min(from, 10000-thinnest)
		g.rect(classes[i], hundredths(from)+"%", hundredths(max(to-from, thinnest))+"%", 0, height)
		done += n
	}
	return g.close()
}

// columns are stacked bars, one for each name on the axis.
type columns struct {
	classes []string
	names   []string
	tips    []string
	values  [][]int64 // by column, then by class
	every   int       // every how many columns are named on the axis
}

const (
	columnsHeight = 150
	columnsTop    = 20
	columnsBase   = 130
)

// sum is the height of column i.
func (c *columns) sum(i int) (n int64) {
	for _, v := range c.values[i] {
		n += max(v, 0)
	}
	return n
}

func (c *columns) draw() template.HTML {
	n := int64(len(c.values))
	var largest int64
	for i := range c.values {
		largest = max(largest, c.sum(i))
	}
	const rise = columnsBase - columnsTop
	var g drawing
	g.open("columns", columnsHeight)
	g.line("base", "0", "100%", columnsBase, columnsBase)
	for i, parts := range c.values {
		middle := percent(int64(2*i+1), 2*n)
		if sum := c.sum(i); sum > 0 {
			g.put(`<g>`)
			g.tip(c.tips[i])
			var done int64
			for j, v := range parts {
				if v <= 0 {
					continue
				}
				from, to := scaled(done, largest, rise), max(scaled(done+v, largest, rise), scaled(done, largest, rise)+2)
				g.rect(c.classes[j], hundredths((int64(i)*10000+1200)/n)+"%", hundredths(7600/n)+"%", columnsBase-to, to-from)
				done += v
			}
			name := "axis mid"
			if sum != largest && n > 16 {
				name = "axis mid wide"
			}
			if n <= 40 || sum == largest {
				g.label(name, middle, columnsBase-scaled(sum, largest, rise)-5, count(sum))
			}
			g.put(`</g>`)
		}
		if c.every > 0 && i%c.every == 0 {
			if i == 0 && n > 20 {
				g.label("axis", "0", columnsBase+15, c.names[i]) // a name in the middle would stick out
			} else {
				g.label("axis mid", middle, columnsBase+15, c.names[i])
			}
		}
	}
	return g.close()
}

// stamp is the seal at the head of a page; tone is "good", "bad", "wait" or empty.
func stamp(tone string, word Text) template.HTML {
	var g drawing
	g.put(`<svg class="stamp `, tone, `" viewBox="0 0 132 132" width="132" height="132" role="img"><title>`)
	g.text(word.EN + " · " + word.ZH)
	g.put(`</title><circle cx="66" cy="66" r="62" fill="none" stroke="currentColor" stroke-width="4"/>`,
		`<circle cx="66" cy="66" r="55" fill="none" stroke="currentColor" stroke-width="1.2"/><text class="zi" x="66" y="76">`)
	g.text(word.ZH)
	g.put(`</text><text class="word" x="66" y="98">`)
	g.text(strings.ToUpper(word.EN))
	g.put(`</text></svg>`)
	return g.html()
}
