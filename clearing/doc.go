// Package clearing turns presented rows into obligations.
//
// For every business window it decides each row once (verified by the issuer's
// port, then against the counters that were cleared before), keeps the bilateral
// nets up to date with every cleared row, applies dated fee rules that add to
// zero, splits a journey among the operators of the lines ridden, and finds the
// rebates that are due where a gate could not read its records.
//
// Work is cut by card: a card belongs to one of 256 partitions, and everything
// about it is decided from its own rows and its own stored state. So partitions
// may run at the same time and the result depends on the rows alone.
//
// A card whose stored state is damaged has its rows refused and its state left as
// it is; it does not stop the cards beside it.
//
// Invariants: a counter of a card is cleared at most once, for ever; the nets of
// a window add to zero; the shares of a journey add to its amount less the merchant
// fee, and after a rebate each operator has its share of the right price less that
// fee.
package clearing
