// Package perso makes card images: it reads profiles, which describe a card
// product as YAML, and personalises cards of that product, in memory or over the
// card's own interface.
//
//	profile, err := perso.Embedded("sm")         // or perso.Parse(file)
//	static, err := perso.StaticData(profile, id) // what the issuer signs into 9F46 and 93
//	image, err := perso.Build(profile, id, keys, certs, signer, opening)
//
// A [Profile] is prepared once; Build only copies, so that a simulation can make
// an image for every tap instead of keeping millions of them.
//
// A whole chip, with a contact side, two sets of algorithms, PIN and files, is made
// from an [Issue]:
//
//	image, err := profile.Image(&issue)      // personalised
//	blank, err := profile.Blank(domain)      // with a security domain and nothing else
//	list, err := profile.DGIs(&issue)        // what a personalisation machine sends
//	machine := perso.NewPersonaliser(perso.Order{..., Groupings: list})
//	for {
//		command, done, err := machine.Next(answer)
//		...
//	}
//
// Embedded profiles: 3des and sm are the cards of the simulation, electronic cash
// over the air only; transit-3des, transit-sm, quota-3des and quota-sm are their like
// with the low-value extension, made with [Profile.Light]: one certificate stands in the
// last record, so that a gate reads three. dev-3des, dev-sm, dev-dual and dev-full are whole cards to test readers
// and terminals with; the last two have both sets of algorithms, chosen by DF69, and
// dev-full also a second currency and magnetic stripe data. dev-transit-3des and
// dev-transit-sm carry their own journeys (section transit, JR/T 0025.14); dev-quota has
// a quota that only gates can spend. Their keys come with [Issue]. To personalise one of
// the first two over the interface, give Order.Params more memory, such as 3000.
//
// What always holds:
//
//   - A profile is refused, with the line and the key at fault, if it has a key
//     that is not known, a value out of its range, or parts that do not fit each
//     other.
//   - The last record of a qPBOC AFL holds neither 5F24 nor signed data, and belongs
//     to no other path: the card may add 9F69 to it and a payment is committed by
//     reading it.
//   - Signed records belong to all paths and sets of algorithms, and with 9F4A all
//     paths have one AIP: a card has one certificate for each algorithm.
//   - The embedded profiles sign 5F34 together with the account number. The answer
//     to GET PROCESSING OPTIONS gives it without a signature: a reader that compares
//     the two notices somebody in between who makes it another card's.
//   - A card personalised by commands answers like one made by Image.
//
// Sources: JR/T 0025.5 (data elements, records), JR/T 0025.10 (personalisation),
// JR/T 0025.12 (PDOL, 9F68, AFL of qPBOC), JR/T 0025.13 and .15 (electronic cash),
// JR/T 0025.14 (low-value extension),
// JR/T 0025.17 (second set of algorithms), EMV Book 3, 10.2 and 10.3, GlobalPlatform
// Card Specification 2.2.
package perso
