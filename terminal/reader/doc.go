// Package reader is the port through which a terminal meets a card, and the four
// doors behind it:
//
//	sim:PROFILE   a card made in this process by a function that is handed in
//	pcsc:NAME     a card in a reader of pcscd, the PC/SC daemon of Linux and BSD
//	vpcd:PORT     a card that connects to us as to a virtual reader of vsmartcard
//	replay:FILE   a card that answers as one did in a recording
//
// [Open] opens a card by name, [List] and [Watch] tell what pcscd has. [DialSlot]
// is the other end of a virtual reader, for a program that is a card. [Record] writes
// a conversation down, with card numbers masked or not as the caller says.
//
// pcscd is reached over its own socket (package wire/pcsc), without a C library,
// so one static binary serves every system; where there is no pcscd, on macOS and
// Windows, "pcsc:" fails with [ErrUnavailable] and says what to use instead.
//
// The terminal owns its card: others are kept out while it is open, and the card
// loses its power when it is closed. The logic of a payment is not here but in
// terminal/kernel, which knows neither sockets nor waiting.
//
// Invariants:
//
//   - A status word is an answer, never an error. Every error has a kind (ErrName
//     to ErrRecording) or is the context's, and says what to do.
//   - After an exchange that broke off the card answers nothing any more: an answer
//     is never taken for that of another command.
//   - Nothing that a reader or card sends makes a panic, or takes more memory than
//     the longest APDU.
//   - Apart from a growing dst, an exchange allocates nothing while its context
//     cannot end.
//   - No logger sees an APDU: PINs and card numbers are in them.
//
// Sources: ISO/IEC 7816-3 (reset, T=0), ISO/IEC 7816-4 (APDU), PC/SC part 5 and
// pcsc-lite 1.9.9, vsmartcard's vpcd protocol.
package reader
