// Package fault makes a card misbehave on purpose, for those who build terminals:
// it stands between a card and its reader and, where a script says so, cuts the
// power at a numbered write, holds an answer back, delays it, or changes its bytes
// into odd ones that the standards allow or wrong ones that they do not.
//
// A script is YAML. Each fault says when it happens and what then happens:
//
//	name: torn-commit
//	faults:
//	  - name: power fails while the payment is written
//	    when: {ins: B2, nth: 4, aid: A000000333010106}
//	    then: {tear: {write: 2, half: first}}
//	  - name: signature with one wrong bit
//	    when: {ins: A8}
//	    then: {alter: [{how: flip, tag: 9F4B}]}
//
// [Parse] reads it strictly: unknown keys, doubled keys and values out of range are
// refused with their line. A [Door] carries it out.
//
// What always holds:
//
//   - A door without a fault that fits changes nothing: not a byte, not a write.
//   - What a fault did, or why it could not, is in the outcome's notes; a fault
//     that did not fit an answer leaves it as it was.
//   - Nothing here waits or closes a connection: delays and silence are in the
//     outcome, and whoever owns the line acts on them.
//   - An altered answer still has a status word, and at most 256 bytes of data.
//   - The same script, card and commands give the same outcomes.
//
// Sources: ISO/IEC 7816-4, 5.2.2 and EMV Book 3, annex B (encodings that are allowed:
// longer length fields, padding with 00, any order of objects, unknown tags); EMV
// Book 3, 6.5.8 (templates 80 and 77 of GET PROCESSING OPTIONS); JR/T 0025.12 (the
// commit at the last record, 9F10 and 9F4B).
package fault
