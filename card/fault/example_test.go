package fault_test

import (
	"fmt"

	"github.com/citycard/citycard/card/fault"
)

// A gate that reads the counter of a slow card whose answers have their objects in
// an unusual order.
func ExampleDoor_Transmit() {
	script, err := fault.Parse([]byte(`
name: slow and odd
faults:
  - name: odd options
    when: {ins: A8}
    then: {alter: [{how: reorder}], delay_ms: 300}
`))
	if err != nil {
		panic(err)
	}
	card := fixed("770A 82027C00 940408010100 9000")
	door := fault.NewDoor(script, card, nil)
	answer, outcome, err := door.Transmit(nil, []byte{0x80, 0xA8, 0x00, 0x00, 0x02, 0x83, 0x00, 0x00})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%X\n%v\n", answer, outcome.Delay)
	for _, note := range outcome.Notes {
		fmt.Println(note)
	}
	// Output:
	// 770A94040801010082027C009000
	// 300ms
	// odd options: reorder
	// odd options: the answer comes 300ms later
}
