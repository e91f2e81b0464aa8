package emv_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel/emv"
)

// A purchase of 25 yuan over the contacts with a development card in process. The
// owner of the machine carries commands to the card and answers back; in a shop it
// would also show the choice, read the PIN and ask the issuer.
func Example() {
	keys, _ := devkeys.CAKeys()
	verifier, _ := oda.NewVerifier(keys, 8)
	machine, err := emv.New(&emv.Config{
		Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, Exponent: 2,
		Type: 0x22, Capabilities: [3]byte{0xE0, 0xF8, 0xC8}, // attended, offline with online capability; all methods
		Applications: []emv.Application{{Name: []byte{0xA0, 0, 0, 3, 0x33, 1, 1}, Partial: true, Version: [2]byte{0, 0x30}, FloorLimit: 50000}},
		Directory:    true, SM: true, Authenticate: verifier,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	request, _ := devcard.Default("dev-sm")
	image, _ := devcard.Issue(request)
	chip := card.New()
	chip.UseInterface(card.Contact)
	if err := chip.Insert(image, nil); err != nil {
		fmt.Println(err)
		return
	}
	random := rand.NewChaCha8([32]byte{1}) // crypto/rand.Reader in a shop
	if err := chip.PowerOn(random); err != nil {
		fmt.Println(err)
		return
	}

	if err := machine.Reset(emv.Input{Amount: 2500, Time: 1795320000, Sequence: 1, Percent: 99, Rand: random}); err != nil {
		fmt.Println(err)
		return
	}
	ready := machine.Step(emv.Event{Kind: emv.Start})
	for ready.Outcome == nil {
		switch {
		case ready.Send != nil:
			answer, err := chip.Transmit(nil, ready.Send)
			if err != nil {
				ready = machine.Step(emv.Event{Kind: emv.CardLeft})
				continue
			}
			ready = machine.Step(emv.Answered(answer))
		case ready.RemoveCard:
			ready = machine.Step(emv.Event{Kind: emv.CardRemoved})
		}
	}
	data := ready.Outcome.Data
	fmt.Printf("%v, %v, TVR %X TSI %X\n", ready.Outcome.Result, data.Card, data.TVR, data.TSI)
	for _, n := range machine.Notes() {
		if n.Phase == emv.ActionAnalysis {
			fmt.Println(n.Text("en"))
		}
	}
	// Output:
	// approved, 622800******1117/01, TVR 0000000000 TSI E800
	// the terminal asks for a TC: approve offline
}
