package timeline_test

import (
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

func TestSection2WhoConsumesACounter(t *testing.T) {
	for _, c := range []struct {
		name      string
		p, q      timeline.Observation
		committed timeline.Certainty
		missed    money.Fen
	}{
		{"a committed purchase takes its amount", ob(paid, 1, 1000, 300), ob(zero, 2, 700, 0), yes, 0},
		{"a flash card takes its amount", ob(doubt, 1, 1000, 300), ob(zero, 2, 700, 0), yes, 0},
		{"a card that left before the last record takes nothing", ob(doubt, 1, 1000, 300), ob(zero, 2, 1000, 0), no, 0},
		{"a lost GPO answer consumes a counter and nothing else", ob(zero, 1, 1000, 0), ob(zero, 3, 1000, 0), open, 0},
		{"an entry is a free checkpoint", ob(zero, 1, 1000, 0), ob(paid, 2, 1000, 300), open, 0},
		{"a declined tap takes nothing", ob(declined, 1, 1000, 0), ob(zero, 2, 1000, 0), open, 0},
		{"an online question takes nothing", ob(online, 1, 1000, 0), ob(zero, 2, 1000, 0), open, 0},
		{"a load gives its amount", ob(load, 1, 1000, 5000), ob(zero, 2, 6000, 0), yes, 0},
		{"a flash load gives nothing", ob(load, 1, 1000, 5000), ob(zero, 2, 1000, 0), no, 0},
		{"the opening value stays until the first tap", ob(opening, 0, 1000, 0), ob(zero, 1, 1000, 0), open, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := only(t, c.p, c.q)
			if v.Outcome != decided || v.Committed != c.committed || v.Missed != c.missed {
				t.Errorf("got %+v, want decided, committed %s, missed %d", v, c.committed, c.missed)
			}
		})
	}
}

func TestSection3OneFeasibleBitIsDecided(t *testing.T) {
	if v := only(t, ob(doubt, 1, 1000, 300), ob(zero, 3, 900, 0)); v.Committed != no || v.Missed != 100 {
		t.Errorf("fall below the debit: %+v, want committed no, 100 at counter 2", v)
	}
	p := rules
	p.Cap = 200
	c := card(ob(doubt, 1, 1000, 300), ob(zero, 3, 500, 0))
	if v := c.Verdicts(&p)[0]; v.Outcome != decided || v.Committed != yes || v.Missed != 200 {
		t.Errorf("more than one counter can take under 9F78: %+v, want committed yes, 200 at counter 2", v)
	}
}

func TestSection3BothFeasibleLeavesTheNameOpenAndDecidesTheTotal(t *testing.T) {
	if v := only(t, ob(doubt, 1, 1000, 300), ob(zero, 3, 500, 0)); v.Outcome != undecided || v.Total != 500 {
		t.Errorf("doubt row: %+v, want undecided, total c*d + R = 500", v)
	}
	// Load of 5000 over 1000, then 800: not loaded and 200 missing, or loaded and 5200 missing.
	if v := only(t, ob(load, 1, 1000, 5000), ob(zero, 3, 800, 0)); v.Outcome != undecided || v.Total != 5200 {
		t.Errorf("load: %+v, want undecided, total L + Y - B = 5200", v)
	}
}

func TestSection3TheTerminalsWordCountsOnlyWhereTheBalanceIsSilent(t *testing.T) {
	for _, c := range []struct {
		name      string
		p, q      timeline.Observation
		outcome   timeline.Outcome
		committed timeline.Certainty
		missed    money.Fen
	}{
		{"word yes", ob(doubt, 1, 1000, 300, certainty(yes)), ob(zero, 3, 500, 0), decided, yes, 200},
		{"word no", ob(doubt, 1, 1000, 300, certainty(no)), ob(zero, 3, 500, 0), decided, no, 500},
		{"word yes, balance says no", ob(doubt, 1, 1000, 300, certainty(yes)), ob(zero, 2, 1000, 0), decided, no, 0},
		{"word no, balance says yes", ob(doubt, 1, 1000, 300, certainty(no)), ob(zero, 2, 700, 0), decided, yes, 0},
		{"proof on a row", ob(paid, 1, 1000, 300), ob(zero, 3, 500, 0), decided, yes, 200},
		{"row without proof (fDDA 00)", ob(paid, 1, 1000, 300, certainty(open)), ob(zero, 3, 500, 0), undecided, open, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v := only(t, c.p, c.q); v.Outcome != c.outcome || v.Committed != c.committed || v.Missed != c.missed {
				t.Errorf("got %+v", v)
			}
		})
	}
}

func TestSection3PresentedButNeverPaidIsUnbacked(t *testing.T) {
	v := only(t, ob(paid, 1, 1000, 300), ob(zero, 2, 1000, 0))
	if v.Outcome != unbacked || v.Total != -300 {
		t.Errorf("got %+v, want unbacked, 300 paid by the issuer for nothing", v)
	}
	if v := only(t, ob(paid, 1, 1000, 300, refused), ob(zero, 2, 1000, 0)); v.Outcome != decided || v.Committed != no || v.Total != 0 {
		t.Errorf("a row that was not cleared: got %+v, want decided, committed no", v)
	}
}

func TestSection3NothingFeasibleIsImpossible(t *testing.T) {
	for name, pair := range map[string][2]timeline.Observation{
		"value rose":             {ob(zero, 1, 1000, 0), ob(zero, 2, 1001, 0)},
		"value fell over no gap": {ob(zero, 1, 1000, 0), ob(zero, 2, 999, 0)},
		"more than the limit":    {ob(zero, 1, 90_000, 0), ob(zero, 3, 30_000, 0)},
		"more than was loaded":   {ob(load, 1, 1000, 500), ob(zero, 3, 1501, 0)},
	} {
		if v := only(t, pair[0], pair[1]); v.Outcome != impossible {
			t.Errorf("%s: got %+v, want impossible", name, v)
		}
	}
}

func TestSection3TheTailHasNoVerdict(t *testing.T) {
	if v := card(ob(paid, 1, 1000, 300)).Verdicts(&rules); len(v) != 0 {
		t.Errorf("one observation has verdicts %+v", v)
	}
	expect(t, card(ob(load, 1, 1000, 300)), windowEnd, rules, nil)
}

func TestSection3TheLimitIsThatOfTheTime(t *testing.T) {
	p := rules
	p.Cap, p.Earlier = 100, []timeline.Era{{Until: 10 * 3600, Cap: 500, Window: 5 * day}}
	old := card(ob(zero, 1, 1000, 0), ob(zero, 3, 600, 0))
	if v := old.Verdicts(&p)[0]; v.Outcome != decided || v.Missed != 400 {
		t.Errorf("taps of the former time: %+v, want 400 missed", v)
	}
	if v := card(ob(zero, 11, 1000, 0), ob(zero, 13, 600, 0)).Verdicts(&p)[0]; v.Outcome != impossible {
		t.Errorf("taps of now: %+v, want impossible", v)
	}
	if v := card(ob(zero, 9, 1000, 0), ob(zero, 11, 600, 0)).Verdicts(&p)[0]; v.Outcome != decided {
		t.Errorf("across the change the larger limit holds: %+v", v)
	}
	expect(t, old, 5*24+4, p, nil, "proven gap 1-3 400", "-> refund 1-3 400 #1")
}

func TestSection4FinalByWindow(t *testing.T) {
	c := card(ob(zero, 1, 1000, 0), ob(zero, 3, 800, 0))
	j := expect(t, c, 20*24+2, rules, nil, "expected gap 1-3 200")
	if !j.Open || j.Due != 3*3600+20*day {
		t.Errorf("open %t, due %d, want the end of the window", j.Open, j.Due)
	}
	j = expect(t, c, 20*24+3, rules, nil, "proven gap 1-3 200", "-> refund 1-3 200 #1")
	if j.Open {
		t.Error("still open after the refund")
	}
}

func TestSection4FinalByWatermark(t *testing.T) {
	c := card(ob(zero, 1, 1000, 0), ob(zero, 3, 800, 0))
	expect(t, c, 4, rules, &timeline.Marks{Through: 3*3600 + 2}, "expected gap 1-3 200")
	expect(t, c, 4, rules, &timeline.Marks{Through: 3*3600 + 3}, "proven gap 1-3 200", "-> refund 1-3 200 #1")
}

func TestSection4FinalStaysFinal(t *testing.T) {
	c := card(ob(zero, 1, 1000, 0), ob(zero, 4, 800, 0))
	complete := &timeline.Marks{Through: 5 * 3600}
	expect(t, c, 6, rules, complete, "proven gap 1-4 200", "-> refund 1-4 200 #1")
	// A checkpoint splits the gap, and the watermarks are not at hand.
	c.Add(ob(zero, 2, 1000, 0))
	expect(t, c, 7, rules, nil, "proven gap 2-4 200")
}

func TestSection4AClockInThePastMakesNothingFinal(t *testing.T) {
	c := card(ob(zero, 1000, 1000, 0), ob(zero, 1002, 800, 0, at(1)))
	expect(t, c, 1010, rules, nil, "expected gap 1000-1002 200", "! clock 1000-1002")
}

func TestSection4DoubtIsProvenAtTheNextTap(t *testing.T) {
	c := card(ob(zero, 1, 1000, 0), ob(doubt, 2, 1000, 300))
	j := expect(t, c, 3, rules, nil, "suspected doubt 2-0 300")
	if len(j.Flash) != 0 {
		t.Errorf("found %v before it can be known", j.Flash)
	}
	c.Add(ob(zero, 3, 700, 0))
	j = expect(t, c, 4, rules, nil, "proven doubt 2-3 300", "-> refund 2-3 300 #1")
	if len(j.Flash) != 1 || j.Flash[0] != (timeline.Flash{Card: c.Key, ATC: 2, Amount: 300, DecidedAt: 4 * 3600}) {
		t.Errorf("flash findings %+v", j.Flash)
	}
	if j = c.Judge(99*3600, rules, nil); len(j.Flash) != 1 || j.Flash[0].DecidedAt != 4*3600 {
		t.Errorf("the moment of decision moved: %+v", j.Flash)
	}
}

func TestSection4ServiceGivenIsCollected(t *testing.T) {
	c := card(ob(doubt, 2, 1000, 300, served), ob(zero, 3, 700, 0))
	j := expect(t, c, 4, rules, nil, "collectable doubt 2-3 300", "-> collect for operator 2-2 300 #1")
	if len(j.Flash) != 1 || !j.Flash[0].Service {
		t.Errorf("flash findings %+v", j.Flash)
	}
	// The terminal presents the tap after all: the operator would be paid twice.
	c.Add(ob(paid, 2, 1000, 300))
	expect(t, c, 5, rules, nil, "-> reverse collect 2-2 300 #2")
}

func TestSection4ServiceGivenAndUndecidedRefundsOnlyWhatIsCertain(t *testing.T) {
	c := card(ob(doubt, 2, 1000, 300, served), ob(zero, 4, 500, 0))
	expect(t, c, 4, rules, nil, "expected pair 2-4 200+300")
	expect(t, c, windowEnd, rules, nil, "proven pair 2-4 200+300", "-> refund 2-4 200 #1")
	c = card(ob(doubt, 2, 1000, 300, served), ob(zero, 4, 700, 0))
	j := expect(t, c, 4, rules, nil, "expected pair 2-4 0+300")
	if !j.Open {
		t.Error("not open although a row may still decide it")
	}
	if j = expect(t, c, windowEnd, rules, nil, "expected pair 2-4 0+300"); j.Open {
		t.Error("open for ever")
	}
}

func TestSection4DoubtThatDidNotPayIsDisproved(t *testing.T) {
	c := card(ob(doubt, 2, 1000, 300, served), ob(zero, 3, 1000, 0))
	if j := expect(t, c, 4, rules, nil, "disproved doubt 2-3 300"); len(j.Flash) != 0 {
		t.Errorf("invented %v", j.Flash)
	}
}

func TestSection4FlashLoadIsRefundedAtOnce(t *testing.T) {
	c := card(ob(load, 2, 1000, 5000), ob(load, 3, 1000, 2000), ob(zero, 4, 3000, 0))
	expect(t, c, 4, rules, nil, "proven load 2-3 5000", "-> refund 2-3 5000 #1")
	// Ye Fei 2017: A2 = A1 + 2 with 300 presented between; the row makes it certain.
	c = card(ob(load, 2, 1000, 5000), ob(paid, 3, 1000, 300), ob(load, 4, 700, 2000))
	expect(t, c, 5, rules, nil, "proven load 2-3 5000", "-> refund 2-3 5000 #1")
}

func TestSection4UndecidedAtTheEndRefundsTheTotal(t *testing.T) {
	c := card(ob(load, 1, 1000, 5000), ob(zero, 3, 800, 0))
	expect(t, c, 4, rules, nil, "expected pair 1-3 5200")
	j := expect(t, c, windowEnd, rules, nil, "proven pair 1-3 5200", "-> refund 1-3 5200 #1")
	if j.Breaks[0].Named {
		t.Error("the name is not known, and the break says so")
	}
}

func TestSection4LostUploadNamesTheTerminal(t *testing.T) {
	c := card(ob(zero, 10, 1000, 0), ob(zero, 12, 800, 0))
	gap := &timeline.Marks{Gaps: []timeline.SequenceGap{{Terminal: 77, From: 11 * 3600, To: 11*3600 + 60}}}
	j := expect(t, c, 13, rules, gap, "lost upload gap 10-12 200")
	if j.Breaks[0].Terminal != 77 {
		t.Errorf("terminal %d, want 77", j.Breaks[0].Terminal)
	}
	j = expect(t, c, windowEnd, rules, gap, "proven gap 10-12 200", "-> refund 10-12 200 #1")
	elsewhere := &timeline.Marks{Gaps: []timeline.SequenceGap{{Terminal: 77, From: 20 * 3600, To: 21 * 3600}}}
	expect(t, card(ob(zero, 10, 1000, 0), ob(zero, 12, 800, 0)), 13, rules, elsewhere, "expected gap 10-12 200")
	if len(j.Breaks) != 1 || !j.Breaks[0].Named {
		t.Errorf("one missing counter is named: %+v", j.Breaks)
	}
}

func TestSection4ProvisionalCreditWithinItsLimits(t *testing.T) {
	p := rules
	p.ProvisionalAfter, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 2*day, 500, 600, 10_000
	make200 := func() *timeline.Card { return card(ob(zero, 1, 1000, 0), ob(zero, 3, 800, 0)) }
	c := make200()
	expect(t, c, 50, p, nil, "expected gap 1-3 200")
	j := expect(t, c, 51, p, nil, "provisional gap 1-3 200", "-> provisional credit 1-3 200 #1")
	if j.Provisional != 200 {
		t.Errorf("standing %d, want 200", j.Provisional)
	}
	t.Run("at the end it counts as the refund", func(t *testing.T) {
		c := decode(t, c)
		if j := expect(t, c, windowEnd, p, nil, "proven gap 1-3 200"); j.Provisional != 0 {
			t.Errorf("still provisional: %d", j.Provisional)
		}
	})
	t.Run("it is reversed when a row explains the fall", func(t *testing.T) {
		c := decode(t, c)
		c.Add(ob(paid, 2, 1000, 200))
		expect(t, c, 60, p, nil, "disproved past 1-3 0", "-> reverse provisional 1-3 200 #2")
		expect(t, c, 61, p, nil, "disproved past 1-3 0")
	})
	t.Run("per card", func(t *testing.T) {
		p := p
		p.ProvisionalPerCard = 199
		expect(t, make200(), 51, p, nil, "expected gap 1-3 200")
	})
	t.Run("per card, two breaks", func(t *testing.T) {
		p := p
		p.ProvisionalPerCard = 399
		c := make200()
		c.Add(ob(zero, 5, 600, 0))
		expect(t, c, 53, p, nil, "provisional gap 1-3 200", "expected gap 3-5 200", "-> provisional credit 1-3 200 #1")
	})
	t.Run("per month", func(t *testing.T) {
		c := decode(t, c)
		c.Add(ob(paid, 2, 1000, 200), ob(zero, 5, 300, 0))
		expect(t, c, 100, p, nil, "disproved past 1-3 0", "expected gap 3-5 500", "-> reverse provisional 1-3 200 #2")
		next := p
		next.Window = 60 * day
		expect(t, c, 32*24, next, nil, "disproved past 1-3 0", "provisional gap 3-5 500", "-> provisional credit 3-5 500 #1")
	})
	t.Run("in total", func(t *testing.T) {
		p := p
		p.ProvisionalBudget = 199
		expect(t, make200(), 51, p, nil, "expected gap 1-3 200")
	})
}

func TestSection4LateRowReversesWhatItExplains(t *testing.T) {
	c := card(ob(zero, 1, 1000, 0), ob(zero, 4, 500, 0))
	expect(t, c, windowEnd, rules, nil, "proven gap 1-4 500", "-> refund 1-4 500 #1")
	c.Add(ob(paid, 2, 1000, 200))
	expect(t, c, windowEnd+1, rules, nil, "late past 1-4 200", "proven gap 2-4 300", "-> reverse refund 1-4 200 #2")
	c.Add(ob(paid, 3, 800, 300))
	expect(t, c, windowEnd+2, rules, nil, "late past 1-4 500", "-> reverse refund 1-4 300 #3")
}

func TestSection4LateRowRefusedLeavesTheRefund(t *testing.T) {
	c := card(ob(zero, 1, 1000, 0), ob(zero, 3, 800, 0))
	expect(t, c, windowEnd, rules, nil, "proven gap 1-3 200", "-> refund 1-3 200 #1")
	c.Add(ob(paid, 2, 1000, 200, refused))
	expect(t, c, windowEnd+1, rules, nil, "late stands 1-3 200 stands", "-> late refused 1-3 200 #2")
	// The dispute is lost and the row is cleared after all.
	c.Add(ob(paid, 2, 1000, 200))
	expect(t, c, windowEnd+2, rules, nil, "late past 1-3 200", "-> reverse refund 1-3 200 #3")
	if (&timeline.Params{Window: 20 * day, LatePolicy: timeline.RefuseLate}).LateRow(0, 20*day) {
		t.Error("a row on the last second of its window is not late")
	}
	if !(&timeline.Params{Window: 20 * day, LatePolicy: timeline.RefuseLate}).LateRow(0, 20*day+1) {
		t.Error("a row after its window is late")
	}
}

func TestSection4RefusedBeforeTheRefundIsNoPaymentAndNoBreak(t *testing.T) {
	expect(t, card(ob(paid, 1, 1000, 300, refused), ob(zero, 2, 700, 0)), windowEnd, rules, nil)
}

func TestSection4DoubtPresentedAfterItsRefund(t *testing.T) {
	c := card(ob(doubt, 2, 1000, 300), ob(zero, 3, 700, 0))
	expect(t, c, 4, rules, nil, "proven doubt 2-3 300", "-> refund 2-3 300 #1")
	c.Add(ob(paid, 2, 1000, 300, by(102, 9)))
	expect(t, c, 5, rules, nil, "late past 2-3 300", "-> reverse refund 2-3 300 #2")
}

func TestSection4BreakThatComesToNothingIsReportedOnce(t *testing.T) {
	c := card(ob(zero, 1, 1000, 0), ob(zero, 3, 800, 0))
	expect(t, c, 4, rules, nil, "expected gap 1-3 200")
	c.Add(ob(paid, 2, 1000, 200))
	j := c.Judge(5*3600, rules, nil)
	if got := brief(j); len(got) != 1 || got[0] != "disproved past 1-3 0" || j.Open {
		t.Errorf("got %q", got)
	}
	expect(t, c, 6, rules, nil)
}

func TestSection4UnbackedIsClaimedOnceAndPaysNobody(t *testing.T) {
	c := card(ob(paid, 1, 1000, 300), ob(zero, 3, 900, 0))
	expect(t, c, 4, rules, nil, "unbacked row 1-3 300", "expected gap 1-3 100", "-> claim unbacked 1-1 300 #1")
	expect(t, c, windowEnd, rules, nil, "unbacked row 1-3 300", "proven gap 1-3 100", "-> refund 1-3 100 #1")
}

func TestSection4ImpossibleFreezesAndRefundsNothing(t *testing.T) {
	c := card(ob(doubt, 1, 1000, 300), ob(zero, 2, 700, 0), ob(zero, 4, 600, 0), ob(zero, 5, 900, 0))
	expect(t, c, windowEnd, rules, nil, "proven doubt 1-2 300 held", "proven gap 2-4 100 held", "impossible pair 4-5 300",
		"-> freeze 4-5 0 #1", "! impossible 4-5")
	if !c.Frozen() {
		t.Error("not frozen")
	}
	// The load that the issuer had forgotten to report explains it.
	c.Add(ob(load, 4, 600, 300))
	expect(t, c, windowEnd+1, rules, nil, "proven doubt 1-2 300", "proven gap 2-4 100",
		"-> release 0-0 0 #2", "-> refund 1-2 300 #1", "-> refund 2-4 100 #1")
}

func TestSection5SameBytesAreADuplicate(t *testing.T) {
	c := card(ob(zero, 1, 1000, 0), ob(paid, 2, 1000, 300))
	if a := c.Add(ob(paid, 2, 1000, 300)); len(a) != 0 || c.Len() != 2 {
		t.Errorf("alarms %v, %d observations", a, c.Len())
	}
	expect(t, c, 4, rules, nil)
}

func TestSection5SameCryptogramElsewhereIsAReplay(t *testing.T) {
	for name, source := range map[string]func(*timeline.Observation){"other terminal": by(9, 2), "other sequence": by(102, 3), "other time": at(7)} {
		c := card(ob(paid, 2, 1000, 300), ob(zero, 3, 700, 0))
		a := c.Add(ob(paid, 2, 1000, 300, source, refused))
		if len(a) != 1 || a[0].Kind != timeline.ReplayAlarm || a[0].P != 2 {
			t.Errorf("%s: alarms %v, want one replay", name, a)
		}
		for o := range c.Observations {
			if o.ATC == 2 && (o.Terminal != 102 || o.Refused) {
				t.Errorf("%s: the cleared row lost its place to %+v", name, o)
			}
		}
		expect(t, c, 4, rules, nil)
	}
}

func TestSection5DoubtClosedByItsOwnTerminalIsNoReplay(t *testing.T) {
	c := card(ob(doubt, 2, 1000, 300, by(9, 5)))
	if a := c.Add(ob(paid, 2, 1000, 300, by(9, 6)), ob(doubt, 2, 1000, 300, by(9, 5))); len(a) != 0 {
		t.Errorf("alarms %v", a)
	}
}

func TestSection5TwoCryptogramsForOneCounterAreAClone(t *testing.T) {
	c := card(ob(paid, 2, 1000, 300))
	a := c.Add(ob(paid, 2, 1000, 200, refused))
	if len(a) != 1 || a[0].Kind != timeline.CloneAlarm {
		t.Fatalf("alarms %v, want a clone", a)
	}
	expect(t, c, 4, rules, nil, "-> freeze 2-2 0 #1", "! clone 2-2")
	c.Add(ob(zero, 3, 700, 0))
	expect(t, c, 5, rules, nil, "! clone 2-2")
}

func TestSection5FirstAndSecondGenerateACShareACounter(t *testing.T) {
	c := card(ob(load, 2, 1000, 5000))
	second := ob(zero, 2, 1000, 0)
	second.Content++
	if a := c.Add(second, ob(declined, 2, 1000, 0), ob(zero, 3, 6000, 0)); len(a) != 0 {
		t.Errorf("alarms %v", a)
	}
	expect(t, c, 4, rules, nil)
}

func TestSection5CounterOrderAgainstClockOrder(t *testing.T) {
	late := func(seconds int64) timeline.Observation {
		o := ob(zero, 2, 1000, 0)
		o.Time = 3600 - seconds
		return o
	}
	expect(t, card(ob(zero, 1, 1000, 0), late(4)), 3, rules, nil)
	j := expect(t, card(ob(zero, 1, 1000, 0), late(5)), 3, rules, nil, "! clock 1-2")
	if j.Alarms[0].A != 101 || j.Alarms[0].B != 102 {
		t.Errorf("terminals to test: %+v", j.Alarms[0])
	}
}

func TestSection5JumpOfHundredsOfCountersIsHarmless(t *testing.T) {
	expect(t, card(ob(paid, 1, 1000, 300), ob(zero, 900, 700, 0, at(3))), 4, rules, nil)
}

func TestSection5TwoCopiesThatAlternateShowAtOnce(t *testing.T) {
	c := card(ob(paid, 1, 1000, 300), ob(paid, 2, 700, 300), ob(paid, 3, 1000, 100))
	j := c.Judge(4*3600, rules, nil)
	if !j.Frozen || len(j.Alarms) != 1 || j.Alarms[0].Kind != timeline.ImpossibleAlarm {
		t.Errorf("got %+v", j)
	}
}

func TestSection11BookAndCardAgreeUpToNamedBreaks(t *testing.T) {
	c := card(ob(opening, 0, 1000, 0), ob(load, 1, 1000, 500), ob(doubt, 2, 1000, 300), ob(paid, 3, 700, 200), ob(paid, 5, 400, 50, refused), ob(paid, 6, 350, 10))
	// Books: 1000 opening + 500 load - 200 - 10 cleared. The card: 340, of which the
	// flash load (500), the flash card (300), counter 4 (100) and the refused row (50)
	// explain the difference of 950.
	if got := c.Explained(1290, &rules); got != 0 {
		t.Errorf("unexplained %d, want 0", got)
	}
	if got := c.Explained(1291, &rules); got != 1 {
		t.Errorf("unexplained %d, want the fen too much", got)
	}
	c.Judge(4*3600, rules, nil)
	if got := c.Explained(1290-800, &rules); got != 0 {
		t.Errorf("after refunds of 800: unexplained %d", got)
	}
	c.Add(ob(zero, 7, 5000, 0))
	if got := c.Explained(490, &rules); got != 340-5000 {
		t.Errorf("unexplained %d, want the 4660 that came from nowhere", got)
	}
}

func TestKeysNameAnActionAndHideTheNumber(t *testing.T) {
	a := timeline.Key{Card: txn.CardKey{PAN: testPAN, PSN: 1}, P: 0x14, Q: 0x16, Purpose: timeline.Refund, Number: 1}
	b := a
	b.Number = 2
	if a.Bytes() == b.Bytes() {
		t.Error("two actions with one key")
	}
	if got, want := a.String(), "622800******1117/01 0014-0016 refund #1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func decode(t *testing.T, c *timeline.Card) *timeline.Card {
	t.Helper()
	d := &timeline.Card{Key: c.Key}
	if err := d.Decode(c.Append(nil)); err != nil {
		t.Fatal(err)
	}
	return d
}
