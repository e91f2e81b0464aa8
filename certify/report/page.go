package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"

	"github.com/citycard/citycard/certify"
)

//go:embed templates/*.html
var pages embed.FS

//go:embed templates/style.css
var style string

// Page is what the page of a conformance run says, whatever was tested: a card or a
// terminal. A text without a Chinese half is the same in both languages.
type Page struct {
	Title    certify.Text // of the document, behind Subject
	Subject  string       // short name of what was tested, may be empty
	Kicker   certify.Text // line above the heading
	Heading  string       // name of what was tested; empty is a dash
	Head     []Fact       // beside the stamp
	Tile     Tile         // behind the tiles of the outcomes
	Facts    []Fact       // below the strip
	Foot     certify.Text // last line
	Conforms bool
	Groups   []Group              // that there are, in their order
	Cases    []certify.CaseResult // of the run
}

// Fact is a name and what it stands for. Code is shown as such.
type Fact struct {
	Name, Value certify.Text
	Code        bool
}

// Tile is a figure and what it counts.
type Tile struct {
	Figure string
	Label  certify.Text
}

// Group is a group of cases; Cases is how many it has.
type Group struct {
	Key   string
	Name  certify.Text
	Cases int
}

// Write writes the page. It fails if w does; nothing is written before the whole page
// has been made.
func (p *Page) Write(w io.Writer) error {
	t, err := template.New("page.html").Funcs(functions).ParseFS(pages, "templates/*.html")
	if err != nil {
		return fmt.Errorf("write conformance page: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, newView(p)); err != nil {
		return fmt.Errorf("write conformance page: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write conformance page: %w", err)
	}
	return nil
}

// view is what the template sees.
type view struct {
	*Page
	CSS     template.CSS
	Stamp   template.HTML
	Strip   template.HTML
	Whole   int // of the cases that there are
	Passed  int
	Skipped int
	Failed  []certify.CaseResult
	Ran     []ran
}

// ran is the cases of one group that were in the run.
type ran struct {
	Group
	Results                 []certify.CaseResult
	Passed, Failed, Skipped int
	Bar                     template.HTML
}

func newView(p *Page) *view {
	v := &view{Page: p, CSS: template.CSS(style)}
	largest := 0
	for _, g := range p.Groups {
		v.Whole += g.Cases
		r := ran{Group: g}
		for _, c := range p.Cases {
			if c.Group != g.Key {
				continue
			}
			r.Results = append(r.Results, c)
			switch c.Result {
			case certify.Pass:
				r.Passed++
			case certify.Fail:
				r.Failed++
				v.Failed = append(v.Failed, c)
			default:
				r.Skipped++
			}
		}
		v.Passed, v.Skipped = v.Passed+r.Passed, v.Skipped+r.Skipped
		if len(r.Results) > 0 {
			v.Ran = append(v.Ran, r)
			largest = max(largest, len(r.Results))
		}
	}
	for i := range v.Ran {
		r := &v.Ran[i]
		r.Bar = bar("bar", 14, []int{r.Passed, r.Failed, r.Skipped}, largest)
	}
	v.Stamp = stamp(p.Conforms, len(p.Cases) < v.Whole)
	v.Strip = bar("strip", 22, []int{v.Passed, len(v.Failed), v.Skipped}, len(p.Cases))
	return v
}
