// Package inspect is the handheld of an inspector in a train or a bus: it reads from a
// card where the rider came from and what was paid, without any network, and says
// whether that is proved. Nothing on the card changes, and no counter is used.
//
// # What proves what
//
//   - The journey record of a bank card with the low-value extension is read with a
//     random number of this inspection, and the card's code over it is checked by the
//     security module (READ CAPP DATA, JR/T 0025.14 annex C): it is this card's record as
//     it is now, and no copy. Then Report.Verified is true.
//   - The log of journeys (file 1E) is under no code. It is shown, and compared with the
//     record: Report.LogAgrees.
//   - The TC of the last journey (GET TRANS PROVE) can be checked by the issuer alone; it
//     is kept for the report that goes to the back end.
//   - A purse gives its records without a code: they are the card's word, or a relay's.
//     Report.Why says so.
//
// Inspector is a pure step machine: bytes, the time and a random number come in,
// commands to the card and the module come out.
//
// Invariants:
//
//   - Verified is never true without the module's word.
//   - No answer of a card or module makes the machine panic or run for ever.
//
// Sources: JR/T 0025.14 (READ CAPP DATA, GET TRANS PROVE, file 1E), JT/T 978 (files 1A
// and 1E of T-Union), our choices for what counts as a valid ride.
package inspect
