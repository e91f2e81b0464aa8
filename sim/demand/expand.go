package demand

import "math/bits"

// Table holds every journey of the day by (origin, entry slot).
type Table struct {
	stations int
	start    []int32  // first journey of each row origin*Slots+slot, and the end
	exit     []uint16 // destination*Slots+exit slot of each journey, ascending within a row
}

// Len is the number of journeys.
func (t *Table) Len() int { return len(t.exit) }

// Row returns the journeys that start at the station in the slot, each as a code for Exit. The caller must not write to it.
func (t *Table) Row(origin, slot int) []uint16 {
	r := origin*Slots + slot
	return t.exit[t.start[r]:t.start[r+1]]
}

// Exit splits a journey's code into destination and exit slot.
func Exit(code uint16) (dest, slot int) { return int(code) / Slots, int(code) % Slots }

// Expand makes the whole day's journeys. The share of a row's journeys that goes to each exit is
// proportional to seed * lag * pull; rounding carries what an exit has been shorted from row to row, in order of time, so
// that no exit drifts; what is left over is repaired by moving single journeys within their row. Integer arithmetic only.
func (m *Model) Expand() *Table {
	n := len(m.names)
	t := &Table{stations: n, start: make([]int32, n*Slots+1)}
	for r, e := range m.entries {
		t.start[r+1] = t.start[r] + int32(e)
	}
	t.exit = make([]uint16, t.start[n*Slots])
	x := &expander{m: m, carry: make([]int64, n*Slots), left: make([]int32, n*Slots)}
	for slot := range Slots {
		for o := range n {
			r := o*Slots + slot
			if m.entries[r] > 0 {
				x.row(o, slot, t.exit[t.start[r]:t.start[r+1]])
			}
		}
	}
	x.repair(t)
	return t
}

// cell is one exit open to a row, while the row is rounded.
type cell struct {
	want int64 // journeys wanted, 32.32 fixed point
	n    int32 // journeys given
	code uint16
}

type expander struct {
	m     *Model
	carry []int64 // by exit: journeys wanted so far less journeys given, 32.32
	left  []int32 // by exit: observed less given, for repair
	cells []cell
}

const (
	fracBits   = 32
	bucketBits = 10 // leading bits of the fraction by which cells are ranked
	buckets    = 1 << bucketBits
)

// open calls yield for each exit that a journey from o in the slot may take, until it returns false.
func (m *Model) open(o, slot int, yield func(code int, weight uint64) bool) {
	n := len(m.names)
	for d := range n {
		willing, l := m.trip(o, d)
		if willing == 0 {
			continue
		}
		u := slot + int(l.first)
		for k := 0; k < lagSlots && u+k < Slots; k++ {
			code := d*Slots + u + k
			if w := uint64(willing) * uint64(l.w[k]) * uint64(m.pull[code]); w > 0 && !yield(code, w) {
				return
			}
		}
	}
}

// row gives out the row's journeys: all of dst is filled.
func (x *expander) row(o, slot int, dst []uint16) {
	x.cells = x.cells[:0]
	total := uint64(0)
	x.m.open(o, slot, func(code int, w uint64) bool {
		x.cells = append(x.cells, cell{int64(w), 0, uint16(code)})
		total += w
		return true
	})
	// ratio = len(dst) * 2^32 * 2^64 / (total << shift); a weight times it, high word, is the fixed-point share.
	shift := bits.LeadingZeros64(total) - 1
	ratio, _ := bits.Div64(uint64(len(dst))<<fracBits, 0, total<<shift)
	rest := len(dst)
	var rank [buckets]int32
	for i := range x.cells {
		c := &x.cells[i]
		share, _ := bits.Mul64(uint64(c.want)<<shift, ratio)
		c.want = int64(share) + x.carry[c.code]
		if c.want > 0 {
			c.n = int32(c.want >> fracBits)
			rest -= int(c.n)
			rank[bucket(c.want)]++
		}
	}
	if rest >= 0 {
		x.roundUp(&rank, rest)
	} else {
		x.roundDown(-rest)
	}
	at := 0
	for _, c := range x.cells {
		for range c.n {
			dst[at] = c.code
			at++
		}
		x.carry[c.code] = c.want - int64(c.n)<<fracBits
	}
}

// bucket ranks a positive want by its fraction.
func bucket(want int64) int { return int(want >> (fracBits - bucketBits) & (buckets - 1)) }

// roundUp gives one more to the rest cells of largest fraction; to every cell that is owed anything first, when rest is more than those.
func (x *expander) roundUp(rank *[buckets]int32, rest int) {
	from := buckets - 1 // lowest bucket that is served, in part; -1: all are served whole
	for from >= 0 && int(rank[from]) < rest {
		rest -= int(rank[from])
		from--
	}
	for i := range x.cells {
		c := &x.cells[i]
		if c.want <= 0 {
			continue
		}
		switch b := bucket(c.want); {
		case b > from:
			c.n++
		case b == from && rest > 0:
			c.n++
			rest--
		}
	}
	x.even(rest, 1)
}

// roundDown takes one from the excess cells of smallest fraction.
func (x *expander) roundDown(excess int) {
	var rank [buckets]int32
	for _, c := range x.cells {
		if c.n > 0 {
			rank[bucket(c.want)]++
		}
	}
	below := 0
	for below < buckets-1 && int(rank[below]) < excess {
		excess -= int(rank[below])
		below++
	}
	for i := range x.cells {
		c := &x.cells[i]
		if c.n == 0 {
			continue
		}
		switch b := bucket(c.want); {
		case b < below:
			c.n--
		case b == below && excess > 0:
			c.n--
			excess--
		}
	}
	x.even(excess, -1)
}

// even spreads what the ranking could not place, step by step, over all cells in order.
func (x *expander) even(count int, step int32) {
	for i := 0; count > 0; i = (i + 1) % len(x.cells) {
		if c := &x.cells[i]; c.n+step >= 0 {
			c.n += step
			count--
		}
	}
}
