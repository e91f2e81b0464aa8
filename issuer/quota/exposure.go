package quota

import (
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// Exposure is the most that the card can still cost the issuer without having been
// presented: see the package comment. Rows that are presented are debts, not exposure.
func (m *Machine) Exposure(s *Service, now int64) money.Fen {
	w := m.walk(s, now)
	return min(w.sum, s.Bound)
}

// walk is one look at all that is known of a card.
type walk struct {
	sum        money.Fen
	impossible bool
	// done is how many entries of Service.Seen, from the first, no longer matter.
	done int
	// placed are the Push ATCs of the pushes that lie in those pairs, or are over
	// otherwise.
	placed []uint16
}

// ends is a value of the card, 9F79 less DF63, between two bounds: a balance of 0 does
// not say how much of the deposit is used (JR/T 0025.14).
type ends struct{ low, high money.Fen }

func (s *Service) after(e *Seen) ends {
	if e.Balance == 0 {
		return ends{-s.Deposit, 0}
	}
	return ends{e.Balance, e.Balance}
}

func (s *Service) before(e *Seen) ends {
	v := s.after(e)
	return ends{v.low + e.Amount, v.high + e.Amount}
}

// walk goes along the known counters.
func (m *Machine) walk(s *Service, now int64) (w walk) {
	var room [8]*Push
	rest := room[:0]
	for i := range s.Pushes {
		if p := &s.Pushes[i]; p.Tag == tlv.TagECBalance {
			rest = append(rest, p)
		}
	}
	window := m.terms.At(now).Window
	dropping := true
	for i := 1; i < len(s.Seen); i++ {
		p, q := &s.Seen[i-1], &s.Seen[i]
		left, right := s.after(p), s.before(q)
		hole, at, possible := pair(q.ATC-p.ATC-1, left, right, rest, q.ATC)
		w.impossible = w.impossible || !possible
		over := s.over(i, now, window)
		if !over {
			w.sum += hole
		}
		if dropping = dropping && (over || q.ATC == p.ATC+1); dropping {
			w.done = i
		}
		if at >= 0 {
			if dropping {
				w.placed = append(w.placed, rest[at].ATC)
			}
			rest = slices.Delete(rest, at, at+1)
		}
	}
	last := &s.Seen[len(s.Seen)-1]
	w.sum += s.after(last).high + s.Deposit
	for _, p := range rest {
		if s.aged(p, now, window) {
			w.placed = append(w.placed, p.ATC)
			continue
		}
		w.sum += p.Value
	}
	return w
}

// pair gives the most that missing counters between two known ones can have taken, and
// which of the pushes lies there, -1 if none must. A rise that no push explains is
// impossible, and so is a fall without a missing counter.
func pair(missing uint16, left, right ends, rest []*Push, to uint16) (hole money.Fen, at int, possible bool) {
	at = -1
	candidate := false
	for i, p := range rest {
		if p.After >= to {
			continue
		}
		candidate = true
		if p.Value > 0 && (at < 0 || p.Value < rest[at].Value) {
			at = i
		}
	}
	rises := right.low > left.high
	switch {
	case rises && at < 0:
		return 0, -1, false
	case missing == 0 && !rises:
		return 0, -1, right.high >= left.low || candidate
	case missing == 0:
		return 0, at, true
	case !rises:
		return left.high - right.low, -1, true
	}
	return max(0, left.high-right.low+rest[at].Value), at, left.high+rest[at].Value >= right.low
}

// over tells whether the counters before entry i can no longer be presented: the window
// has passed since it, or a later one, came.
func (s *Service) over(i int, now, window int64) bool {
	for j := i; j < len(s.Seen); j++ {
		if s.Seen[j].Arrived+window < now {
			return true
		}
	}
	return false
}

// aged tells whether a push that no pair shows matters no longer: the card said that it
// has it, a terminal has seen the card since, and all before that is over. That the answer
// came when it was given is the one word of the customer's side that counts.
func (s *Service) aged(p *Push, now, window int64) bool {
	if p.State != Executed {
		return false
	}
	for i := range s.Seen {
		if s.Seen[i].Time > p.AnsweredAt && s.Seen[i].Kind != 0 && s.over(i, now, window) {
			return true
		}
	}
	return false
}

// forget drops what no longer matters.
func (s *Service) forget(w *walk) {
	if len(w.placed) > 0 {
		s.Pushes = slices.DeleteFunc(s.Pushes, func(p Push) bool { return slices.Contains(w.placed, p.ATC) })
	}
	if w.done > 0 {
		s.Seen = slices.Delete(s.Seen, 0, w.done)
		s.Floor = s.Seen[0].ATC
	}
}
