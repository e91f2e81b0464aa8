package txn

// Kind says what a row records. Numbers are for ever.
type Kind uint8

// The kinds of rows, with the numbers that the row carries.
const (
	Purchase   Kind = 1 // one tap, one price: bus, shop
	Entry      Kind = 2 // gate in, amount 0
	Exit       Kind = 3 // gate out, carries the fare
	Single     Kind = 4 // single deduction under the transit extension
	Hold       Kind = 5 // pre-authorisation: amount held, no TC
	Completion Kind = 6 // completion of a hold
	Doubt      Kind = 7 // a tap whose end the terminal does not know
	Declined   Kind = 8 // a refused tap
)

var kindNames = [...]string{1: "purchase", "entry", "exit", "single", "hold", "completion", "doubt", "declined"}

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool { return k >= Purchase && k <= Declined }

// String is the English word for the kind.
func (k Kind) String() string {
	if !k.Valid() {
		return "invalid"
	}
	return kindNames[k]
}

// Paid reports whether a valid row of this kind asks the issuer for money.
func (k Kind) Paid() bool {
	return k == Purchase || k == Exit || k == Single || k == Completion
}

// Flags say what the terminal knows about the end of a tap.
type Flags uint16

// Bits of Flags. Bits 7 to 10 hold the DoubtReason; the two station-record bits
// are our addition to the format.
const (
	LastRecordRead Flags = 1 << 0  // the last record of the AFL answered 9000
	ODAVerified    Flags = 1 << 1  // certificates and SDAD verified
	Tag9F69Checked Flags = 1 << 2  // fDDA version 01: SDAD covers 9F69 of the last record
	ServiceGiven   Flags = 1 << 3  // the gate opened, the passage was seen
	ClosedByProve  Flags = 1 << 4  // completed by GET TRANS PROVE
	ClosedByRetap  Flags = 1 << 5  // completed by a second tap at the same gate array
	EvidenceKept   Flags = 1 << 6  // SDAD and certificates are in the block's evidence part
	EntryUnread    Flags = 1 << 11 // no entry record could be read: highest fare deducted
	MonthUnread    Flags = 1 << 12 // no month sum could be read: undiscounted fare deducted
	flagsKnown           = LastRecordRead | ODAVerified | Tag9F69Checked | ServiceGiven | ClosedByProve | ClosedByRetap | EvidenceKept | 0x0F<<doubtShift | EntryUnread | MonthUnread
	doubtShift           = 7
	doubtMask      Flags = 0x0F << doubtShift
)

// DoubtReason says why a row is a doubt row or a declined row, 4 bits.
type DoubtReason uint8

// Reasons, numbered for ever. 0 stands in every row of another kind.
const (
	NoDoubt          DoubtReason = 0
	LeftBeforeLast   DoubtReason = 1  // the card left before the last record was asked for: it cannot have paid
	LastAnswerLost   DoubtReason = 2  // the last record was asked for, no answer came
	ODAFailed        DoubtReason = 3  // certificate or SDAD did not verify
	DenyListed       DoubtReason = 4  // found on the deny list after the card had committed or answered
	GateFault        DoubtReason = 5  // the gate did not open
	CardDeclined     DoubtReason = 6  // the card answered AAC
	OnlineAsked      DoubtReason = 7  // the card answered ARQC at an offline-only gate
	NotYetValid      DoubtReason = 8  // processing restrictions: effective date
	Expired          DoubtReason = 9  // processing restrictions: expiry date
	MissingCardData  DoubtReason = 10 // a mandatory data object was missing
	FareNotComputed  DoubtReason = 11 // no price could be found after the card had answered
	doubtReasonCount             = 12
)

var doubtNames = [doubtReasonCount]string{"", "left before last record", "last answer lost", "offline authentication failed",
	"deny-listed", "gate fault", "declined by the card", "card asked to go online", "not yet valid", "expired", "card data missing", "no fare"}

// String is the reason in words.
func (r DoubtReason) String() string {
	if int(r) >= len(doubtNames) {
		return "invalid"
	}
	return doubtNames[r]
}

// Reason is the doubt reason inside the flags.
func (f Flags) Reason() DoubtReason { return DoubtReason(f & doubtMask >> doubtShift) }

// WithReason returns the flags with the reason set.
func (f Flags) WithReason(r DoubtReason) Flags {
	return f&^doubtMask | Flags(r)<<doubtShift&doubtMask
}

// Has reports whether all bits of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }
