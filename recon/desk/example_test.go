package desk_test

import (
	"fmt"

	"github.com/citycard/citycard/recon/desk"
)

func Example() {
	wang := desk.Clerk{Name: "wang", Added: 1}
	s, err := desk.RefundSubject(300, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := desk.Propose(desk.Refund, desk.Token{}, 5, 7, s, &wang, "gate stayed shut", 1_000_000)
	fmt.Println(r.Kind, r.Amount, r.By, r.Expires-r.At == desk.Validity, err)
	_, _, err = desk.Decide(&r, desk.Proposed, nil, &wang, &wang, true, s, "", 1_000_060)
	fmt.Println(err)
	// Output:
	// refund 3.00 wang true <nil>
	// proposal of wang: the signature is not that of the clerk
}
