package timeline

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// State is where a break stands (section 4). Numbers are for ever.
type State uint8

// The states.
const (
	Suspected   State = 1  // doubt row, no later observation
	Expected    State = 2  // value is missing or a bit is open, and the window is not over
	Provisional State = 3  // credited by policy before the window is over
	Proven      State = 4  // the customer lacks it: refund once
	Collectable State = 5  // doubt row, the card paid and the service was given: pay the operator
	Late        State = 6  // a valid row came after the refund
	Disproved   State = 7  // nothing is missing after all
	Unbacked    State = 8  // presented although the card never paid: dispute with the acquirer
	Impossible  State = 9  // value came from nowhere: block, freeze, report
	LostUpload  State = 10 // as expected, and a terminal has a gap in its sequence in that time
)

var stateNames = [...]string{Suspected: "suspected", Expected: "expected", Provisional: "provisional", Proven: "proven", Collectable: "collectable",
	Late: "late", Disproved: "disproved", Unbacked: "unbacked", Impossible: "impossible", LostUpload: "lost upload"}

// Valid reports whether s is one of the states above.
func (s State) Valid() bool { return s >= Suspected && s <= LostUpload }

// String is the state in English.
func (s State) String() string {
	if !s.Valid() {
		return "invalid"
	}
	return stateNames[s]
}

// Waiting reports whether time alone can change the state.
func (s State) Waiting() bool {
	return s == Suspected || s == Expected || s == Provisional || s == LostUpload
}

// Part says which part of a pair a break is about. Numbers are for ever.
type Part uint8

// The parts.
const (
	PartDoubt Part = 1 // the doubt row at P
	PartLoad  Part = 2 // the load at P
	PartRow   Part = 3 // the presented row at P
	PartGap   Part = 4 // the missing counters between P and Q
	PartPair  Part = 5 // P and the missing counters together: the name is open
	// PartPast is a stretch from P to Q over which a break was found before: what
	// became of it. PartStands is the same, for what refused rows left standing.
	PartPast   Part = 6
	PartStands Part = 7
	PartHold   Part = 8 // the hold at P, which nobody has completed
)

var partNames = [...]string{PartDoubt: "doubt", PartLoad: "load", PartRow: "row", PartGap: "gap", PartPair: "pair", PartPast: "past", PartStands: "stands", PartHold: "hold"}

// String is the part in one English word.
func (p Part) String() string {
	if p < PartDoubt || p > PartHold {
		return "invalid"
	}
	return partNames[p]
}

// Break is one thing about a card that is not clean. P, Q and Part are unique within
// a judgement.
type Break struct {
	P, Q   uint16    // the pair; Q is 0 while there is no later observation
	Part   Part      //
	State  State     //
	Amount money.Fen // what is certain: to refund, to collect, in dispute, or offered
	// Contested is what more belongs either to the customer or to the operator of
	// P and cannot be told apart: a doubt row with service given, bit open.
	Contested money.Fen
	Missing   int            // counters between P and Q
	Named     bool           // the exact counter is known
	ByLog     bool           // the name comes from the card's own log, which is under no MAC (Card.Logged)
	Held      bool           // due, but withheld because the card is frozen
	Waits     bool           // due, and not asked for before two people have approved it (Params.ApproveAbove, Card.Grant)
	Stands    bool           // Late only: the row was refused and the refund stands
	Since     int64          // when this state was entered: the time of the judgement
	Arose     int64          // since when it can be seen: the greatest time up to Q, or up to P while there is no Q
	Final     int64          // when it becomes final by the window, 0 if it needs no time
	Terminal  txn.TerminalID // terminal of P, or the one with the sequence gap
	Basis     Basis          // whether it needs a terminal's word
}

// Purpose is why money moves, or why a card is stopped. Numbers are for ever.
type Purpose uint8

// The purposes. Those without a note move Amount in the direction of the name.
const (
	Refund             Purpose = 1  // float to customer
	ProvisionalCredit  Purpose = 2  // float to customer, marked; counts as refunded when the break is proven
	ReverseProvisional Purpose = 3  // customer to float
	CollectForOperator Purpose = 4  // float to operator
	ReverseRefund      Purpose = 5  // customer to float, because a late row was accepted
	LateRefused        Purpose = 6  // nothing moves: the refund stands, the row was refused
	Freeze             Purpose = 7  // stop the card, report
	Release            Purpose = 8  // what froze the card has been explained
	ReverseCollect     Purpose = 9  // operator to float: the row was presented after all
	ClaimUnbacked      Purpose = 10 // claim on the acquirer to float
	ReverseClaim       Purpose = 11 // undo ClaimUnbacked
)

var purposeNames = [...]string{Refund: "refund", ProvisionalCredit: "provisional credit", ReverseProvisional: "reverse provisional",
	CollectForOperator: "collect for operator", ReverseRefund: "reverse refund", LateRefused: "late refused", Freeze: "freeze", Release: "release",
	ReverseCollect: "reverse collect", ClaimUnbacked: "claim unbacked", ReverseClaim: "reverse claim"}

// Valid reports whether p is one of the purposes above.
func (p Purpose) Valid() bool { return p >= Refund && p <= ReverseClaim }

// String is the purpose in English.
func (p Purpose) String() string {
	if !p.Valid() {
		return "invalid"
	}
	return purposeNames[p]
}

// MovesMoney reports whether an action of this purpose needs a posting.
func (p Purpose) MovesMoney() bool {
	return p.Valid() && p != LateRefused && p != Freeze && p != Release
}

// Key names an action for ever. Two actions with one key are the same action.
type Key struct {
	Card    txn.CardKey
	P, Q    uint16 // equal when the action is about one counter
	Purpose Purpose
	Number  uint16 // counts the actions on (Card, P, Q) from 1
}

// KeySize is the length of the form that Bytes gives.
const KeySize = txn.CardKeySize + 7

// Bytes is card key, P, Q, purpose and number, big-endian: the idempotency key for
// the ledger. It holds the account number in clear, as the card key does.
func (k Key) Bytes() [KeySize]byte {
	var b [KeySize]byte
	card := k.Card.Bytes()
	n := copy(b[:], card[:])
	binary.BigEndian.PutUint16(b[n:], k.P)
	binary.BigEndian.PutUint16(b[n+2:], k.Q)
	b[n+4] = byte(k.Purpose)
	binary.BigEndian.PutUint16(b[n+5:], k.Number)
	return b
}

// String shows the key with the account number masked.
func (k Key) String() string {
	return fmt.Sprintf("%s %04X-%04X %s #%d", k.Card, k.P, k.Q, k.Purpose, k.Number)
}

// Action is one thing to be done, exactly once, by whoever holds the books.
type Action struct {
	Key      Key
	Amount   money.Fen
	Terminal txn.TerminalID // terminal of P: whose operator collects or is claimed against
}

// AlarmKind says what is wrong with a card or a terminal. Numbers are for ever.
type AlarmKind uint8

// The alarms (section 5).
const (
	CloneAlarm      AlarmKind = 1 // one counter, two different valid cryptograms
	ReplayAlarm     AlarmKind = 2 // one cryptogram, presented by two terminals or under two sequence numbers
	ImpossibleAlarm AlarmKind = 3 // value came from nowhere
	ClockAlarm      AlarmKind = 4 // counter order against clock order: test the terminals' clocks, then suspect a clone
	ArchivedAlarm   AlarmKind = 5 // older than what this timeline still holds: not added
	WordAlarm       AlarmKind = 6 // what the terminal said beside the MACs (amount held, DF63, balance of a purse) is not so, or what a log of the card says
)

var alarmNames = [...]string{CloneAlarm: "clone", ReplayAlarm: "replay", ImpossibleAlarm: "impossible", ClockAlarm: "clock", ArchivedAlarm: "archived", WordAlarm: "word"}

// String is the alarm in one English word.
func (k AlarmKind) String() string {
	if k < CloneAlarm || k > WordAlarm {
		return "invalid"
	}
	return alarmNames[k]
}

// Alarm names the counters and the terminals that do not agree.
type Alarm struct {
	Kind AlarmKind
	P, Q uint16
	A, B txn.TerminalID // terminals of the two observations
}

// Flash is a doubt row of which every feasible assignment says that the card paid.
type Flash struct {
	Card      txn.CardKey
	ATC       uint16
	Amount    money.Fen
	Service   bool  // the service was given: due to the operator, not to the customer
	Basis     Basis // soft if it needs a terminal's word
	DecidedAt int64 // time of the first judgement that could tell
}
