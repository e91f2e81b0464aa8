package reader

import (
	"context"
	"fmt"
)

// Doors says how to reach cards. The zero value reaches pcscd and virtual cards.
type Doors struct {
	// Sim makes a card of a profile for "sim:PROFILE". Nil: there are none.
	Sim func(ctx context.Context, profile string) (Card, error)
	// Socket of pcscd. Empty: what PCSCLITE_CSOCK_NAME says, or else the usual
	// place.
	Socket string
	// Shared lets other programs stay connected to a card in a reader of pcscd. They
	// are still kept from sending while the card is open here. Without it another
	// program makes opening fail with ErrBusy.
	Shared bool
	// Wait waits for a card until the context ends, where otherwise opening fails
	// with ErrNoCard or ErrNoReader. A virtual reader always waits.
	Wait bool
	// Lenient lets a recorded card answer its commands in any order; see Replay.
	Lenient bool
	// Cooked makes the card answer as if it had no transmission protocol T=0; see
	// Cook.
	Cooked bool
	// Listening, if not nil, is called when a virtual reader is ready for a card,
	// with its address.
	Listening func(address string)
}

// Open opens a card by the name of its reader; see [ParseName]. The context
// bounds the opening, not the life of the card.
func Open(ctx context.Context, name string, doors Doors) (Card, error) {
	n, err := ParseName(name)
	if err != nil {
		return nil, err
	}
	var card Card
	switch n.Door {
	case Sim:
		if doors.Sim == nil {
			return nil, &Error{
				Doing: "opening " + name, Kind: ErrUnavailable, Cause: fmt.Errorf("this program makes no cards"),
				Hint: "use pcsc:NAME, vpcd:PORT or replay:FILE",
			}
		}
		card, err = doors.Sim(ctx, n.Rest)
	case PCSC:
		card, err = openPCSC(ctx, n.Rest, doors)
	case VPCD:
		card, err = openVPCD(ctx, n.Port, doors.Listening)
	case Recording:
		card, err = openReplay(n.Rest, doors.Lenient)
	}
	if err != nil {
		return nil, err
	}
	if doors.Cooked {
		card = Cook(card)
	}
	return card, nil
}
