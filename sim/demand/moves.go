package demand

import "fmt"

// moved lists the stations that were counted but are not in the 2026 network.
var moved = []Move{
	{From: "八角游乐园", To: "古城", Reason: "closed for rebuilding; trains between 古城 and 八宝山 pass without stopping, 古城 is the neighbour on its side"},
}

// margins are the observed entries and exits by 2026 station.
type margins struct {
	names          []string
	entries, exits []uint32
	moves          []Move
}

// merge carries the counts of moved stations to where their passengers go now.
func merge(in *Inputs) (*margins, error) {
	m := &margins{}
	number := map[string]int{}
	to := map[string]Move{}
	for _, mv := range moved {
		to[mv.From] = mv
	}
	for _, name := range in.Observed {
		if _, gone := to[name]; gone {
			continue
		}
		if _, twice := number[name]; twice {
			return nil, fmt.Errorf("station %q is counted twice", name)
		}
		number[name] = len(m.names)
		m.names = append(m.names, name)
	}
	m.entries = make([]uint32, len(m.names)*Slots)
	m.exits = make([]uint32, len(m.names)*Slots)
	for i, name := range in.Observed {
		mv, gone := to[name]
		if gone {
			name = mv.To
		}
		j, ok := number[name]
		if !ok {
			return nil, fmt.Errorf("station %q is moved to %q, which is not counted", mv.From, mv.To)
		}
		for t := range Slots {
			e, x := in.Entries[i*Slots+t], in.Exits[i*Slots+t]
			m.entries[j*Slots+t] += e
			m.exits[j*Slots+t] += x
			mv.Entries += int(e)
			mv.Exits += int(x)
		}
		if gone {
			m.moves = append(m.moves, mv)
		}
	}
	return m, nil
}
