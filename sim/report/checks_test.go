package report

import (
	"strings"
	"testing"
)

// Each change breaks one thing that must hold; the check of that name must turn.
func TestChecksTurnOneByOne(t *testing.T) {
	for want, change := range map[string]func(*Data){
		"Nothing is unexplained":                        func(d *Data) { d.Unexplained = -1 },
		"Float equals the value on the cards":           func(d *Data) { d.FloatGap = 1 },
		"Settlement accounts agree with the matrix":     func(d *Data) { d.Participants[0].Position++; d.Participants[1].Position-- },
		"Every decidable flash card is found":           func(d *Data) { d.Flash.Found-- },
		"No flash card is invented":                     func(d *Data) { d.Flash.Invented = 1 },
		"Every figure of the close is in order":         func(d *Data) { d.Failed = []string{"owed_fen"} },
		"Every injected fault is refused as what it is": func(d *Data) { d.Refusals[3].Refused++ },
	} {
		d := smallDay(t)
		if !Balanced(d) {
			t.Fatal("the sample day is not balanced")
		}
		change(d)
		var failed []string
		for _, c := range Checks(d) {
			if !c.OK {
				failed = append(failed, c.Name.EN)
			}
		}
		if len(failed) != 1 || failed[0] != want {
			t.Errorf("failed checks %q, want only %q", failed, want)
		}
		if got := render(t, d); !strings.Contains(got, "未平") || strings.Contains(got, "账平") {
			t.Errorf("%s: the stamp does not say that the day is not balanced", want)
		}
	}
}

func TestNetSumTurns(t *testing.T) {
	d := smallDay(t)
	d.Participants[2].Position += 5
	for _, c := range Checks(d) {
		if c.Name.EN == "Net positions add to zero" && (c.OK || c.Got != "5 fen 分") {
			t.Errorf("nets that add to 5: %+v", c)
		}
	}
	if !strings.Contains(render(t, d), `<em class="bad">✗`) {
		t.Error("the matrix does not mark the account that disagrees")
	}
}

func TestMatrix(t *testing.T) {
	d := smallDay(t)
	m := matrix(d)
	for i := range m.Rows {
		for j := range m.Rows {
			a, b := m.Rows[i].Cells[j], m.Rows[j].Cells[i]
			if a.Amount != -b.Amount || a.Items != b.Items || a.Self != (i == j) {
				t.Errorf("cells %d,%d: %+v and %+v are not two sides of one position", i, j, a, b)
			}
		}
		if m.Rows[i].Sum != -m.Sums[i] {
			t.Errorf("row %d adds to %s, its column to %s", i, m.Rows[i].Sum, m.Sums[i])
		}
	}
	if m.Rows[0].Cells[4].Amount != -1_031_422_310 || m.Zero != 0 {
		t.Errorf("first position %s, whole %s", m.Rows[0].Cells[4].Amount, m.Zero)
	}
}

func TestHeatDeepensWithTheAmount(t *testing.T) {
	for _, c := range []struct {
		amount int64
		want   string
	}{{0, ""}, {2700, "get6"}, {900, "get6"}, {899, "get5"}, {300, "get5"}, {299, "get4"}, {1, "get1"}, {-2700, "pay6"}, {-1, "pay1"}} {
		if got := heat(c.amount, 2700); got != c.want {
			t.Errorf("heat(%d) = %q, want %q", c.amount, got, c.want)
		}
	}
}
