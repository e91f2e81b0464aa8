// Package perso makes card images: it reads profiles, which describe a card
// product as YAML, and personalises cards of that product.
//
//	profile, err := perso.Embedded("sm")         // or perso.Parse(file)
//	static, err := perso.StaticData(profile, id) // what the issuer certifies in 9F46
//	image, err := perso.Build(profile, id, keys, certs, signer, opening)
//
// A [Profile] is prepared once; Build only copies, so that a simulation can make
// an image for every tap instead of keeping millions of them.
//
// What always holds:
//
//   - A profile is refused, with the line and the key at fault, if it has a key
//     that is not known, a value out of its range, or parts that do not fit each
//     other.
//   - The last record of the AFL holds neither 5F24 nor signed data: the card may
//     add 9F69 to it and a payment is committed by reading it.
//   - The embedded profiles sign 5F34 together with the account number. The answer
//     to GET PROCESSING OPTIONS gives it without a signature: a reader that compares
//     the two notices somebody in between who makes it another card's.
//
// Personalisation over the card's interface (STORE DATA, GlobalPlatform) is not
// here; it will lead to the same images.
//
// Sources: JR/T 0025.5 (data elements, records), JR/T 0025.10 (personalisation),
// JR/T 0025.12 (PDOL, 9F68, AFL of qPBOC), EMV Book 3, 10.2 and 10.3.
package perso
