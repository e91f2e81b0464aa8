// Package gp is the issuer security domain of a card: the application that holds
// the issuer's keys, keeps the register of what is on the card and installs,
// personalises, locks and deletes other applications (GlobalPlatform Card
// Specification 2.2; SCP03 after its Amendment D).
//
// A [Domain] is the template that an image holds, an [App] the domain in a powered
// chip. Executable code cannot be loaded into this card: the load files are fixed
// in the Domain as [Module] values, and INSTALL makes instances of them.
//
// What always holds:
//
//   - Every change is whole: a key set, an instance with its memory, a deletion, a
//     life cycle state happens altogether or not at all, whenever the power fails.
//   - Changes need a secure channel with C-MAC; the channel ends with the power,
//     with SELECT of another application and with the first thing that is wrong.
//   - A sequence counter is stored before the answer that uses it leaves.
//   - An instance sees its own memory only, which is all zeros before its module
//     formats it. What DELETE frees is wiped.
//   - No answer holds a key.
//
// Memory, all numbers big-endian:
//
//	0    format 01
//	1    life cycle of the card
//	2    EXTERNAL AUTHENTICATE commands that failed since the last success
//	3    00
//	4    part of the heap that is to be wiped: start (2), length (2)
//	8    IIN: length (1), value (10)
//	19   CIN: length (1), value (10)
//	30   card production life cycle data (42)
//	72   eight bytes 00
//	80   four places for key sets, 56 bytes each
//	304  eight places for instances, 32 bytes each
//	560  the heap: parameters and memory of each instance, one after the other
package gp
