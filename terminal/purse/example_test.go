package purse_test

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/psam"
	cardpurse "github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/sam"
)

// A till takes 3.50 yuan from a T-Union card. Card and module are the development ones;
// errors are left out.
func Example() {
	module, card := chips()
	m := sam.New(sam.Usual)
	job := m.Start()
	for command, done, _ := job.Next(nil); !done; {
		answer, _ := module.Transmit(nil, command)
		command, done, _ = job.Next(answer)
	}

	machine, _ := purse.New(purse.Config{Module: m})
	ready, _ := machine.Begin(&purse.Input{AID: []byte{0xA0, 0, 0, 6, 0x32, 1, 1, 5}, Network: sam.TUnion, Time: 1768443000})
	for ready.Outcome == nil {
		switch {
		case ready.Send != nil:
			answer, _ := card.Transmit(nil, ready.Send)
			ready = machine.Answer(answer)
		case ready.SAM != nil:
			answer, _ := module.Transmit(nil, ready.SAM)
			ready = machine.Module(answer)
		case ready.Known:
			ready, _ = machine.Trade(350, false)
		case ready.Opened:
			ready, _ = machine.Write()
		}
	}
	out := ready.Outcome
	fmt.Println(out.Result, out.Commit, out.Data.Card.Key, out.After())
	// Output: approved committed 310310*********0001/01 96.50
}

func chips() (module, purseCard *card.Chip) {
	sp, _ := psam.Embedded("dev-psam")
	mi, _ := sp.Default()
	cp, _ := cardpurse.Embedded("dev-tunion")
	ci, _ := card.Assemble(card.Parts{Applications: []cos.Template{cp.Template(cp.Card())}})
	module, purseCard = card.New(), card.New()
	for chip, image := range map[*card.Chip]*card.Image{module: mi, purseCard: ci} {
		_ = chip.Insert(image, nil)
		_ = chip.PowerOn(new(counter))
	}
	return module, purseCard
}
