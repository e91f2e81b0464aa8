// Package journey decides what a tap means for a card that carries its own journeys:
// which fare is due, what the card is told, and what is written into its record and
// its log. It is the rules of the house in one pure function, Decide, which gates, bus
// validators, bank cards and purses share; it reads no clock and speaks to no card.
//
// # How it is used
//
// The host reads the record, decides, starts the payment with Amount and DF60, and
// learns only then the card's counter: Decision.Finish fills it in, and Next and Trip
// are written. What was decided then commits together with the fare, or not at all.
//
// # Rules
//
//   - The month's sum that sets the discount is the card's own. The trip that crosses
//     a threshold still pays the old rate; the month is that of the exit.
//   - A journey is priced by the rule book in force at its entry (DecideDated).
//   - What an unended journey costs is written into the record when it begins
//     (Overdue), so that the next terminal needs no old rule book.
//   - Order of what is taken off a fare: discounts of the tariff, concession, transfer,
//     ride ticket. A ride of a ticket is used only if something is left to pay.
//   - A concession lowers whatever is charged, what a missing tap costs too.
//   - A purse and a quota card never hold.
//
// Sources: JR/T 0025.14 (section fare, single deduction, pre-authorisation), JT/T 978
// (records); which rule applies where is the operator's, from the rule book.
package journey
