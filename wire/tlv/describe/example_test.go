package describe_test

import (
	"fmt"

	"github.com/citycard/citycard/wire/tlv/describe"
)

func Example() {
	o := describe.Options{Lang: "zh"}
	record := []byte{0x70, 0x0E, 0x5A, 0x08, 0x62, 0x10, 0x94, 0x80, 0x00, 0x00, 0x00, 0x11, 0x9F, 0x36, 0x01, 0x06}
	items, err := describe.TLV(record, o)
	fmt.Print(describe.Text(items, o), err)
	// Output:
	// 0000  70 读记录响应模板 (14)
	// 0002    5A 应用主账号 (8): 621094******0011
	// 0012    9F36 应用交易计数器 (1): 06 [长度错误，应为2]
	// <nil>
}
