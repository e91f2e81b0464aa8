package timeline_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/citycard/citycard/recon/timeline"
)

// waiting is a card with a refund of 300 that waits for approval and 200 that are
// expected.
func waiting() (*timeline.Card, timeline.Params) {
	p := rules
	p.ApproveAbove = 250
	c := card(ob(doubt, 1, 1000, 300), ob(zero, 2, 700, 0), ob(zero, 4, 500, 0))
	c.Judge(5*3600, p, nil)
	return c, p
}

func TestGrantNeedsABreakWithMoneyThatWaits(t *testing.T) {
	for name, pair := range map[string][2]uint16{"backwards": {2, 1}, "one counter": {2, 2}, "over two breaks": {1, 4}, "behind the end": {4, 9}} {
		if c, _ := waiting(); !errors.Is(c.Grant(pair[0], pair[1]), timeline.ErrNothingDue) {
			t.Errorf("%s: granted", name)
		}
	}
	c, p := waiting()
	p.ApproveAbove = 0
	c.Judge(6*3600, p, nil)
	if err := c.Grant(1, 2); !errors.Is(err, timeline.ErrNothingDue) {
		t.Errorf("a break that is paid: %v", err)
	}
}

func TestApprovalIsSpentOnceAndWaitsWhileFrozen(t *testing.T) {
	c, p := waiting()
	c.Add(ob(paid, 9, 100, 10), ob(paid, 9, 100, 20)) // a clone
	c.Judge(10*3600, p, nil)
	for range 2 {
		if err := c.Grant(1, 2); err != nil {
			t.Fatal(err)
		}
		if j := c.Judge(11*3600, p, nil); len(j.Actions) > 0 || !j.Frozen {
			t.Fatalf("frozen: %q", brief(j))
		}
	}
	// A second refund over the same counters needs an approval of its own.
	c, p = waiting()
	if err := c.Grant(1, 2); err != nil {
		t.Fatal(err)
	}
	expect(t, c, 12, p, nil, "proven doubt 1-2 300", "expected gap 2-4 200", "-> refund 1-2 300 #1")
	if err := c.Grant(2, 4); err != nil {
		t.Fatal(err)
	}
	expect(t, c, 13, p, nil, "proven doubt 1-2 300", "provisional gap 2-4 200", "-> provisional credit 2-4 200 #1")
}

// TestTwoSmallRefundsAreOneLargeOne: what the limit stops in one step it stops in two.
func TestTwoSmallRefundsAreOneLargeOne(t *testing.T) {
	p := rules
	p.ApproveAbove = 350
	c := card(ob(doubt, 1, 1000, 300, certainty(yes)), ob(zero, 3, 600, 0))
	expect(t, c, 4, p, nil, "proven doubt 1-3 300", "expected gap 1-3 100", "-> refund 1-3 300 #1")
	expect(t, c, windowEnd, p, nil, "proven doubt 1-3 300", "proven gap 1-3 100")
	if j := c.Judge(windowEnd*3600, p, nil); !j.Breaks[1].Waits || j.Breaks[0].Waits {
		t.Errorf("not the gap alone waits: %+v", j.Breaks)
	}
	if err := c.Grant(1, 3); err != nil {
		t.Fatal(err)
	}
	expect(t, c, windowEnd, p, nil, "proven doubt 1-3 300", "proven gap 1-3 100", "-> refund 1-3 100 #2")

	// A credit does not pass by the approval either.
	p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 350, 350, 350
	c = card(ob(doubt, 1, 1000, 300, certainty(yes)), ob(zero, 3, 600, 0))
	expect(t, c, 4, p, nil, "proven doubt 1-3 300", "expected gap 1-3 100", "-> refund 1-3 300 #1")
	// 150 are credited and count for the load that did not run.
	c = card(ob(zero, 1, 1000, 0), ob(zero, 4, 850, 0))
	expect(t, c, 6, p, nil, "provisional gap 1-4 150", "-> provisional credit 1-4 150 #1")
	c.Add(ob(load, 3, 850, 250))
	expect(t, c, 7, p, nil, "expected gap 1-3 150", "proven load 3-4 250", "-> refund 1-4 100 #2")
	expect(t, c, windowEnd, p, nil, "proven gap 1-3 150", "proven load 3-4 250")
}

func TestAnApprovedCreditCountsForThePolicysLimits(t *testing.T) {
	p := rules
	p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 100, 1000, 1000
	c := card(ob(zero, 1, 1000, 0), ob(zero, 3, 800, 0), ob(zero, 5, 790, 0))
	expect(t, c, 6, p, nil, "expected gap 1-3 200", "provisional gap 3-5 10", "-> provisional credit 3-5 10 #1")
	c = card(ob(zero, 1, 1000, 0), ob(zero, 3, 800, 0))
	c.Judge(4*3600, p, nil)
	if err := c.Grant(1, 3); err != nil {
		t.Fatal(err)
	}
	c.Add(ob(zero, 5, 790, 0))
	expect(t, c, 6, p, nil, "provisional gap 1-3 200", "expected gap 3-5 10", "-> provisional credit 1-3 200 #1")
}

func TestASplitBreakIsApprovedAfresh(t *testing.T) {
	c, p := waiting()
	p.ApproveAbove = 100
	if err := c.Grant(2, 4); err != nil {
		t.Fatal(err)
	}
	c.Add(ob(paid, 3, 700, 200))
	expect(t, c, windowEnd, p, nil, "proven doubt 1-2 300", "disproved past 2-4 0")
	if err := c.Grant(1, 2); err != nil {
		t.Fatal(err)
	}
	expect(t, c, windowEnd, p, nil, "proven doubt 1-2 300", "-> refund 1-2 300 #1")
}

func TestAgeOfABreak(t *testing.T) {
	c, p := waiting()
	j := c.Judge(30*day, p, nil)
	i := slices.IndexFunc(j.Breaks, func(b timeline.Break) bool { return b.Part == timeline.PartDoubt })
	b := j.Breaks[i]
	if b.Arose != 2*3600 || !b.Pending() {
		t.Fatalf("%+v arose when the later counter was used, and is pending", b)
	}
	for days, want := range map[int64]timeline.Age{-3: timeline.Age0To1, 0: timeline.Age0To1, 1: timeline.Age0To1, 2: timeline.Age2To7, 7: timeline.Age2To7,
		8: timeline.Age8To20, 20: timeline.Age8To20, 21: timeline.AgeOver20, 900: timeline.AgeOver20} {
		if got := b.Age(b.Arose + days*day + day - 1); got != want || b.Days(b.Arose+days*day) != max(0, days) {
			t.Errorf("%d days: %s, want %s", days, got, want)
		}
	}
	if b.Waits = false; b.Pending() {
		t.Errorf("%+v is settled", b)
	}
}

// TestAClockThatGoesBackBeginsNoNewMonth: the limit of a month holds for judgements that
// are made in turns on both sides of its end.
func TestAClockThatGoesBackBeginsNoNewMonth(t *testing.T) {
	p := rules
	p.Window, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 90*day, 500, 100, 500
	c := card(ob(zero, 1, 1000, 0), ob(zero, 3, 900, 0), ob(zero, 5, 800, 0), ob(zero, 7, 700, 0))
	for i, now := range []int64{33 * day, 30 * day, 33 * day, 63 * day} {
		j := c.Judge(now, p, nil)
		if first := i == 0 || i == 3; len(j.Actions) != 0 != first {
			t.Errorf("judgement %d: %q", i, brief(j))
		}
	}
}
