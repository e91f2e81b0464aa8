package files_test

import (
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/files"
	"github.com/citycard/citycard/wire/apdu"
)

// A certificate that everybody may read and that changes under a PIN.
func Example() {
	update, err := cos.AccessFrom("pin 1")
	if err != nil {
		fmt.Println(err)
		return
	}
	template, err := files.NewTemplate([]byte("CITYCARD.CIVIC"), cos.FileSystemSpec{MF: cos.FileSpec{
		Kind: cos.DF, ID: cos.MasterFile, Name: []byte("CITYCARD.CIVIC"),
		Children: []cos.FileSpec{
			{Kind: cos.Keys, ID: 0x0008, Capacity: 1, Keys: []cos.KeySpec{{Usage: cos.UsePIN, Number: 1, Tries: 3, Value: cos.Secret{0x12, 0x34, 0x56}}}},
			{Kind: cos.Transparent, ID: 0xEF15, SFI: 0x15, Size: 8, Content: []byte("2026"), Rules: cos.Rules{cos.OpUpdate: update}},
		},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var memory cos.Memory
	if err := memory.FormatWith(template.MemorySize(), cos.FilesJournal); err != nil {
		fmt.Println(err)
		return
	}
	memory.Fill(0, template.Personalise(nil))
	if err := memory.PowerOn(); err != nil {
		fmt.Println(err)
		return
	}
	app := template.Place(memory.Partition(0, template.MemorySize()), nil)
	for _, c := range []apdu.Command{
		{INS: 0xD6, P1: 0x95, Data: []byte("2027"), Le: apdu.NoLe},
		{INS: 0x20, P2: 1, Data: []byte{0x12, 0x34, 0x56}, Le: apdu.NoLe},
		{INS: 0xD6, P1: 0x95, Data: []byte("2027"), Le: apdu.NoLe},
		{INS: 0xB0, P1: 0x95, Le: 4},
	} {
		answer, err := app.Do(nil, &c)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%02X: %X\n", c.INS, answer)
	}
	// Output:
	// D6: 6982
	// 20: 9000
	// D6: 9000
	// B0: 323032379000
}
