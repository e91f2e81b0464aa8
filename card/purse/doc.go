// Package purse is the electronic purse of a city card: JT/T 978 (T-Union) and
// City Union, both of the purse family of PBOC. It loads, pays, pays with records
// of a trip (compound purchase, CAPP), unloads, changes an overdraft, proves its
// last trades, and keeps files that readers need, under PINs and keys of its own.
//
// A [Spec] describes one card's purse; [NewTemplate] makes it an application of a
// chip. A [Profile] is a YAML file about a kind of card; [Profile.Spec] joins it
// with a card's number and derives its keys.
//
// What always holds:
//
//   - Every malformed command is answered by a status word. The only error is
//     cos.ErrPowerCut.
//   - A trade changes balance, counter, log, records, proof and count of wrong MACs
//     in one transaction of the memory, or nothing. INITIALIZE writes nothing.
//   - A command that ends a trade finds out what length the reader expects before
//     it changes anything, so 6Cxx never hides a debit.
//   - Every command but the one that goes on with a trade ends it; SELECT, reset
//     and a refused command too.
//   - A try of a PIN, of a key for authentication or of one for line protection is
//     taken off in memory before the card compares. A wrong MAC of a trade is
//     counted after: each needs a new random number, and a right one is to cost one
//     transaction alone (our choice).
//   - A key of one use serves for no other; no key or PIN is ever in an answer.
//   - A challenge serves the next command only.
//
// Sources: the purse part of JR/T 0025 (PBOC), JT/T 978, DB11/T 159 as far as
// public, and published conversations with cards. Where they say nothing the
// choices are ours, told at the commands.
package purse
