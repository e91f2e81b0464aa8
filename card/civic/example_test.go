package civic_test

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/civic"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
)

// A card with one partition, read as every reader may.
func Example() {
	p, err := civic.Embedded("social-security")
	if err != nil {
		fmt.Println(err)
		return
	}
	template, err := p.Template(&civic.Issue{
		Values:  map[string]string{"id-number": "110101195001010018"},
		Factors: map[string]epurse.Factor{"area": {'1', '1', '0', '0', '0', '0', 's', 'x'}, "atr": {0x86, 0x60}},
		Master:  func(string) cryptogram.Key { return cryptogram.Key{} }, // of a real card: from the keystore
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	image, err := card.Assemble(card.Parts{Applications: []cos.Template{template}, Root: p.AID()})
	if err != nil {
		fmt.Println(err)
		return
	}
	chip := card.New()
	if err := chip.Insert(image, nil); err != nil {
		fmt.Println(err)
		return
	}
	if err := chip.PowerOn(nil); err != nil {
		fmt.Println(err)
		return
	}
	for _, command := range [][]byte{
		append([]byte{0x00, 0xA4, 0x04, 0x00, 0x0F}, p.AID()...),
		{0x00, 0xA4, 0x02, 0x0C, 0x02, 0xEF, 0x06},
		{0x00, 0xB2, 0x08, 0x00, 0x14}, // social security number, tag 08
		{0x00, 0xB0, 0x88, 0x00, 0x00}, // the photo asks for PIN or key
	} {
		answer, err := chip.Transmit(nil, command)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%X\n", answer)
	}
	// Output:
	// 6F17840F7378312E73682EC9E7BBE1B1A3D5CFA5049F0801039000
	// 9000
	// 08123131303130313139353030313031303031389000
	// 6982
}
