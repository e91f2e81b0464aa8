package gate

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// deposit asks a card whose balance a fare has used up how much of its deposit is used
// (DF63), so that reconciliation need not guess. The card has paid by then.
func (g *Gate) deposit() Action {
	g.stage = stageDeposit
	return g.sendOwn(apdu.Command{CLA: 0x80, INS: 0xCA, P1: byte(tlv.TagDeductionUsed >> 8), P2: byte(tlv.TagDeductionUsed & 0xFF), Le: apdu.MaxShortLe})
}

// mayUseDeposit says that the fare may have taken something of the deposit.
func (g *Gate) mayUseDeposit() bool {
	b, ok := g.kernel.Data().BalanceAfter()
	return g.quote.carried() && g.quote.df63 == txn.DF63Unread && g.quote.amount > 0 && ok && b == 0
}

// depositRead has the answer; the tap goes on whatever it was.
func (g *Gate) depositRead(ev kernel.Event) Action {
	g.stage = stageKernel
	if ev.Kind != kernel.Answer {
		return g.follow(g.kernel.Step(kernel.Event{Kind: kernel.CardRemoved}))
	}
	if data, sw, err := apdu.ParseResponse(ev.Data); err == nil && sw == apdu.SWOK {
		if v, ok := tlv.Find(data, tlv.TagDeductionUsed); ok {
			if used, err := money.FromN12(v); err == nil && used < txn.DF63Unread {
				g.quote.df63 = uint32(used)
			}
		}
	}
	return Action{Remove: true}
}
