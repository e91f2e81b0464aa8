package foreign

import (
	"cmp"
	"slices"
	"strings"

	"github.com/citycard/citycard/txn"
)

// join gives clearing lines their chip data. Both have acquirer, sender, trace number,
// time and amount, and where both carry a longer trace it must agree too.
func (im *Importer) join() {
	chips, firsts := map[string][]*record{}, map[*record]*record{}
	for _, r := range im.links {
		if r.kind != Chip {
			continue
		}
		firsts[r] = r
		if i := slices.IndexFunc(chips[r.link.key], r.repeats); i >= 0 {
			firsts[r] = chips[r.link.key][i]
			continue
		}
		chips[r.link.key] = append(chips[r.link.key], r)
	}
	used := map[*record]bool{}
	for _, r := range im.links {
		if r.kind == Chip {
			continue
		}
		fitting := slices.DeleteFunc(slices.Clone(chips[r.link.key]), func(c *record) bool { return !r.fits(c) })
		if why := r.adopt(fitting); why != nil {
			im.refuse(r.at, why, nil)
			im.claim(r.at, r, why.reason)
			continue
		}
		im.records = append(im.records, r)
		for _, c := range fitting {
			used[c] = true
		}
	}
	for _, r := range im.links {
		switch {
		case r.kind != Chip:
		case used[firsts[r]]:
			im.files[r.at.file].Accepted++
		default:
			im.refuse(r.at, &refusal{NoLine, ""}, nil)
		}
	}
	im.links = nil
}

// repeats reports whether chip data say again what others say; files come twice.
func (r *record) repeats(o *record) bool {
	return r.link.trace == o.link.trace && r.pan == o.pan && r.chip.psn == o.chip.psn && r.chip.same(o.chip)
}

// fits reports whether chip data can belong to a clearing line of the same key.
func (r *record) fits(c *record) bool {
	if c.pan != (txn.PAN{}) && c.pan != r.pan {
		return false
	}
	if r.namesCard() && c.chip.psn != unknownPSN && r.psn != c.chip.psn {
		return false
	}
	a, b := r.link.trace, c.link.trace
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) < minTrace || strings.HasPrefix(b, a)
}

// minTrace is how many characters of a longer trace must be there to count.
const minTrace = 12

// adopt takes chip data over if all that fit say the same.
func (r *record) adopt(fitting []*record) *refusal {
	if len(fitting) == 0 {
		return &refusal{NoChipData, ""}
	}
	first := slices.MinFunc(fitting, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.at.file, b.at.file), cmp.Compare(a.at.line, b.at.line))
	})
	for _, c := range fitting {
		if !c.chip.same(first.chip) {
			return &refusal{Ambiguous, ""}
		}
	}
	r.chip = first.chip
	return r.settle()
}
