// Package cardstate keeps a card in a file: which card it is, and what is in its
// memory. A process that plays a card stores the memory after every command that
// changed it and before the answer leaves, so whatever a reader was told is in the
// file, and a crash of the process is to the card what a loss of power is.
//
// What always holds:
//
//   - The file is replaced as a whole: a new file is written beside it, synced, and
//     takes its name, and the folder is synced. At every moment the name stands for
//     one complete state, the old or the new one.
//   - One process at a time has the file open: a lock in a file beside it, NAME.lock,
//     which the system releases when the process ends, however it ends.
//   - A file that was cut short, lengthened or altered is refused and not touched, and
//     so is what lies beside it.
//
// Other programs' memory is kept in the same way, that of gates for example; who opens a
// file says what it is, so that errors name it.
//
// The file holds the card's memory, secrets included, and can be read by its owner
// only. It is meant for cards on development keys.
//
// Layout, numbers most significant byte first:
//
//	0   8   "CCVCARD" and the version 01
//	8   8   number of the state, from 1, rising
//	16  2   length of the description
//	18  4   length of the memory's snapshot
//	22      description, snapshot (package cos)
//	        SHA-256 over all before it, 32 bytes
//
// The format is ours.
package cardstate
