package authorise

import "github.com/citycard/citycard/wire/tlv"

// Sending is the orders that were in the newest answer with orders: the card may have
// carried them out or not.
type Sending struct {
	// Orders is how many, from the first of Card.Orders.
	Orders int
	// Ahead is how many commands of the load or unload in the same answer come first.
	Ahead int
}

// Bits of the CVR about the last transaction online (JR/T 0025.5, card verification
// results).
const (
	cvr2NotCompleted = 1 << 7 // it was not completed: no second cryptogram, or a failed 91
	cvr3ScriptFailed = 1 << 3
)

// done is how many of the orders on their way, from the first, the card is through with.
// Its cryptogram covers what it says of the scripts of the last transaction online: that
// one failed (then none is sent again, since it does not say which), or how many
// commands it has taken after its second cryptogram. Before that one, template 71, none
// are counted: they are done if the transaction was completed. A cryptogram over the air
// says nothing of all that if it is qPBOC, which scriptable excludes.
//
// If it was not completed, all are sent again. That may be once too often, if another
// transaction was begun since of which the issuer was never asked. Script results
// (DF31) come with reversals only and are the terminal's word, without a MAC: they do
// not count.
func (r *asked) done() int {
	out := min(r.card.Sending.Orders, len(r.card.Orders))
	if out == 0 || r.icc == nil || !r.scriptable() {
		return 0
	}
	cvr := r.icc.IAD.CVR
	switch {
	case cvr[1]&cvr2NotCompleted != 0:
		return 0
	case cvr[2]&cvr3ScriptFailed != 0:
		return out
	}
	taken := int(cvr[2] >> 4)
	for n := range out {
		if r.card.Sending.Ahead+counted(r.card.Orders[:n+1]) > taken {
			return n
		}
	}
	return out
}

// counted is how many commands of orders the card counts: those with a MAC of this
// issuer after its second cryptogram.
func counted(orders []Order) (n int) {
	for i := range orders {
		if orders[i].Template != tlv.TagIssuerScript2 {
			continue
		}
		for j := range orders[i].Commands {
			if !orders[i].Commands[j].raw {
				n++
			}
		}
	}
	return n
}
