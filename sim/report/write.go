package report

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"

	"github.com/citycard/citycard/money"
)

//go:embed templates/*.html
var pages embed.FS

//go:embed templates/style.css
var style string

// Write writes the page. It fails if a net names no participant, or if w does;
// nothing is written before the whole page has been made.
func Write(w io.Writer, d *Data) error {
	if d == nil {
		return errors.New("write day report: no data")
	}
	if err := d.validate(); err != nil {
		return fmt.Errorf("write day report: %w", err)
	}
	t, err := template.New("page.html").Funcs(functions).ParseFS(pages, "templates/*.html")
	if err != nil {
		return fmt.Errorf("write day report: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, newPage(d)); err != nil {
		return fmt.Errorf("write day report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write day report: %w", err)
	}
	return nil
}

var functions = template.FuncMap{
	"t":      func(en, zh string) template.HTML { return both(Text{en, zh}) },
	"tx":     both,
	"n":      count,
	"yuan":   yuan,
	"signed": signed,
	"bare":   func(f money.Fen) string { return count(int64(f)) },
	"km":     km,
	"size":   size,
	"atc":    func(v uint16) string { return fmt.Sprintf("%04X", v) },
}

// both puts the two languages side by side; the style shows one or both.
func both(t Text) template.HTML {
	en, zh := template.HTMLEscapeString(t.EN), template.HTMLEscapeString(t.ZH)
	switch {
	case zh == "":
		return template.HTML(en)
	case en == "":
		return template.HTML(`<span lang="zh-CN">` + zh + `</span>`)
	}
	return template.HTML(`<span class="en">` + en + `</span> <span class="zh" lang="zh-CN">` + zh + `</span>`)
}
