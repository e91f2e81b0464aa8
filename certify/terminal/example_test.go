package terminal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/role/terminaltest"
)

// A till in this process is tested with the cases about GENERATE AC.
func ExampleRun() {
	at := time.Date(2026, 3, 14, 10, 0, 0, 0, time.UTC)
	random := rand.NewChaCha8([32]byte{1})
	till, err := terminaltest.NewTill(terminal.Everything(), func() time.Time { return at }, random)
	if err != nil {
		panic(err)
	}
	rsa, sm2, err := terminaltest.Keys()
	if err != nil {
		panic(err)
	}
	report, err := terminal.Run(context.Background(), till, terminal.Options{
		Name: "till", Setup: terminal.Everything(), RSA: rsa, SM2: sm2, Only: []string{"gac"}, At: at, Rand: random,
	})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d passed, %d failed, conforms: %v\n", report.Passed, report.Failed, report.Conforms())
	// Output: 14 passed, 0 failed, conforms: true
}
