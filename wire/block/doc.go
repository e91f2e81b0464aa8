// Package block is the byte layout of a sealed block: what a terminal sends to
// its acquirer instead of single taps.
//
// A block is header, wrapped data key, nonce, ciphertext and signature. Under
// the encryption lie the rows, 128 bytes each (package txn gives them meaning),
// and the evidence part: the signature of the card for each row, and each card's
// and issuer's certificates and signed static data once.
//
// This package only turns bytes into values and back. Package seal encrypts,
// signs and opens; the acquirer decides. Everything is big-endian. The layout is
// our choice: no standard describes one.
package block
