// Package dispute is the machine of disputes between a card issuer and an acquirer
// about one presented row: query, credit adjustment, request for payment, chargeback,
// re-presentment, second chargeback, arbitration.
//
// A case goes from state to state by steps. Which steps a trade allows, by when each must
// be taken and for which reasons, is data (Rules, dated); an electronic cash or debit row
// allows query, credit adjustment and first chargeback only. A step that comes too late
// is refused and named; what a party lets pass has a consequence of its own (Lapse).
//
// # Money
//
// A step may ask for a Move between the acquirer and the issuer's side, which is the
// claim that reconciliation has booked against the acquirer (an unbacked row), else the
// customer. Case, number and kind of a move are its permanent key: a ledger makes it
// once. What the issuer's side has got is never below zero and never above the amount in
// dispute; a case that ends without the whole of it writes the rest of a claim off. Where
// reconciliation claims the row, or takes its claim back, while there is a case, Reconcile
// moves what the case has got to where it then belongs.
//
// # Evidence
//
// The rules name for a reason the findings that contradict it (Finding). Weigh refuses a
// step with such a reason; the caller says what is proved, and asks people about what
// moves money.
//
// # Invariants
//
//   - A case is the sum of its events: the same events in the same order give the same
//     case (Replay).
//   - Deadlines never go back while a case is open, and a closed case never opens again,
//     but by Reconcile.
//   - The package is pure: times are arguments.
//
// Sources: order of the steps and what electronic cash allows: secondary texts on the
// rules of the Chinese bank card network, which differ in their terms (120 days or 12
// months for a query, 20 days for its answer): the terms are parameters. The reason codes
// are our choice.
package dispute
