package oracle

import (
	"slices"

	"github.com/citycard/citycard/money"
)

// named lists the holds that nobody has reported and that a completion names.
func (g *game) named() {
	for i := range g.taps {
		for n := range g.taps[i] {
			t := &g.taps[i][n]
			if t.sort != completion || t.hold == 0 || t.hold >= t.atc || g.reported(t.hold) {
				continue
			}
			if !slices.ContainsFunc(g.hidden, func(p pledge) bool { return p.atc == t.hold }) {
				g.hidden = append(g.hidden, pledge{t.hold, t.held})
			}
		}
	}
}

func (g *game) reported(atc uint16) bool {
	return slices.ContainsFunc(g.taps, func(at []tap) bool { return at[0].atc == atc })
}

// reach gives the states in which the chip can come from one counter to a tap: the
// counters between, of which nobody has heard, may have paid, held, or completed any of
// the holds, and a push may have come.
func (g *game) reach(s state, last uint16, t *tap) []state {
	missing := int(t.atc) - int(last) - 1 + s.spare
	var out []state
	for k := s.pushed; k < len(g.Pushes); k++ {
		if p := &g.Pushes[k]; g.between(p, last, t.atc) {
			set := s
			set.pushed, set.value = k+1, value{p.Value - g.Deposit, p.Value}
			out = append(out, g.without(set, missing, last, t)...)
		}
	}
	if g.due(s, last, t.atc) {
		return out
	}
	return append(out, g.without(s, missing, last, t)...)
}

// between reports whether a push can lie between two counters.
func (g *game) between(p *Push, last, next uint16) bool {
	if p.Placed && g.believe {
		return last <= p.After && p.After < next
	}
	return p.Placed || p.After < next
}

// due reports whether a push certainly lies between two counters.
func (g *game) due(s state, last, next uint16) bool {
	for k := s.pushed; k < len(g.Pushes); k++ {
		if p := &g.Pushes[k]; p.Placed && g.believe && last <= p.After && p.After < next {
			return true
		}
	}
	return false
}

// without is reach without a push: every choice of holds that missing counters have
// completed.
func (g *game) without(s state, missing int, last uint16, t *tap) []state {
	if missing < 0 {
		return nil
	}
	for _, h := range g.hidden {
		if h.atc > last && h.atc < t.atc {
			s.value.least, s.value.most = s.value.least-h.amount, s.value.most-h.amount
			s.open = append(slices.Clone(s.open), h)
			missing--
		}
	}
	if missing < 0 {
		return nil
	}
	var out []state
	for set := range 1 << len(s.open) {
		if r, ok := g.completed(s, missing, set, t); ok {
			out = append(out, r)
		}
	}
	return out
}

// completed is the state before a tap if missing counters have completed a set of the
// open holds.
func (g *game) completed(s state, missing, set int, t *tap) (state, bool) {
	back, ended := money.Fen(0), 0
	r := s
	r.open = nil
	for k, h := range s.open {
		if set>>k&1 == 0 {
			r.open = append(r.open, h)
			continue
		}
		back += h.amount
		ended++
	}
	if ended > missing {
		return r, false
	}
	rest := missing - ended
	if rest > 0 {
		back += s.vague
	}
	if !g.holds() {
		back = 0
	}
	takes := money.Fen(missing) * max(0, g.Limit)
	r.value = value{max(s.value.least-takes, t.before.least), min(s.value.most+back, t.before.most)}
	if r.value.least > r.value.most {
		return r, false
	}
	if rest > 0 && g.holds() {
		r.vague += min(money.Fen(rest)*g.Limit, max(0, s.value.most+back-r.value.least))
	}
	return r, true
}

func (g *game) holds() bool {
	return g.Holds || len(g.hidden) > 0 || slices.ContainsFunc(g.taps, func(at []tap) bool {
		return slices.ContainsFunc(at, func(t tap) bool { return t.sort != ordinary })
	})
}
