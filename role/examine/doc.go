// Package examine goes through a recorded conversation with a card. It explains every
// exchange, and says of everything in it that stands under a key whether it verifies,
// or why nobody here can say: no key known for its issuer, no published key of its
// certification authority, parts that the publisher blanked.
//
// What always holds:
//
//   - Any conversation that package recording reads can be examined: what is no command
//     or no answer is shown as it is, with a note.
//   - Every conversation has at least one finding. Nothing counts as verified but what a
//     key that the caller gave verifies.
//   - Account numbers are masked as package describe does.
//
// Sources: EMV Book 2 (certificates and signatures), JR/T 0025 (cryptograms, scripts,
// electronic purse), JR/T 0025.14 (low-value extension), GlobalPlatform (secure
// channel).
package examine
