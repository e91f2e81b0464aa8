package pos_test

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
)

// A till reads the balance of a card that is made of three answers.
func Example() {
	keys, err := devkeys.CAKeys()
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := oda.NewVerifier(keys, 16)
	if err != nil {
		fmt.Println(err)
		return
	}
	yuan := [2]byte{0x01, 0x56}
	till, err := pos.New(pos.Config{
		Terminal: 1,
		Kernel:   kernel.Config{Country: yuan, Currency: yuan, AIDs: kernel.DebitCredit(), Verify: verifier},
		EMV: emv.Config{
			Country: yuan, Currency: yuan, Type: 0x22, Authenticate: verifier,
			Applications: []emv.Application{{
				Name: kernel.DebitCredit()[0].Name, Partial: true, Actions: emv.ActionCodes{Denial: [5]byte{0xC8}},
			}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	card := map[string]string{
		"00A4040008": "6F0A 8408A000000333010101 9000",
		"80CA9F7900": "9F7906000000001250 9000",
	}
	a := till.Begin(pos.Sale{Kind: pos.Balance, Interface: pos.Contact})
	for a.Done == nil {
		answer, ok := card[strings.ToUpper(hex.EncodeToString(a.Send[:5]))]
		if !ok {
			answer = "6A88"
		}
		b, err := hex.DecodeString(strings.ReplaceAll(answer, " ", ""))
		if err != nil {
			fmt.Println(err)
			return
		}
		a = till.Step(emv.Answered(b))
	}
	fmt.Println(a.Done.Outcome, a.Done.Display, a.Done.Balance)
	// Output: offline_approved Balance 12.50
}
