package dispute

import "slices"

// Step is what a party does. The words are stored and never change their meaning.
type Step string

// The steps. Open begins every case; Lapsed is what time does, Claimed and Unclaimed what
// reconciliation does.
const (
	Open             Step = "open"
	Query            Step = "query"             // issuer asks for proof (查询/调单)
	Answer           Step = "answer"            // acquirer answers
	CreditAdjustment Step = "credit_adjustment" // acquirer gives money back by itself (贷记调整)
	RequestPayment   Step = "request_payment"   // acquirer asks for a row that was not paid (请款)
	AcceptPayment    Step = "accept_payment"
	RefusePayment    Step = "refuse_payment"
	Chargeback       Step = "chargeback" // issuer takes the money back (一次退单)
	Represent        Step = "represent"  // acquirer presents the row again (再请款)
	SecondChargeback Step = "second_chargeback"
	Arbitrate        Step = "arbitrate"   // acquirer calls the network (仲裁)
	RuleIssuer       Step = "rule_issuer" // the network decides for the issuer
	RuleAcquirer     Step = "rule_acquirer"
	Withdraw         Step = "withdraw" // issuer gives up what it has not got
	Lapsed           Step = "lapsed"
	Claimed          Step = "claimed"   // reconciliation has found that the card never paid the row
	Unclaimed        Step = "unclaimed" // reconciliation has taken that back
)

// Party is who takes a step.
type Party string

// The parties.
const (
	Issuer   Party = "issuer"
	Acquirer Party = "acquirer"
	Network  Party = "network"
	Time     Party = "time"
	Recon    Party = "reconciliation"
)

// State is where a case stands. The words are stored and never change their meaning.
type State string

// The states. The last six are the end of a case.
const (
	Opened           State = "opened"
	Queried          State = "queried"  // waits for the acquirer's answer
	Answered         State = "answered" // the issuer looks at it
	PaymentRequested State = "payment_requested"
	ChargedBack      State = "charged_back"
	Represented      State = "represented"
	ChargedBackAgain State = "charged_back_again"
	Arbitration      State = "arbitration"

	Adjusted  State = "adjusted"  // the acquirer gave the money back
	Won       State = "won"       // the issuer's side keeps the money
	Lost      State = "lost"      // the acquirer keeps it
	Withdrawn State = "withdrawn" // the issuer gave up
	Paid      State = "paid"      // the acquirer's request was accepted
	Refused   State = "refused"   // it was not
)

// Closed reports whether a case is at its end.
func (s State) Closed() bool {
	return slices.Contains([]State{Adjusted, Won, Lost, Withdrawn, Paid, Refused}, s)
}

// transition is one line of the machine.
type transition struct {
	from State
	step Step
	by   Party
	to   State
	move Kind // 0: no money
}

// machine is every step that there is; Rules say which of them a trade allows.
var machine = []transition{
	{Opened, Query, Issuer, Queried, 0},
	{Queried, Answer, Acquirer, Answered, 0},
	{Opened, CreditAdjustment, Acquirer, Adjusted, GiveBack},
	{Queried, CreditAdjustment, Acquirer, Adjusted, GiveBack},
	{Answered, CreditAdjustment, Acquirer, Adjusted, GiveBack},
	{Opened, RequestPayment, Acquirer, PaymentRequested, 0},
	{PaymentRequested, AcceptPayment, Issuer, Paid, Pay},
	{PaymentRequested, RefusePayment, Issuer, Refused, 0},
	{Opened, Chargeback, Issuer, ChargedBack, TakeBack},
	{Queried, Chargeback, Issuer, ChargedBack, TakeBack},
	{Answered, Chargeback, Issuer, ChargedBack, TakeBack},
	{ChargedBack, Represent, Acquirer, Represented, Return},
	{Represented, SecondChargeback, Issuer, ChargedBackAgain, TakeBack},
	{ChargedBackAgain, Arbitrate, Acquirer, Arbitration, 0},
	{Arbitration, RuleIssuer, Network, Won, 0},
	{Arbitration, RuleAcquirer, Network, Lost, Return},
	{Opened, Withdraw, Issuer, Withdrawn, 0},
	{Queried, Withdraw, Issuer, Withdrawn, 0},
	{Answered, Withdraw, Issuer, Withdrawn, 0},
	{Represented, Withdraw, Issuer, Withdrawn, 0},
}

// lapses say what becomes of a case when every deadline of its state has passed.
var lapses = map[State]State{Opened: Lost, Queried: Answered, Answered: Lost, PaymentRequested: Refused, ChargedBack: Won, Represented: Lost, ChargedBackAgain: Won}

// ruled are the states that time does not end: the network must decide.
const ruled = Arbitration

// Kind is what a move is for. Numbers are for ever.
type Kind uint8

// The kinds of moves. Issuer's side: the claim on the acquirer, else the customer.
const (
	GiveBack Kind = 1 // acquirer to issuer's side: credit adjustment
	TakeBack Kind = 2 // acquirer to issuer's side: chargeback
	Return   Kind = 3 // issuer's side to acquirer: re-presentment, or a ruling for it
	Pay      Kind = 4 // customer to acquirer: a request for payment was accepted
	WriteOff Kind = 5 // loss to claim: what the issuer does not get back
	ToClaim  Kind = 6 // customer to claim: what it got for a row that its card never paid
	TakeUp   Kind = 7 // claim to loss: a write-off undone, because there is no claim
)

var kindNames = [...]string{GiveBack: "give back", TakeBack: "take back", Return: "return", Pay: "pay", WriteOff: "write off", ToClaim: "to claim", TakeUp: "take up"}

// String is the kind in English.
func (k Kind) String() string {
	if k < GiveBack || k > TakeUp {
		return "invalid"
	}
	return kindNames[k]
}

// gain is what a move adds to what the issuer's side has got: 1, -1 or 0 times it.
func (k Kind) gain() int {
	switch k {
	case GiveBack, TakeBack:
		return 1
	case Return:
		return -1
	}
	return 0
}
