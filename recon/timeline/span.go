package timeline

import "github.com/citycard/citycard/money"

// span is the values from lo to hi, both included. It is empty if lo is above hi.
type span struct{ lo, hi money.Fen }

func at(v money.Fen) span { return span{v, v} }

func (s span) empty() bool { return s.lo > s.hi }

func (s span) point() bool { return s.lo == s.hi }

func (s span) plus(v money.Fen) span { return span{s.lo + v, s.hi + v} }

// less is all differences of a value of s and one of o.
func (s span) less(o span) span { return span{s.lo - o.hi, s.hi - o.lo} }

// widened is all sums of a value of s and one of o.
func (s span) widened(o span) span { return span{s.lo + o.lo, s.hi + o.hi} }

func (s span) and(o span) span { return span{max(s.lo, o.lo), min(s.hi, o.hi)} }

func (s span) hull(o span) span { return span{min(s.lo, o.lo), max(s.hi, o.hi)} }

func (s span) meets(o span) bool { return !s.and(o).empty() }

// nearest is the value of s next to v.
func (s span) nearest(v money.Fen) money.Fen { return min(max(v, s.lo), s.hi) }

// narrow keeps what s and o have in common, or s if that is nothing: a contradiction
// is the business of the pair where it lies.
func (s *span) narrow(o span) {
	if both := s.and(o); !both.empty() {
		*s = both
	}
}
