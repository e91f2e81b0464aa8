// Package cos is the part of the chip below its applications: the non-volatile
// memory, the journal that makes a change to it atomic, and what an application
// is to the chip ([Application], [Template], [Host], [Guard]). Above the memory
// lies a file system of ISO/IEC 7816-4 ([FormatFiles], [FileSystem]), which
// package card/files serves.
//
// A card may leave the field at any moment. JR/T 0025.12 asks that the debit of
// a qPBOC payment, its counters and its log change together or not at all, so
// every change goes through one transaction:
//
//  1. the new bytes are written to the journal;
//  2. a header with their length, their CRC-32 and a commit mark is written;
//  3. the bytes are copied to their places;
//  4. the mark is cleared.
//
// A cut before the mark is complete leaves the old state. From then on
// [Memory.PowerOn] copies the journal again, which gives the same bytes however
// often it is begun, and the new state results.
//
// What always holds:
//
//   - Memory changes only by numbered writes of at most [PageSize] bytes inside
//     one page. A test can cut the power before any of them, or let half of
//     one happen ([Memory.CutAt]), also during recovery.
//   - After the power has failed nothing can be read or written through a
//     [Partition] or a transaction until PowerOn.
//   - An application holds a [Partition] and no way to the bytes outside it.
//
// The design of the journal is ours; the standards only ask for its effect.
package cos
