package demand

import "slices"

// repair moves journeys, within their row, from exits that were given too many to exits that were given too few, until no row can help any more.
func (x *expander) repair(t *Table) {
	for code, n := range x.m.exits {
		x.left[code] = int32(n)
	}
	for _, code := range t.exit {
		x.left[code]--
	}
	rows := len(t.start) - 1
	for moved := true; moved; {
		moved = false
		// The stride visits the rows in a scattered order, so that no station bears all the moves.
		for i, r := 0, 0; i < rows; i++ {
			r = (r + stride) % rows
			if x.repairRow(r/Slots, r%Slots, t.exit[t.start[r]:t.start[r+1]]) {
				moved = true
			}
		}
	}
}

// stride is prime and larger than any factor of the number of rows (stations * 72, fewer than 1000 stations).
const stride = 7919

func (x *expander) repairRow(o, slot int, row []uint16) (moved bool) {
	for i, code := range row {
		if x.left[code] >= 0 {
			continue
		}
		to := -1
		x.m.open(o, slot, func(code int, _ uint64) bool {
			if x.left[code] > 0 {
				to = code
			}
			return to < 0
		})
		if to < 0 {
			break
		}
		x.left[code]++
		x.left[to]--
		row[i] = uint16(to)
		moved = true
	}
	if moved {
		slices.Sort(row)
	}
	return moved
}

// measure fills the report from the journeys handed out.
func (m *Model) measure(t *Table) {
	in, out := m.residuals(t)
	r := &m.report
	r.EntryError, r.ExitError = in, out
	r.PerMillion = perMillion(in+out, 2*t.Len())
	var observed, riding int
	for i := range m.entries {
		observed += (i % Slots) * SlotSeconds * (int(m.exits[i]) - int(m.entries[i]))
	}
	for o := range m.names {
		for slot := range Slots {
			for _, code := range t.Row(o, slot) {
				d, _ := Exit(code)
				riding += 60 * m.Minutes(o, d)
			}
		}
	}
	if t.Len() > 0 {
		r.ObservedMean, r.RidingMean = observed/t.Len(), riding/t.Len()
	}
}

// perMillion is off/total in millionths, rounded up.
func perMillion(off, total int) int {
	if total == 0 {
		return 0
	}
	return (off*1_000_000 + total - 1) / total
}

// residuals sums |handed out - counted| over the entries and over the exits.
func (m *Model) residuals(t *Table) (entries, exits int) {
	left := make([]int, len(m.exits))
	for i, n := range m.exits {
		left[i] = int(n)
	}
	for o := range m.names {
		for slot := range Slots {
			row := t.Row(o, slot)
			entries += abs(len(row) - m.Entries(o, slot))
			for _, code := range row {
				left[code]--
			}
		}
	}
	for _, n := range left {
		exits += abs(n)
	}
	return entries, exits
}

func abs(n int) int { return max(n, -n) }
