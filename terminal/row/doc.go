// Package row makes the rows of contactless taps and sales, for gates and tills
// alike: the row itself, the evidence that goes beside it into a block, and a torn
// transaction that waits for its card, with the way to store it.
//
// # Torn transactions
//
// A qPBOC card pays when its last record is read. Where that record was asked for
// and the answer was lost, nobody knows whether the card paid. A [Torn] is then the
// doubt row (reason LastAnswerLost) with the card's data, until the card comes back
// and repeats its record. Only a signature that covers 9F69 of that record proves
// that it has paid ([Torn.Proves]); counter and balance are under none.
//
// # Invariants
//
//   - The TVR of a row is the one sent to the card, because a cryptogram of version
//     01 covers it.
//   - Evidence is whole or not there: flag EvidenceKept says which.
//   - A Torn that is read back is about one transaction: its row and its card data
//     name the same card, counter, cryptogram and amount.
//
// Sources: JR/T 0025.12 (tearing, fDDA).
package row
