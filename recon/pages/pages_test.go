package pages

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/recon/twoloads"
)

var (
	update = flag.Bool("update", false, "rewrite the pages in testdata")
	sample = flag.String("sample", "", "write the pages of the invented data to this folder")
)

// page writes one of the pages of the tests.
type page func(w io.Writer, lang string) error

func importPageOf(d *Import) page {
	return func(w io.Writer, l string) error { return WriteImport(w, d, l) }
}
func cardPageOf(d *Card) page { return func(w io.Writer, l string) error { return WriteCard(w, d, l) } }
func trialPageOf(d *Trial) page {
	return func(w io.Writer, l string) error { return WriteTrial(w, d, l) }
}

// invented are pages with every part filled, by name.
func invented(t testing.TB) map[string]page {
	return map[string]page{
		"import": importPageOf(fullImport(t)), "soft": importPageOf(softImport(t)), "card": cardPageOf(workedCard(t)), "longcard": cardPageOf(longCard(t)), "trial": trialPageOf(fullTrial(t)),
	}
}

func render(t testing.TB, p page, lang string) string {
	t.Helper()
	var b bytes.Buffer
	if err := p(&b, lang); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGoldenCard(t *testing.T) {
	got := render(t, cardPageOf(workedCard(t)), "")
	got = got[strings.Index(got, "<main>"):]
	golden := filepath.Join("testdata", "card.html")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the page changed; look at it, then run with -update:\n%s", diff)
	}
}

func TestSamplePages(t *testing.T) {
	for name, p := range invented(t) {
		for _, lang := range []string{"", "en", "zh"} {
			got := render(t, p, lang)
			if again := render(t, p, lang); again != got {
				t.Errorf("%s %s: the same data gave another page", name, lang)
			}
			if *sample != "" {
				if err := os.WriteFile(filepath.Join(*sample, name+"-"+lang+".html"), []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestLanguageIsChosen(t *testing.T) {
	p := cardPageOf(workedCard(t))
	for lang, want := range map[string]string{"": `id="lang-both" checked`, "en": `id="lang-en" checked`, "zh": `id="lang-zh" checked`} {
		if got := render(t, p, lang); !strings.Contains(got, want) || strings.Count(got, " checked>") != 1 {
			t.Errorf("%q: the page does not begin in that language", lang)
		}
	}
	if err := p(io.Discard, "fr"); err == nil || !strings.Contains(err.Error(), "fr") {
		t.Errorf("language fr: error %v, want one that names it", err)
	}
}

// external finds everything with which a page can reach out of its own file.
var external = regexp.MustCompile(`(?i)https?:|//[a-z]|src\s*=|@import|url\([^#]|<script|<link|<iframe|<object|<embed|<image|<use|href="[^#]|javascript:|\son[a-z]+=`)

func TestPagesReferToNothingOutside(t *testing.T) {
	for name, p := range invented(t) {
		if m := external.FindString(render(t, p, "")); m != "" {
			t.Errorf("%s: the page holds %q", name, m)
		}
	}
}

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'</title></style>{{.}}&`

func TestHostileTextIsEscaped(t *testing.T) {
	h := Text{hostile, hostile}
	im := fullImport(t)
	im.Source = hostile
	im.Files[0] = File{Name: hostile, Content: h, Encoding: hostile, Accepted: 1}
	im.Refusals[0] = Refusal{h, 1, hostile}
	im.FlashCards[0].Sentence, im.Undecided[0].State, im.Cases[0].Remark = h, hostile, h
	c := workedCard(t)
	c.Kind, c.Steps[0].What, c.Alarms[0], c.Points[0].What = h, h, h, h
	c.Breaks[0].Sentence, c.Breaks[1].State = h, hostile
	c.Evidence[0] = Evidence{What: h, Source: hostile, Checks: []Check{{Name: h, Note: h}}}
	c.Refunds[0].First, c.Refunds[0].Second, c.Refunds[0].Note, c.Refunds[0].What = hostile, hostile, h, h
	tr := fullTrial(t)
	tr.Title, tr.Seeds, tr.Solver, tr.Rates[0].Name, tr.Rates[0].Rate = h, hostile, h, h, h
	tr.Checks[0] = Hold{h, hostile, true}
	for name, p := range map[string]struct {
		page
		least int
	}{"import": {importPageOf(im), 10}, "card": {cardPageOf(c), 20}, "trial": {trialPageOf(tr), 10}} {
		got := render(t, p.page, "")
		if m := regexp.MustCompile(`(?i)<script|<img|</style>\{`).FindString(got); m != "" {
			t.Errorf("%s: hostile text reached the page unescaped: %q", name, m)
		}
		if n := strings.Count(got, "&lt;script&gt;alert(1)"); n < p.least {
			t.Errorf("%s: the hostile text is shown %d times, want it wherever it was put", name, n)
		}
		if strings.Count(got, "</style>") != 1 || strings.Count(got, "</main>") != 1 {
			t.Errorf("%s: hostile text closed an element", name)
		}
		if err := balancedTags(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCardNumbersAreMasked(t *testing.T) {
	im := fullImport(t)
	whole := im.FlashCards[0].Card.PAN
	im.Files[0].Name, im.FlashCards[1].Sentence = "cards-"+whole.Digits()+".txt", Text{"card " + whole.Digits() + " paid", "卡" + whole.Digits() + "已扣款"}
	c := workedCard(t)
	c.Refunds[0].First, c.Evidence[0].Source = c.Key.PAN.Digits(), "journal of "+c.Key.PAN.Digits()
	c.Points[0].What = Text{"load of " + c.Key.PAN.Digits(), "圈存"}
	for name, p := range map[string]page{"import": importPageOf(im), "card": cardPageOf(c), "trial": trialPageOf(fullTrial(t))} {
		got := render(t, p, "")
		if m := regexp.MustCompile(`622800010000[0-9]{4}`).FindString(got); m != "" {
			t.Errorf("%s: the page shows card %s whole", name, m)
		}
		if !strings.Contains(got, whole.Masked()[:6]+"******") {
			t.Errorf("%s: the page does not show masked cards", name)
		}
	}
}

func TestMasked(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "",
		"622800010000111":                   "622800*****0111",
		"卡6228000100001117号":                "卡622800******1117号",
		"terminal 10000007, 20261130":       "terminal 10000007, 20261130",
		"12345678901234567890":              "12345678901234567890",
		"bell\a, line\nend, \uffff":         "bell\ufffd, line\nend, \ufffd",
		"digest 6228000100001117ab":         "digest 6228000100001117ab",
		"a\xff6228000100001117, 6228000100": "a\ufffd622800******1117, 6228000100",
	} {
		if got := masked(in); got != want {
			t.Errorf("masked(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestListsAreCut(t *testing.T) {
	im := fullImport(t)
	all := len(im.FlashCards)
	for len(im.Cases) < 2*CaseSize {
		im.Cases = append(im.Cases, im.Cases[0])
	}
	got := render(t, importPageOf(im), "en")
	lists := strings.Split(got, `<section id="`)
	for _, l := range lists {
		if strings.HasPrefix(l, "flash-cards") && (strings.Count(l, `<code class="card">`) != ListSize || !strings.Contains(l, count(int64(all-ListSize)))) {
			t.Errorf("the list of flash cards is not cut at %d with a word for the other %d", ListSize, all-ListSize)
		}
	}
	if n := strings.Count(got, `<article class="case">`); n != CaseSize {
		t.Errorf("%d cases shown, want %d", n, CaseSize)
	}
	long := longCard(t)
	for range 300 {
		long.Breaks, long.Alarms, long.Steps, long.Refunds = append(long.Breaks, long.Breaks[0]), append(long.Alarms, Text{EN: "alarm"}), append(long.Steps, Step{What: Text{EN: "step"}}), append(long.Refunds, Refund{First: "clerk of a refund"})
	}
	got = render(t, cardPageOf(long), "en")
	if n := strings.Count(got, `class="dot`); n != drawnPoints {
		t.Errorf("%d observations drawn, want %d", n, drawnPoints)
	}
	for what, want := range map[string]int{`<b class="no">`: breakSize, "<span>step</span>": wordSize, "</strong> alarm": wordSize, "clerk of a refund": refundSize, `<ul class="checklist">`: evidenceSize} {
		if n := strings.Count(got, what); n != want {
			t.Errorf("%s is there %d times, want %d", what, n, want)
		}
	}
	if n := strings.Count(got, `<tr><td><code>`) + strings.Count(got, `<tr class="gap">`); n < PointSize || n > PointSize+PointSize/4 {
		t.Errorf("%d lines in the timeline, want about %d", n, PointSize)
	}
}

// negative finds a drawing with a length or a place that cannot be.
var negative = regexp.MustCompile(`<rect[^>]* (width|height|x|y)="-[0-9][^>]*>`)

func TestEmptyAndOddData(t *testing.T) {
	for name, p := range map[string]page{
		"import of nothing": importPageOf(&Import{}), "card without taps": cardPageOf(&Card{}), "trial of nothing": trialPageOf(&Trial{}),
		"one tap":          cardPageOf(&Card{Points: []Point{{ATC: 65535}}, Breaks: []Break{{P: 65535, State: "suspected"}, {P: 3, Q: 7}, {P: 65535, Q: 2}}}),
		"unknown numbers":  cardPageOf(&Card{Points: []Point{{Happened: 9, Change: -5}}, Refunds: []Refund{{State: 77}}, Evidence: []Evidence{{Checks: []Check{{Result: 8}}}}}),
		"negative value":   cardPageOf(&Card{Least: -900, Most: -500, Points: []Point{{Least: -900, Most: 0, Change: -100}, {ATC: 9, Least: -950, Most: -500}}}),
		"extreme value":    cardPageOf(&Card{Least: 1 << 60, Most: 1 << 60, Points: []Point{{Least: 1 << 60, Most: 1 << 60}, {ATC: 65000, Least: -1 << 60, Most: 1 << 60}}}),
		"findings undated": importPageOf(&Import{FlashCards: []Finding{{}}, Open: []Finding{{}}, Undecided: []Finding{{}}}),
		"far apart":        importPageOf(&Import{FlashCards: []Finding{{At: 1}, {At: 1 << 40, DecidedOn: 1 << 41}}, FlashLoads: []Finding{{At: -1 << 40, DecidedOn: 5}}}),
		"case unknown":     trialPageOf(&Trial{Cases: []Case{{}, {At: 1 << 40, Knew: []twoloads.Knowledge{{Day: 1}}}, {What: twoloads.Known{Kind: 99}}}}),
		"negative counts":  trialPageOf(&Trial{Rates: []Rate{{Found: -1, Decidable: 5, Timeline: Method{Days: []int64{-4, 2}}}}}),
	} {
		t.Run(name, func(t *testing.T) {
			got := render(t, p, "")
			if err := balancedTags(got); err != nil {
				t.Error(err)
			}
			if strings.Contains(got, "<no value>") || strings.Contains(got, "NaN") {
				t.Error("the page shows a value that is none")
			}
			if m := negative.FindString(got); m != "" {
				t.Errorf("a drawing has %s", m)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, err := range map[string]error{"import": WriteImport(io.Discard, nil, ""), "card": WriteCard(io.Discard, nil, ""), "trial": WriteTrial(io.Discard, nil, "")} {
		if err == nil {
			t.Errorf("%s without data: no error", name)
		}
	}
	if err := WriteCard(brokenWriter{}, workedCard(t), ""); !errors.Is(err, errBroken) {
		t.Errorf("error %v, want %v", err, errBroken)
	}
}

var errBroken = errors.New("disk full")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestStamps(t *testing.T) {
	tr := fullTrial(t)
	if got := render(t, trialPageOf(tr), ""); !strings.Contains(got, "AGREES") {
		t.Error("a trial in which all holds is not stamped AGREES")
	}
	tr.Rates[3].WrongRefunds = 1
	if got := render(t, trialPageOf(tr), ""); !strings.Contains(got, "DIFFERS") {
		t.Error("a trial with a wrong refund is not stamped DIFFERS")
	}
	if got := string(newCardPage(&Card{Least: 100, Most: 600}, "").Stamp); !strings.Contains(got, "PENDING") { // a load that nobody knows the end of
		t.Errorf("open at the end: %s", got)
	}
	undone, wrong := []Evidence{{Checks: []Check{{Result: NotDone}}}}, []Evidence{{Checks: []Check{{}, {Result: Failed}}}}
	for want, d := range map[string]*Card{"UNVERIFIED": {Breaks: []Break{{State: "proven"}}, Evidence: undone}, "FAILED": {Evidence: wrong},
		"CLEAN": {}, "FROZEN": {Frozen: true}, "PENDING": {Breaks: []Break{{State: "lost upload"}}}, "DECIDED": {Breaks: []Break{{State: "proven"}}}} {
		if got := render(t, cardPageOf(d), ""); !strings.Contains(got, ">"+want+"<") {
			t.Errorf("the card is not stamped %s", want)
		}
	}
}

func TestPaidIsNotOwed(t *testing.T) {
	d := &Card{DueLeast: 400, DueMost: 700, Paid: 400}
	if p := newCardPage(d, ""); p.OwedLeast != 0 || p.OwedMost != 300 {
		t.Errorf("owed %s to %s of 4.00 to 7.00 with 4.00 paid", p.OwedLeast, p.OwedMost)
	}
	d.DueMost = 400
	got := render(t, cardPageOf(d), "en")
	if strings.Count(got, `<b>¥0.00</b><span><span class="en">still to pay`) != 2 || !strings.Contains(got, `<b>¥4.00</b><span><span class="en">paid already`) || !strings.Contains(got, "nothing is left to pay") {
		t.Error("the page of a card that was paid must say that nothing is owed and 4.00 are paid")
	}
	if d.Paid = 0; strings.Contains(render(t, cardPageOf(d), "en"), "nothing is left") {
		t.Error("4.00 are left to pay")
	}
}

func BenchmarkCard(b *testing.B) {
	d := longCard(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteCard(io.Discard, d, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCaseWithoutATime(t *testing.T) {
	c := Case{What: twoloads.Known{Kind: twoloads.FlashCard, Amount: 600}, Knew: []twoloads.Knowledge{{Day: moment(t, "2026-11-06 00:00"), ByTimeline: twoloads.Known{Kind: twoloads.FlashCard, Amount: 600}}}}
	got := render(t, trialPageOf(&Trial{Cases: []Case{c}}), "en")
	if strings.Contains(got, "D+") || !strings.Contains(got, ">11-06</text>") || !strings.Contains(got, `<rect class="tone-done" x="0%" y="4" width="100%"`) {
		t.Error("a case whose tap has no time must be drawn by dates, from the first day on which it was known")
	}
}
