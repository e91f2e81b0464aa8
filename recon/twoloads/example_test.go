package twoloads_test

import (
	"fmt"

	"github.com/citycard/citycard/recon/twoloads"
)

// A load of 100.00 was asked for and its result lost; the customer taps once and asks
// for another load. With a tap between, the method must wait for the merchants.
func ExampleCompare() {
	const day = 86400
	loads := []twoloads.Load{
		{ATC: 0x10, Before: 2000, Amount: 10000, Time: 0},
		{ATC: 0x12, Before: 1600, Amount: 10000, Time: 2 * day},
	}
	spends := []twoloads.Spend{{ATC: 0x11, Amount: 400, Time: day, Arrived: 3 * day}}
	for _, today := range []int64{5, 22} {
		for _, a := range twoloads.Compare(loads, spends, today*day, twoloads.Window) {
			fmt.Printf("day %d: %s, %s yuan\n", today, a.Kind, a.Amount)
		}
	}
	// Output:
	// day 5: waiting, 0.00 yuan
	// day 22: flash load, 100.00 yuan
}
