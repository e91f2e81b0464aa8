package report

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	update = flag.Bool("update", false, "rewrite testdata/small.html")
	sample = flag.String("sample", "", "write the page of the full invented day to this file")
)

func render(t testing.TB, d *Data) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGoldenPage(t *testing.T) {
	got := render(t, smallDay(t))
	golden := filepath.Join("testdata", "small.html")
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

func TestFullDay(t *testing.T) {
	got := render(t, fullDay(t))
	if *sample != "" {
		if err := os.WriteFile(*sample, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(got, `<article class="line">`); n != 28 {
		t.Errorf("%d lines drawn, want 28", n)
	}
	if n := strings.Count(got, `class="rank"`); n != busiestStations {
		t.Errorf("%d stations listed, want %d", n, busiestStations)
	}
	for range 3 {
		if render(t, fullDay(t)) != got {
			t.Fatal("the same data gave another page")
		}
	}
}

// external finds everything with which a page can reach out of its own file.
var external = regexp.MustCompile(`(?i)https?:|//[a-z]|src\s*=|@import|url\(|<script|<link|<iframe|<object|<embed|<image|<use|href="[^#]|javascript:|\son[a-z]+=`)

func TestPageRefersToNothingOutside(t *testing.T) {
	for name, d := range map[string]*Data{"small": smallDay(t), "full": fullDay(t), "empty": {}} {
		if m := external.FindString(render(t, d)); m != "" {
			t.Errorf("%s: the page holds %q", name, m)
		}
	}
}

func TestPageIsWellFormed(t *testing.T) {
	for name, d := range map[string]*Data{"small": smallDay(t), "full": fullDay(t), "empty": {}, "hostile": hostileDay(t)} {
		if err := balancedTags(render(t, d)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'</title></style>{{.}}&`

// hostileDay has the hostile text in every field that takes a text.
func hostileDay(t testing.TB) *Data {
	d := smallDay(t)
	h := Text{hostile, hostile}
	d.City, d.Profile = h, hostile
	d.Demand.Source, d.Demand.Moves = h, []Move{{From: hostile, To: hostile, Reason: h}}
	for i := range d.Lines {
		d.Lines[i].Name, d.Lines[i].Color = h, `red;background:url(x)`
		for j := range d.Lines[i].Stops {
			d.Lines[i].Stops[j].Name = h
		}
	}
	for i := range d.Stations {
		d.Stations[i].Name = h
	}
	d.Blocks.Refused, d.Rows = []Count{{hostile, 1}}, []Count{{hostile, 1}}
	d.Refusals, d.States = []Refusal{{hostile, 1, 1}}, []StateCount{{hostile, 1, 1}}
	for i := range d.Participants {
		d.Participants[i].Name, d.Participants[i].Role, d.Participants[i].Code = h, h, hostile
	}
	d.Operators[0].Name, d.Rebates[0].Reason = h, h
	d.Fees[0] = Fee{Name: h, From: h, To: h}
	d.Breaks[0].State, d.Breaks[0].Verdict = hostile, h
	d.Files[0] = File{Name: hostile, Content: h, Digest: hostile}
	return d
}

func TestHostileTextIsEscaped(t *testing.T) {
	got := render(t, hostileDay(t))
	if m := regexp.MustCompile(`(?i)<script|<img|</style>\{|red;`).FindString(got); m != "" {
		t.Errorf("hostile text reached the page unescaped: %q", m)
	}
	if n := strings.Count(got, "&lt;script&gt;alert(1)"); n < 40 {
		t.Errorf("the hostile text is shown %d times, want it wherever it was put", n)
	}
	if strings.Count(got, "</style>") != 1 || strings.Count(got, "</title>") != strings.Count(render(t, smallDay(t)), "</title>") {
		t.Error("hostile text closed an element")
	}
	if !strings.Contains(got, "color:"+grey) {
		t.Error("a colour that is none was not replaced")
	}
}

func TestEmptyDay(t *testing.T) {
	got := render(t, &Data{})
	if !strings.Contains(got, "账平") || strings.Contains(got, "NaN") || strings.Contains(got, "<no value>") {
		t.Error("a day without riders must be balanced and drawn without numbers that are none")
	}
	if !Balanced(&Data{}) {
		t.Error("a day without riders is not balanced")
	}
}

func TestHalfFilledParts(t *testing.T) {
	for name, d := range map[string]*Data{
		"line without stops":  {Lines: []Line{{Name: Text{EN: "x"}}, {Name: Text{EN: "y"}, Loop: true}}},
		"loop of one stop":    {Lines: []Line{{Loop: true, Stops: []Stop{{Next: 5}}}}},
		"days without breaks": {Days: []Day{{}, {Offset: 1}}},
		"negative counts":     {Quarters: [96]Quarter{{-5, 3, -1}}, Tears: Tears{Recovered: 3}, Flash: Flash{Decidable: -1}},
		"largest counts":      {Taps: 1<<63 - 1, Quarters: [96]Quarter{{Entries: 1<<63 - 1}}, Stations: []Station{{Entries: 1<<63 - 1}}},
		"one participant":     {Participants: []Participant{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := balancedTags(render(t, d)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCardNumbersAreMasked(t *testing.T) {
	d := smallDay(t)
	got := render(t, d)
	for _, b := range d.Breaks {
		if strings.Contains(got, b.Card.PAN.Digits()) {
			t.Errorf("the page shows card %s whole", b.Card)
		}
		if !strings.Contains(got, b.Card.PAN.Masked()) {
			t.Errorf("the page does not show card %s", b.Card)
		}
	}
}

func TestSampleIsCut(t *testing.T) {
	d := smallDay(t)
	for len(d.Breaks) < 3*SampleSize {
		d.Breaks = append(d.Breaks, d.Breaks[0])
	}
	if n := strings.Count(render(t, d), `<code class="card">`); n != SampleSize {
		t.Errorf("%d breaks shown, want %d", n, SampleSize)
	}
}

func TestWriteRefuses(t *testing.T) {
	if err := Write(&bytes.Buffer{}, nil); err == nil {
		t.Error("no data: no error")
	}
	for _, n := range []Net{{From: 0, To: 7}, {From: -1, To: 0}, {From: 1, To: 1}} {
		d := smallDay(t)
		d.Nets = append(d.Nets, n)
		var b bytes.Buffer
		err := Write(&b, d)
		if err == nil || !strings.Contains(err.Error(), "net 12") {
			t.Errorf("net %+v: error %v, want one that names net 12", n, err)
		}
		if b.Len() != 0 {
			t.Errorf("net %+v: %d bytes written", n, b.Len())
		}
	}
	if err := Write(brokenWriter{}, smallDay(t)); !errors.Is(err, errBroken) {
		t.Errorf("error %v, want %v", err, errBroken)
	}
}

var errBroken = errors.New("disk full")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func BenchmarkWrite(b *testing.B) {
	d := fullDay(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(&bytes.Buffer{}, d); err != nil {
			b.Fatal(err)
		}
	}
}
