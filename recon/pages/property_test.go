package pages

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/twoloads"
	"github.com/citycard/citycard/txn"
)

// wild draws numbers of all sizes; amounts and times of a page may be anything.
func wild(t *rapid.T) int64 { return rapid.Int64().Draw(t, "number") }

func wildFen(t *rapid.T) money.Fen {
	if rapid.Bool().Draw(t, "small") {
		return money.Fen(rapid.Int64Range(-20000, 20000).Draw(t, "fen"))
	}
	return money.Fen(wild(t))
}

func words(t *rapid.T) Text {
	return Text{rapid.StringN(0, 12, -1).Draw(t, "en"), rapid.StringN(0, 12, -1).Draw(t, "zh")}
}

func wildCard(t *rapid.T) *Card {
	d := &Card{Kind: words(t), At: wild(t), Frozen: rapid.Bool().Draw(t, "frozen"), Least: wildFen(t), Most: wildFen(t), ValueAt: wild(t), CertainOn: wild(t), DueLeast: wildFen(t), DueMost: wildFen(t), DueOn: wild(t)}
	for range rapid.IntRange(0, 6).Draw(t, "points") {
		d.Points = append(d.Points, Point{rapid.Uint16().Draw(t, "atc"), wild(t), words(t), txn.TerminalID(rapid.Uint32().Draw(t, "terminal")), wildFen(t), wildFen(t), wildFen(t), Certainty(rapid.Byte().Draw(t, "happened")), rapid.Bool().Draw(t, "doubt")})
		d.Breaks = append(d.Breaks, Break{P: rapid.Uint16().Draw(t, "p"), Q: rapid.Uint16().Draw(t, "q"), State: rapid.StringN(0, 8, -1).Draw(t, "state"), Amount: wildFen(t), Open: wildFen(t), Since: wild(t), Final: wild(t), Sentence: words(t)})
		d.Evidence = append(d.Evidence, Evidence{What: words(t), Checks: []Check{{words(t), Result(rapid.Byte().Draw(t, "result")), words(t)}}})
		d.Refunds = append(d.Refunds, Refund{Amount: wildFen(t), State: RefundState(rapid.Byte().Draw(t, "refund")), At: wild(t), First: words(t).EN})
		d.Steps, d.Alarms = append(d.Steps, Step{wild(t), words(t)}), append(d.Alarms, words(t))
	}
	return d
}

func wildFinding(t *rapid.T) Finding {
	return Finding{ATC: rapid.Uint16().Draw(t, "atc"), Amount: wildFen(t), Open: wildFen(t), Hard: rapid.Bool().Draw(t, "hard"), At: wild(t), DecidedOn: wild(t), Final: wild(t), Sentence: words(t), State: words(t).EN}
}

func wildCase(t *rapid.T) Case {
	known := func() twoloads.Known {
		return twoloads.Known{Kind: twoloads.Kind(rapid.Byte().Draw(t, "kind")), Amount: wildFen(t)}
	}
	c := Case{What: known(), At: wild(t), Remark: words(t)}
	for range rapid.IntRange(0, 3).Draw(t, "knew") {
		c.Knew = append(c.Knew, twoloads.Knowledge{Day: wild(t), ByTimeline: known(), ByTwoLoads: known()})
	}
	return c
}

// TestAnyDataGivesAPage: whatever the numbers, a page is made, its elements are closed
// and no drawing has a negative length.
func TestAnyDataGivesAPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		method := Method{wild(t), wild(t), wild(t), wild(t), wild(t), wild(t), rapid.SliceOfN(rapid.Int64(), 0, 60).Draw(t, "days")}
		f := wildFinding(t)
		im := &Import{At: wild(t), From: wild(t), To: wild(t), Window: wild(t), Files: []File{{Accepted: wild(t), Refused: wild(t)}}, Refusals: []Refusal{{Lines: wild(t)}},
			FlashCards: []Finding{f, wildFinding(t)}, FlashLoads: []Finding{wildFinding(t)}, Clones: []Finding{f}, Undecided: []Finding{f}, Open: []Finding{wildFinding(t), f}, Cases: []Case{wildCase(t)}, Compared: &Compared{method, method}}
		rate := Rate{Name: words(t), Injected: wild(t), Decidable: wild(t), Found: wild(t), Invented: wild(t), Verdicts: wild(t), Equal: wild(t), Eligible: wild(t), Soon: wild(t), PolicyLoss: wildFen(t), Timeline: method, Papers: method}
		tr := &Trial{Rates: []Rate{rate, {}}, Total: rate, Cases: []Case{wildCase(t)}, Checks: []Hold{{words(t), words(t).EN, true}}}
		for name, p := range map[string]page{"import": importPageOf(im), "card": cardPageOf(wildCard(t)), "trial": trialPageOf(tr)} {
			var b strings.Builder
			if err := p(&b, ""); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := balancedTags(b.String()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if m := negative.FindString(b.String()); m != "" {
				t.Fatalf("%s: %s", name, m)
			}
		}
	})
}
