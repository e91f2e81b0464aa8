package foreign

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// claim is a refused line of which card and amount, or card and time, can be read all the
// same. It may be what a missing counter took, or the presentation of an unfinished tap:
// of such a counter nobody can say that it was not presented.
type claim struct {
	at     source
	kind   Kind
	psn    int16
	amount money.Fen // -1 if it cannot be read
	time   int64     // 0 if it cannot be read
	chip   *chipData // nil if it cannot be read
	torn   bool      // its columns and its chip data do not agree
}

// slack is how far the time of a refused line may lie from the counters beside it.
const slack = 86400

// sameTap is how far a terminal's list of unfinished taps and its clearing line may
// differ about the time of one tap.
const sameTap = 600

// claim keeps what can be read of a refused line. Of lines that do not verify nothing is
// kept: they never clear.
func (im *Importer) claim(at source, r *record, why Reason) {
	switch {
	case why == Forged || r.kind != Clearing && r.kind != Doubts:
		return
	case r.pan == (txn.PAN{}) || r.amount < 0 && r.time == 0 && r.chip == nil:
		im.nameless++
		return
	}
	if im.claims == nil {
		im.claims = map[txn.PAN][]claim{}
	}
	c := claim{at: at, kind: r.kind, psn: r.psn, amount: r.amount, time: r.time, chip: r.chip, torn: why == Contradicted}
	if c.torn && c.time != 0 {
		c.amount = -1
	}
	im.claims[r.pan] = append(im.claims[r.pan], c)
}

// fits reports whether the claim can be about a counter that took an amount between two
// moments.
func (c *claim) fits(atc uint16, amount money.Fen, from, to int64) bool {
	if c.chip != nil && (c.chip.atc == atc || !c.torn) {
		return c.chip.atc == atc
	}
	return (c.amount < 0 || c.amount == amount) && (c.time == 0 || c.time >= from && c.time <= to)
}

// claimed lists the refused lines that may present what a flash card took. A refused copy
// of an accepted line presents nothing more.
func (run *cardRun) claimed(a about) (places []string) {
	if a.sort != aboutCard {
		return nil
	}
	from, to := run.timeOf(a.p)-sameTap, run.timeOf(a.p)+sameTap
	if a.what == aboutMissing {
		from, to = min(run.timeOf(a.p), run.timeOf(a.q))-slack, max(run.timeOf(a.p), run.timeOf(a.q))+slack
	}
	for _, c := range run.im.claims[run.lines.key.PAN] {
		if c.psn > 0 && c.psn != int16(run.lines.key.PSN) || a.what == aboutDoubt && c.kind == Doubts || !c.fits(a.atc, a.amount, from, to) || run.known(&c) {
			continue
		}
		places = append(places, run.im.place(c.at))
	}
	return places
}

// known reports whether an accepted line says what a refused one says.
func (run *cardRun) known(c *claim) bool {
	for i := range run.lines.items {
		it := &run.lines.items[i]
		if (it.kind == c.kind || it.kind == Clearing) && it.time == c.time && (c.amount < 0 || it.amount == c.amount) {
			return true
		}
	}
	return false
}

// absent are the days without a clearing file that may present what a missing counter took.
func (run *cardRun) absent(a about) []int32 {
	if a.what != aboutMissing {
		return nil
	}
	return run.im.absent(run.timeOf(a.p), a.final)
}

// breakAbsent are the days without a clearing file on which a break may end: something of
// it is not presented, as far as the files go.
func (run *cardRun) breakAbsent(b *timeline.Break) []int32 {
	switch {
	case b.State == timeline.Late || b.State == timeline.Unbacked || b.State == timeline.Impossible:
		return nil
	case b.Final > 0:
		return run.im.absent(run.timeOf(b.P), b.Final)
	}
	return run.im.absent(run.timeOf(b.P), run.timeOf(b.P)+run.im.o.Params.Window)
}

// held reports as undecided a flash card that a refused line may present, or a file of
// some days that is not there.
func (run *cardRun) held(a about, lines []string, days []int32) {
	u := Undecided{Card: run.lines.key.String(), ATC: a.atc, Next: a.q, Amount: a.amount, Total: a.amount, What: aboutRefused, Key: run.lines.key, At: run.timeOf(a.atc)}
	u.Since = dayText(run.since[a.subject])
	u.Evidence, u.Certainty = run.evidence(a.p, a.q)
	u.Evidence, u.Certainty = append(u.Evidence, lines...), Soft
	if len(days) > 0 {
		u.What, u.absent = aboutAbsent, days
	}
	u.sentence = undecidedWords(&u)
	run.res.Undecided = append(run.res.Undecided, u)
}

// byWord reports whether P of a pair is an unfinished tap of which the balances alone
// leave open whether it was paid: then only the list's word for the last record decides.
func (run *cardRun) byWord(p, q uint16) bool {
	pair := timeline.Card{Key: run.lines.key}
	for o := range run.card.Observations {
		if o.ATC != p && o.ATC != q {
			continue
		}
		if o.Kind == timeline.Doubt {
			o.Commit = timeline.Open
		}
		pair.Add(o)
	}
	params := run.im.o.Params
	for _, v := range pair.Verdicts(&params) {
		if v.P == p && v.Kind == timeline.Doubt && v.Outcome == timeline.Undecided {
			return true
		}
	}
	return false
}
