// Package txn holds the immutable records that travel along the road from a tap
// to a settled fen, and their identities.
//
// The stages of CityCard share these records and never each other. The central
// one is Row: the 128 bytes that a terminal stores for every tap, whatever its
// end. It has two formats, by the Scheme of the card: 01 of bank cards, 02 of
// electronic purses (PurseData). A primary account number is a type of its own
// (PAN) that never prints itself whole.
package txn
