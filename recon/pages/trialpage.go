package pages

import "html/template"

// trialPage is what the template of the trial page sees.
type trialPage struct {
	*Trial
	frame
	Stamp    template.HTML
	Held     int
	RateRows []rateView
	Whole    rateView
	Methods  []methodView
	Cases    cut[caseView]
}

// rateView is one rate with its shares in percent, "–" of nothing.
type rateView struct {
	*Rate
	Recall, Precision, Equality, Within string
	RecallBar, WithinBar                template.HTML
	Good                                bool // recall, precision and equality are whole and no refund is wrong
	Methods                             []methodView
}

func newTrialPage(d *Trial, lang string) *trialPage {
	p := &trialPage{Trial: d, frame: newFrame(lang, Text{"Truth test", "真值检验"}), Whole: rate(&d.Total), Cases: cases(d.Cases, 0)}
	good := p.Whole.Good
	for i := range d.Rates {
		v := rate(&d.Rates[i])
		good = good && v.Good
		p.RateRows = append(p.RateRows, v)
	}
	for _, c := range d.Checks {
		if c.OK {
			p.Held++
		}
	}
	p.Methods = p.Whole.Methods
	p.Stamp = stamp("good", Text{"agrees", "一致"})
	if !good || p.Held < len(d.Checks) {
		p.Stamp = stamp("bad", Text{"differs", "不一致"})
	}
	return p
}

func rate(r *Rate) rateView {
	return rateView{Rate: r,
		Recall: share(r.Found, r.Decidable), Precision: share(r.Found, r.Found+r.Invented), Equality: share(r.Equal, r.Verdicts), Within: share(r.Soon, r.Eligible),
		RecallBar: strip(10, []string{"ok", "refused"}, []int64{r.Found, r.Decidable - r.Found}, 0), WithinBar: bar("yuan", r.Soon, r.Eligible),
		Good:    r.Found == r.Decidable && r.Invented == 0 && r.Equal == r.Verdicts && r.WrongRefunds == 0,
		Methods: compared(&r.Timeline, &r.Papers)}
}
