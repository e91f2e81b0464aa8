package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// balancedTags reports the first element that is not closed by its own end.
func balancedTags(page string) error {
	void := map[string]bool{"meta": true, "input": true, "br": true}
	if i, j := strings.Index(page, "<style>"), strings.Index(page, "</style>"); i >= 0 {
		page = page[:i] + page[j+len("</style>"):]
	}
	dec := xml.NewDecoder(strings.NewReader(page))
	dec.Strict, dec.Entity = false, xml.HTMLEntity
	var open []string
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch e := tok.(type) {
		case xml.StartElement:
			if !void[e.Name.Local] {
				open = append(open, e.Name.Local)
			}
		case xml.EndElement:
			if void[e.Name.Local] {
				continue
			}
			if len(open) == 0 || open[len(open)-1] != e.Name.Local {
				return fmt.Errorf("</%s> closes %v", e.Name.Local, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%v stay open", open)
	}
	return nil
}

var rectangle = regexp.MustCompile(`<rect class="([^"]*)" x="([\d.]+)%?" y="(-?\d+)" width="([\d.]+)%" height="(-?\d+)"/>`)

type box struct {
	class    string
	x, width int // hundredths of a percent
	y, h     int
}

func boxes(t interface{ Fatalf(string, ...any) }, svg string) []box {
	var out []box
	for _, m := range rectangle.FindAllStringSubmatch(svg, -1) {
		b := box{class: m[1]}
		for _, f := range []struct {
			text  string
			to    *int
			scale int
		}{{m[2], &b.x, 100}, {m[3], &b.y, 1}, {m[4], &b.width, 100}, {m[5], &b.h, 1}} {
			whole, part, _ := strings.Cut(f.text, ".")
			v, err := strconv.Atoi(whole)
			if err != nil {
				t.Fatalf("%q is no number", f.text)
			}
			if f.scale == 100 {
				w, err := strconv.Atoi((part + "00")[:2])
				if err != nil {
					t.Fatalf("%q is no number", f.text)
				}
				v = v*100 + w
			}
			*f.to = v
		}
		out = append(out, b)
	}
	return out
}

func TestCurveStacksTheTaps(t *testing.T) {
	var q [96]Quarter
	q[33] = Quarter{Entries: 500, Exits: 300, Bus: 200}
	got := string(curve(&q))
	rise := curveBase - curveTop
	want := []box{
		{"in", 3437, 92, curveBase - rise/2, rise / 2},
		{"out", 3437, 92, curveBase - rise*8/10, rise*8/10 - rise/2},
		{"bus", 3437, 92, curveTop, rise - rise*8/10},
	}
	if b := boxes(t, got); !slices.Equal(b, want) {
		t.Errorf("bars %+v\nwant %+v", b, want)
	}
	for _, text := range []string{"<title>08:15  500 + 300 + 200</title>", ">08:15 · 1,000<", ">200<", ">1,000<"} {
		if !strings.Contains(got, text) {
			t.Errorf("the drawing lacks %q", text)
		}
	}
	if strings.Count(got, "peak") != 1 {
		t.Error("an empty half of the day has a peak")
	}
}

func TestCurveStaysInsideItsFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q [96]Quarter
		for range rapid.IntRange(0, 30).Draw(t, "bars") {
			n := rapid.Int64Range(0, 1<<40)
			q[rapid.IntRange(0, 95).Draw(t, "at")] = Quarter{n.Draw(t, "in"), n.Draw(t, "out"), n.Draw(t, "bus")}
		}
		for _, b := range boxes(t, string(curve(&q))) {
			if b.x+b.width > 10000 || b.y < curveTop || b.h < 0 || b.y+b.h > curveBase {
				t.Fatalf("bar %+v leaves the frame", b)
			}
		}
	})
}

func TestCeiling(t *testing.T) {
	for _, c := range []struct{ largest, top, step int64 }{{0, 1, 1}, {1, 1, 1}, {5, 5, 1}, {6, 6, 2}, {11, 15, 5}, {37, 40, 10}, {152340, 200000, 50000}, {250000, 250000, 50000}} {
		if top, step := ceiling(c.largest); top != c.top || step != c.step {
			t.Errorf("ceiling(%d) = %d by %d, want %d by %d", c.largest, top, step, c.top, c.step)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1<<60).Draw(t, "largest")
		top, step := ceiling(n)
		if top < n || top-n >= step || top%step != 0 || top/step > 5 {
			t.Fatalf("ceiling(%d) = %d by %d", n, top, step)
		}
	})
}

func TestStripFillsItsWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Int64Range(0, 1<<50), 1, 9).Draw(t, "parts")
		end, drawn := 0, 0
		for _, b := range boxes(t, string(strip([]string{"a", "b"}, parts))) {
			if b.class == "rail" {
				continue
			}
			if b.x != end {
				t.Fatalf("part at %d, the one before it ends at %d", b.x, end)
			}
			end, drawn = b.x+b.width, drawn+1
		}
		if drawn > 0 && end != 10000 {
			t.Fatalf("%v fill %d of 10000", parts, end)
		}
	})
}

func TestDaysScaleToTheLargest(t *testing.T) {
	got := boxes(t, string(days("open", []int{0, 1, 2}, []int64{600, 0, 300})))
	if len(got) != 2 || got[0].h != daysBase-18 || got[1].h != (daysBase-18)/2 || got[1].x <= 6666 {
		t.Errorf("bars %+v", got)
	}
}

func TestBar(t *testing.T) {
	if b := boxes(t, string(bar("in", 1, 3))); b[0].width != 3333 {
		t.Errorf("a third is %d", b[0].width)
	}
	if b := boxes(t, string(bar("in", 9, 0))); b[0].width != 0 {
		t.Errorf("bar without a longest is %d", b[0].width)
	}
}

func TestDiagram(t *testing.T) {
	at := func(s string, n int64) Stop { return Stop{Text{ZH: s}, n} }
	v := diagram([]Line{
		{Color: "#111111", Stops: []Stop{at("甲", 100), at("乙", 50), at("丙", 999)}},
		{Color: "#F4E636", Loop: true, Stops: []Stop{at("乙", 10), at("丁", 0), at("戊", 30)}},
	})
	if got := v[0].Busiest; got != (section{Text{ZH: "甲"}, Text{ZH: "乙"}, 100}) {
		t.Errorf("busiest section %+v", got)
	}
	if got := v[1].Busiest; got.From.ZH != "戊" || got.To.ZH != "乙" {
		t.Errorf("busiest section of the loop %+v", got)
	}
	if c := v[0].Cells; c[0].Change || !c[1].Change || !strings.Contains(string(c[1].Svg), `fill="#F4E636"`) {
		t.Error("乙 is not marked as the interchange with the other line")
	}
	heights := regexp.MustCompile(`width="13.5" height="(\d+)"`)
	want := [][]string{{"32"}, {"32", "16"}, {"16"}, {"9", "3"}, {"3", "1"}, {"1", "9"}}
	for i, c := range slices.Concat(v[0].Cells, v[1].Cells) {
		var got []string
		for _, m := range heights.FindAllStringSubmatch(string(c.Svg), -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, want[i]) {
			t.Errorf("stop %d: bands %v, want %v", i, got, want[i])
		}
	}
	if v[0].Ink != "#FFFFFF" || v[1].Ink == "#FFFFFF" {
		t.Error("text on the line's colour cannot be read")
	}
}

func TestSafeColor(t *testing.T) {
	for c, want := range map[string]string{"#A73C34": "#A73C34", "#a73c34": "#a73c34", "": grey, "red": grey, "#12345": grey, "#1234567": grey, "#12345g": grey, "#+12345": grey, "#1_2345": grey} {
		if got := safeColor(c); got != want {
			t.Errorf("safeColor(%q) = %q, want %q", c, got, want)
		}
	}
}
