package purse_test

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/purse"
)

// A T-Union purse in a chip of its own tells its balance.
func Example() {
	p, err := purse.Embedded("dev-tunion")
	if err != nil {
		panic(err)
	}
	img, err := card.Assemble(card.Parts{Applications: []cos.Template{p.Template(p.Card())}})
	if err != nil {
		panic(err)
	}
	chip := card.New()
	if err := chip.Insert(img, nil); err != nil {
		panic(err)
	}
	if err := chip.PowerOn(&script{}); err != nil {
		panic(err)
	}
	for _, cmd := range [][]byte{
		append([]byte{0x00, 0xA4, 0x04, 0x00, byte(len(p.AID()))}, p.AID()...),
		{0x80, 0x5C, 0x00, 0x02, 0x04},
	} {
		answer, err := chip.Transmit(nil, cmd)
		fmt.Printf("%X %v\n", answer, err)
	}
	// Output:
	// 6F318408A000000632010105A5259F0801029F0C1E0101100001011000020103103104810010000001202401012040123100009000 <nil>
	// 000027109000 <nil>
}
