// Package cryptogram makes and checks the symmetric cryptograms of a PBOC card:
// card keys from an issuer master key, session keys, application cryptograms
// (TC, ARQC, AAC), the MAC over a balance inside tag 9F10, the issuer's answer
// (ARPC) and the MAC of an issuer script.
//
// Two algorithms are known, told apart by the algorithm byte of 9F10: double
// length triple DES (01) and SM4 (04).
//
// What always holds:
//
//   - Every message is padded with 80 00.. before a MAC, whatever its length.
//   - A cryptogram or MAC is compared in constant time.
//   - A Key never prints its bytes, through fmt, slog or encoding/json.
//   - Nothing here keeps a clock, a random source or a goroutine. A Verifier holds
//     scratch memory and belongs to one goroutine.
//   - An Alg that is neither TDES nor SM4 makes NewBlock fail and ParseIAD refuse;
//     the other functions panic on it, since only a program can have made it up.
//
// Sources: EMV Book 2, A1.4.1 (option A) and A1.2.2 (MAC); JR/T 0025.5 and
// JR/T 0025.7 (session keys, cryptogram versions 01 and 17, ARPC, scripts);
// JR/T 0025.12 annexes D and E (issuer discretionary data, version 17);
// JR/T 0025.17 (SM4). No public text gives the SM4 card key; see DeriveCardKey.
package cryptogram
