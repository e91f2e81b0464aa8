package timeline_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/wire/tlv"
)

// lived is one counter of a card that really lived: the value before and after it.
type lived struct {
	atc           uint16
	before, after money.Fen
}

// reading is what the card's logs say when they are read after some event, and the day
// on which that arrives.
type reading struct {
	arrives int64
	log     timeline.Log
	loads   timeline.LoadLog
	slots   int
}

// read reads both logs of the card after one of its events, as they truly were then.
func (l *life) read(t *rapid.T) reading {
	n := rapid.IntRange(1, len(l.steps)).Draw(t, "read after")
	r := reading{arrives: rapid.Int64Range(1, 60).Draw(t, "read arrives"), slots: rapid.IntRange(1, 10).Draw(t, "slots")}
	r.log.ATC, r.log.Slots = l.steps[n-1].atc, r.slots
	r.loads.ATC = r.log.ATC
	for _, s := range slices.Backward(l.steps[:n]) {
		switch {
		case s.after < s.before && len(r.log.Records) < r.slots:
			r.log.Records = append(r.log.Records, timeline.LogRecord{ATC: s.atc, Amount: s.before - s.after, Time: int64(s.atc) * 3600})
		case s.after > s.before && len(r.loads.Entries) < r.slots:
			r.loads.Entries = append(r.loads.Entries, timeline.LoadLogEntry{Tag: tlv.TagECBalance, ATC: s.atc, Before: s.before, After: s.after})
		}
	}
	if rapid.Bool().Draw(t, "log that keeps only some") {
		r.log.Slots = 0
	}
	return r
}

// tellLogs gives the card what was read from it and arrives on a day.
func (l *life) tellLogs(t *rapid.T, c *timeline.Card, d int64) {
	for _, r := range l.reads {
		if r.arrives != d {
			continue
		}
		if err := c.Note(r.log); err != nil {
			t.Fatal(err)
		}
		words, unknown := timeline.FromLoadLog(r.loads, r.slots, slices.Collect(c.Observations))
		if len(unknown) > 0 {
			t.Fatalf("loads of which the host does not know: %+v", unknown)
		}
		for _, w := range words {
			i := slices.IndexFunc(l.steps, func(s lived) bool { return s.atc == w.ATC })
			if ran := l.steps[i].after > l.steps[i].before; ran != (w.Commit == yes) {
				t.Fatalf("load at %d ran: %t, the log is said to say %s", w.ATC, ran, w.Commit)
			}
		}
		c.Add(words...)
	}
}

// bounds wants the true value after the last observation within what is said of it.
func (l *life) bounds(t *rapid.T, c *timeline.Card, p *timeline.Params) {
	v := c.Value(p)
	for o := range c.Observations {
		if i := slices.IndexFunc(l.steps, func(s lived) bool { return s.atc == o.ATC }); i >= 0 && o.ATC == uint16(v.At/3600) {
			lie := o.Kind == paid && l.steps[i].before == l.steps[i].after
			if s := l.steps[i]; !lie && (s.after < v.Least || s.after > v.Most) {
				t.Fatalf("%d on the card after counter %d, said to be %d to %d", s.after, s.atc, v.Least, v.Most)
			}
			if v.Most > v.Least && o.Commit != open && p.Deposit == 0 {
				t.Fatalf("counter %d ended %s, and the value is said to be %d to %d", o.ATC, o.Commit, v.Least, v.Most)
			}
		}
	}
	if v.CertainOn != v.At+p.Window {
		t.Fatalf("value of %d is certain at %d", v.At, v.CertainOn)
	}
}
