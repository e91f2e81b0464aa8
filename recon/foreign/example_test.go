package foreign_test

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/timeline"
)

// Two loads of one card: before the second the balance is what it was before the first.
func Example() {
	im := foreign.New(foreign.DefaultMapping(), foreign.Options{Params: timeline.DefaultParams()})
	err := im.Add("loads.csv", strings.NewReader("time,card,psn,atc,balance_before,amount,result\n"+
		"2026-11-05 08:15:00,6228480000000000018,01,0010,20.00,100.00,ok\n"+
		"2026-11-06 17:30:00,6228480000000000018,01,0011,20.00,50.00,ok\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := im.Finish()
	r.Localise("en")
	for _, f := range r.FlashLoads {
		fmt.Println(f.Card, f.ATC, f.Amount, f.Certainty, f.DecidedOn)
		fmt.Println(f.Sentence)
	}
	// Output:
	// 622848*********0018/01 16 100.00 soft 2026-11-06
	// The load of 100.00 yuan at counter 0010 never reached the card: the balance before counter 0011 shows it.
}
