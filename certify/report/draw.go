package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/citycard/citycard/certify"
)

// bar draws the three outcomes side by side; the whole width stands for longest.
func bar(class string, height int, parts []int, longest int) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="%s" width="100%%" height="%d" aria-hidden="true"><rect class="rail" x="0" y="0" width="100%%" height="%d"/>`, class, height, height)
	done := 0
	for i, name := range [...]string{"pass", "fail", "skip"} {
		if n := parts[i]; n > 0 && longest > 0 {
			fmt.Fprintf(&b, `<rect class="%s" x="%s" y="0" width="%s" height="%d"/>`, name, percent(done, longest), percent(n, longest), height)
			done += n
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// percent is n in whole hundredths of a percent.
func percent(n, whole int) string {
	h := n * 10000 / whole
	return strconv.Itoa(h/100) + "." + fmt.Sprintf("%02d", h%100) + "%"
}

// stamp is the seal at the head of the page. A run of chosen cases says nothing about
// the whole, unless one of them fails.
func stamp(good, chosen bool) template.HTML {
	class, zh, en := "stamp good", "合格", "CONFORMS"
	switch {
	case !good:
		class, zh, en = "stamp bad", "不合格", "DOES NOT CONFORM"
	case chosen:
		class, zh, en = "stamp", "部分", "CHOSEN CASES ONLY"
	}
	return template.HTML(`<svg class="` + class + `" viewBox="0 0 132 132" width="132" height="132" role="img"><title>` + en + ` · ` + zh + `</title>` +
		`<circle cx="66" cy="66" r="62" fill="none" stroke="currentColor" stroke-width="4"/>` +
		`<circle cx="66" cy="66" r="55" fill="none" stroke="currentColor" stroke-width="1.2"/>` +
		`<text class="zi" x="66" y="76">` + zh + `</text><text class="word" x="66" y="97">` + en + `</text></svg>`)
}

var functions = template.FuncMap{
	"t":    func(en, zh string) template.HTML { return both(certify.Text{EN: en, ZH: zh}) },
	"tx":   both,
	"pair": func(en, zh string) certify.Text { return certify.Text{EN: en, ZH: zh} },
	"mark": func(o certify.Outcome) string {
		switch o {
		case certify.Pass:
			return "✓"
		case certify.Fail:
			return "✗"
		}
		return "–"
	},
	"apdu": spaced,
}

// spaced puts a space behind every eight bytes of a long hexadecimal text, so that
// lines can be broken there.
func spaced(s string) string {
	if strings.ContainsAny(s, " ") || len(s) <= 16 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i += 16 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s[i:min(len(s), i+16)])
	}
	return b.String()
}

// both puts the two languages side by side; the style shows one or both.
func both(t certify.Text) template.HTML {
	en, zh := template.HTMLEscapeString(t.EN), template.HTMLEscapeString(t.ZH)
	switch {
	case zh == "":
		return template.HTML(en)
	case en == "":
		return template.HTML(`<span lang="zh-CN">` + zh + `</span>`)
	}
	return template.HTML(`<span class="en">` + en + `</span> <span class="zh" lang="zh-CN">` + zh + `</span>`)
}
