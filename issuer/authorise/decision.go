package authorise

import (
	"fmt"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Code is field 39 (GB/T 15150): what the issuer answers.
type Code [2]byte

// The codes that this issuer gives.
var (
	Approved       = Code{'0', '0'}
	Invalid        = Code{'1', '2'} // a transaction that this request cannot be
	InvalidAmount  = Code{'1', '3'}
	NoSuchCard     = Code{'1', '4'}
	FormatError    = Code{'3', '0'}
	LostCard       = Code{'4', '1'}
	StolenCard     = Code{'4', '3'}
	Insufficient   = Code{'5', '1'}
	Expired        = Code{'5', '4'}
	WrongPIN       = Code{'5', '5'}
	NotPermitted   = Code{'5', '7'} // not for this card
	Suspected      = Code{'5', '9'} // a counter that was used before, a wrong check value on a stripe
	OverLimit      = Code{'6', '1'}
	RestrictedCard = Code{'6', '2'}
	Violation      = Code{'6', '3'} // a wrong cryptogram or balance MAC
	PINTries       = Code{'7', '5'}
	Duplicate      = Code{'9', '4'} // another request with this counter was answered before
)

// String gives the two characters.
func (c Code) String() string { return string(c[:]) }

// Number names a request of a card: by the card's counter, or, for a stripe, which
// has none, by the terminal's sequence number.
type Number struct {
	Counter  bool
	ATC      uint16         // 9F36, if Counter
	Terminal txn.TerminalID // if not
	Sequence uint32
}

// String is "counter 5" or "terminal 1/7".
func (n Number) String() string {
	if n.Counter {
		return fmt.Sprintf("counter %d", n.ATC)
	}
	return fmt.Sprintf("terminal %d/%d", n.Terminal, n.Sequence)
}

// State of a decision. Numbers are for ever.
type State uint8

// The states. An approved purchase stays Agreed; a load or unload is Agreed until the
// card's next request or a reversal says what became of it. Of these two the card is
// believed: it can prove what it says.
const (
	Refused   State = 1 // nothing was moved
	Agreed    State = 2 // the account was moved
	Undone    State = 3 // moved back, or reversed before the request came
	Doubtful  State = 4 // the terminal does not know whether the card carried out a load
	Confirmed State = 5 // the card has shown the balance after the load
)

// Decision is what the issuer has decided about one request, kept for ever.
type Decision struct {
	Number Number
	// Digest of the request: a repeat is answered as before, anything else refused.
	Digest [32]byte
	// WithoutPIN is that of the request without its PIN block, by which a reversal
	// names it: no terminal keeps a PIN block.
	WithoutPIN [32]byte
	State      State
	Kind       txn.OnlineKind
	Answer     txn.OnlineAnswer
	// Moved is what the account has from this decision now, negative for a debit.
	Moved money.Fen
	// Before and After are the electronic cash balance that the card stated, and the
	// one that the script sets: loads and unloads only.
	Before, After money.Fen
	// Note says in words why the code is what it is.
	Note string
	// Time is the terminal's clock in the request, unix seconds.
	Time int64
	// Shown says that State rests on a balance that the card has stated under its MAC
	// since; false: on the request itself or on a terminal's word.
	Shown bool
	// Told says that a terminal has reported the script of a load or unload as carried
	// out (Authoriser.Advise, or a reversal that was refused for it). That is under no MAC.
	Told bool
}

// ChangesCash tells whether the decision changes electronic cash on the card.
func (d *Decision) ChangesCash() bool { return d.Kind == txn.OnlineLoad || d.Kind == txn.OnlineUnload }

// digests are Decision.Digest, which covers everything that a terminal says in a
// request, and Decision.WithoutPIN.
func digests(q *txn.OnlineRequest) (whole, withoutPIN [32]byte) {
	b := make([]byte, 0, 512)
	key := q.Card.Bytes()
	b = append(append(b, "citycard online request"...), key[:]...)
	b = append(b, byte(q.Kind), byte(q.Entry), q.Expiry[0], q.Expiry[1], q.Currency[0], q.Currency[1])
	for _, v := range [...]uint64{uint64(q.Amount), uint64(q.Time), uint64(q.Terminal), uint64(q.Sequence), uint64(len(q.ICC)), uint64(len(q.Track2))} {
		b = append(b, byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	b = append(append(b, q.ICC...), q.Track2...)
	withoutPIN = sm3.Sum(b)
	if !q.HasPIN {
		return withoutPIN, withoutPIN
	}
	return sm3.Sum(append(b, q.PINBlock[:]...)), withoutPIN
}

// authCode is field 38: six digits that follow from the request, so that a repeat has
// the same ones.
func authCode(d [32]byte) string {
	v := uint32(d[0])<<24 | uint32(d[1])<<16 | uint32(d[2])<<8 | uint32(d[3])
	return fmt.Sprintf("%06d", v%1_000_000)
}
