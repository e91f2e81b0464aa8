package page_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/tap/page"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// holder enters a PIN, if there is one, and comes back once.
type holder struct{ pin string }

func (holder) Choose(context.Context, *emv.Choice) emv.Event { return emv.Event{Kind: emv.Chosen} }

func (h holder) PIN(context.Context, *emv.PINRequest) emv.Event {
	p, err := pin.New(h.pin)
	if err != nil {
		return emv.Event{Kind: emv.PINBypassed}
	}
	return emv.Event{Kind: emv.PINEntered, PIN: p}
}

func (holder) Again(_ context.Context, torn *pos.TornSale) bool { return !torn.Other }

// air is a medium of simple numbers: 5 ms to begin with, and a tenth of a millisecond a
// byte.
type air struct{}

func (air) Activation() rf.Time { return rf.Of(5 * time.Millisecond) }

func (air) Exchange(cmd, answer int, work rf.Time) rf.Time {
	return work + rf.Of(time.Duration(cmd+answer)*100*time.Microsecond)
}

// job is a sale to be printed.
type job struct {
	profile, side, mode, faults, pin string
	kind                             pos.Kind
	amount                           money.Fen
	host                             host.Host
}

var (
	sides = map[string]card.Interface{"": card.Contactless, "contact": card.Contact}
	modes = map[string]pos.Mode{"": pos.QPBOC, "debit-credit": pos.DebitCredit, "msd": pos.MSD}
)

// shown makes a sale and prints it.
func shown(t testing.TB, j job, o page.Options) string {
	t.Helper()
	r, err := devcard.Default(j.profile)
	check(t, err)
	img, err := devcard.Issue(r)
	check(t, err)
	var script *fault.Script
	if j.faults != "" {
		script, err = fault.Parse([]byte(j.faults))
		check(t, err)
	}
	v, err := virtualcard.New(virtualcard.Config{Image: img, Interface: sides[j.side], Faults: script, Rand: rand.NewChaCha8([32]byte{1})})
	check(t, err)
	cfg, err := tap.Shop(tap.Setup{Mode: modes[j.mode], SM: true})
	check(t, err)
	till, err := pos.New(cfg)
	check(t, err)
	if j.host == nil {
		j.host, err = host.NewInProcess(host.OpeningAccount)
		check(t, err)
	}
	var out bytes.Buffer
	p := page.New(&out, o)
	p.Head("A sale", "for the test")
	sale := pos.Sale{Kind: max(j.kind, pos.Purchase), Interface: pos.Contactless, Amount: j.amount, Time: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC).Unix(), Sequence: 1}
	c := tap.Config{
		Till: till, Mode: modes[j.mode], Host: j.host, Person: holder{j.pin}, Seal: host.EncipherPIN, Explain: tap.NewExplainer(o.Lang, false), Step: p.Step,
		Open:   func(context.Context) (reader.Card, error) { return virtualcard.Reader(v) },
		Medium: air{}, Card: &rf.Card{Crypto: rf.Of(60 * time.Millisecond)}, Elapsed: func() time.Duration { return 0 },
	}
	switch j.side {
	case "contact":
		sale.Interface = pos.Contact
	case "stripe":
		sale.Interface, sale.Track2 = pos.Stripe, []byte(";6228000100001117=35121010000000000?")
	}
	tr, err := tap.Run(context.Background(), c, sale)
	check(t, err)
	p.Summary(tr)
	check(t, p.Err())
	return out.String()
}

const lost = "name: x\nfaults:\n  - {name: lost, when: {ins: B2, p1: \"01\", p2: \"1C\", times: 1}, then: {silent: true}}\n"

// jobs are sales of all kinds and ends.
var jobs = map[string]job{
	"qpboc":    {profile: "sm", amount: 150},
	"torn":     {profile: "sm", amount: 150, faults: lost},
	"cash":     {profile: "dev-3des", side: "contact", amount: 150},
	"pin":      {profile: "dev-sm", side: "contact", amount: 60000, pin: "123456"},
	"online":   {profile: "dev-3des", amount: 60000, pin: "123456"},
	"no-pin":   {profile: "dev-3des", amount: 60000},
	"no-line":  {profile: "dev-3des", amount: 60000, pin: "123456", host: host.None{}},
	"load":     {profile: "dev-sm", kind: pos.Load, amount: 5000},
	"unsure":   {profile: "dev-sm", kind: pos.Load, amount: 5000, faults: "name: x\nfaults:\n  - {name: x, when: {ins: DA}, then: {sw: \"6700\"}}\n"},
	"unload":   {profile: "dev-sm", kind: pos.Unload, side: "contact"},
	"inquiry":  {profile: "dev-sm", kind: pos.Inquiry},
	"balance":  {profile: "dev-full", kind: pos.Balance},
	"msd":      {profile: "dev-full", mode: "msd", amount: 100, pin: "123456"},
	"air":      {profile: "dev-dual", mode: "debit-credit", amount: 100},
	"gone":     {profile: "dev-sm", amount: 100, faults: "name: x\nfaults:\n  - {name: x, when: {ins: A8}, then: {silent: true}}\n"},
	"forged":   {profile: "dev-sm", amount: 100, faults: "name: x\nfaults:\n  - {name: x, when: {ins: A8}, then: {alter: [{how: flip, tag: 9F4B}]}}\n"},
	"reversal": {profile: "dev-sm", side: "contact", amount: 60000, pin: "123456", faults: "name: x\nfaults:\n  - {name: x, when: {ins: AE, nth: 2}, then: {silent: true}}\n"},
	"stripe":   {profile: "dev-sm", side: "stripe", amount: 100},
	"blocked":  {profile: "dev-sm", amount: 100, faults: "name: x\nfaults:\n  - {name: x, when: {ins: A4}, then: {sw: \"6283\"}}\n"},
}

// width counts the places of a line as a terminal does, by Unicode's wide blocks.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if unicode.In(r, unicode.Han) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFF60 {
			n++
		}
	}
	return n
}

// TestPagesKeepTheirWidth in both languages, whatever happens, and hold no control
// character without colour.
func TestPagesKeepTheirWidth(t *testing.T) {
	for name, j := range jobs {
		for _, w := range []int{60, 80, 100, 120} {
			for _, lang := range []string{"en", "zh"} {
				text := shown(t, j, page.Options{Lang: lang, Width: w})
				for _, l := range strings.Split(text, "\n") {
					if width(l) > w || strings.TrimRight(l, " ") != l || strings.ContainsFunc(l, unicode.IsControl) {
						t.Errorf("%s, %s, width %d: %d places or control characters: %q", name, lang, w, width(l), l)
					}
				}
				if strings.Count(text, "┌") != 1 || strings.Count(text, "└") != 1 {
					t.Errorf("%s: no summary", name)
				}
			}
		}
	}
}

// TestColourChangesNothingElse.
func TestColourChangesNothingElse(t *testing.T) {
	for name, j := range jobs {
		plain := shown(t, j, page.Options{Width: 80})
		painted := shown(t, j, page.Options{Width: 80, Colour: true})
		var bare strings.Builder
		for i, part := range strings.Split(painted, "\x1b[") {
			if i > 0 {
				_, part, _ = strings.Cut(part, "m")
			}
			bare.WriteString(part)
		}
		if painted == plain || squeeze(bare.String()) != squeeze(plain) {
			t.Errorf("%s: the coloured page says something else", name)
		}
	}
}

// squeeze takes out spaces at line ends: painted ones stay there.
func squeeze(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// TestPages: whole pages, for people to read.
func TestPages(t *testing.T) {
	datadriven.Walk(t, "testdata/pages", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			j, ok := jobs[d.Cmd]
			if !ok {
				t.Fatalf("%s: no such sale", d.Pos)
			}
			o := page.Options{Width: 80}
			d.MaybeScanArgs(t, "lang", &o.Lang)
			d.MaybeScanArgs(t, "width", &o.Width)
			return shown(t, j, o)
		})
	})
}

// TestHostileWords: what a card says cannot control the terminal, nor break a frame.
func TestHostileWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringOf(rapid.SampledFrom([]rune("ab 卡，（“\x1b\x07\n\u200f…—FF00"))).Draw(t, "words")
		w := rapid.IntRange(60, 130).Draw(t, "width")
		var out bytes.Buffer
		p := page.New(&out, page.Options{Width: w})
		p.Head(words, words)
		p.Step(&tap.Step{Kind: tap.Exchange, SW: "6283",
			Command: tap.Side{Title: words, Hex: strings.Repeat("AB", len(words)), Facts: []tap.Fact{{Tag: "9F12", Name: words, Value: strings.Repeat("AB", len(words)), Text: words, Note: words, Bits: []string{words}}}},
			Answer:  tap.Side{Title: words, Hex: "6283"}, Notes: []pos.Note{{EN: words, ZH: words}}})
		for _, l := range strings.Split(out.String(), "\n") {
			if strings.ContainsFunc(l, unicode.IsControl) || strings.ContainsRune(l, '\u200f') {
				t.Fatalf("control characters in %q", l)
			}
			if width(l) > w {
				t.Fatalf("%d places of %d: %q", width(l), w, l)
			}
		}
	})
}
