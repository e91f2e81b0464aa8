// Package pin makes and opens PIN blocks, the enciphered block that changes a
// card's PIN, and the short check numbers that stand on a card and its tracks.
//
//   - [Encode], [Decode]: the clear blocks of ISO 9564-1, formats 0 to 3, in which
//     a PIN goes to a card (2) or, enciphered by whoever owns the line's key, to a
//     host (0, 1, 3).
//   - [EncipherAES], [DecipherAES]: format 4, which is a block and its encipherment
//     in one.
//   - [ChangeBlock], [OpenChange]: the data of PIN CHANGE/UNBLOCK (JR/T 0025.5;
//     VIS), made by the issuer's host and opened by the card.
//   - [CVV] and [DCVN]: card verification values (CVV, CVN, iCVN) and the dynamic
//     one of the magnetic stripe path.
//
// What always holds:
//
//   - A PIN or a check number never prints itself.
//   - Opening a block says only that it is wrong, never where; every digit is
//     looked at before the answer.
//   - Randomness comes from a reader.
//
// PANs are [10]byte, BCD from the left, filled up with F, as everywhere in this
// module.
//
// Sources: ISO 9564-1:2017, 9.3 and 9.4; EMV Book 3, 6.5.12; JR/T 0025.5 (PIN
// change, SM4 by JR/T 0025.17); the card verification value as HSM manuals and
// ANSI X9.24 practice describe it.
package pin
