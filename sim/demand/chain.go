package demand

// chains are all journeys of the day, joined into riders.
type chains struct {
	start []int32 // first leg of each rider, and the end
	legs  []leg
}

// leg is a journey: entry row origin*Slots+slot in the high half, exit code dest*Slots+slot in the low half.
type leg uint32

func (l leg) origin() int { return int(l>>16) / Slots }
func (l leg) enter() int  { return int(l>>16) % Slots }
func (l leg) dest() int   { return int(l&0xFFFF) / Slots }
func (l leg) exit() int   { return int(l&0xFFFF) % Slots }

const (
	maxLegs  = 4 // most metro journeys of a rider
	minDwell = 2 // quarter hours from the slot of an exit to the slot of the next entry: at least one whole quarter hour between them
)

// all returns the day's riders, made on first use. They do not depend on a seed.
func (m *Model) all() *chains {
	m.chainOnce.Do(func() { m.chains = chain(m.Expand()) })
	return m.chains
}

// AllRiders is the number of riders over whom the whole day's journeys are spread. The first call takes a second or two.
func (m *Model) AllRiders() int { return len(m.all().start) - 1 }

// chainer joins journeys. A journey's number is its place in the Table.
type chainer struct {
	t    *Table
	row  []uint16 // entry row of each journey
	next []int32  // journey that the same rider makes after this one, or none
	led  []bool   // some journey has this one as its next

	pair   []int32 // first place in byPair of each origin*stations+destination, and the end
	byPair []int32 // journeys by pair, in order of entry
}

const none = -1

// chain joins journeys in three steps: there and back between two stations, which is most of a weekday; round trips over three
// stations and open pairs from what is left; and a second trip in the evening or at noon for some.
func chain(t *Table) *chains {
	c := &chainer{t: t, row: make([]uint16, t.Len()), next: make([]int32, t.Len()), led: make([]bool, t.Len())}
	for r := range len(t.start) - 1 {
		for i := t.start[r]; i < t.start[r+1]; i++ {
			c.row[i] = uint16(r)
			c.next[i] = none
		}
	}
	c.sortPairs()
	for a := range t.stations {
		for b := a + 1; b < t.stations; b++ {
			c.thereAndBack(a, b)
		}
	}
	c.triangles()
	c.secondTrips()
	return c.riders()
}

func (c *chainer) sortPairs() {
	n := c.t.stations
	c.pair = make([]int32, n*n+1)
	c.byPair = make([]int32, len(c.row))
	key := func(i int) int { return int(c.row[i])/Slots*n + int(c.t.exit[i])/Slots }
	for i := range c.row {
		c.pair[key(i)+1]++
	}
	for k := range n * n {
		c.pair[k+1] += c.pair[k]
	}
	at := append([]int32(nil), c.pair[:n*n]...)
	for i := range c.row {
		k := key(i)
		c.byPair[at[k]] = int32(i)
		at[k]++
	}
}

// queue is the journeys from one station to another by entry slot; those in front of head[slot] are taken as returns.
type queue struct {
	list []int32
	head [Slots]int32
	end  [Slots]int32
}

func (c *chainer) fill(q *queue, from, to int) {
	k := from*c.t.stations + to
	q.list = c.byPair[c.pair[k]:c.pair[k+1]]
	q.end = [Slots]int32{}
	for _, i := range q.list {
		q.end[c.row[i]%Slots]++
	}
	at := int32(0)
	for s := range Slots {
		q.head[s] = at
		at += q.end[s]
		q.end[s] = at
	}
}

// take removes the journey entered soonest at or after slot want; failing that, the latest one from slot least on.
func (q *queue) take(want, least int) int32 {
	for s := want; s < Slots; s++ {
		if q.head[s] < q.end[s] {
			q.head[s]++
			return q.list[q.head[s]-1]
		}
	}
	for s := min(want, Slots) - 1; s >= least; s-- {
		if q.head[s] < q.end[s] {
			q.head[s]++
			return q.list[q.head[s]-1]
		}
	}
	return none
}

// thereAndBack follows journeys between a and b, earliest first and in both directions, by a journey back.
func (c *chainer) thereAndBack(a, b int) {
	var q [2]queue
	c.fill(&q[0], a, b)
	c.fill(&q[1], b, a)
	if len(q[0].list) == 0 || len(q[1].list) == 0 {
		return
	}
	for slot := range Slots {
		for dir := range q {
			for p := q[dir].head[slot]; p < q[dir].end[slot]; p++ {
				i := q[dir].list[p]
				if mix(uint64(i)^0x51B7)%100 >= shareReturn {
					continue
				}
				out := c.exitSlot(i)
				c.join(i, q[1-dir].take(out+dwell(out, uint64(i)), out+minDwell))
			}
		}
	}
}

func (c *chainer) exitSlot(i int32) int { return int(c.t.exit[i]) % Slots }

// join makes j the next journey of i's rider; j may be none.
func (c *chainer) join(i, j int32) {
	if j != none {
		c.next[i] = j
		c.led[j] = true
	}
}

// dwell is how many quarter hours a rider means to stay after an exit in the slot: a working day for most who arrive before half past ten,
// hours for the others, less in the evening. These are our choices.
func dwell(exit int, who uint64) int {
	h := mix(who)
	spread := func(n uint64) int { return int(h>>8%n + h>>32%n) } // triangular, 0 to 2n-2
	switch {
	case exit < 22 && h%100 < 85:
		return 33 + spread(6)
	case exit < 48:
		return 6 + spread(7)
	default:
		return 3 + spread(5)
	}
}

func (c *chainer) single(i int32) bool { return c.next[i] == none && !c.led[i] }

// Shares of the journeys and trips left by the step before, in percent; our choices.
const (
	shareReturn   = 80 // journeys for which one straight back is looked for; the others come back another way, or by other means
	shareTriangle = 60 // single journeys for which a round trip over three stations is looked for
	shareOpen     = 25 // of these without one, that are followed by a single journey to a third station
	shareSecond   = 12 // trips followed by a second one from where they ended

	triangleTries = 16 // onward journeys tried
	secondTries   = 64
)

// triangles joins single journeys a-b, b-c, c-a.
func (c *chainer) triangles() {
	for i := range int32(len(c.row)) {
		h := mix(uint64(i) ^ 0x7419)
		if !c.single(i) || h%100 >= shareTriangle {
			continue
		}
		home, out := int(c.row[i])/Slots, c.exitSlot(i)
		first := int32(none)
		c.departures(int(c.t.exit[i])/Slots, out+max(dwell(out, uint64(i))/2, minDwell), triangleTries, func(j int32) bool {
			if !c.single(j) || int(c.t.exit[j])/Slots == home {
				return true
			}
			if first == none {
				first = j
			}
			back := c.firstSingle(int(c.t.exit[j])/Slots, home, c.exitSlot(j)+minDwell)
			if back == none {
				return true
			}
			c.join(i, j)
			c.join(j, back)
			return false
		})
		if c.next[i] == none && h>>16%100 < shareOpen {
			c.join(i, first)
		}
	}
}

// departures calls yield, until it returns false, for up to tries journeys from the station that enter at or after the slot and follow no other.
func (c *chainer) departures(station, slot, tries int, yield func(j int32) bool) {
	if slot >= Slots {
		return
	}
	last := c.t.start[(station+1)*Slots]
	for j := c.t.start[station*Slots+slot]; j < last && tries > 0; j++ {
		if c.led[j] {
			continue
		}
		if !yield(j) {
			return
		}
		tries--
	}
}

// firstSingle finds the first unjoined journey between two stations that enters at or after the slot.
func (c *chainer) firstSingle(from, to, slot int) int32 {
	k := from*c.t.stations + to
	for _, i := range c.byPair[c.pair[k]:c.pair[k+1]] {
		if int(c.row[i])%Slots >= slot && c.single(i) {
			return i
		}
	}
	return none
}

// secondTrips lets some riders, back where they started, make another trip.
func (c *chainer) secondTrips() {
	for i := range int32(len(c.row)) {
		if c.led[i] || c.next[i] == none || mix(uint64(i)^0x2A11)%100 >= shareSecond {
			continue
		}
		tail, n := c.tail(i)
		if c.t.exit[tail]/Slots != c.row[i]/Slots {
			continue
		}
		out := c.exitSlot(tail)
		c.departures(int(c.t.exit[tail])/Slots, out+max(dwell(out, uint64(tail))/2, minDwell), secondTries, func(j int32) bool {
			if _, more := c.tail(j); n+more > maxLegs {
				return true
			}
			c.join(tail, j)
			return false
		})
	}
}

// tail follows a rider to the last journey and counts them.
func (c *chainer) tail(i int32) (last int32, n int) {
	n = 1
	for ; c.next[i] != none; i = c.next[i] {
		n++
	}
	return i, n
}

// riders lists the chains in the order of their first journey.
func (c *chainer) riders() *chains {
	heads := 0
	for _, led := range c.led {
		if !led {
			heads++
		}
	}
	out := &chains{start: make([]int32, 0, heads+1), legs: make([]leg, 0, len(c.row))}
	for i := range int32(len(c.row)) {
		if c.led[i] {
			continue
		}
		out.start = append(out.start, int32(len(out.legs)))
		for j := i; j != none; j = c.next[j] {
			out.legs = append(out.legs, leg(c.row[j])<<16|leg(c.t.exit[j]))
		}
	}
	out.start = append(out.start, int32(len(out.legs)))
	return out
}
