package certify_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/citycard/citycard/certify"
)

// A card of which nothing is known but that it is in the reader: the cases about
// selection alone.
func ExampleRun() {
	card := newCard(new(testing.T), "dev-sm")
	report, err := certify.Run(card, certify.Options{
		Profile: "dev-sm",
		Only:    []string{"select", "fci"},
		At:      time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC),
		Rand:    rand.NewChaCha8([32]byte{1}), // of a real run: crypto/rand.Reader
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Card.Label, report.Card.PAN, "conforms:", report.Conforms())
	for _, c := range report.Cases {
		if c.Result == certify.Fail {
			fmt.Println(c.ID, c.Detail)
		}
	}
	// Output: PBOC DEBIT 622800******1117 conforms: true
}
