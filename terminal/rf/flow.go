package rf

// Flow is a way through a transaction that has a budget.
type Flow uint8

// The flows.
const (
	QPBOC        Flow = iota // purchase over the air, offline
	QPBOCOnline              // purchase over the air for which the card asks the issuer
	StripeData               // magnetic stripe data over the air, either way
	DebitAir                 // debit/credit over the air
	DebitContact             // debit/credit over the contacts, with the payment directory
	CashContact              // electronic cash over the contacts
	Load                     // load of electronic cash, with its script
	Recovery                 // second tap after a torn purchase, up to the proof
	Journey                  // exit gate at a card that carries its journeys (JR/T 0025.14)
	flows
)

var flowNames = [flows]string{
	"qPBOC purchase", "qPBOC online", "magnetic stripe data", "debit/credit over the air", "debit/credit over the contacts",
	"electronic cash over the contacts", "load", "recovery",
	"journey",
}

// String is the flow in words.
func (f Flow) String() string {
	if f >= flows {
		return "unknown flow"
	}
	return flowNames[f]
}

// budgets are our choice: what the flows of this program need with any of its
// development cards and keys, and a fifth to a third more. The seven commands of a
// qPBOC purchase are the directory, the application, the processing options and four
// records; the nine of a journey READ CAPP DATA, two of UPDATE CAPP DATA CACHE and a
// record less beside them.
var budgets = [flows]Budget{
	QPBOC:        {APDUs: 7, Sent: 130, Received: 1100},
	QPBOCOnline:  {APDUs: 4, Sent: 110, Received: 350},
	StripeData:   {APDUs: 5, Sent: 120, Received: 400},
	DebitAir:     {APDUs: 11, Sent: 220, Received: 1400},
	DebitContact: {APDUs: 18, Sent: 450, Received: 1600},
	CashContact:  {APDUs: 17, Sent: 220, Received: 1500},
	Load:         {APDUs: 18, Sent: 320, Received: 1600},
	Recovery:     {APDUs: 4, Sent: 50, Received: 200},
	Journey:      {APDUs: 9, Sent: 360, Received: 1250},
}

// BudgetOf gives the budget of a flow; ok is false if there is no such flow.
func BudgetOf(f Flow) (b Budget, ok bool) {
	if f >= flows {
		return Budget{}, false
	}
	return budgets[f], true
}
