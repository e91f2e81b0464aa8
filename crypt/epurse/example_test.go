package epurse_test

import (
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
)

// A purchase of 40.96 yuan: the MAC that the PSAM sends to the card, and the one that
// it wants back.
func Example() {
	dpk := epurse.Key{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}
	s := epurse.PurchaseSession(epurse.TDES, dpk, [4]byte{0x11, 0x22, 0x33, 0x44}, 0, 1)
	trade := epurse.Trade{
		Type: epurse.PurchaseEP, Amount: 0x1000, Terminal: epurse.Terminal{0x00, 0x11, 0x22, 0x33, 0x44, 0x55},
		Stamp: epurse.Stamp{0x20, 0x12, 0x02, 0x29, 0x13, 0x51, 0x00}, TerminalSeq: 1,
	}
	fmt.Printf("%X %X\n", epurse.PurchaseMAC1(s, &trade), epurse.PurchaseMAC2(s, trade.Amount))
	// Output: F15CAB75 56988A13
}
