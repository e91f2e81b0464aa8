// Package capp is the low-value extension of a bank card (JR/T 0025.14, CAPP): the
// files in which a card carries its own journeys, the codes that protect them, and
// the arithmetic of fares, deposits and pre-authorisations. The commands are in
// package pboc; this package is their memory and their rules, and what a terminal
// or its PSAM needs to speak with them.
//
// What always holds:
//
//   - A record of a file 15 to 1D keeps its place, its length and its management key;
//     only its content is changed, and files only grow.
//   - File 1E is a ring: a new record takes the place of the oldest.
//   - A management key never leaves the memory.
//   - Balance, deposit used and amounts held are conserved: what a fare takes is what
//     the three lose together, and none of them is ever negative.
//   - A memory that CheckMemory has passed can be used without further questions.
//
// Algorithms: triple DES as in the standard. With SM4 the block is 16 bytes: start
// values stand at its end behind zeros, codes are the left four bytes of the CBC
// MAC, a key is wrapped as one block. Nobody has published that layout; it is our
// choice.
//
// Sources: JR/T 0025.14 (annexes A files, C commands, E data elements), JR/T 0025.10
// (grouping A001), JT/T 978 (records of buses), ISO/IEC 9797-1 (MAC algorithm 3).
package capp
