package demand

import "github.com/citycard/citycard/money"

// Lag weights: how the quarter hour of exit follows from the riding minutes.
const (
	lagSlots = 4    // most quarter hours over which the exits of one entry slot and one trip spread
	lagUnit  = 4096 // the weights of one trip add up to this

	accessMin  = 2  // fewest minutes for gate to platform, wait, and platform to gate together
	accessMax  = 10 // most such minutes on a trip of no length; grows by one for every
	accessGrow = 6  // minutes of riding, up to
	accessCap  = 30
)

// lag says in which quarter hours after the entry's a trip's exit falls: first, first+1 … with weights of lagUnit.
type lag struct {
	first uint8
	w     [lagSlots]uint16
}

// lagTable gives the lag for each number of riding minutes below n. The entry is even over its quarter hour, and the
// time beyond riding has a triangular spread from accessMin to accessMax + minutes/accessGrow.
func lagTable(n int) []lag {
	out := make([]lag, n)
	for m := range out {
		most := min(accessMax+m/accessGrow, accessCap)
		var count [64]int64
		first := (m + accessMin) / 15
		for enter := range 15 {
			for extra := accessMin; extra <= most; extra++ {
				count[(enter+m+extra)/15-first] += int64(min(extra-accessMin, most-extra) + 1)
			}
		}
		share, err := money.Split(lagUnit, count[:lagSlots])
		if err != nil {
			panic("demand: lag weights cannot be split: " + err.Error())
		}
		out[m].first = uint8(first)
		for k, s := range share {
			out[m].w[k] = uint16(s)
		}
	}
	return out
}

// Deterrence: the willingness to ride m minutes is proportional to m * deterDecay^m. The observed day fixes the mean time between
// entry and exit (38.4 minutes), and so how far people ride; of the decays tried between 0.918 and 0.928 this one leaves the least error after
// fitRounds: 48 of a million, where 0.923 leaves 67 and 0.922 leaves 100. Before balancing it gives a mean of 37.4 minutes.
const (
	deterUnit  = 1 << 16
	deterPower = 1
	deterDecay = 0.9225
)

// deterrence gives the integer willingness for each number of riding minutes below n, at most deterUnit. It uses
// multiplication only, so that every machine gets the same table.
func deterrence(n int, power int, decay float64) []uint32 {
	f := make([]float64, n)
	top, d := 0.0, 1.0
	for m := 1; m < n; m++ {
		d = float64(d * decay)
		v := d
		for range power {
			v = float64(v * float64(m))
		}
		f[m] = v
		top = max(top, v)
	}
	out := make([]uint32, n)
	for m := 1; m < n; m++ {
		out[m] = max(1, uint32(float64(f[m]/top)*deterUnit))
	}
	return out
}
