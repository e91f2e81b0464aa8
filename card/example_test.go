package card_test

import (
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
)

// A payment at a gate: the reader selects the application, gives the amount in
// GET PROCESSING OPTIONS and reads the last record, at which the card pays.
func Example() {
	k := newSample(new(testing.T), "sm", 1000)
	chip := card.New()
	if err := chip.Insert(k.image, nil); err != nil {
		fmt.Println(err)
		return
	}
	if err := chip.PowerOn(random(1)); err != nil {
		fmt.Println(err)
		return
	}
	s := &session{t: new(testing.T), chip: chip, k: k}
	for _, cmd := range []string{selectApp, s.gpo(gate(300)), readLast} {
		out, err := chip.Transmit(nil, unhex(s.t, cmd))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%X %s\n", out[len(out)-2:], chip.Inspect().Balance)
	}
	fmt.Println(len(chip.Snapshot(nil)), "bytes to keep")
	// Output:
	// 9000 10.00
	// 9000 10.00
	// 9000 7.00
	// 55 bytes to keep
}
