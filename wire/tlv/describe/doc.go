// Package describe turns card data into an annotated tree for people: names,
// readable values and the meaning of every bit, in English or Chinese. The
// meanings are tables, so that the command line and the console show the same.
//
// Invariants:
//
//   - Card numbers and track data are masked unless [Options.ShowPAN] is set.
//     PINs are never shown. The masked value is the only copy in the tree.
//   - Anything that parses can be described: a value that does not have the
//     form its tag promises is shown as hexadecimal with a note, never refused.
//     Only input that the caller named as one structure (an IAD, a TVR) can
//     fail, with a [*tlv.Error].
//   - Offsets count from the start of the caller's input.
//
// Sources: EMV Book 3 annexes A and C; JR/T 0025.5, .12, .13, .14 and .17; the
// tables say which.
package describe
