// Package virtualcard is a card as a part of a running program: a chip with its
// power, its memory kept somewhere, and faults in front of it if somebody wants to
// see how a terminal takes them. [Serve] puts it into a virtual reader (vpcd of the
// vsmartcard project), [Reader] gives it to a terminal in the same process.
//
// What always holds:
//
//   - What a command changed in the card's memory is stored before its answer leaves.
//     If it cannot be stored no answer leaves, and the card is dead from then on.
//   - Every answer is that of the chip, or of a fault that the script orders; nothing
//     a reader sends ends the program.
//   - A card that is silent leaves its reader, as one that was taken away, and comes
//     back after a moment: an answer can never be taken for that of another command.
//
// Sources: vsmartcard's vpcd protocol (package wire/vpcd), ISO/IEC 7816-3, 8 (reset).
package virtualcard
