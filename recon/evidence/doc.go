// Package evidence makes and checks evidence packs: one file with what proves a break,
// for people who have no access to the platform, such as an expert of a court.
//
// A pack holds rows as the terminal sealed them, for each the signed head of its block
// and the path through the block's hash tree, the card's dynamic signature with its
// certificates, the certificates of the parties, and what only the issuer can know
// (whether cryptogram and balance MAC are right) as the issuer's signed statement.
//
// # Who proves what
//
//	terminal   that the row was in the block, under its signature; order by the chain
//	card       by 9F4B: amount, currency, unpredictable number, counter, 9F69
//	issuer     cryptogram 9F26 and balance MAC in 9F10, its own log, the conclusion
//	anybody    that the conclusion follows from the values: the pair is worked out again
//
// A TC is no proof of payment: counter and TC are made before the card pays (JR/T
// 0025.12). The next balance is.
//
// # Invariants
//
//   - One set of members has one encoding: a ZIP file without compression, in a fixed
//     order, with fixed times. Any other byte makes Verify fail.
//   - Nothing of other rows, other cards or secret keys is in a pack.
//   - What discloses the account number is left out of a redacted pack, and the rest is
//     still proved: the number has a hash of its own in the tree.
//   - The package is pure: no clock, no file, no random source of its own.
//
// Sources: RFC 9162, 2.1 (hash tree); GM/T 0003, 0004, 0009 (SM2, SM3); JR/T 0025.12
// (fDDA); JR/T 0025.17 (SM2 certificates); EMV Book 2, 5 and 6; the chapter "The card
// timeline" of the project's reference, 1, 3 and 10. The pack's layout is our choice.
package evidence
