// Package seal closes and opens the blocks in which a terminal's rows travel.
//
// Sealing: a fresh data key encrypts rows and evidence (SM4-GCM, or AES-GCM by
// suite), the data key is encrypted for the acquirer (SM2, C1C3C2, GM/T 0003.4),
// the block hash is SM3 over the header and the SM3 of what is behind it, names the
// terminal's previous block, and the terminal signs the block hash (SM2 with
// SM3 and the default identity, GM/T 0009). The header states the root of a hash tree
// over the rows.
//
// Anyone who has the terminal's public key can check order and origin of a
// block without being able to read it; only the acquirer can read it. Randomness
// comes from a reader, so that a simulation seals the same bytes again.
//
// One row can be proved to anybody without the data key and without the other rows: its
// leaf, the path to the root (Prove, CheckPath), and the signed head of the block (Head).
package seal
