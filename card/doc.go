// Package card is the chip: applications in one memory, reached by command
// APDUs, behaving like silicon that may lose its power at any moment.
//
// A [Chip] is a reusable place for a card. Insert puts an [Image], the immutable
// personalised part, and the memory's content into it; PowerOn, Transmit and
// PowerOff are what a reader can do; Snapshot takes the memory's content out
// again, some hundred bytes. A simulation of a city keeps one Chip for each
// worker and a snapshot for each card.
//
// What always holds:
//
//   - Transmit answers every command, however malformed, with a status word. Its
//     only errors are that the power is off or has failed.
//   - Applications are isolated: each has its own partition of the memory, its
//     own keys and files, and sees commands only while it is selected.
//   - Nothing here reads a clock, draws random numbers of its own or starts a
//     goroutine. Randomness comes with PowerOn; equal inputs give equal answers.
//
// The parts: card/cos is the memory, its journal and the files in it, card/files
// the application that serves files, card/gp the issuer security domain, card/pboc
// the finance application, card/capp its transit extension, card/purse the purses of
// city cards, card/psam the module of a terminal, card/civic the file applications of a
// livelihood card and that card as a whole, card/ppse the directory of the contactless
// side, card/perso makes images from profiles, card/fault makes cards misbehave.
//
// Sources: ISO/IEC 7816-3 (answer to reset, T=0), ISO/IEC 7816-4 (classes, SELECT,
// GET RESPONSE, status words), EMV Book 1, 11
// (application selection), JR/T 0025.5 and JR/T 0025.12.
package card
