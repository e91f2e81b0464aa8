// Package devcard issues cards on development keys: keys that everybody has, so that
// a terminal can be tested against a card, and a card's cryptograms be computed by
// hand. It is the issuer, the certification authority and the personalisation bureau
// of the profiles of card/perso. The purses and security modules of card/purse and
// card/psam stand beside them as their profiles describe them.
//
// What always holds:
//
//   - Equal requests give equal cards, certificates included, on every machine.
//   - The keys are those of issuer 0 of the development keystore, whose masters are
//     the ones of the public worked examples, and the certificates are made by the
//     development certification authorities, index 57 (SM2) and 80 (RSA) under
//     A000000333. No production terminal may trust them.
//   - Card keys leave the keystore wrapped, as to a personalisation device.
//
// Sources: JR/T 0025.7 (key derivation, certificates), JR/T 0025.17 (SM2); the
// numbers of the default card are our choice.
package devcard
