package pcsc_test

import (
	"fmt"

	"github.com/citycard/citycard/wire/pcsc"
)

func Example() {
	// A program asks for the card in a reader; the daemon answers in the same layout.
	request := pcsc.Append(nil, &pcsc.Connect{Reader: "Virtual PCD 00 00", Share: pcsc.ShareExclusive, Wanted: pcsc.ProtocolAny})
	command, size, err := pcsc.ParseHeader(request[:pcsc.HeaderSize])
	fmt.Println(command, size, err)

	var answer pcsc.Connect
	err = answer.Decode(request[pcsc.HeaderSize:])
	answer.Result = pcsc.NoSmartCard
	fmt.Println(answer.Reader, err)
	fmt.Println(answer.Outcome().Err())
	// Output:
	// CONNECT 152 <nil>
	// Virtual PCD 00 00 <nil>
	// no card in the reader (8010000C)
}
