// Package stripe reads the magnetic stripe of a card and says whether a terminal
// may take it: raw bits to characters, characters to fields, and the rule that a
// card with a chip is read by its chip.
//
//	bits (either direction)  --Decode-->  text  --ParseTrack1..3-->  fields  --Decide-->  verdict
//
// Readers that give text, as most do, start at [Split].
//
// # Invariants
//
//   - Every error names track, field and position, and never shows a digit.
//   - Tracks print as masked account number and nothing else; see [txn.PAN].
//   - A stripe never overrules a chip: who was refused by the chip, or blocked, is
//     refused by the stripe, and only a chip that gives no answer to reset several
//     times lets the stripe stand in ([Decide]).
//   - What is read again from [Track2.AppendEquivalent] is the same track.
//
// # Sources
//
// ISO/IEC 7811-2 and 7811-6 = GB/T 15120 (density, characters, parity, LRC),
// ISO/IEC 7813 = GB/T 17552 (tracks 1 and 2, service code), ISO/IEC 4909 (track 3),
// GB/T 19584 (stripes of Chinese bank cards), JR/T 0025.5 (tag 57), EMV Book 4,
// 6.5 and JR/T 0025.6 (the chip comes first). How often a chip must fail, and that
// no other failure counts, is our choice.
package stripe
