package describe

import (
	"fmt"
	"math/bits"
)

// rule is a meaning of bits: in byte number at (from 1), the bits in mask have
// the value want. A rule for one bit has want equal to mask.
type rule struct {
	at         int
	mask, want byte
	en, zh     string
}

func set(at, bit int, en, zh string) rule {
	m := byte(1) << (bit - 1)
	return rule{at, m, m, en, zh}
}

// find lists the rules that hold for b, in the order of the table, and after
// them the bits that are set and that no rule covers.
func find(rules []rule, b []byte, o Options) []Bit {
	var found []Bit
	covered := make([]byte, len(b))
	for _, r := range rules {
		if r.at > len(b) {
			continue
		}
		covered[r.at-1] |= r.mask
		if b[r.at-1]&r.mask == r.want {
			found = append(found, Bit{Byte: r.at, Bits: bitNames(r.mask), Text: o.pick(r.en, r.zh)})
		}
	}
	for i, c := range b {
		for bit := 8; bit >= 1; bit-- {
			m := byte(1) << (bit - 1)
			if c&m != 0 && covered[i]&m == 0 {
				found = append(found, Bit{Byte: i + 1, Bits: bitNames(m), Text: o.pick("reserved bit is set", "保留位被置1")})
			}
		}
	}
	return found
}

// bitNames gives "b8" for 80 and "b6-b5" for 30.
func bitNames(mask byte) string {
	high := bits.Len8(mask)
	low := bits.TrailingZeros8(mask) + 1
	if high == low {
		return fmt.Sprintf("b%d", high)
	}
	return fmt.Sprintf("b%d-b%d", high, low)
}
