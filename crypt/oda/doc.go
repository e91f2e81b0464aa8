// Package oda is offline data authentication: how a terminal without a network
// knows that a card is genuine. It makes and checks issuer certificates (tag 90),
// card certificates (9F46), signed static data (93), dynamic signatures (9F4B) of
// DDA and fDDA, combined signatures (9F4B) of CDA, and offline enciphered PINs,
// with RSA and with SM2, the card's side and the terminal's.
//
// The two families differ in shape. An RSA certificate is a block 6A .. BC
// encrypted with the private key; the reader decrypts it and compares a SHA-1
// hash, and what does not fit into the block travels beside it (92, 9F48) with
// the exponent (9F32, 9F47). An SM2 certificate is clear text followed by a
// signature r || s, and nothing travels beside it. Which family a card uses is
// decided by the CA public key that its index (8F) names.
//
// What always holds:
//
//   - No input from a card makes anything panic; the outcome is a Reason.
//   - Only an issuer certificate that has verified enters the cache, and its
//     expiry and its match with the PAN are judged at every use.
//   - An enciphered PIN that is wrong in any way is refused in one way, in a time
//     that does not tell header from challenge.
//   - Private keys and PIN blocks do not print themselves. An RSA result is checked with the
//     public exponent before it is given away, so a computing fault cannot leak
//     a prime; exponents are blinded with bytes from the caller's reader.
//   - For a given reader, SM2 and RSA signatures are deterministic. SM2 nonces mix
//     the reader's bytes with the key and the message, so even a constant reader
//     does not repeat a nonce for two messages.
//
// A Verifier may be used by several goroutines.
//
// Sources: EMV Book 2, 5 and 6 (RSA layouts; 6.6 is CDA) and 7 (PIN); EMV Book 3,
// 10.3 (static data); JR/T 0025.7; JR/T 0025.12 (fDDA versions 00 and 01);
// JR/T 0025.17 (SM2 formats 12 to 15); GM/T 0003, GM/T 0009 (SM2, default user
// identity). The three algorithm bytes of an SM2 certificate (see Profile), the
// layout of SM2 signed static data, the hash inside an SM2 combined signature and
// the SM2 form of an enciphered PIN are not in any public text.
package oda
