package fare

import (
	"fmt"
	"slices"
)

// VirtualTransfer is a way between two stations over the street. The published
// fares do not count it as a link: the rider leaves one gate and pays anew at the
// next, unless both ends are halls of one station.
type VirtualTransfer struct {
	From, To         StationID
	FromLine, ToLine LineID
	Tenths           int // walking time in tenths of a minute
}

// change is a change of lines at a station.
type change struct {
	at       StationID
	from, to LineID
}

// maxWalkTenths is an hour, more than any transfer.
const maxWalkTenths = 600

// VirtualTransfers lists the transfers over the street. The slice is the caller's.
func (b *Book) VirtualTransfers() []VirtualTransfer { return slices.Clone(b.virtual) }

var transferColumns = []string{"station", "from_line", "from_direction", "to_line", "to_direction", "minutes", "walk_m", "stairs", "only_at_some_hours"}

// parseTransfers keeps for each change of lines the slowest walk that is open all
// day; directions are not kept apart, because a ride does not know its platform.
func (p *parser) parseTransfers() error {
	p.book.walks = map[change]int{}
	data, ok := p.files[TransfersFile]
	if !ok {
		return nil
	}
	return eachRow(TransfersFile, data, transferColumns, func(r *row) error {
		from, err := p.line(r, 1)
		if err != nil {
			return err
		}
		to, err := p.line(r, 3)
		if err != nil {
			return err
		}
		at, ok := p.book.byName[r.fields[0]]
		if !ok || !slices.Contains(p.book.stations[at].Lines, from) || !slices.Contains(p.book.stations[at].Lines, to) {
			return r.fail(0, fmt.Sprintf("%q is not a station of both lines", clip(r.fields[0])), "name a station of "+StationsFile+" where both stop")
		}
		walk, err := p.minutes(r, 5)
		if err != nil {
			return err
		}
		for _, column := range []int{6, 7} {
			if r.fields[column] == "" {
				continue
			}
			if _, err := r.number(column, 0, 10_000); err != nil {
				return err
			}
		}
		switch r.fields[8] {
		case "yes":
		case "":
			c := change{at, from, to}
			p.book.walks[c] = max(p.book.walks[c], walk)
		default:
			return r.fail(8, fmt.Sprintf("%q is neither yes nor empty", clip(r.fields[8])), "write yes, or nothing")
		}
		return nil
	})
}

func (p *parser) parseVirtualTransfers() error {
	data, ok := p.files[VirtualTransfersFile]
	if !ok {
		return nil
	}
	return eachRow(VirtualTransfersFile, data, []string{"from_station", "to_station", "from_line", "to_line", "minutes"}, func(r *row) (err error) {
		var v VirtualTransfer
		if v.FromLine, err = p.line(r, 2); err != nil {
			return err
		}
		if v.ToLine, err = p.line(r, 3); err != nil {
			return err
		}
		if v.From, err = p.hall(r, 0, v.FromLine); err != nil {
			return err
		}
		if v.To, err = p.hall(r, 1, v.ToLine); err != nil {
			return err
		}
		if v.Tenths, err = p.minutes(r, 4); err != nil {
			return err
		}
		p.book.virtual = append(p.book.virtual, v)
		if v.From == v.To {
			p.book.walks[change{v.From, v.FromLine, v.ToLine}] = v.Tenths
			p.book.walks[change{v.From, v.ToLine, v.FromLine}] = v.Tenths
		}
		return nil
	})
}

// minutes is a field in minutes with at most one decimal, as tenths.
func (p *parser) minutes(r *row, column int) (int, error) {
	v, ok := parseTenths(r.fields[column])
	if !ok || v > maxWalkTenths {
		return 0, r.fail(column, fmt.Sprintf("%q is not a walking time", clip(r.fields[column])), "give minutes from 0 to 60 with at most one decimal")
	}
	return v, nil
}
