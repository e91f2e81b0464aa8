package tlv_test

import (
	"fmt"

	"github.com/citycard/citycard/wire/tlv"
)

// The answer of a qPBOC card to GET PROCESSING OPTIONS.
func Example() {
	answer := []byte{
		0x77, 0x11,
		0x82, 0x02, 0x7C, 0x00,
		0x9F, 0x36, 0x02, 0x0A, 0xDC,
		0x9F, 0x6C, 0x02, 0x00, 0x00,
		0xC1, 0x01, 0xAA, // unknown tags stay
	}
	atc, _ := tlv.Find(answer, tlv.TagResponseFormat2, tlv.TagATC)
	fmt.Printf("ATC %X\n", atc)

	template := tlv.Iterate(answer)
	template.Next()
	for it := template.Enter(); it.Next(); {
		info, _ := tlv.Lookup(it.Tag)
		fmt.Printf("%02d %s %X %s\n", it.Offset, it.Tag, it.Value, info.NameZH)
	}
	// Output:
	// ATC 0ADC
	// 02 82 7C00 应用交互特征
	// 06 9F36 0ADC 应用交易计数器
	// 11 9F6C 0000 卡片交易属性
	// 16 C1 AA
}

// A card asks for its data by a PDOL; what the terminal does not know is zeros.
func ExampleDOL_Append() {
	pdol, err := tlv.ParseDOL([]byte{0x9F, 0x66, 4, 0x9F, 0x02, 6, 0x9F, 0x37, 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := pdol.Append(nil, func(tag tlv.Tag) []byte {
		switch tag {
		case tlv.TagTTQ:
			return []byte{0x28, 0, 0, 0x80}
		case tlv.TagAmountAuthorised:
			return []byte{0x02, 0x00} // n: padded at the left
		}
		return nil
	})
	fmt.Printf("%X %v\n", data, err)
	// Output: 2800008000000000020000000000 <nil>
}
