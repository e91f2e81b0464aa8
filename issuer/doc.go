// Package issuer is the side that gave out the card: it checks what the card
// said, and keeps the books of the value on it.
//
// Verifier is the issuers' answer to clearing: cryptogram and balance MAC of
// each row, under the issuer's master keys, in bulk. Books turns cleared rows,
// refunds and rebates into ledger transfers: one grouped transfer for a card and
// a window, with a reference from which every fare in it can be found again.
//
// Invariants: a card's float account never goes below zero; every transfer's id
// is computed from what it stands for, so that a repeat is the same transfer.
package issuer
