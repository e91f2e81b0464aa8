// Package recording reads and writes conversations with cards as text, so that
// they can be shown, kept and played again (door "replay:" of package reader).
//
// A recording is JSON lines, one for each exchange or reset:
//
//	{"source":"sim:sm","session":"first","seq":1,"atr":"3B6800...","command":null,"response":null,"masked":true,"note":"..."}
//	{"session":"first","seq":2,"command":"00A404000E325041592E5359532E444446303100","response":"6F30...9000","us":8412}
//	{"session":"first","seq":3,"command":"80A80000...","response":null}
//	{"session":"first","seq":4,"command":"80A80000...","response":null,"torn":"7762820240"}
//
//	source    where the conversation comes from; in the session's first line, and the
//	          others may repeat it
//	session   its name; one file holds any number of sessions
//	seq       number of the line in its session, rising
//	command   command APDU in hexadecimal; null for a reset
//	response  response APDU with status word; null for a reset, and where no answer
//	          came because the card left
//	torn      what came of an answer that did not come whole
//	atr       answer to reset, of a reset
//	us        time of the exchange in microseconds, as the reader saw it; 0: not known
//	masked    account numbers are masked; in the first line, like source
//	note      for people
//
// # Account numbers
//
// Conversations hold account numbers, names and track data in clear. Who writes a
// recording decides with [Masked] or [Clear]; there is no default. Masking keeps
// every length: the digits of a number between the first six and the last four
// become 0 wherever the number stands, packed or as characters; so do digits of
// tracks after the service code; names become spaces; certificates of a card, in
// which the number stands or from which it can be recovered, become zeros, and so do
// the data of commands that write keys and personal data into a card. What there is
// of a torn answer is masked in the same way. A masked conversation can be played
// again as far as no signature matters. PINs are zeros in either case. Notes and the
// names of sessions are not masked.
//
// # Invariants
//
//   - What [Parse] accepts, [Session.Append] writes back with the same meaning.
//   - Sessions print as name and number of exchanges, never as bytes.
//   - Nothing here opens a file; limits are 16 MiB, 1,000 sessions and 4,096 lines
//     a session.
package recording
