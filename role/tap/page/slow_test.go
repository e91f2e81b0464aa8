package page_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/tap/page"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
)

// TestSlowCard: the summary says what was measured, and where the model was wrong.
func TestSlowCard(t *testing.T) {
	tr := &tap.Trace{
		Sale: pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless}, Field: 22 * time.Millisecond, Measured: 512 * time.Millisecond,
		Steps: []tap.Step{
			{Kind: tap.Exchange, Took: 2 * time.Millisecond, Field: 11 * time.Millisecond},
			{Kind: tap.Exchange, Took: 510 * time.Millisecond, Field: 11 * time.Millisecond},
		},
	}
	summary := func() string {
		var out bytes.Buffer
		p := page.New(&out, page.Options{Width: 100})
		p.Summary(tr)
		check(t, p.Err())
		return out.String()
	}
	for _, want := range []string{"the card was slower than the model: measured 512.0 ms", "command 2 took 510.0 ms, by the model 11.0 ms", "22.0 ms (model)"} {
		if text := summary(); !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	tr.Steps[1].Took = time.Millisecond
	if text := summary(); strings.Contains(text, "slower") {
		t.Errorf("a quick card is called slow:\n%s", text)
	}
}

// TestHintForNoAnswerToReset fits the interface.
func TestHintForNoAnswerToReset(t *testing.T) {
	for side, want := range map[pos.Interface]string{pos.Contact: "chip first", pos.Contactless: "hold it to the reader again"} {
		tr := &tap.Trace{Sale: pos.Sale{Kind: pos.Purchase, Interface: side}, Broken: &reader.Error{Doing: "reading the ATR", Kind: reader.ErrMute}}
		if got := page.Hint(tr, "en"); !strings.Contains(got, want) || page.Hint(tr, "zh") == got {
			t.Errorf("interface %d: %q", side, got)
		}
	}
}

// TestUnsureLoad: the page does not say that anything was undone, and nobody is told to
// try again.
func TestUnsureLoad(t *testing.T) {
	text := shown(t, jobs["unsure"], page.Options{Width: 120})
	for _, want := range []string{"IN DOUBT", "1000.00 → 1050.00", "waits for the card", "do not repeat it"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "has undone it") {
		t.Error("nothing was undone")
	}
}
