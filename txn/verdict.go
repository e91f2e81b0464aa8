package txn

// Verdict is the result of clearing one presented row, in order of precedence.
// Numbers are stored and never change their meaning.
type Verdict uint8

// The verdicts. All but Cleared, Checkpoint and Noted refuse the row.
const (
	Cleared            Verdict = 0 // paid row: enters nets and postings
	Checkpoint         Verdict = 1 // verified, nothing to pay: a row over amount 0
	Noted              Verdict = 2 // doubt or declined row: an observation
	BadCryptogram      Verdict = 3 // TC does not verify
	BadBalanceMAC      Verdict = 4 // balance MAC in 9F10 does not verify
	Duplicate          Verdict = 5 // same counter, same content: cleared before
	ConflictingCounter Verdict = 6 // same counter, another valid TC: the card exists twice
	DeniedCard         Verdict = 7 // card was on the deny list
	LateOverLimit      Verdict = 8 // presented after the limit
	BadCardData        Verdict = 9 // 9F10 cannot be read, names an unknown key or issuer, or says that the card did not approve; a kind of row that is not defined; a card whose stored state is damaged
	verdictCount               = 10
)

var verdictKeys = [verdictCount]string{"cleared", "checkpoint", "noted", "bad_cryptogram", "bad_balance_mac", "duplicate",
	"conflicting_counter", "denied_card", "late_over_limit", "bad_card_data"}

// String is the key under which the verdict is counted, e.g. "bad_cryptogram".
func (v Verdict) String() string {
	if v >= verdictCount {
		return "invalid"
	}
	return verdictKeys[v]
}

// Refused reports whether the row was turned down.
func (v Verdict) Refused() bool { return v >= BadCryptogram }
