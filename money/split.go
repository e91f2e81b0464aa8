package money

import (
	"errors"
	"fmt"
	"math/bits"
)

// Split divides total among weights by the largest-remainder rule. The shares
// add up to total exactly; equal remainders go to the lower index. Weights must
// not be negative and must not all be zero; total may be negative.
func Split(total Fen, weights []int64) ([]Fen, error) {
	var sum uint64
	for i, w := range weights {
		if w < 0 {
			return nil, fmt.Errorf("split %s yuan: weight %d is negative (%d)", total, i, w)
		}
		var carry uint64
		sum, carry = bits.Add64(sum, uint64(w), 0)
		if carry != 0 || sum > 1<<62 {
			return nil, fmt.Errorf("split %s yuan: weights add up to more than 2^62", total)
		}
	}
	if sum == 0 {
		return nil, errors.New("split " + total.String() + " yuan: all weights are zero")
	}
	shares := make([]Fen, len(weights))
	remainders := make([]uint64, len(weights))
	left := magnitude(int64(total))
	for i, w := range weights {
		hi, lo := bits.Mul64(magnitude(int64(total)), uint64(w))
		q, r := bits.Div64(hi, lo, sum)
		shares[i], remainders[i] = Fen(q), r
		left -= q
	}
	for ; left > 0; left-- {
		best := 0
		for i, r := range remainders {
			if r > remainders[best] {
				best = i
			}
		}
		shares[best]++
		remainders[best] = 0
	}
	if total < 0 {
		for i := range shares {
			shares[i] = -shares[i]
		}
	}
	return shares, nil
}
