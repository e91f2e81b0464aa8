package pages

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
var templates embed.FS

//go:embed templates/style.css
var style string

// frame is what every page has.
type frame struct {
	Lang string // "en", "zh", or "" for both
	CSS  template.CSS
	Head Text
}

func newFrame(lang string, title Text) frame {
	return frame{Lang: lang, CSS: template.CSS(style), Head: title}
}

// WriteImport writes the page of an import. lang is "en", "zh", or "" for both
// languages side by side; the reader can switch in any case. It fails if d is nil, lang
// is another, or w does; nothing is written before the whole page has been made.
func WriteImport(w io.Writer, d *Import, lang string) error {
	if d == nil {
		return errors.New("write import report: no data")
	}
	return write(w, "import", lang, func() any { return newImportPage(d, lang) })
}

// WriteCard writes the page of one card; lang and errors as for WriteImport.
func WriteCard(w io.Writer, d *Card, lang string) error {
	if d == nil {
		return errors.New("write card page: no data")
	}
	return write(w, "card", lang, func() any { return newCardPage(d, lang) })
}

// WriteTrial writes the page of a trial; lang and errors as for WriteImport.
func WriteTrial(w io.Writer, d *Trial, lang string) error {
	if d == nil {
		return errors.New("write trial report: no data")
	}
	return write(w, "trial", lang, func() any { return newTrialPage(d, lang) })
}

func write(w io.Writer, name, lang string, page func() any) error {
	switch lang {
	case "", "en", "zh":
	default:
		return fmt.Errorf("write %s page: language %q: want en, zh, or nothing for both", name, lang)
	}
	t, err := template.New("page.html").Funcs(functions).ParseFS(templates, "templates/page.html", "templates/parts.html", "templates/"+name+".html")
	if err != nil {
		return fmt.Errorf("write %s page: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page()); err != nil {
		return fmt.Errorf("write %s page: %w", name, err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write %s page: %w", name, err)
	}
	return nil
}

var functions = template.FuncMap{
	"t":       func(en, zh string) template.HTML { return both(Text{en, zh}) },
	"tx":      both,
	"n":       count,
	"yuan":    yuan,
	"signed":  signed,
	"span":    span,
	"atc":     counter,
	"stretch": stretch,
	"date":    date,
	"minute":  minute,
	"mask":    masked,
	"bare":    func(f money.Fen) string { return count(int64(f)) },
	"label":   func(s stateLabel) template.HTML { return chip(s) },
}

// chip is the mark of a state.
func chip(s stateLabel) template.HTML {
	return `<span class="chip ` + template.HTML(s.tone) + `">` + both(s.name) + `</span>`
}
