package page_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/tap/page"
)

// TestPanel: a frame with headline, rows and dividers, all of one width.
func TestPanel(t *testing.T) {
	var b bytes.Buffer
	p := page.New(&b, page.Options{Width: 60})
	p.Panel(page.Panel{Headline: "请出站", Word: "opened", Rows: []page.Row{{Label: "paid", Texts: []string{"3.00"}}, {}, {Label: "nothing"}, {Label: "rows", Texts: []string{"one", "two"}}}})
	p.Blank()
	if p.Err() != nil {
		t.Fatal(p.Err())
	}
	want := strings.TrimLeft(`
┌──────────────────────────────────────────────────────────┐
│ 请出站                                            opened │
├──────────────────────────────────────────────────────────┤
│ paid              3.00                                   │
├──────────────────────────────────────────────────────────┤
│ rows              one                                    │
│                   two                                    │
└──────────────────────────────────────────────────────────┘
`, "\n")
	if got := strings.TrimLeft(b.String(), "\n"); got != want+"\n" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestModuleStep is not counted among the card's commands.
func TestModuleStep(t *testing.T) {
	var b bytes.Buffer
	p := page.New(&b, page.Options{Width: 80})
	p.Head("a tap")
	p.Step(&tap.Step{Kind: tap.Exchange, Command: tap.Side{Title: "SELECT", Hex: "00A4"}, SW: "9000", Answer: tap.Side{Hex: "9000"}})
	p.Step(&tap.Step{Kind: tap.Module, Command: tap.Side{Title: "PSAM: DES CRYPT", Hex: "80FA0500"}, SW: "9000", Answer: tap.Side{Hex: "********9000"}})
	p.Step(&tap.Step{Kind: tap.Exchange, Command: tap.Side{Title: "READ RECORD", Hex: "00B2"}, SW: "9000", Answer: tap.Side{Hex: "9000"}})
	p.Head("another tap")
	p.Step(&tap.Step{Kind: tap.Exchange, Command: tap.Side{Title: "SELECT", Hex: "00A4"}, SW: "9000", Answer: tap.Side{Hex: "9000"}})
	var numbered []string
	for _, l := range strings.Split(b.String(), "\n") {
		if f := strings.Fields(l); len(f) > 1 && strings.HasSuffix(l, "9000") && f[0] != "←" {
			numbered = append(numbered, f[0]+" "+f[1])
		}
	}
	if got := strings.Join(numbered, ", "); got != "1 SELECT, M PSAM:, 2 READ, 1 SELECT" {
		t.Errorf("%s", got)
	}
}
