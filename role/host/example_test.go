package host_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
)

// A script stands in for an issuer that a test needs.
func ExampleParseScript() {
	s, err := host.ParseScript([]byte(`
name: moody
rules:
  - when: {kind: purchase, amount_fen: 6666}
    then: {code: "51"}
  - when: {kind: inquiry}
    then: {unreachable: true}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, err := host.NewInProcess(host.OpeningAccount)
	if err != nil {
		fmt.Println(err)
		return
	}
	h := host.NewScripted(s, issuer)
	a, err := h.Authorise(context.Background(), txn.OnlineRequest{Kind: txn.OnlinePurchase, Amount: 6666})
	fmt.Printf("%s: code %s, %v\n", h.Name(), a.Code[:], err)
	_, err = h.Authorise(context.Background(), txn.OnlineRequest{Kind: txn.OnlineInquiry})
	fmt.Println("inquiry unanswered:", errors.Is(err, host.ErrUnreachable))
	// Output:
	// scripted host moody: code 51, <nil>
	// inquiry unanswered: true
}
