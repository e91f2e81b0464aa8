package recon_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
)

func ExampleBreak_Sentence() {
	b := recon.Break{Break: timeline.Break{P: 0x14, Q: 0x15, Part: timeline.PartDoubt, State: timeline.Proven, Amount: 300, Terminal: 23}}
	fmt.Println(b.Sentence(recon.EN))
	fmt.Println(b.Sentence(recon.ZH))
	// Output:
	// The card paid 3.00 yuan at counter 0014 (terminal 23) and no service was given: flash card, due to the customer.
	// 计数器 0014（终端 23）已扣款 3.00 元而未提供服务：闪卡，应退客户。
}

func TestEveryBreakHasItsSentence(t *testing.T) {
	seen := map[string]timeline.State{}
	for s := timeline.Suspected; s.Valid(); s++ {
		for p := timeline.PartDoubt; p <= timeline.PartHold; p++ {
			for _, l := range []recon.Language{recon.EN, recon.ZH} {
				b := recon.Break{Break: timeline.Break{P: 0x14, Q: 0x15, Part: p, State: s, Amount: 12345, Contested: 678, Held: true, Final: 20 * day, Terminal: 42}}
				text := b.Sentence(l)
				if !utf8.ValidString(text) || strings.Contains(text, "%!") || !strings.Contains(text, "0014") || !strings.Contains(text, "6.78") {
					t.Errorf("%s %s %s: %q", s, p, l, text)
				}
				if before, ok := seen[text]; ok && before != s {
					t.Errorf("%s and %s read the same: %q", before, s, text)
				}
				seen[text] = s
			}
		}
	}
}

func TestSentencesOfWhatIsHeldStandsOrIsContested(t *testing.T) {
	for want, b := range map[string]timeline.Break{
		"rests on what a terminal":    {State: timeline.Proven, Part: timeline.PartGap, Amount: 200, Basis: timeline.Soft},
		"card's own log says":         {State: timeline.Proven, Part: timeline.PartDoubt, Amount: 200, Basis: timeline.Soft, ByLog: true},
		"since counter 0000":          {State: timeline.Expected, Part: timeline.PartHold, Amount: 200},
		"stands":                      {State: timeline.Late, Part: timeline.PartStands, Amount: 200, Stands: true},
		"2.00 yuan of it":             {State: timeline.Late, Part: timeline.PartPast, Amount: 200},
		"Withheld":                    {State: timeline.Proven, Part: timeline.PartGap, Amount: 200, Held: true},
		"A further 3.00":              {State: timeline.Expected, Part: timeline.PartPair, Amount: 200, Contested: 300},
		"paid 3.00 yuan there or at":  {State: timeline.Expected, Part: timeline.PartPair, Contested: 300},
		"until 1970-01-21":            {State: timeline.Expected, Part: timeline.PartGap, Amount: 200, Final: 20 * day},
		"on 1970-01-21 at the latest": {State: timeline.Expected, Part: timeline.PartPair, Amount: 200, Final: 20*day - 8*3600},
	} {
		if got := (&recon.Break{Break: b}).Sentence(recon.EN); !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}

func TestSummaryIsBetweenLeastAndMost(t *testing.T) {
	j := timeline.Judgement{Breaks: []timeline.Break{
		{State: timeline.Proven, Amount: 300}, {State: timeline.Expected, Amount: 200, Contested: 50, Final: 9},
		{State: timeline.LostUpload, Amount: 10, Final: 7}, {State: timeline.Suspected, Amount: 1}, {State: timeline.Unbacked, Amount: 5000},
	}}
	if got, want := recon.Summarise(&j), (recon.Summary{Least: 300, Most: 561}); got != want { // no day makes what the next tap decides certain
		t.Errorf("got %+v, want %+v", got, want)
	}
	j.Breaks = j.Breaks[:3]
	if got, want := recon.Summarise(&j), (recon.Summary{Least: 300, Most: 560, CertainOn: 9}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
