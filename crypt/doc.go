// Package crypt is the house of the payment cryptography; the code is in the
// packages below it.
//
//   - cryptogram: card keys, session keys, application cryptograms, balance
//     MACs, ARPC and script MACs, one by one and in bulk.
//   - oda: offline data authentication, making and checking certificates, signed
//     static data, dynamic and combined signatures, and offline enciphered PINs,
//     RSA and SM2.
//   - pin: PIN blocks, PIN changes, card verification values.
//   - scp: GlobalPlatform secure channels, both sides.
//   - keystore: named keys that never leave in clear.
//   - seal, sealfile: terminals' sealed blocks, files for participants.
//
// Every package below is pure where it computes: time, randomness and file
// contents come in as arguments. This folder's tests hold the vectors that more
// than one of them must agree with: testdata/pboc_ours.json (values of the PBOC
// formulas, each labelled "published" or "ours"), testdata/timeline.json (a
// card's life with its cryptograms) and the table that says which published
// vector of the repository is checked where. Sessions of two real test cards and
// the openssl program are the judges that share nothing with this code.
package crypt
