package psam_test

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/psam"
)

// A terminal opens a purchase of 2 yuan for a T-Union card. The card has answered
// INITIALIZE FOR PURCHASE with its random number, counter and key index.
func Example() {
	p, err := psam.Embedded("dev-psam")
	if err != nil {
		fmt.Println(err)
		return
	}
	img, err := p.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	slot := card.New()
	if err := slot.Insert(img, nil); err != nil {
		fmt.Println(err)
		return
	}
	if err := slot.PowerOn(new(counter)); err != nil {
		fmt.Println(err)
		return
	}
	for _, cmd := range [][]byte{
		{0x00, 0xA4, 0x00, 0x0C, 0x02, 0x80, 0x11},
		{0x80, 0x70, 0x00, 0x00, 0x24,
			0x55, 0x66, 0x77, 0x88, 0x00, 0x10, // random number, offline counter
			0x00, 0x00, 0x00, 0xC8, 0x06, // 200 fen, purchase from EP
			0x20, 0x26, 0x01, 0x15, 0x10, 0x11, 0x12, 0x01, 0x00, // when, key index, algorithm
			0x31, 0x04, 0x81, 0x00, 0x10, 0x00, 0x00, 0x01, // the card's serial number
			0x01, 0x01, 0x10, 0x00, 0x01, 0x01, 0x10, 0x00, // its issuer
			0x08},
	} {
		answer, err := slot.Transmit(nil, cmd)
		fmt.Printf("%X %v\n", answer, err)
	}
	// Output:
	// 9000 <nil>
	// 000000010451A3D29000 <nil>
}
