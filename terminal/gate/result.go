package gate

import (
	"fmt"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Action is what the host does next: exactly one of its fields is set.
type Action struct {
	Send   []byte // command for the card; valid until the next Step
	Remove bool   // say "take your card away" and report kernel.CardRemoved
	Done   *Result
}

// Result is the end of a tap: store Records, then open and show. It belongs to
// the Gate until the next Begin; copy what is kept.
type Result struct {
	Opened  bool
	Display Display
	// Records are to be stored first, in this order. They may be of other terminals
	// of the array: Row.Terminal names the owner, whose sequence they take.
	Records []Record
	// Card is whom it was about, zero if unknown.
	Card txn.CardKey
	// Amount was deducted from the card for the pass (also when it was an earlier,
	// torn tap that paid).
	Amount money.Fen
	// Balance is what is left on the card, as it said itself; -1 if unknown.
	Balance money.Fen
	// Retap says that the tap waits in the Array for its card to come back.
	Retap bool
	// Fault is the kernel's reason for a refusal.
	Fault kernel.Fault
	// RecordsErr says that the station records did not take an entry or a closing.
	RecordsErr error
}

// Record is a row with the evidence that belongs beside it in a block.
type Record struct {
	Row      txn.Row  // sequence number not yet given
	Evidence Evidence // empty unless Row.Flags has EvidenceKept
}

// Evidence lets anyone with the CA keys check a tap: the dynamic signature (9F4B)
// and what it is verified with. Card.PAN is not set: it is in the row.
type Evidence struct {
	SDAD []byte
	Card oda.CardData
}

// Format keeps the static data, which contain the account number, out of logs.
func (e Evidence) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "evidence(9F4B %d bytes, CA key %02X)", len(e.SDAD), e.Card.CAIndex)
}

// evidenceOf takes what proves a tap; complete says that certificates and
// signature are there.
func evidenceOf(d *kernel.Data) (e Evidence, complete bool) {
	e.Card = d.CardData()
	e.Card.PAN = [10]byte{}
	e.SDAD = d.Get(tlv.TagSDAD)
	return e, len(e.SDAD) > 0 && len(e.Card.IssuerCert) > 0 && len(e.Card.CardCert) > 0
}
