package timeline

import "github.com/citycard/citycard/money"

// plan is the pairs of a card whose pairs cannot be decided one by one: because holds
// are open over several of them, because a value is known to a range only or by a
// terminal's word, or because pushes cut the timeline.
type plan struct {
	steps           []step
	tail, tailClash int       // entry that speaks for the last counter, and its conflict
	tailValue       money.Fen // before the tail, with what was loaded after it
	left            span      // what is on the card
	alarms          []Alarm
	quota           bool
}

// step is one pair.
type step struct {
	pair    pair
	verdict Verdict
	dues    dues
}

// special reports whether the card needs a plan.
func (c *Card) special(p *Params) bool {
	if c.mode == 0 && !p.Holds || len(c.entries) == 0 {
		return false
	}
	return p.Holds || c.mode&^(modeZero|modeRead) != 0 || c.mode&modeZero != 0 && p.Deposit > 0
}

// stage is the making of a plan.
type stage struct {
	c      *Card
	params *Params
	plan   *plan
	holds  bool // holds are possible
	loads  bool // loads of a purse lie between the counters
	nodes  []node
	// deposit is the most that can be used of the card's deposit: a parameter, or what was read.
	deposit money.Fen
	cuts    []cut
	open    []openHold
	named   []openHold // holds that completions name and nobody has reported
	// The most that missing counters can have held so far and no known hold explains: if
	// terminals are believed, and as far as MACs tell.
	pool, mostPool money.Fen
}

func (c *Card) makePlan(p *Params) *plan {
	s := stage{c: c, params: p, plan: &plan{}}
	s.read()
	s.holds = !s.plan.quota && c.mode&modePurse == 0 && (p.Holds || c.mode&modeHold != 0)
	if s.plan.quota {
		s.pushes()
	} else {
		for range 2 {
			s.narrow(false)
		}
	}
	vague := false
	for i := range s.nodes {
		if n := &s.nodes[i]; n.believe() {
			s.plan.alarms = append(s.plan.alarms, Alarm{Kind: WordAlarm, P: n.e.atc, Q: n.e.atc, A: n.e.terminal, B: n.e.terminal})
		}
		vague = vague || !s.nodes[i].saidBefore.point()
	}
	for range 2 {
		if vague && !s.plan.quota { // what was not said may follow from what was
			s.narrow(true)
		}
	}
	if n := len(s.nodes); n > 0 {
		s.plan.steps = make([]step, n-1)
	}
	s.claims()
	for i := range s.plan.steps {
		if s.plan.quota {
			s.headRoom(i)
			continue
		}
		s.decide(i)
		s.plan.steps[i].pair.bound = !s.nodes[i+1].alone || len(s.open) > 0 || s.holds && s.pool > 0
	}
	s.plan.left = s.left()
	s.keep()
	s.join()
	return s.plan
}

// read makes the nodes.
func (s *stage) read() {
	entries := s.c.entries
	deposit, latest := s.params.Deposit, int64(0)
	if s.c.mode&modePurse != 0 {
		deposit = 0
	}
	for i := range entries {
		deposit = max(deposit, money.Fen(entries[i].used))
		if entries[i].class == classPush {
			s.plan.quota = true
		}
	}
	s.deposit = deposit
	node := func(at, clash int) {
		e := &entries[at]
		latest = max(latest, e.time)
		n := node{e: e, latest: latest, clash: clash}
		n.read(s.params, deposit)
		s.nodes = append(s.nodes, n)
	}
	for i := 0; i < len(entries); {
		speaker, end := -1, i
		for ; end < len(entries) && entries[end].atc == entries[i].atc; end++ {
			switch {
			case entries[end].aside():
			case speaker < 0 || speaksBefore(&entries[end], &entries[speaker]):
				speaker = end
			}
		}
		if speaker >= 0 {
			clash := s.c.conflict(i, end)
			node(speaker, clash)
			s.plan.tail, s.plan.tailClash = speaker, clash
		}
		for ; i < end; i++ {
			if entries[i].class == classCredit {
				node(i, 0)
				s.loads = true
			}
		}
	}
}

// widest is the most and least that the missing counters between two nodes can take.
func (s *stage) widest(p, q *node, committed bool) span {
	most := missing(p, q, committed) * s.params.capWithin(p.e.time, q.e.time)
	if s.holds {
		return span{-most, most}
	}
	return span{0, most}
}

// ends tells in which ways p can have ended, as far as the value before q and the word
// of the sources tell.
func (s *stage) ends(p, q *node, said bool) (left, paid bool) {
	before, after := p.values(said)
	next, _ := q.values(said)
	left = before.less(*next).meets(s.widest(p, q, false))
	if !p.offers {
		return left, false
	}
	paid = after.less(*next).meets(s.widest(p, q, true))
	if left && paid {
		left, paid = p.word != Yes, p.word != No || p.kind == Paid
	}
	return left, paid
}

// narrow lets every value profit from its neighbours, once in each direction: those of
// the MACs, or those that terminals have said.
func (s *stage) narrow(said bool) {
	for i := 1; i < len(s.nodes); i++ {
		p, q := &s.nodes[i-1], &s.nodes[i]
		before, after := p.values(said)
		left, paid := s.ends(p, q, said)
		var value span
		switch l, w := s.reached(*before, p, q, false), s.reached(*after, p, q, true); {
		case left && paid:
			value = l.hull(w)
		case left:
			value = l
		case paid:
			value = w
		default:
			continue
		}
		next, _ := q.values(said)
		next.narrow(value)
		q.agree(said)
	}
	for i := len(s.nodes) - 1; i > 0; i-- {
		p, q := &s.nodes[i-1], &s.nodes[i]
		before, after := p.values(said)
		next, _ := q.values(said)
		switch left, paid := s.ends(p, q, said); {
		case left && paid:
		case left:
			before.narrow(next.widened(s.widest(p, q, false)))
			p.agree(said)
		case paid:
			after.narrow(next.widened(s.widest(p, q, true)))
			p.agree(said)
		}
	}
}

// reached is the values that the missing counters can leave of those after p.
func (s *stage) reached(v span, p, q *node, committed bool) span {
	w := s.widest(p, q, committed)
	return span{v.lo - w.hi, v.hi - w.lo}
}
