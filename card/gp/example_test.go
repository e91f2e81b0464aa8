package gp_test

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

// A card with nothing but a security domain: a host opens a channel and asks what
// life cycle state the card is in.
func Example() {
	keys := scp.KeySet{Version: 0x01} // all zeros, for the example only
	domain, err := gp.New(gp.Profile{
		Channels: []gp.Channel{{Protocol: scp.SCP03, Variant: scp.SCP03Full}},
		Keys:     []gp.Keys{{Protocol: scp.SCP03, Set: keys}},
		Heap:     4096,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	image, err := card.Assemble(card.Parts{Applications: []cos.Template{domain}})
	if err != nil {
		fmt.Println(err)
		return
	}
	chip := card.New()
	if err := chip.Insert(image, nil); err != nil {
		fmt.Println(err)
		return
	}
	if err := chip.PowerOn(random(1)); err != nil {
		fmt.Println(err)
		return
	}
	transmit := func(c apdu.Command) ([]byte, apdu.SW) {
		b, err := c.Append(nil)
		if err == nil {
			b, err = chip.Transmit(nil, b)
		}
		if err != nil {
			fmt.Println(err)
			return nil, 0
		}
		data, sw, _ := apdu.ParseResponse(b)
		return data, sw
	}

	transmit(apdu.Command{INS: 0xA4, P1: 0x04, Data: gp.AIDGlobalPlatform, Le: 256})
	host := scp.NewHost(keys, [8]byte{1, 2, 3, 4, 5, 6, 7, 8})
	answer, _ := transmit(host.InitializeUpdate(0))
	external, err := host.Open(answer, scp.CMAC|scp.CDEC|scp.RMAC|scp.RENC)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, sw := transmit(external)
	fmt.Println("channel", sw, host.Level())

	status, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xF2, P1: 0x80, Data: []byte{0x4F, 0}, Le: 256})
	if err != nil {
		fmt.Println(err)
		return
	}
	data, sw := transmit(status)
	plain, err := host.Unwrap(data, sw)
	fmt.Printf("%X %v %v\n", plain, gp.LifeCycle(plain[9]), err)
	// Output:
	// channel 9000 C-MAC C-DECRYPTION R-MAC R-ENCRYPTION
	// 08A0000001510000000198 OP_READY <nil>
}
