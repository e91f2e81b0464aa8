package timeline

import (
	"slices"

	"github.com/citycard/citycard/money"
)

// told reports whether a log of the card was read.
func (c *Card) told() bool { return len(c.logged)+len(c.reach) > 0 }

// forget drops what logs say of counters below one.
func (c *Card) forget(atc uint16) {
	c.logged = slices.DeleteFunc(c.logged, func(r LogRecord) bool { return r.ATC < atc })
	c.reach = slices.DeleteFunc(c.reach, func(r reach) bool { return r.to < atc })
	if len(c.reach) > 0 {
		c.reach[0].from = max(c.reach[0].from, atc)
	}
}

// consult puts the word of the card's own log on P into the verdict of a pair.
func (c *Card) consult(pr *pair, v *Verdict) {
	if c.told() && (v.Kind == Doubt || v.Kind == Paid) {
		v.Log = c.logWord(pr.p)
	}
}

// belied reports whether the load log, or two of them, say of a load what the balances
// exclude. Both are under MACs of the card, and the balances stand: they are where the
// money is.
func belied(pr *pair, v *Verdict) bool {
	if v.Kind != Load || pr.p.class != classARQC {
		return false
	}
	word := pr.p.commit()
	return pr.p.bits&(bitYes|bitNo) == bitYes|bitNo || word != Open && v.Committed != Open && word != v.Committed
}

// over reports whether no row that fills a counter of the pair can come any more.
func (j *judging) over(pr *pair) (end int64, over bool) {
	end = pr.latest + j.p.windowAt(pr.latest)
	return end, j.now >= end || j.marks != nil && j.marks.Complete() > pr.latest+j.p.Drift
}

// believe lets the card's own log decide a doubt row that balances leave open, once the
// window is over: what the missing counters took follows. Before that a row may come
// that tells it under a MAC, and no money moves for a word. The amount of a hold or of
// a completion is another word, and two of them decide nothing.
func (j *judging) believe(pr *pair, v *Verdict) {
	j.byLog = false
	_, over := j.over(pr)
	over = over || j.inside(v) && j.c.regions[j.at].final || j.c.marked(v.P, markLogged)
	if v.Log == Open || v.Outcome != Undecided || v.Kind != Doubt || !over || pr.p.more&(moreHold|moreCompletes) != 0 {
		return
	}
	j.byLog = true
	v.Outcome, v.Committed, v.Missed, v.Basis = Decided, v.Log, v.Fall, Soft
	if v.Log == Yes {
		v.Missed -= v.Offered
	}
	if pr.dues == nil {
		return
	}
	d := *pr.dues
	if v.Log == No {
		d.later += d.contested
	} else if pr.p.bits&bitService == 0 {
		now := min(v.Offered, d.later)
		d.atOnce, d.later = d.atOnce+now, d.later-now
	}
	d.contested = 0
	pr.dues = &d
}

// contradicted raises the alarm for a log that tells what the balances exclude.
func (j *judging) contradicted(pr *pair, v *Verdict) {
	wrong := v.Committed != Open && v.Log != Open && v.Committed != v.Log
	if pr.dues == nil && v.Outcome != OutcomeImpossible {
		most := v.Missed
		if v.Outcome == Undecided {
			most = max(v.Fall, v.Total)
		}
		took, _ := j.c.took(v)
		wrong = wrong || took > most
	}
	if wrong {
		j.out.Alarms = append(j.out.Alarms, Alarm{Kind: WordAlarm, P: v.P, Q: v.Q, A: pr.p.terminal, B: pr.q.terminal})
	}
}

// took is what the logs say that the missing counters of a pair took, at least, and the
// record of the last of them.
func (c *Card) took(v *Verdict) (sum money.Fen, last LogRecord) {
	for i, r := range c.between(v.P, v.Q) {
		switch {
		case c.denies(r.ATC):
		case i == 0 || r.ATC != last.ATC: // of two tales of one counter the smaller amount comes first
			sum, last = sum+r.Amount, r
		}
	}
	return sum, last
}

// name tells whether the log says where the money of a break went: who of P and the
// missing counters took it, or which of these.
func (j *judging) name(b *Break, v *Verdict) {
	if v.Outcome == Undecided {
		b.ByLog = v.Log != Open
	} else if took, last := j.c.took(v); took > 0 && took == b.Amount {
		b.ByLog = !b.Named
		if last.Amount == took && last.Terminal != 0 {
			b.Terminal = last.Terminal
		}
	}
	b.Named = b.Named || b.ByLog
}
