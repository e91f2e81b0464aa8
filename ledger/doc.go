// Package ledger is a double-entry ledger as one pure state machine.
//
// A transfer moves a positive amount from one account (its debit side) to
// another (its credit side). Transfers are immutable: a mistake is corrected by
// a second transfer, never by an edit. The id of a transfer is a business key
// (a card counter, a file hash with a line number, a message key) and is kept
// for ever, so the same instruction can be sent any number of times and is
// booked once: a repeat answers ExistsSame, the same id with other content is
// refused with the name of the field that differs.
//
// The machine holds nothing and stores nothing. Machine.Apply is given the
// present balances and the transfers already stored (port View), and returns
// what became of each transfer, which rows to store and how balances change.
// The caller stores rows and balances in one atomic step and answers only then.
//
// Invariants, checked after every batch (a breach is a programming error and
// panics):
//   - the debits added to accounts equal the credits added, and both equal the
//     sum of the amounts created;
//   - a total never falls;
//   - the limit of every changed account holds.
//
// Outcomes are a closed list, numbered for ever and in order of precedence: when
// several things are wrong with a transfer, the lowest number is reported.
//
// # Postings of the card business
//
// A card float is the issuer's liability for value on cards and under way. With
// credit balances as liabilities (Balance.Net positive):
//
//	load                     customer -> float
//	offline purchase row     float    -> settlement
//	refund of a flash card   float    -> customer
//	flash load               float    -> customer
//	late, accepted           customer -> float, then float -> settlement
//	unbacked row             loss or claim -> float
//
// "a -> b" debits a and credits b.
//
// # Sources
//
// The parties and postings are those of electronic cash (JR/T 0025, electronic
// cash application). Batches, permanent ids and numbered
// outcomes in order of precedence are ideas that TigerBeetle made known; no code
// is taken from it.
package ledger
