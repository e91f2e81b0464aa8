// Package files is the application that serves a file system of ISO/IEC 7816-4
// as Chinese card operating systems do: selection, binary and record files, PINs,
// authentication by keys, and line protection of commands.
//
// The files lie in a [cos.FileSystem]; this package knows nothing of their meaning.
// Civic partitions are descriptions of files ([cos.FileSystemSpec]) given to
// [NewTemplate].
//
// What always holds:
//
//   - Every malformed command is answered by a status word. The only error is
//     cos.ErrPowerCut.
//   - A PIN or key is never in an answer. INTERNAL AUTHENTICATE works with keys
//     made for it alone.
//   - A try is taken off in memory before the card compares, so no power cut saves
//     it. PINs, cryptograms and MACs are compared in constant time.
//   - Security status belongs to a DF. It ends when a DF is selected that does not
//     lie below it, when it is selected by name again, and with the session.
//   - A challenge serves the next command only.
//
// Line protection (class 04 or 84) is that of the electronic purse family (JR/T
// 0025, electronic purse part; the older PBOC 1.0): the message is
//
//	CLA INS P1 P2 Lc data MAC, Lc counting the four bytes of the MAC
//
// MAC over CLA INS P1 P2 Lc and data, padded with 80 00.., initial value the last
// challenge padded with 00 to a block; ISO 9797-1 algorithm 3 for triple DES,
// CBC-MAC for SM4; its left four bytes. Enciphered data are the block by block
// (ECB) encipherment of: length byte, data, and 80 00.. where a block is not full.
// Answers of READ commands whose rule wants it are protected in the same way, the
// MAC over the data as sent, under the same initial value.
//
// Where systems differ the choices are ours; they are told at the commands.
package files
