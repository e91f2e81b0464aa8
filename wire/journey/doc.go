// Package journey is the form in which a card carries its own journeys: the record
// of 128 bytes that tells where the rider is (a Record), and the 48 bytes of the log
// in which the last trips stand (a Trip).
//
// The same two forms serve a bank card with the low-value extension (files 15 and 1A
// for metro and bus, log 1E) and a T-Union purse (file 1A, log 1E). The bytes that the
// standard leaves free hold what makes a fare right without station records: the
// month's sum, the counter of the entry, concession and ride ticket, the amount held.
// Our use of them is marked so in the tables.
//
// What always holds:
//
//   - A value has one form only: what Decode accepts, Append writes again byte for
//     byte, and what Append writes, Decode gives back.
//   - Decode never panics and its error names the field.
//   - Nothing here allocates, but errors.
//
// Sources: JT/T 978 (bus record 2701, travel log), JR/T 0025.14 (files 15 to 1E, head
// of a record), GB/T 7408 (the city's clock, UTC+8).
package journey
