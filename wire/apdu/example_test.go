package apdu_test

import (
	"fmt"

	"github.com/citycard/citycard/wire/apdu"
)

func Example() {
	command := apdu.Command{CLA: 0x80, INS: 0xCA, P1: 0x9F, P2: 0x79, Le: 256} // GET DATA, EC balance
	b, err := command.Append(nil)
	fmt.Printf("%X %v\n", b, err)

	_, sw, err := apdu.ParseResponse([]byte{0x6A, 0x88})
	fmt.Println(sw, sw.Meaning("en"), sw.Meaning("zh"), err)
	// Output:
	// 80CA9F7900 <nil>
	// 6A88 referenced data or key not found 未找到引用的数据或密钥 <nil>
}
