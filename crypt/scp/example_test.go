package scp_test

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

// A host opens a session with a card and asks for the card's key information.
func Example() {
	key := cryptogram.Key{0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F}
	keys := scp.KeySet{Version: 0x30, ENC: key, MAC: key, DEK: key}
	aid := []byte{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00}

	host := scp.NewHost(keys, [8]byte{1, 2, 3, 4, 5, 6, 7, 8})
	begin := host.InitializeUpdate(0)

	var card scp.Card
	answer, err := card.InitializeUpdate(nil, scp.Params{
		Protocol: scp.SCP03, Variant: scp.SCP03Full, Keys: keys, Sequence: 1, AID: aid,
	}, [8]byte(begin.Data))
	if err != nil {
		fmt.Println(err)
		return
	}
	external, err := host.Open(answer, scp.CMAC|scp.CDEC|scp.RMAC|scp.RENC)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(card.ExternalAuthenticate(&external), card.Level(), "- next counter", card.NextSequence())

	wrapped, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xCA, P2: 0xE0, Le: 256})
	if err != nil {
		fmt.Println(err)
		return
	}
	plain, sw := card.Unwrap(&wrapped, nil)
	fmt.Printf("%02X%02X%02X%02X %v\n", plain.CLA, plain.INS, plain.P1, plain.P2, sw)

	data, err := host.Unwrap(card.Wrap(nil, []byte{0xE0, 0x00}, apdu.SWOK), apdu.SWOK)
	fmt.Printf("%X %v\n", data, err)
	// Output:
	// 9000 C-MAC C-DECRYPTION R-MAC R-ENCRYPTION - next counter 2
	// 80CA00E0 9000
	// E000 <nil>
}
