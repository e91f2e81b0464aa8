// Package pcsc reads and writes the messages that a program and pcscd, the
// PC/SC daemon of pcsc-lite, exchange over pcscd's local socket. With it a
// program reaches a card reader without the C library.
//
// A request is a header of two 32-bit numbers, the size of what follows and the
// command, and then a body of fixed size. The answer is a body of the same
// layout without a header, in which the daemon has filled the outcome and what
// was asked for. All numbers are in the byte order of the machine, because both
// ends run on it. Two commands differ:
//
//   - [CommandTransmit]: the command APDU follows the body of the request, the
//     response APDU follows the body of the answer if the outcome is [Success].
//   - [CommandReaders] and [CommandWait] have no body. Both are answered with
//     the table of all readers, [ReadersSize] bytes. After [CommandWait] one more
//     message, a [Wait], comes when a reader or card changes, or as the answer to
//     [CommandStopWaiting], whichever is first.
//
// Versions of this protocol, by release of pcsc-lite:
//
//	4:4  1.8.24 to 2.2.3
//	4:5  2.3.0 to 2.4.1, the last of which takes 4:4 too; adds a command
//	4:6  from 2.5.0, takes 4:4 and 4:5 too; adds commands
//
// The messages of this package are the same in all three.
//
// Invariants: no input makes a decoder panic; a decoder takes exactly the size
// of its message; decoding what was encoded gives it back.
//
// Sources: pcsc-lite 1.9.9, winscard_msg.h and eventhandler.h (layouts),
// pcsclite.h (numbers); PC/SC part 5 (meaning of the outcomes). Layouts were
// confirmed against a running daemon.
package pcsc
