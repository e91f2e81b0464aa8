package report

import (
	"strings"
	"testing"
)

// mixedDay is the small day with cards of three kinds.
func mixedDay(t testing.TB) *Data {
	d := smallDay(t)
	d.Kinds = []Kind{{Name: Text{"Bank cards", "银行卡"}, Cards: 50, Taps: 300, Approved: 290, Cleared: 70_000},
		{Name: Text{"Quota cards", "额度卡"}, Cards: 30, Taps: 200, Approved: 195, Cleared: 40_000},
		{Name: Text{"Purses", "电子钱包"}, Cards: 20, Taps: 100, Approved: 100, Cleared: 20_000}}
	d.Holds, d.Completions = 1_023, 1_019
	d.Quota = &Quota{Services: 30, Restored: 11, Below: 13, SameClosing: 8, Repeated: 2, Denied: 1, Debited: 39_000, Owed: 1_000, Recovered: 1_000, Exposure: 9_400, Cap: 10_000,
		Terms: Text{"A quota of 50.", "额度 50 元。"}, CapHeld: true, Explained: true,
		Days: []QuotaDay{{Offset: 0, Debits: 90, Amount: 37_000, Pushes: 10, Refused: 2}, {Offset: 1, Debits: 7, Amount: 2_000, Pushes: 3}}}
	return d
}

// The kinds of cards have a part of their own, which a city with one kind has not.
func TestKindsOfCards(t *testing.T) {
	plain, got := render(t, smallDay(t)), render(t, mixedDay(t))
	for _, want := range []string{`<section id="cards">`, `href="#cards"`, "Quota cards", "额度卡", "¥94.00 / ¥100.00", "of it paid later", "A quota of 50.", "97 · ¥390.00",
		"Amounts held at an entry", "进站预授权", "<b>1,023</b>", "<b>1,019</b>", "in the same closing", "其中在同一日终内恢复", "<b>13</b>", "<b>8</b>",
		"Debited from accounts", "<code>¥94.00 / ¥100.00", "<code>¥390.00 &#43; ¥10.00"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q", want)
		}
		if strings.Contains(plain, want) {
			t.Errorf("a page without kinds says %q", want)
		}
	}
	only := mixedDay(t)
	only.Quota = nil
	if got := render(t, only); !strings.Contains(got, "Purses") || strings.Contains(got, "Rows debited") {
		t.Error("kinds without a quota are not shown as that")
	}
}

func TestQuotaChecksTurn(t *testing.T) {
	for want, change := range map[string]func(*Quota){
		"No quota card could cost more than the cap":                     func(q *Quota) { q.CapHeld = false },
		"Quota cards, shadows and accounts agree: debited + not covered": func(q *Quota) { q.Explained = false },
	} {
		d := mixedDay(t)
		if !Balanced(d) {
			t.Fatal("the mixed day is not balanced")
		}
		change(d.Quota)
		var failed []string
		for _, c := range Checks(d) {
			if !c.OK {
				failed = append(failed, c.Name.EN)
			}
		}
		if len(failed) != 1 || failed[0] != want {
			t.Errorf("failed checks %q, want only %q", failed, want)
		}
	}
}
