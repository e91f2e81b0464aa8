// Package rf tells how long a conversation with a card takes: the time in which a
// contactless card must stay in the field (ISO/IEC 14443), and the time of the
// contacts (ISO/IEC 7816-3). It is a model: it takes lengths and gives times, and
// moves no byte.
//
// A [Meter] adds up one conversation: it is told each command with its answer and
// says how long that took, over a [Link] (the air) or [Contact] (the contacts),
// with a [Card] that needs some time of its own for each command. A [Budget] says
// how many commands and bytes a flow may cost at most.
//
// # What the standards say
//
//   - The carrier fc is 13.56 MHz; an elementary time unit is 128/fc at 106 kbit/s,
//     and half of it at each step up to 848 (ISO/IEC 14443-2).
//   - Type A: 9 bits a byte, start and end of communication, the frames of REQA,
//     ANTICOLLISION and SELECT, 1172/fc from reader to card (ISO/IEC 14443-3, 6).
//   - Type B: 10 bits a byte, extra guard time, start and end of frame, TR0 and TR1,
//     the frames of REQB and ATTRIB (ISO/IEC 14443-3, 7).
//   - RATS, PPS, block format, chaining, frame sizes, frame waiting time and its
//     extension S(WTX) (ISO/IEC 14443-4).
//   - 6780/fc from the card's answer to the next command, FWI at most 7, FSD 256
//     (EMV Contactless Book D).
//   - Characters, elementary time unit and T=0 procedure bytes of the contacts
//     (ISO/IEC 7816-3, EMV Book 1 part II).
//
// # What is our choice
//
// The times that a card needs for its commands ([DefaultCard]), because no standard
// has any; FSC 64; a seven-byte identifier; FWI 7, with an extension by two frame
// waiting times at a time, for whose frames the card stops its work; the field is up
// for 5.1 ms before the first command; the reader asks for the card's type at once,
// and for no other; type B with the least TR0 and TR1 and without extra guard time;
// no frame is ever damaged; the reader itself thinks for no time at all (the caller
// has its own clock for that).
//
// A purchase at 106 kbit/s is meant to take less than 210 ms with 60 ms of
// cryptography and less than 300 with 150; the slowest of type A is 13 ms below that,
// of type B 2 ms. A gate exit at a card that carries its journeys (JR/T 0025.14) is
// meant to take less than 300 ms with 100 ms of cryptography; the slowest card of type B
// is 4 ms below that. Each of these choices can be worse alone (frames of 32 bytes, ten
// milliseconds of field, every command a millisecond longer, the other type looked
// for first), not all together. Most hangs on FWI: with 4, a card that also
// asks for no more than two frame waiting times at a time is over the limit.
//
// # Invariants
//
//   - All arithmetic is in whole carrier periods. Where the contacts' clock does not
//     divide, the sum of an exchange is rounded up once.
//   - More bytes, a slower rate, a smaller frame or a slower card never take less
//     time.
package rf
