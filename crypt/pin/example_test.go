package pin_test

import (
	"fmt"

	"github.com/citycard/citycard/crypt/pin"
)

// A terminal sends a PIN to a card with VERIFY.
func ExampleEncode() {
	p, err := pin.New("1234")
	if err != nil {
		fmt.Println(err)
		return
	}
	block, err := pin.Encode(pin.Format2, p, [10]byte{}, nil)
	fmt.Printf("00 20 00 80 08 %X %v\n", block, err)
	fmt.Println("log:", p)
	// Output:
	// 00 20 00 80 08 241234FFFFFFFFFF <nil>
	// log: [PIN withheld]
}
