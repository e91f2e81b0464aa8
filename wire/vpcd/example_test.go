package vpcd_test

import (
	"bytes"
	"fmt"
	"io"

	"github.com/citycard/citycard/wire/vpcd"
)

// A card that answers 6D00 to everything, on a stream of requests.
func Example() {
	stream := bytes.NewReader([]byte{0, 1, 1, 0, 1, 4, 0, 5, 0x00, 0xB0, 0, 0, 0})
	var line bytes.Buffer
	r, w := vpcd.NewReader(stream, 0), vpcd.NewWriter(&line)
	for {
		request, err := r.Request()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		switch request.Kind {
		case vpcd.GetATR:
			err = w.ATR([]byte{0x3B, 0x80, 0x01, 0x81})
		case vpcd.APDU:
			err = w.Response([]byte{0x6D, 0x00})
		}
		fmt.Printf("%v %X %v\n", request.Kind, request.Command, err)
	}
	fmt.Printf("%X\n", line.Bytes())
	// Output:
	// power on  <nil>
	// get ATR  <nil>
	// APDU 00B0000000 <nil>
	// 00043B80018100026D00
}
