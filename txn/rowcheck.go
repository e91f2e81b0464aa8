package txn

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
)

const (
	max24 = 1<<24 - 1
	max32 = 1<<32 - 1
)

// check holds the rules that every stored row obeys.
func (r *Row) check() error {
	if r.Scheme > Purse {
		return fmt.Errorf("scheme %d is not defined", r.Scheme)
	}
	if !r.Kind.Valid() {
		return fmt.Errorf("kind %d is not defined", r.Kind)
	}
	if unknown := r.Flags &^ flagsKnown; unknown != 0 {
		return fmt.Errorf("flags %04X: bits %04X are not defined", uint16(r.Flags), uint16(unknown))
	}
	reason := r.Flags.Reason()
	if reason >= doubtReasonCount {
		return fmt.Errorf("doubt reason %d is not defined", reason)
	}
	if explained := r.Kind == Doubt || r.Kind == Declined; explained != (reason != NoDoubt) {
		return fmt.Errorf("kind %s with doubt reason %d: doubt and declined rows have one, others none", r.Kind, reason)
	}
	if err := r.Card.PAN.Validate(); err != nil {
		return err
	}
	if r.Kind == Entry && r.Amount != 0 {
		return errors.New("an entry row carries amount 0")
	}
	for _, f := range [...]struct {
		name  string
		value money.Fen
		limit money.Fen
	}{
		{"amount", r.Amount, max32}, {"fare before discounts", r.FullFare, max24},
		{"month sum", r.MonthSum, max24}, {"amount held", r.Held, max32},
		{"time", money.Fen(r.Time), max32}, {"entry time", money.Fen(r.EntryTime), max32},
	} {
		if f.value < 0 || f.value > f.limit {
			return fmt.Errorf("%s %d is outside 0..%d", f.name, int64(f.value), int64(f.limit))
		}
	}
	if r.Scheme == Purse {
		return r.checkPurse()
	}
	return nil
}

// ContentKey is what the card vouched for: cryptogram, 9F10, amount and 9F37.
// Two rows with one counter and one ContentKey are the same payment, wherever
// and however often they are presented; with two, the card exists twice.
//
// Three bytes of 9F10 are left out as zeros: the key index and the last two bytes
// of the CVR. Under CVN 17 neither cryptogram nor balance MAC covers them, so a
// terminal could change them and make one payment look like two. Of a purse row
// key version, balance, overdraft limit and MAC1 are left out: neither TAC nor MAC2
// covers them.
func (r *Row) ContentKey() [40]byte {
	var k [40]byte
	copy(k[:8], r.AC[:])
	copy(k[8:32], r.IAD[:])
	if r.Scheme == Purse {
		k[8+1] = 0
		clear(k[8+purseBefore : 8+purseTerminal])
	} else {
		k[8+1], k[8+5], k[8+6] = 0, 0, 0
	}
	k[32], k[33], k[34], k[35] = byte(r.Amount>>24), byte(r.Amount>>16), byte(r.Amount>>8), byte(r.Amount)
	copy(k[36:], r.UN[:])
	return k
}

// IssuerData is tag 9F10 without the row's padding: eight bytes, and the
// discretionary part, which begins with its own length, if there is one (JR/T
// 0025.12, annex D; that length is never 0). A row has one form only: if what
// lies behind is no padding, or the layout is another, the whole field is given,
// which is then no 9F10.
func (r *Row) IssuerData() []byte {
	n := 8
	if r.IAD[8] != 0 {
		n += 1 + int(r.IAD[8])
	}
	if r.IAD[0] != 7 || n > len(r.IAD) {
		return r.IAD[:]
	}
	for _, pad := range r.IAD[n:] {
		if pad != 0 {
			return r.IAD[:]
		}
	}
	return r.IAD[:n]
}
