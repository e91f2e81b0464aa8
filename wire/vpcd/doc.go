// Package vpcd speaks the protocol between the virtual card reader vpcd
// (vsmartcard project) and a virtual card, on any stream: it opens no sockets.
//
// The card dials the reader. Every message, both ways, is a length of two bytes,
// most significant first, and a body of 1 to 65535 bytes:
//
//	reader to card   00 power off | 01 power on | 02 reset | 04 ATR? | command APDU, 4 bytes or more
//	card to reader   ATR, 2 to 33 bytes, to 04 | response, data and SW1 SW2, to an APDU
//
// Power off, power on and reset are not answered. The reader asks for the ATR
// over and over, to see whether the card is still there; a card leaves by closing
// the stream.
//
// What always holds:
//
//   - A message leaves in one Write, since a reader or card that sends the length
//     by itself stalls the line (Nagle's algorithm against delayed
//     acknowledgements).
//   - Bodies that the protocol has no meaning for are refused; no more is read or
//     kept than the length says.
//   - The stream ends with io.EOF between two messages, and with
//     io.ErrUnexpectedEOF inside one.
//
// The commands inside are left to package apdu.
package vpcd
