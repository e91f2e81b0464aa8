package malformed_test

import (
	"fmt"

	"github.com/citycard/citycard/terminal/kernel/malformed"
)

// A tester stands between a card and the terminal under test.
func ExampleMeddler() {
	cases, err := malformed.Parse("mine.txt", []byte(`
case gpo-no-atc
flow qpboc
wrong the answer to GPO lacks the counter 9F36
clause JR/T 0025.12 (answer to GPO: mandatory objects)
edit gpo remove 77/9F36
expect failed missing-data tag 9F36
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	card := func([]byte) ([]byte, error) { // a real one, behind a reader
		return []byte{0x77, 0x09, 0x82, 2, 0x7C, 0, 0x9F, 0x36, 2, 0, 7, 0x90, 0x00}, nil
	}
	m := malformed.NewMeddler(&cases[0])
	answer, left, err := m.Exchange([]byte{0x80, 0xA8, 0, 0, 2, 0x83, 0, 0}, card)
	fmt.Printf("%X %v %v %q\n", answer, left, err, m.Unreached())
	// Output: 770482027C009000 false <nil> ""
}

// The catalogue holds every case of this package.
func ExampleCatalogue() {
	all, err := malformed.Catalogue()
	if err != nil {
		fmt.Println(err)
		return
	}
	c := all[0]
	fmt.Printf("%s (%s): %s\n%s -> %s\n", c.Name, c.Clause, c.Wrong, c.Edits[0], c.Expect)
	// Output:
	// ppse-not-found (JR/T 0025.12 (application selection); EMV Book B, 3.3.2): the card has no directory over the air
	// ppse only 6A82 -> failed status-word tag 84 sw 6A82
}
