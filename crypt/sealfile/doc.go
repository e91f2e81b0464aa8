// Package sealfile closes and opens files that a network sends to a participant:
// only the participant can read one, and everyone who has the network's public
// key can prove that it is whole and from the network.
//
// A file is read and written as a stream in memory of a few chunks, whatever its
// length. The layout is our choice; all integers are big-endian:
//
//	off  len header
//	  0    4 "CCSF"
//	  4    1 version 01
//	  5    1 suite 01: SM4-GCM, SM3, SM2
//	  6    2 participant
//	  8    4 key id of the participant's key
//	 12    4 window, days since 1970-01-01
//	 16    1 batch
//	 17    1 kind of content, as the caller numbers it
//	 18    2 length n of the wrapped key
//	 20    n data key, encrypted for the participant: 04 C1 C3 C2 (GM/T 0003.4)
//
//	for each chunk
//	       4 length of the text, 0 to 65536; the highest bit marks the last chunk
//	   +text 16 of tag: SM4-GCM under the data key; the nonce is seven zero bytes,
//	         the chunk's number from 0 (4 bytes) and 01 for the last chunk, else 00;
//	         the header is the additional data
//
//	trailer
//	      32 SM3 over header and chunks
//	      64 SM2 signature r || s of the network (GM/T 0009, default identity) over
//	         "citycard sealed file", a zero byte and the 32 bytes before
//
// All chunks but the last hold 65536 bytes of text, and the last holds none only
// in an empty file: a text has one division into chunks.
//
// Invariants: a chunk that was changed, moved, repeated, left out or taken from
// another file is refused with its number and place before any byte of it is
// given out; a file that was cut never ends with io.EOF; Read gives io.EOF only
// after the network's signature has been checked. What Read gives before that is
// unchanged since someone sealed it for this participant, but not yet known to be
// the network's: act on it only after io.EOF.
//
// The data key encrypts one file only. So the randomness of NewWriter must be
// fresh for each file: a generator with a fixed seed is for simulations, whose
// content is as fixed as the seed.
package sealfile
