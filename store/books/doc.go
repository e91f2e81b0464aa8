// Package books makes the ledger agree with what a stage has decided, in the transaction
// that stores the decision: it turns reconciliation's postings into the issuers'
// transfers and books them.
//
// Invariants: a posting is booked at most once, because its transfer has a permanent id;
// the other side gets its money even if a card's float does not cover it (what lacks
// comes from the card's loss account and returns there when a correction brings it back);
// a transfer that the ledger refuses undoes the whole transaction.
//
// Sources: docs/reference/card-timeline.md, section 11.
package books
