package capp_test

import (
	"fmt"

	"github.com/citycard/citycard/card/capp"
)

// ExamplePurse parks a car and takes the metro meanwhile: the fare is more than what
// the pre-authorisation has left, the deposit covers the rest, and what was held too
// much gives it back.
func ExamplePurse() {
	p := capp.Purse{Balance: 1000, Deposit: 500}
	fmt.Println(p.Hold(0x17, 0x0710, 800), p.Balance, p.Held())
	fmt.Println(p.Pay(350), p.Balance, p.Used)
	fmt.Println(p.Complete(0x17, 0x0710, 600), p.Balance, p.Used, p.Held())
	// Output:
	// true 2.00 8.00
	// true 0.00 1.50
	// true 0.50 0.00 0.00
}
