// Package sqlite is the embedded store: one SQLite file in write-ahead-log mode
// with full sync, one writer, many readers.
//
// # Writing
//
// All changes go through one writer. DB.Write gives a role a transaction of its
// own, DB.Post hands over ledger transfers. Requests that wait while another
// commit is being synced are committed together (group commit): each is still
// atomic by itself, none is answered before its commit is on disk, and one that
// fails takes no other with it. When several callers are active the writer also
// waits up to Options.GroupWait for more, or until GroupItems transfers are there.
//
// # Reading
//
// DB.Read gives a consistent snapshot that never waits for the writer. The same
// reads work inside a Write, where they see its own changes.
//
// # The ledger tables
//
// ledger.Machine decides, this package stores. A batch costs one sorted multi-row
// insert on conflict do nothing into the table of ids, which alone decides what is
// new; one append of the new rows; one update for each account touched. An
// account's transfers are chained newest to oldest, so that a balance as of a time
// needs no index that every posting would have to maintain. The writer keeps
// accounts in memory; the cache is dropped when another process has written, and
// every update of a balance names the balance it expects to find.
//
// The ledger tables may be changed only through OpenAccounts, PostBatch and
// PostLinked.
//
// # Invariants
//
//   - A transaction that returned without error survives a power cut, as far as
//     the disk keeps what it has synced.
//   - After a failed sync nothing more is written: the state of the file is
//     unknown until it is opened again.
//   - Tables hold no time of writing and no random value of their own, so that
//     two databases fed the same records give the same Dump.
//
// # Sources
//
// SQLite documentation: "Write-Ahead Logging", "Isolation In SQLite", "PRAGMA
// synchronous", "PRAGMA data_version".
package sqlite
