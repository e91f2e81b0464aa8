package tap_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
)

// A simulated card pays 1.50 yuan over the air.
func Example() {
	request, err := devcard.Default("sm")
	if err != nil {
		panic(err)
	}
	image, err := devcard.Issue(request)
	if err != nil {
		panic(err)
	}
	plastic, err := virtualcard.New(virtualcard.Config{Image: image, Interface: card.Contactless, Rand: rand.NewChaCha8([32]byte{})})
	if err != nil {
		panic(err)
	}
	shop, err := tap.Shop(tap.Setup{SM: true})
	if err != nil {
		panic(err)
	}
	till, err := pos.New(shop)
	if err != nil {
		panic(err)
	}
	trace, err := tap.Run(context.Background(), tap.Config{
		Till: till, Host: host.None{}, Explain: tap.NewExplainer("en", false),
		Open:    func(context.Context) (reader.Card, error) { return virtualcard.Reader(plastic) },
		Medium:  rf.NewLink(rf.TypeA, rf.Rate106),
		Card:    rf.DefaultCard(60 * time.Millisecond),
		Elapsed: func() time.Duration { return 0 },
	}, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: 150, Time: 1_795_320_000, Sequence: 1})
	if err != nil {
		panic(err)
	}
	for _, step := range trace.Steps {
		if step.Kind == tap.Exchange {
			fmt.Println(step.SW, step.Command.Title)
		}
	}
	fmt.Println(trace.Result.Outcome, trace.Result.Balance, trace.Field < 210*time.Millisecond)
	// Output:
	// 9000 SELECT 2PAY.SYS.DDF01
	// 9000 SELECT A000000333010106
	// 9000 GET PROCESSING OPTIONS
	// 9000 READ RECORD 1 SFI 1
	// 9000 READ RECORD 2 SFI 1
	// 9000 READ RECORD 1 SFI 2
	// 9000 READ RECORD 1 SFI 3
	// offline_approved 998.50 true
}
