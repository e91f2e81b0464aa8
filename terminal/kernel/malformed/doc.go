// Package malformed is a catalogue of cards that answer wrongly, and of cards that
// answer oddly but well: data for testing any payment terminal of JR/T 0025.
//
// A Case begins with a good card, whichever the tester has, and edits its answers on
// their way to the terminal: an object removed, doubled, cut short, a status word
// changed, a length written in another form. It says what is wrong, the clause that
// settles it, and the outcome that a terminal must come to. The package knows no
// terminal and no card: Catalogue gives the cases, a Meddler stands between card and
// terminal and edits. The tests run every case with the kernels of this module and a
// card of this module.
//
// Invariants:
//
//   - An outcome follows from the clause that the case names, not from what a program
//     did. Where the standard leaves it open, the case says so: "our choice".
//   - An edit that finds nothing to edit is an error, never a silent success; so is an
//     edit that was never reached.
//   - Editing never changes what the card is told.
//
// The cases are text, cases/*.txt, one block a case:
//
//	case gpo-no-atc
//	flow qpboc
//	wrong the answer to GPO lacks the counter 9F36
//	clause JR/T 0025.12 (answer to GPO: mandatory objects)
//	edit gpo remove 77/9F36
//	expect failed missing-data tag 9F36
//
// Lines of a block are "key value"; edit and set may come more than once; a line that
// begins with # is a remark. See Edit for the edits, Setting for the settings and
// Case.Expect for the outcomes.
//
// Sources: EMV Book 1, 11 and 12; EMV Book 2, 5, 6 and 8; EMV Book 3, 6, 7 and 10; EMV
// Book B (PPSE); JR/T 0025.5, .12, .13; ISO/IEC 7816-4, 5.
package malformed
