// Package scp is the secure channel between a card's security domain and its
// manager's host, both sides of it, as step machines: SCP02 (two-key triple DES,
// GlobalPlatform Card Specification 2.2, annex E; i = 15 and 55) and SCP03
// (AES-128, GlobalPlatform Card Specification 2.2, Amendment D).
//
// The card side is [Card], the host side is [Host]:
//
//	host                                    card
//	InitializeUpdate  -- 80 50 KVN 00 -->   InitializeUpdate
//	Open              <-- answer --------
//	                  -- 84 82 level -->    ExternalAuthenticate
//	Wrap              -- 84 INS ...  -->    Unwrap
//	Unwrap            <-- answer --------   Wrap
//
// What each variant offers:
//
//	SCP02 i=15   random card challenge           levels 00 01 03, no R-MAC
//	SCP02 i=55   well-known pseudo-random one    levels 00 01 03, no R-MAC
//	SCP03 i=10   well-known pseudo-random one    levels 00 01 03
//	SCP03 i=70   the same                        also 11 13 33
//
// SCP03 i=00, 20, 30 and 60 follow from the same bits and work too. R-MAC for
// SCP02 needs bit 20 of i, which neither 15 nor 55 has, so it is refused.
//
// The sequence counter is the caller's to keep. Params.Sequence is the value that
// this session uses, and Card.NextSequence the one to store. SCP02 raises it
// when the first C-MAC of a session, that of EXTERNAL AUTHENTICATE, is right
// (E.1.2): store it before the 9000 leaves. SCP03 raises it with every INITIALIZE
// UPDATE: store it before that answer leaves. A counter at its maximum opens no
// more sessions.
//
// What always holds:
//
//   - Any failure ends the session; the zero Card and an ended one are the same.
//   - MACs and cryptograms are compared in constant time, and a wrong padding is
//     answered like a wrong MAC.
//   - A command is accepted once: its MAC goes into the next one's.
//   - Keys never print themselves.
//   - The MAC does not cover Le, nor the logical channel in the class byte.
//   - Commands have short lengths: at most 255 bytes of data when wrapped.
//   - No clock, no random source: challenges come in as arguments.
package scp
