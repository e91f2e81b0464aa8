package foreign

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Finish judges all cards and gives the result. Nothing can be added afterwards.
func (im *Importer) Finish() *Result {
	im.holes = im.gaps()
	cards := im.cards()
	asOf := im.o.AsOf
	if asOf == 0 {
		for i := range cards {
			for _, it := range cards[i].items {
				asOf = max(asOf, it.arrived)
			}
		}
	}
	res := im.newResult(asOf)
	for i := range cards {
		run := cardRun{im: im, res: res, lines: &cards[i], asOf: asOf}
		run.judge()
	}
	res.sort()
	res.Methods = res.methods()
	im.count(res)
	return res
}

// sort orders the lists by what is seen of the card, then by counter: the order of whole
// numbers would tell of the hidden digits.
func (r *Result) sort() {
	flashes := func(a, b Flash) int { return cmp.Or(cmp.Compare(a.Card, b.Card), cmp.Compare(a.ATC, b.ATC)) }
	slices.SortStableFunc(r.FlashCards, flashes)
	slices.SortStableFunc(r.FlashLoads, flashes)
	slices.SortStableFunc(r.Clones, func(a, b Clone) int { return cmp.Or(cmp.Compare(a.Card, b.Card), cmp.Compare(a.ATC, b.ATC)) })
	repeats := func(a, b Duplicate) int { return cmp.Or(cmp.Compare(a.Card, b.Card), cmp.Compare(a.ATC, b.ATC)) }
	slices.SortStableFunc(r.Duplicates, repeats)
	slices.SortStableFunc(r.Replays, repeats)
	slices.SortStableFunc(r.Undecided, func(a, b Undecided) int { return cmp.Or(cmp.Compare(a.Card, b.Card), cmp.Compare(a.ATC, b.ATC)) })
	slices.SortStableFunc(r.Breaks, func(a, b Break) int { return cmp.Or(cmp.Compare(a.Card, b.Card), cmp.Compare(a.P, b.P)) })
}

// about is one finding of a card.
type about struct {
	subject
	what  string // what it rests on
	p, q  uint16
	final int64 // when nobody may present it any more
}

// subject names a finding, so that its first day can be kept: what proves it may change
// when more lines arrive.
type subject struct {
	sort   string // aboutCard, aboutLoad or aboutClone
	atc    uint16
	amount money.Fen
}

// cardRun is the judgement of one card.
type cardRun struct {
	im      *Importer
	res     *Result
	lines   *cardLines
	asOf    int32
	card    timeline.Card
	at      map[uint16][]int // lines by counter, in order of arrival
	cloned  map[uint16]bool
	since   map[subject]int32
	current []about
}

// judge goes through the days on which lines arrived or a window ended, and dates what
// is decided on the last of them.
func (run *cardRun) judge() {
	run.card.Key = run.lines.key
	run.index()
	run.repeats()
	p := run.im.o.Params
	var last timeline.Judgement
	items := run.lines.items
	for next, i := items[0].arrived, 0; next <= run.asOf; {
		day := next
		for ; i < len(items) && items[i].arrived <= day; i++ {
			if !items[i].aside {
				run.card.Add(items[i].obs)
			}
		}
		last = run.card.Judge(dayEnd(day), p, nil)
		run.day(day, &last)
		if next = run.asOf + 1; day < run.asOf {
			next = run.asOf
		}
		if i < len(items) {
			next = min(next, items[i].arrived)
		}
		if last.Due > 0 {
			next = min(next, max(day+1, dayOf(last.Due)))
		}
	}
	run.report(&last)
}

// index finds lines by counter.
func (run *cardRun) index() {
	run.at = map[uint16][]int{}
	run.cloned = map[uint16]bool{}
	for i := range run.lines.items {
		atc := run.lines.items[i].obs.ATC
		run.at[atc] = append(run.at[atc], i)
	}
}

// saying is what lines of one kind say of one transaction.
type saying struct {
	identity
	kind Kind
}

// origin is what tells a repeated line from a replay.
type origin struct {
	terminal txn.TerminalID
	time     int64
	sequence uint32
}

func (it *item) origin() origin { return origin{it.terminal, it.time, it.sequence} }

// repeats lists transactions that lines of one kind say more than once: duplicates have
// terminal, time and trace number of a line before them, replays others.
func (run *cardRun) repeats() {
	items := run.lines.items
	bySaying := map[saying][]int{}
	var order []saying
	for i := range items {
		n := saying{identityOf(&items[i].obs), items[i].kind}
		if len(bySaying[n]) == 1 {
			order = append(order, n)
		}
		bySaying[n] = append(bySaying[n], i)
	}
	for _, n := range order {
		first := &items[bySaying[n][0]]
		duplicate := Duplicate{Card: run.lines.key.String(), ATC: n.atc, Amount: first.amount, Kind: n.kind.String(), Key: run.lines.key, At: first.time}
		replay := duplicate
		seen := map[origin]string{first.origin(): run.im.place(first.at)}
		for _, i := range bySaying[n][1:] {
			it := &items[i]
			place := run.im.place(it.at)
			before, known := seen[it.origin()]
			if known {
				run.im.files[it.at.file].Repeated++
			} else {
				seen[it.origin()] = place
			}
			switch {
			case it.arrived > run.asOf:
			case known:
				duplicate.add(before, place)
			default:
				replay.add(seen[first.origin()], place)
			}
		}
		if duplicate.Copies > 0 {
			run.res.Duplicates = append(run.res.Duplicates, duplicate)
		}
		if replay.Copies > 0 {
			run.res.Replays = append(run.res.Replays, replay)
		}
	}
}

// add notes a further line of what an earlier one said.
func (d *Duplicate) add(before, place string) {
	if !slices.Contains(d.Evidence, before) {
		d.Evidence = append(d.Evidence, before)
	}
	d.Evidence = append(d.Evidence, place)
	d.Copies++
}

// What a finding is about.
const (
	aboutCard    = "card"
	aboutDoubt   = "doubt"
	aboutMissing = "missing"
	aboutLoad    = "load"
	aboutClone   = "clone"
	aboutRefused = "refused" // a flash card that a refused line may present
	aboutAbsent  = "absent"  // a flash card that a file which is not there may present
)

// day notes what is decided at the end of a day; what was decided the day before and
// still is keeps its date.
func (run *cardRun) day(day int32, j *timeline.Judgement) {
	for _, a := range j.Alarms {
		if a.Kind == timeline.CloneAlarm {
			run.cloned[a.P] = true
		}
	}
	run.current = run.current[:0]
	for i := range j.Breaks {
		if a, ok := run.decided(&j.Breaks[i], day); ok {
			run.current = append(run.current, a)
		}
	}
	for _, a := range j.Alarms {
		if a.Kind == timeline.CloneAlarm {
			run.current = append(run.current, about{subject: subject{sort: aboutClone, atc: a.P}, what: aboutClone})
		}
	}
	if len(run.current) == 0 {
		run.since = nil
		return
	}
	since := make(map[subject]int32, len(run.current))
	for _, a := range run.current {
		since[a.subject] = day
		if first, known := run.since[a.subject]; known {
			since[a.subject] = first
		}
	}
	run.since = since
}

// decided tells whether a break is a flash card or a flash load that is certain. Of a
// pair with a counter that two cards claim nothing is.
func (run *cardRun) decided(b *timeline.Break, day int32) (about, bool) {
	if run.cloned[b.P] || run.cloned[b.Q] {
		return about{}, false
	}
	a := about{subject: subject{sort: aboutCard, atc: b.P, amount: b.Amount}, p: b.P, q: b.Q, final: b.Final}
	switch {
	case b.Part == timeline.PartDoubt && b.State == timeline.Proven:
		a.what = aboutDoubt
	case b.Part == timeline.PartLoad && b.State == timeline.Proven:
		a.what, a.sort = aboutLoad, aboutLoad
	case b.Part == timeline.PartGap && b.Named && b.Missing == 1 && b.Amount > 0 && dayEnd(day) >= b.Final:
		a.what, a.atc = aboutMissing, b.P+1
	default:
		return about{}, false
	}
	return a, true
}

// tally counts the transactions of the card and finds the first and the last moment.
func (run *cardRun) tally() {
	r := run.res
	for _, it := range run.lines.items {
		if r.From == 0 || it.time < r.From {
			r.From = it.time
		}
		r.To = max(r.To, it.time)
	}
	for o := range run.card.Observations {
		r.Observations++
		if o.Kind == timeline.Load {
			r.Loads++
		}
	}
}

// report writes the last judgement into the result.
func (run *cardRun) report(j *timeline.Judgement) {
	r := run.res
	r.Cards++
	run.tally()
	for _, a := range run.current {
		switch a.what {
		case aboutClone:
			run.clone(a)
		case aboutLoad:
			r.FlashLoads = append(r.FlashLoads, run.flash(a))
		default:
			if lines := run.claimed(a); len(lines) > 0 {
				run.held(a, lines, nil)
			} else if days := run.absent(a); len(days) > 0 {
				run.held(a, nil, days)
			} else {
				r.FlashCards = append(r.FlashCards, run.flash(a))
			}
		}
	}
	run.compare()
	run.undecided(j)
	for i := range j.Breaks {
		b := &j.Breaks[i]
		if _, named := run.decided(b, run.asOf); named || b.State == timeline.Disproved || b.State == timeline.Suspected {
			continue
		}
		r.Breaks = append(r.Breaks, run.open(b))
	}
}

// evidence lists the lines of some counters that had arrived, and says whether keys have
// checked them all.
func (run *cardRun) evidence(atcs ...uint16) (places []string, certainty string) {
	certainty = Hard
	for _, atc := range atcs {
		checked := map[identity]bool{}
		for _, i := range run.at[atc] {
			it := &run.lines.items[i]
			if it.arrived > run.asOf {
				continue
			}
			n := identityOf(&it.obs)
			checked[n] = checked[n] || it.verified
			places = append(places, run.im.place(it.at))
		}
		for _, ok := range checked {
			if !ok {
				certainty = Soft
			}
		}
	}
	return places, certainty
}

// timeOf is the time of the first line of a counter, 0 if there is none.
func (run *cardRun) timeOf(atc uint16) int64 {
	if list := run.at[atc]; len(list) > 0 {
		return run.lines.items[list[0]].time
	}
	return 0
}

func (run *cardRun) flash(a about) Flash {
	f := Flash{Card: run.lines.key.String(), ATC: a.atc, Amount: a.amount, How: a.what, P: a.p, Q: a.q, Key: run.lines.key, At: run.timeOf(a.atc)}
	f.Evidence, f.Certainty = run.evidence(a.p, a.q)
	if a.what != aboutLoad && run.byWord(a.p, a.q) {
		f.word, f.Certainty = true, Soft
	}
	if a.what == aboutMissing {
		f.Latest = run.timeOf(a.q)
	}
	f.DecidedOn, f.Decided = dayText(run.since[a.subject]), dayEnd(run.since[a.subject])
	f.sentence = flashWords(&f)
	if a.what == aboutDoubt {
		if days := run.im.absent(run.timeOf(a.p), run.timeOf(a.p)+run.im.o.Params.Window); len(days) > 0 {
			more := absentWords(days)
			f.Certainty, f.sentence = Soft, words{f.sentence.en + more.en, f.sentence.zh + more.zh}
		}
	}
	return f
}

func (run *cardRun) clone(a about) {
	c := Clone{Card: run.lines.key.String(), ATC: a.atc, DecidedOn: dayText(run.since[a.subject]), Decided: dayEnd(run.since[a.subject]), Key: run.lines.key, At: run.timeOf(a.atc)}
	c.Evidence, c.Certainty = run.evidence(a.atc)
	seen := map[identity]bool{}
	for _, i := range run.at[a.atc] {
		it := &run.lines.items[i]
		if n := identityOf(&it.obs); !seen[n] && it.arrived <= run.asOf {
			seen[n] = true
			c.Amounts = append(c.Amounts, it.amount)
		}
	}
	c.sentence = cloneWords(&c)
	run.res.Clones = append(run.res.Clones, c)
}

// undecided lists open bits: of pairs, and of an unfinished tap after which nothing came.
func (run *cardRun) undecided(j *timeline.Judgement) {
	add := func(u Undecided, atcs ...uint16) {
		u.Card, u.Key, u.At = run.lines.key.String(), run.lines.key, run.timeOf(u.ATC)
		u.Since = dayText(dayOf(u.At))
		u.Evidence, u.Certainty = run.evidence(atcs...)
		if u.final > 0 {
			u.Final = dayText(dayOf(u.final))
		}
		u.sentence = undecidedWords(&u)
		run.res.Undecided = append(run.res.Undecided, u)
	}
	p := run.im.o.Params
	for _, v := range run.card.Verdicts(&p) {
		if v.Kind != timeline.Doubt && v.Kind != timeline.Load {
			continue
		}
		u := Undecided{ATC: v.P, Next: v.Q, Amount: v.Offered, Total: run.total(j, v.P, v.Q), final: finalOf(j, v.P, v.Q), What: aboutDoubt}
		if v.Kind == timeline.Load {
			u.What = aboutLoad
		}
		switch {
		case run.cloned[v.P] || run.cloned[v.Q]:
			u.What = aboutClone
		case v.Outcome != timeline.Undecided:
			continue
		}
		add(u, v.P, v.Q)
	}
	for i := range j.Breaks {
		if b := &j.Breaks[i]; b.State == timeline.Suspected {
			add(Undecided{ATC: b.P, Amount: b.Amount, What: aboutDoubt}, b.P)
		}
	}
}

// total is what the judgement says the customer lacks over a pair in any case.
func (run *cardRun) total(j *timeline.Judgement, p, q uint16) money.Fen {
	sum := money.Fen(0)
	for i := range j.Breaks {
		if b := &j.Breaks[i]; b.P == p && b.Q == q && (b.Part == timeline.PartPair || b.Part == timeline.PartGap) {
			sum += b.Amount
		}
	}
	return sum
}

func finalOf(j *timeline.Judgement, p, q uint16) int64 {
	for i := range j.Breaks {
		if b := &j.Breaks[i]; b.P == p && b.Q == q && b.Final > 0 {
			return b.Final
		}
	}
	return 0
}

func (run *cardRun) open(b *timeline.Break) Break {
	o := Break{Card: run.lines.key.String(), P: b.P, Q: b.Q, Part: b.Part.String(), State: b.State.String(), Amount: b.Amount, Contested: b.Contested, Missing: b.Missing,
		Key: run.lines.key, At: run.timeOf(b.P), FinalAt: b.Final, TheState: b.State}
	o.Evidence, o.Certainty = run.evidence(b.P, b.Q)
	if run.byWord(b.P, b.Q) && b.Part != timeline.PartPair {
		o.Certainty = Soft
	}
	if days := run.breakAbsent(b); len(days) > 0 {
		o.absent, o.Certainty = days, Soft
	}
	latest := max(o.At, run.timeOf(b.Q))
	o.Since = dayText(dayOf(latest))
	o.AgeDays = int64(run.asOf - dayOf(latest))
	if b.Final > 0 {
		o.Final = dayText(dayOf(b.Final))
	}
	o.sentence = breakWords(&o)
	return o
}

// newResult makes a result of which every list is there.
func (im *Importer) newResult(asOf int32) *Result {
	r := &Result{Cases: []Case{}, FlashCards: []Flash{}, FlashLoads: []Flash{}, Clones: []Clone{}, Duplicates: []Duplicate{}, Replays: []Duplicate{}, Undecided: []Undecided{}, Breaks: []Break{}, Gaps: []Gap{}, Keys: "none"}
	r.Window, r.Nameless = im.o.Params.Window, im.nameless
	if asOf > 0 {
		r.AsOf, r.AsOfTime = dayText(asOf), dayEnd(asOf)
	}
	if im.o.Checkers != nil {
		r.Keys = "keystore"
	}
	return r
}

// count adds up files and lines.
func (im *Importer) count(r *Result) {
	r.Files = im.files
	r.Gaps = im.holes
	if r.Files == nil {
		r.Files = []FileReport{}
	}
	for i := range r.Files {
		f := &r.Files[i]
		if f.Trailer != "" {
			r.CutOff++
		}
		r.Lines.Accepted += f.Accepted
		r.Lines.Refused += f.Refused
		r.Lines.Duplicates += f.Repeated
		r.Lines.Other += f.Headers + f.Trailers + f.Blank
		slices.SortFunc(f.Reasons, func(a, b ReasonReport) int { return cmp.Compare(a.Reason, b.Reason) })
	}
}
