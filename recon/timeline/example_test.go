package timeline_test

import (
	"fmt"

	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// A gate stayed shut although the card paid 3 yuan. The card's next tap proves it, and
// because refunds above 2 yuan need two people, the refund waits for them.
func Example() {
	pan, err := txn.ParsePAN("6228000100001117")
	if err != nil {
		fmt.Println(err)
		return
	}
	rules := timeline.DefaultParams()
	rules.ApproveAbove = 200
	card := timeline.Card{Key: txn.CardKey{PAN: pan, PSN: 1}}
	card.Add(
		timeline.Observation{Kind: timeline.Doubt, ATC: 0x14, B: 1000, Debit: 300, Content: 1, Time: 3600, Terminal: 23},
		timeline.Observation{Kind: timeline.Zero, ATC: 0x15, B: 700, Content: 2, Time: 7200, Terminal: 31},
	)
	for range 2 {
		j := card.Judge(8000, rules, nil)
		for _, b := range j.Breaks {
			fmt.Println(b.State, b.Part, b.Amount, "waits:", b.Waits)
		}
		for _, a := range j.Actions {
			fmt.Println(a.Key.Purpose, a.Amount)
		}
		if err := card.Grant(0x14, 0x15); err != nil {
			fmt.Println(err)
		}
	}
	v := card.Value(&rules)
	fmt.Println("on the card:", v.Least)
	// Output:
	// proven doubt 3.00 waits: true
	// proven doubt 3.00 waits: false
	// refund 3.00
	// grant 0014-0015 (proven): nothing is due or pending there
	// on the card: 7.00
}

// The load log says under its MAC that a load never ran, although values leave it open.
func ExampleFromLoadLog() {
	load := timeline.Observation{Kind: timeline.Load, ATC: 2, B: 1000, Debit: 5000, Content: 1, Time: 3600}
	log := timeline.LoadLog{ATC: 6, Entries: []timeline.LoadLogEntry{{Tag: tlv.TagECBalance, ATC: 1, Before: 0, After: 1000}}}
	words, unknown := timeline.FromLoadLog(log, 10, []timeline.Observation{load})
	for _, w := range words {
		fmt.Printf("load at %04X of %s ran: %s\n", w.ATC, w.Debit, w.Commit)
	}
	fmt.Println(len(unknown), "load of which the host knows nothing")
	// Output:
	// load at 0002 of 50.00 ran: no
	// 1 load of which the host knows nothing
}
