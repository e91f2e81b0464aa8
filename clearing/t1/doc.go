// Package t1 makes the files that a clearing network sends its participants on
// the day after a window (T+1): for each issuer the transactions of its cards,
// for each acquirer those of its terminals, and beside each file one with the
// chip data of its lines. The text is that of package files, closed by package
// sealfile for the one participant.
//
// A Set is written while the window is being cleared, in bounded memory. Its
// files appear under their names only with Commit, all or none:
//
//	Add     NAME.part   being written, worth nothing
//	Finish  NAME.tmp    whole and on disk
//	Commit  NAME        published, never changed again
//
// The caller stores that the window is closed between Finish and Commit. After a
// crash it repeats Commit for every window that is stored as closed; what it finds
// of another window is overwritten by the next Set.
//
// Invariants: the content depends on the items, their order, the configuration
// and the randomness alone; the net that a participant's two trailers add up to
// is its position in the nets of the window (Totals.Check).
//
// What stands in the columns that an offline transit payment leaves open is our
// choice: the trace number is the terminal's sequence number modulo a million,
// a terminal number of more than eight digits is X and base 36, the transmission time is that of the acceptance
// of the block, the original time that of the tap; retrieval reference and other
// data are the first 12 and the next 14 digits of the trace id, which the chip
// data file has whole.
package t1
