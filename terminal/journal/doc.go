// Package journal is a terminal's memory of its taps until the acquirer has
// them: rows of all kinds, numbered without a gap, with the evidence beside
// them, closed into blocks that hang together in a chain.
//
// A block says up to which time no row is missing. The host ends blocks at
// gate.Gate.SealUntil, since a torn tap keeps its time while it waits for its card; a
// row that is older than the last block's end is refused.
//
// A sealed block is kept until its receipt arrives; Unreceipted gives what has
// to be sent again. The journal is pure: the host stores rows before it opens a
// gate, and seals when it has a time and randomness to give.
package journal
