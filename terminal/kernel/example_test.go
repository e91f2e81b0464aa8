package kernel_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
)

// A gate takes 4.00 yuan from a development card. The loop is all that a terminal has
// to do: carry commands to the card, and say what happened.
func ExampleMachine() {
	request, err := devcard.Default("sm")
	must(err)
	image, err := devcard.Issue(request)
	must(err)
	chip := card.New()
	must(chip.Insert(image, nil))
	must(chip.PowerOn(rand.NewChaCha8([32]byte{1})))

	keys, err := devkeys.CAKeys()
	must(err)
	verifier, err := oda.NewVerifier(keys, 4)
	must(err)
	m, err := kernel.New(&kernel.Config{
		TTQ: kernel.GateTTQ, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56},
		AppVersion: [2]byte{0x00, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: verifier,
	})
	must(err)
	must(m.Reset(kernel.Input{Amount: 400, UN: [4]byte{1, 2, 3, 4}, Time: 1795305600}))

	r := m.Step(kernel.Event{Kind: kernel.Start})
	for r.Outcome == nil {
		switch {
		case r.Identified:
			fmt.Println("card", m.Data().Card, "may pay")
			r = m.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = m.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			answer, err := chip.Transmit(nil, r.Send)
			must(err)
			r = m.Step(kernel.Answered(answer))
		}
	}
	fmt.Printf("%v, %v, TVR %X, TSI %X\n", r.Outcome.Result, r.Outcome.Commit, r.Outcome.TVR, r.Outcome.TSI)
	fmt.Println("the card has", chip.Inspect().Balance)
	// Output:
	// card 622800******1117/01 may pay
	// approved, committed, TVR 0000000000, TSI 8000
	// the card has 996.00
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
