package sim

// passes counts what went through the gates of one place. Only the goroutine that
// works the place touches it.
type passes struct {
	entries, exits, buses [96]int32 // on D, by quarter hour from 00:00
	from                  []uint32  // exits by the place of entry
	rides                 int64     // bus rides, those of the days after D included
	metres                int64     // of these rides
}

// count counts one rider who was let through; origin is where an exiting rider
// entered.
func (p *passes) count(f *followUp, origin uint16) {
	switch f.what {
	case wantEntry:
		p.byTime(&p.entries, f.at)
	case wantExit:
		p.byTime(&p.exits, f.at)
		if int(origin) >= len(p.from) {
			p.from = append(p.from, make([]uint32, int(origin)+1-len(p.from))...)
		}
		p.from[origin]++
	case wantBus:
		p.byTime(&p.buses, f.at)
		p.rides++
		p.metres += int64(f.metres)
	}
}

// byTime puts what happens between midnight and the close of service into the
// last quarter hour; the days after D are left out.
func (p *passes) byTime(quarters *[96]int32, at int32) {
	if at < slotEnds[slotClose] {
		quarters[min(int(at)/900, len(quarters)-1)]++
	}
}
