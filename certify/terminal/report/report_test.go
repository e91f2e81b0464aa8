package report_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/certify/terminal/report"
)

var sample = flag.String("sample", "", "write the page of a run with faults to this file")

// result is a run over every case, in which some failed.
func result(fail func(id string) bool) *terminal.Report {
	r := &terminal.Report{Terminal: "Till <one>", Time: "2026-03-14T10:00:00+08:00"}
	for i, g := range terminal.Groups() {
		for j, c := range g.Cases {
			x := certify.CaseResult{ID: c.ID, Name: c.Name.EN, NameZH: c.Name.ZH, Group: g.Key, Clause: c.Clause, Purpose: c.Purpose.EN, PurposeZH: c.Purpose.ZH, Result: certify.Pass}
			switch {
			case fail(c.ID):
				x.Result, x.Detail = certify.Fail, "expected the outcome declined, got offline_approved"
				x.APDUs = []certify.Exchange{{Command: "reset", Answer: "3B80800101"},
					{Command: "00A4040008A00000033301010100", Answer: "6F318408A000000333010101A525500A50424F432044454249549000"}, {Command: "00B2010C00", Answer: "no answer: the card is gone"}}
				r.Failed++
			case (i+j)%9 == 8:
				x.Result, x.Reason, x.ReasonZH = certify.Skip, "the terminal has no CDA", "终端不支持 CDA"
				r.Skipped++
			default:
				r.Passed++
			}
			r.Cases = append(r.Cases, x)
		}
	}
	return r
}

func render(t *testing.T, r *terminal.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	r := result(func(id string) bool { return strings.HasSuffix(id, "-declined") })
	got := render(t, r)
	if *sample != "" {
		if err := os.WriteFile(*sample, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(got, "<article"); n != r.Failed || n == 0 {
		t.Errorf("%d failed cases shown, want %d", n, r.Failed)
	}
	if n := strings.Count(got, "<tr class="); n != len(r.Cases) {
		t.Errorf("%d cases listed, want %d", n, len(r.Cases))
	}
	for _, want := range []string{"DOES NOT CONFORM", "不合格", "Till &lt;one&gt;", "00B2010C00", "终端不支持 CDA", "no answer: the card is gone"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if got != render(t, r) {
		t.Error("the same report gives two pages")
	}
	for _, bad := range []string{`<script`, `http://`, `https://`, `src=`, `url\(`, `ZgotmplZ`} {
		if m := regexp.MustCompile(bad).FindString(got); m != "" {
			t.Errorf("the page has %q in it", m)
		}
	}
}

func TestGoodPage(t *testing.T) {
	got := render(t, result(func(string) bool { return false }))
	if !strings.Contains(got, "CONFORMS") || strings.Contains(got, "DOES NOT") || strings.Contains(got, `id="failed"`) {
		t.Error("a run without a fault is not shown as one")
	}
	ended := result(func(string) bool { return false })
	ended.Incomplete = "qpboc-online"
	if got := render(t, ended); !strings.Contains(got, "DOES NOT CONFORM") || !strings.Contains(got, "ended early at") || !strings.Contains(got, "<code>qpboc-online</code>") {
		t.Error("a run that ended early is shown as a whole one")
	}
	chosen := result(func(string) bool { return false })
	chosen.Cases = chosen.Cases[:15]
	if got := render(t, chosen); strings.Contains(got, "CONFORMS") || !strings.Contains(got, "CHOSEN CASES ONLY") || !strings.Contains(got, "15 / ") {
		t.Error("a run of a few cases is shown as a whole one")
	}
}

type full struct{}

var errFull = errors.New("no space")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestErrors(t *testing.T) {
	if err := report.Write(full{}, &terminal.Report{}); !errors.Is(err, errFull) {
		t.Errorf("a full disk gives %v", err)
	}
	if err := report.Write(&bytes.Buffer{}, nil); err == nil {
		t.Error("no report: no error")
	}
}
