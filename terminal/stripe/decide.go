package stripe

import "github.com/citycard/citycard/txn"

// ChipTry is what happened when the card's chip was tried before. Numbers are for
// ever.
type ChipTry uint8

// What a chip may have done.
const (
	ChipNotTried    ChipTry = 0
	ChipMute        ChipTry = 1 // no answer to reset, or none that is possible
	ChipNoCommon    ChipTry = 2 // it answered, and has no application that the terminal takes
	ChipBlocked     ChipTry = 3 // card or application is blocked (6A81 or 6283 to SELECT)
	ChipRefused     ChipTry = 4 // the transaction was declined, by chip, terminal or issuer
	ChipBroken      ChipTry = 5 // it answered, and the transaction broke off later
	ChipCancelled   ChipTry = 6 // cardholder or merchant gave up
	maxChipFailures         = 3
)

// Circumstances are what the terminal knows besides the stripe.
type Circumstances struct {
	Time int64 // unix seconds; the month is taken at UTC+8
	// ChipReader says that the terminal has a chip reader that works.
	ChipReader bool
	Chip       ChipTry
	// Mute counts how often the chip gave no answer to reset.
	Mute int
	// Fallback says that the acquirer takes the stripe of a chip card whose chip is mute.
	Fallback bool
	PINPad   bool
	Online   bool // the issuer can be asked now
	Cash     bool // cash at a counter, not goods or services
	TestCard bool // the terminal takes test cards
}

// Action is what a terminal does with a stripe. Numbers are for ever.
type Action uint8

// The actions.
const (
	Refuse  Action = 1
	UseChip Action = 2 // ask for the chip
	Accept  Action = 3 // go online with track 2
)

// Reason says why. Numbers are for ever.
type Reason uint8

// The reasons.
const (
	Usual           Reason = 0 // a card without a chip, or a terminal without a chip reader
	Fallback        Reason = 1 // the chip is mute
	ChipFirst       Reason = 2 // the card has a chip: insert it
	ChipAgain       Reason = 3 // the chip was mute: insert it again
	ChipDecides     Reason = 4 // the chip has spoken; the stripe may not overrule it
	Blocked         Reason = 5 // card or application is blocked
	NoCommon        Reason = 6 // the chip has no application that is taken here
	FallbackRefused Reason = 7 // the acquirer takes no stripe of a chip card
	Expired         Reason = 8
	NoExpiry        Reason = 9  // the track has no expiry date
	UnknownService  Reason = 10 // a service code without a meaning
	OnlyByAgreement Reason = 11 // service code 7xx
	TestOnly        Reason = 12 // service code 9xx
	NotForThis      Reason = 13 // the third digit forbids goods or cash
	NoPINPad        Reason = 14 // a PIN is required
	IssuerOffline   Reason = 15 // a stripe is always authorised online
)

// Verdict is what a terminal does with a stripe.
type Verdict struct {
	Action Action
	Reason Reason
	// Entry is field 22 of the authorisation, for Accept.
	Entry txn.EntryMode
	PIN   PINRule
	// Luhn says that the check digit of the account number is right. It is told to the
	// operator and decides nothing: some Chinese cards have none.
	Luhn bool
}

// Decide says what a terminal does with a track 2. A stripe proves nothing by
// itself, so it is only ever sent to the issuer; whether it may be used at all
// follows from the service code and from what the chip did.
func Decide(t Track2, c Circumstances) Verdict {
	v := Verdict{Action: Refuse, Luhn: luhn(t.PAN), Entry: txn.EntryStripe}
	if t.HasService {
		v.PIN = t.Service.PIN()
	}
	v.Reason = reason(t, c)
	switch v.Reason {
	case Usual:
		v.Action = Accept
	case Fallback:
		v.Action, v.Entry = Accept, txn.EntryFallback
	case ChipFirst, ChipAgain:
		v.Action = UseChip
	}
	if v.Action != Accept {
		v.Entry = 0
	}
	return v
}

// reason finds the first rule that applies: what the chip has said comes before
// all, for a stripe must not help where the chip was refused. Then comes the chip
// itself, to which dates and services of the stripe say nothing.
func reason(t Track2, c Circumstances) Reason {
	switch c.Chip {
	case ChipNotTried, ChipMute:
	case ChipBlocked:
		return Blocked
	case ChipNoCommon:
		return NoCommon
	default:
		return ChipDecides
	}
	chip := t.HasService && t.Service.Chip()
	switch {
	case chip && c.ChipReader && c.Chip == ChipNotTried:
		return ChipFirst
	case chip && c.ChipReader && c.Mute < maxChipFailures:
		return ChipAgain
	}
	if r := restriction(t, c); r != Usual {
		return r
	}
	instead := chip && (c.ChipReader || c.Chip == ChipMute) // of a chip that could have been read
	switch {
	case instead && !c.Fallback:
		return FallbackRefused
	case !c.Online:
		return IssuerOffline
	case t.HasService && t.Service.PIN() == PINRequired && !c.PINPad:
		return NoPINPad
	case instead:
		return Fallback
	}
	return Usual
}

// restriction looks at dates and services.
func restriction(t Track2, c Circumstances) Reason {
	s := t.Service
	switch {
	case !t.HasExpiry:
		return NoExpiry
	case expired(t.Expiry, txn.MonthBCD(c.Time)):
		return Expired
	case !t.HasService:
		return Usual
	case !s.Known():
		return UnknownService
	case s.Private():
		return OnlyByAgreement
	case s.Test() && !c.TestCard:
		return TestOnly
	case c.Cash && !s.Cash(), !c.Cash && !s.Goods():
		return NotForThis
	}
	return Usual
}

// expired compares YYMM in BCD; years from 50 on are of the 1900s, as in EMV Book
// 4, 6.7.3.
func expired(yymm, now [2]byte) bool {
	century := func(m [2]byte) int {
		n := int(m[0])<<8 | int(m[1])
		if m[0] < 0x50 {
			n += 1 << 16
		}
		return n
	}
	return century(yymm) < century(now)
}

// luhn checks the last digit (ISO/IEC 7812-1, annex B).
func luhn(p txn.PAN) bool {
	d := p.Digits()
	if len(d) < 2 {
		return false
	}
	return txn.Luhn(d[:len(d)-1]) == d[len(d)-1]
}
