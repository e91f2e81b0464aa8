// Package party gives the parties of a city certificates: who signs a terminal's
// blocks, and who signs an issuer's statements. Whoever has the root's public
// certificate can check such a signature without asking the platform.
//
// The hierarchy has three levels:
//
//	root            the city's, signs itself
//	  acquirer      an institution; signs the terminals in its register
//	    terminal    the key under which one terminal seals blocks (package seal)
//	  statement     an issuer's key for statements about its cards
//
// Certificates are X.509 version 3 (GM/T 0015, RFC 5280) with SM2 keys and SM2 with SM3
// signatures under the default user identity (GM/T 0009, GM/T 0006 for the object
// identifiers). The subject says what the key is for: organisation is the institution
// code, organisational unit the role, common name the terminal number in 8 hexadecimal
// digits or the name. A key is good for its role alone.
//
// A terminal makes its key; its acquirer enters the public key in its register and
// signs the certificate from the entry. So a certificate can be made whenever it is
// needed, also for terminals that were registered before there was a root.
//
// Times come as arguments, randomness from a reader. The development root (DevRoot)
// follows from a public label: it proves nothing.
//
// Invariant: Verify gives a Certificate only if every signature up to the given root
// verifies, all of them were valid at the time asked for, and each role may sign the
// next.
package party
