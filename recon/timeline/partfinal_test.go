package timeline_test

import (
	"testing"

	"github.com/citycard/citycard/recon/timeline"
)

// TestSection4OnePartThatIsFinalDoesNotEndTheWaitForTheOther: a credit was given for
// counters 2 to 4, then a late row splits them, and the window of the first part is over
// a day before that of the second.
func TestSection4OnePartThatIsFinalDoesNotEndTheWaitForTheOther(t *testing.T) {
	p := rules
	p.ProvisionalAfter, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = day, 9000, 9000, 9000
	c := card(ob(zero, 1, 2000, 0, at(0)), ob(zero, 5, 500, 0, at(48)))
	expect(t, c, 5*24, p, nil, "provisional gap 1-5 1500", "-> provisional credit 1-5 1500 #1")
	c.Add(ob(zero, 3, 1300, 0, at(24)))
	expect(t, c, 21*24+1, p, nil, "proven gap 1-3 700", "provisional gap 3-5 800")
	expect(t, c, 21*24+12, p, nil, "proven gap 1-3 700", "provisional gap 3-5 800")
	if got := c.Provisional(); got != 800 {
		t.Errorf("%d provisional, want 800: the window of the second part still runs", got)
	}
	expect(t, c, 22*24+1, p, nil, "proven gap 1-3 700", "proven gap 3-5 800")
}

// TestCreditAtOnceForAnUndecidedDoubtRow: the customer lacks 500 whoever took them.
func TestCreditAtOnceForAnUndecidedDoubtRow(t *testing.T) {
	p := rules
	p.ProvisionalAfter, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 7*day, 9000, 9000, 9000
	p.ProvisionalAtDoubt = true
	for name, c := range map[string]struct {
		obs  []timeline.Observation
		want []string
	}{
		"undecided":     {[]timeline.Observation{ob(doubt, 1, 1000, 300), ob(zero, 3, 500, 0)}, []string{"provisional pair 1-3 500", "-> provisional credit 1-3 500 #1"}},
		"service given": {[]timeline.Observation{ob(doubt, 1, 1000, 300, served), ob(zero, 3, 500, 0)}, []string{"expected pair 1-3 200+300"}},
		"no doubt row":  {[]timeline.Observation{ob(zero, 1, 1000, 0), ob(zero, 3, 500, 0)}, []string{"expected gap 1-3 500"}},
	} {
		t.Run(name, func(t *testing.T) { expect(t, card(c.obs...), 24, p, nil, c.want...) })
	}
	c := card(ob(doubt, 1, 1000, 300), ob(zero, 3, 500, 0))
	expect(t, c, 24, p, nil, "provisional pair 1-3 500", "-> provisional credit 1-3 500 #1")
	c.Add(ob(paid, 2, 700, 200))
	expect(t, c, 48, p, nil, "proven doubt 1-2 300", "-> reverse provisional 1-3 200 #2")
}
