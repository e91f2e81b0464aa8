package report

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
)

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(5033474), "5,033,474"}, {count(-1234), "−1,234"}, {count(-123), "−123"},
		{yuan(0), "¥0.00"}, {yuan(123450), "¥1,234.50"}, {yuan(-5), "−¥0.05"}, {signed(100), "+1.00"}, {signed(0), "0.00"}, {signed(-100), "−1.00"}, {fen(-1234), "−1,234 fen 分"},
		{km(50869), "50.9"}, {km(949), "0.9"}, {km(950), "1.0"}, {km(61_034_221_900), "61,034,221.9"},
		{size(0), "0 B"}, {size(1999), "1.9 kB"}, {size(742_113_402), "742.1 MB"}, {size(1_310_442_008), "1.3 GB"},
		{percent(1, 3), "33.33%"}, {percent(1, 8), "12.5%"}, {percent(9, 3), "100%"}, {percent(-1, 3), "0%"}, {percent(1, 0), "0%"}, {hundredths(5), "0.05"},
		{clock(0), "00:00"}, {clock(33), "08:15"}, {clock(95), "23:45"}, {dayName(0), "D"}, {dayName(25), "+25"},
		{weekday(Date{2026, 3, 4}).EN, "Wednesday"}, {weekday(Date{}).EN, ""}, {Date{2026, 3, 4}.String(), "2026-03-04"},
		{string(both(Text{"a<", ""})), "a&lt;"}, {string(both(Text{"a", "甲"})), `<span class="en">a</span> <span class="zh" lang="zh-CN">甲</span>`},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestScaledIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.Int64Range(1, 1<<62).Draw(t, "of")
		n := rapid.Int64Range(0, of).Draw(t, "n")
		full := rapid.Int64Range(1, 1<<40).Draw(t, "full")
		want := new(big.Int).Mul(big.NewInt(n), big.NewInt(full))
		want.Div(want, big.NewInt(of))
		if got := scaled(n, of, full); got != want.Int64() {
			t.Fatalf("scaled(%d, %d, %d) = %d, want %s", n, of, full, got, want)
		}
	})
}

func TestEveryStateHasNameAndSentence(t *testing.T) {
	if len(sentences) != len(stateLabels) {
		t.Errorf("%d sentences for %d states", len(sentences), len(stateLabels))
	}
	for state := range stateLabels {
		b := &Break{P: 0x14, Q: 0x16, State: strings.ReplaceAll(state, "_", " "), Amount: money.Fen(300)}
		name, _ := stateName(b.State)
		s := sentence(b)
		if name.ZH == "" || s.EN == "" || s.ZH == "" || !strings.HasSuffix(s.EN, ".") || !strings.HasSuffix(s.ZH, "。") {
			t.Errorf("state %s: name %v, sentence %v", state, name, s)
		}
	}
	given := Text{EN: "as the clerk wrote it"}
	if got := sentence(&Break{State: "proven", Verdict: given}); got != given {
		t.Errorf("a given verdict became %v", got)
	}
}

func TestEveryRefusalKeyIsExplained(t *testing.T) {
	if len(RefusalKeys) != 11 || len(refusalLabels) != len(RefusalKeys) {
		t.Errorf("%d keys, %d explanations, want 11", len(RefusalKeys), len(refusalLabels))
	}
	for _, k := range RefusalKeys {
		l := refusalLabels[k]
		if l.name.EN == "" || l.name.ZH == "" || l.what.EN == "" || l.what.ZH == "" {
			t.Errorf("%s: %+v", k, l)
		}
	}
	if got := outcomeName("bad signature"); got.ZH != "签名无效" {
		t.Errorf("the acquirer's word for a bad signature is shown as %v", got)
	}
	if got := outcomeName("new thing"); got.EN != "new thing" {
		t.Errorf("an unknown word is shown as %v", got)
	}
}
