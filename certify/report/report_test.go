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
	"github.com/citycard/citycard/certify/report"
)

var sample = flag.String("sample", "", "write the page of a run with faults to this file")

// result is a run over every case, in which some failed.
func result(fail func(id string) bool) *certify.Report {
	r := &certify.Report{Profile: "dev-sm", Time: "2026-11-21T09:30:15+08:00", Destructive: true, Card: certify.CardFacts{
		ATR: "3BE800008031FE454349545943415244F1", AID: "A000000333010101", Label: "PBOC DEBIT", PAN: "622800******1117",
		Algorithms: []string{"SM4", "3DES"}, Contact: true, Contactless: true, PINTries: 3, ATCAfter: 339, Balance: 99953, Spent: 47}}
	for i, g := range certify.Groups() {
		for j, c := range g.Cases {
			x := certify.CaseResult{ID: c.ID, Name: c.Name.EN, NameZH: c.Name.ZH, Group: g.Key, Clause: c.Clause, Purpose: c.Purpose.EN, PurposeZH: c.Purpose.ZH, Result: certify.Pass}
			switch {
			case fail(c.ID):
				x.Result, x.Detail = certify.Fail, "expected 9000 to READ RECORD 00B2010C, got 6A82 <file not found> ("+c.Clause+")"
				x.APDUs = []certify.Exchange{{Command: "reset", Answer: "3BE800008031FE454349545943415244F1"},
					{Command: "00A4040008A00000033301010100", Answer: "6F318408A000000333010101A525500A50424F432044454249549000"}, {Command: "00B2010C00", Answer: "6A82"}}
				r.Failed++
			case (i+j)%9 == 8:
				x.Result, x.Reason, x.ReasonZH = certify.Skip, "the issuer's keys are not known", "发卡行密钥未知"
				r.Skipped++
			default:
				r.Passed++
			}
			r.Cases = append(r.Cases, x)
		}
	}
	return r
}

// TestBeside: what a card has beside its finance application is on the page, and only
// if it has it.
func TestBeside(t *testing.T) {
	r := result(func(string) bool { return false })
	names := []string{"Low-value extension (DF61)", "the balance is a quota", "A000000632010105", "检测后钱包余额", "112233445566", "social-security, civil-affairs"}
	plain := render(t, r)
	r.Card.Extension, r.Card.Quota, r.Card.Purse, r.Card.PurseBalance, r.Card.PurseSpent = "02", true, "A000000632010105", 9987, 13
	r.Card.Terminal, r.Card.Partitions = "112233445566", []string{"social-security", "civil-affairs"}
	full := render(t, r)
	for _, name := range names {
		if strings.Contains(plain, name) || !strings.Contains(full, name) {
			t.Errorf("%q: on the page of a card without %t, of one with it %t", name, strings.Contains(plain, name), strings.Contains(full, name))
		}
	}
}

func render(t *testing.T, r *certify.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	r := result(func(id string) bool { return strings.HasSuffix(id, "-length") })
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
	if strings.Index(got, `id="failed"`) > strings.Index(got, `id="cases"`) {
		t.Error("failed cases do not come first")
	}
	for _, want := range []string{"DOES NOT CONFORM", "不合格", "622800******1117", "&lt;file not found&gt;", "00B2010C00", "发卡行密钥未知"} {
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
	chosen := result(func(string) bool { return false })
	chosen.Cases = chosen.Cases[:15]
	if got := render(t, chosen); strings.Contains(got, "CONFORMS") || !strings.Contains(got, "CHOSEN CASES ONLY") || !strings.Contains(got, "15 / ") {
		t.Error("a run of a few cases is shown as a whole one")
	}
	if empty := render(t, &certify.Report{}); !strings.Contains(empty, "DOES NOT CONFORM") {
		t.Error("a run of nothing is called conforming")
	}
}

type full struct{}

var errFull = errors.New("no space")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestErrors(t *testing.T) {
	if err := report.Write(full{}, &certify.Report{}); !errors.Is(err, errFull) {
		t.Errorf("a full disk gives %v", err)
	}
	if err := report.Write(&bytes.Buffer{}, nil); err == nil {
		t.Error("no report: no error")
	}
}
