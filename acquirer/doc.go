// Package acquirer takes sealed blocks from terminals, decides on each of them
// and hands the rows of accepted blocks on to clearing.
//
// The work on one block is split in two. Prepare checks everything that a block
// shows by itself: form, terminal, signature, content. It needs no state and may
// run for many blocks at once. Admit puts a prepared block into the order of its
// terminal: predecessor, sequence, repeats. It is serial and its result is stored
// before the receipt is given: a receipt implies that the block survives a power
// cut.
//
// Invariants: the accepted blocks of a terminal are numbered 1, 2, 3 ... and each
// carries the hash of the one before; their rows are numbered without a gap over
// all blocks; a block that was accepted once gets the stored receipt for ever.
package acquirer
