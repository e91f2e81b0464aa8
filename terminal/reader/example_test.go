package reader_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/terminal/reader"
)

func ExampleOpen() {
	doors := reader.Doors{Cooked: true} // fetch long answers
	for _, name := range []string{"pcsc", "sim:city"} {
		card, err := reader.Open(context.Background(), name, doors)
		if err != nil {
			fmt.Println(errors.Is(err, reader.ErrName), err)
			continue
		}
		defer card.Close()
		out, err := card.Transmit(context.Background(), nil, []byte("\x00\xA4\x04\x00\x0E2PAY.SYS.DDF01\x00"))
		fmt.Printf("%X %v\n", out, err)
	}
	// Output:
	// true reader: reading the name "pcsc": bad name of a reader: it has no colon; write sim:PROFILE, pcsc:NAME, vpcd:PORT or replay:FILE
	// false reader: opening sim:city: readers are not available: this program makes no cards; use pcsc:NAME, vpcd:PORT or replay:FILE
}
