// Package epurse makes and checks the cryptograms of electronic purses of the PBOC
// family, as city cards of JT/T 978 (T-Union) and of City Union carry them: keys
// of a card from master keys, session keys, MAC1, MAC2, MAC3 and TAC of load,
// purchase, compound purchase, unload and overdraft update, and the protection of
// commands on the line. Card, purchase security module (PSAM), host and reader
// all use it.
//
// Two algorithms are known by the byte that INITIALIZE commands answer: 00 two-key
// triple DES, 04 SM4.
//
// What always holds:
//
//   - Every message is padded with 80 00.. before a MAC, whatever its length, and
//     four bytes of the MAC are used.
//   - A MAC or cryptogram is compared in constant time by [Equal].
//   - A [Key] or [Session] never prints its bytes.
//   - Nothing here keeps a clock, a random source or any state.
//   - An Alg that is neither TDES nor SM4 panics, since only a program can have
//     made it up; bytes of others go through [AlgOf] first.
//
// Sources: the electronic purse part of JR/T 0025 (PBOC), its use by JT/T 978 and
// DB11/T 159, checked against published conversations of cards with known keys.
// Of the SM4 form no formula is public; ours keeps the shape of the triple DES one
// (our choice): a key is diversified as one block of factor and its complement, a
// session key is one block of the same data padded with 80 00.., a MAC is a
// CBC-MAC, and the TAC key is not folded.
package epurse
