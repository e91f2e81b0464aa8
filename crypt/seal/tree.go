package seal

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"math/bits"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/wire/block"
)

// The hash tree over the rows of a block, whose root stands in the header under the
// terminal's signature. It has the shape of RFC 9162, 2.1; the hashes are SM3:
//
//	salt      16 bytes of the block's salt stream, one after the other for each row
//	card      SM3(02 || salt || bytes 4 to 14 of the row: account and sequence number)
//	issuer    SM3(03 || CA index || lengths and bytes of 90, 92, 9F32)
//	evidence  SM3(04 || issuer || lengths and bytes of 9F46, 9F48, 9F47, static data)
//	leaf      SM3(00 || card || the other 117 bytes of the row || evidence || 9F4B);
//	          for a row without evidence 32 zeros and no 9F4B
//	node      SM3(01 || left || right)
//
// The root of a block without rows is SM3 of nothing.
//
// Why the salt: a proof shows hashes of neighbouring rows. A row that the card did not
// sign (a refused tap) is guessable, and account numbers always are, so that a plain
// hash would tell a patient reader who tapped next. The salt stream is the
// block's cipher in counter mode (GB/T 17964) under SM3("citycard block salts" || data
// key) cut to 16 bytes: who has the data key has all salts, who is shown one learns no
// other. Why the card has a hash of its own: a proof may show that hash instead of the
// account number, and everything else of the row is still proved.
const (
	tagLeaf     = 0x00
	tagNode     = 0x01
	tagCard     = 0x02
	tagIssuer   = 0x03
	tagEvidence = 0x04
)

const (
	rowSize = 128
	// SaltSize is the length of the salt of a row.
	SaltSize  = 16
	saltLabel = "citycard block salts"
)

// ErrRoot is the reason of Open for a block whose rows are not those of its root.
var ErrRoot = errors.New("root of the hash tree over the rows is wrong")

// ErrProof says that an inclusion proof does not lead to the root.
var ErrProof = errors.New("hash path does not lead from the row to the root that the terminal signed")

// salts gives the salts of n rows.
func salts(suite block.Suite, dataKey []byte, n int) ([]byte, error) {
	key := sm3.Sum(append([]byte(saltLabel), dataKey...))
	c, err := blockCipher(suite, key[:16])
	if err != nil {
		return nil, err
	}
	out := make([]byte, SaltSize*n)
	cipher.NewCTR(c, make([]byte, c.BlockSize())).XORKeyStream(out, out)
	return out, nil
}

// CardHash hides the card of a row behind its salt.
func CardHash(salt *[SaltSize]byte, row []byte) Hash {
	var in [1 + SaltSize + block.CardEnd - block.CardStart]byte
	in[0] = tagCard
	copy(in[1:], salt[:])
	copy(in[1+SaltSize:], row[block.CardStart:block.CardEnd])
	return sm3.Sum(in[:])
}

// IssuerHash is the hash of an issuer's certificate.
func IssuerHash(i *block.Issuer) Hash {
	return tagged(append(make([]byte, 0, 256), tagIssuer, i.CAIndex), i.Certificate, i.Remainder, i.Exponent)
}

// EvidenceHash is the hash of a card's certificate and static data.
func EvidenceHash(issuer Hash, c *block.Card) Hash {
	return tagged(append(append(make([]byte, 0, 512), tagEvidence), issuer[:]...), c.Certificate, c.Remainder, c.Exponent, c.Static)
}

func tagged(b []byte, parts ...[]byte) Hash {
	for _, p := range parts {
		b = append(append(b, byte(len(p)>>8), byte(len(p))), p...)
	}
	return sm3.Sum(b)
}

// LeafHash is the leaf of a row. Of the row's 128 bytes those that name the card are
// not looked at: card stands for them. evidence is zero and sdad empty for a row without.
func LeafHash(card Hash, row []byte, evidence Hash, sdad []byte) Hash {
	var in [1 + 32 + rowSize - (block.CardEnd - block.CardStart) + 32 + block.MaxCertificate]byte
	b := append(append(in[:0], tagLeaf), card[:]...)
	b = append(append(b, row[:block.CardStart]...), row[block.CardEnd:rowSize]...)
	return sm3.Sum(append(append(b, evidence[:]...), sdad...))
}

func nodeHash(l, r *Hash) Hash {
	var in [1 + 2*32]byte
	in[0] = tagNode
	copy(in[1:], l[:])
	copy(in[33:], r[:])
	return sm3.Sum(in[:])
}

// leaves gives the leaves of a block's rows.
func leaves(suite block.Suite, dataKey, rows []byte, e *block.Evidence) ([]Hash, error) {
	salt, err := salts(suite, dataKey, len(e.Proofs))
	if err != nil {
		return nil, err
	}
	cards := make([]Hash, len(e.Cards))
	issuers := make([]Hash, len(e.Issuers))
	for i := range issuers {
		issuers[i] = IssuerHash(&e.Issuers[i])
	}
	for i := range cards {
		c := &e.Cards[i]
		if int(c.Issuer) >= len(issuers) {
			return nil, fmt.Errorf("card %d names issuer %d of %d", i, c.Issuer, len(issuers))
		}
		cards[i] = EvidenceHash(issuers[c.Issuer], c)
	}
	out := make([]Hash, len(e.Proofs))
	for i := range out {
		p := &e.Proofs[i]
		var evidence Hash
		if p.Card != block.NoCard {
			if int(p.Card) >= len(cards) {
				return nil, fmt.Errorf("row %d names card %d of %d", i, p.Card, len(cards))
			}
			evidence = cards[p.Card]
		}
		row := rows[i*rowSize : (i+1)*rowSize]
		out[i] = LeafHash(CardHash((*[SaltSize]byte)(salt[i*SaltSize:]), row), row, evidence, p.SDAD)
	}
	return out, nil
}

// rootOf joins leaves to the root; it uses their room.
func rootOf(level []Hash) Hash {
	if len(level) == 0 {
		return sm3.Sum(nil)
	}
	// Joining neighbours and carrying an odd last one upwards gives the tree of RFC
	// 9162, whose left half is the largest power of two below the whole.
	for len(level) > 1 {
		half := level[:0]
		for i := 0; i+1 < len(level); i += 2 {
			half = append(half, nodeHash(&level[i], &level[i+1]))
		}
		if len(level)%2 == 1 {
			half = append(half, level[len(level)-1])
		}
		level = half
	}
	return level[0]
}

// pathOf gives the hashes beside the way from leaf i to the root, from below; it uses
// the leaves' room.
func pathOf(level []Hash, i int) []Hash {
	var path []Hash
	for len(level) > 1 {
		if beside := i ^ 1; beside < len(level) {
			path = append(path, level[beside])
		}
		half := level[:0]
		for k := 0; k+1 < len(level); k += 2 {
			half = append(half, nodeHash(&level[k], &level[k+1]))
		}
		if len(level)%2 == 1 {
			half = append(half, level[len(level)-1])
		}
		level, i = half, i/2
	}
	return path
}

// MaxPath is the length of the longest path, that of a block of block.MaxRows rows.
const MaxPath = 12

// CheckPath reports whether a path leads from leaf i of n to a root. The error is
// ErrProof, also for a path of the wrong length: a leaf has one proof and no other.
func CheckPath(root, leaf Hash, path []Hash, i, n int) error {
	if i < 0 || i >= n || n > block.MaxRows || len(path) > bits.Len(uint(n)) {
		return ErrProof
	}
	at := leaf
	for ; n > 1; i, n = i/2, (n+1)/2 {
		beside := i ^ 1
		if beside >= n {
			continue // the odd last one goes up alone
		}
		if len(path) == 0 {
			return ErrProof
		}
		if beside < i {
			at = nodeHash(&path[0], &at)
		} else {
			at = nodeHash(&at, &path[0])
		}
		path = path[1:]
	}
	if len(path) != 0 || at != root {
		return ErrProof
	}
	return nil
}

// Inclusion is one row of a block with all that proves to anybody that the terminal's
// signature covers it, and nothing of the other rows.
type Inclusion struct {
	Index  int
	Row    []byte // 128 bytes
	Salt   [SaltSize]byte
	Proof  block.Proof
	Card   block.Card // if Proof names one
	Issuer block.Issuer
	Path   []Hash
}

// Prove opens a block as Open does and proves row i.
func Prove(s *block.Sealed, acquirer SM2Decrypter, i int) (Inclusion, error) {
	dataKey, rows, e, err := open(s, acquirer)
	if err != nil {
		return Inclusion{}, err
	}
	if i < 0 || i >= len(e.Proofs) {
		return Inclusion{}, fmt.Errorf("prove row %d: the block has %d rows", i, len(e.Proofs))
	}
	all, err := leaves(s.Header.Suite, dataKey, rows, &e)
	if err != nil {
		return Inclusion{}, fmt.Errorf("prove row %d: %w", i, err)
	}
	salt, err := salts(s.Header.Suite, dataKey, i+1)
	if err != nil {
		return Inclusion{}, fmt.Errorf("prove row %d: %w", i, err)
	}
	in := Inclusion{Index: i, Row: rows[i*rowSize : (i+1)*rowSize], Salt: [SaltSize]byte(salt[i*SaltSize:]), Proof: e.Proofs[i]}
	if in.Proof.Card != block.NoCard {
		in.Card = e.Cards[in.Proof.Card]
		in.Issuer = e.Issuers[in.Card.Issuer]
	}
	leaf := all[i]
	in.Path = pathOf(all, i)
	if err := CheckPath(s.Header.Root, leaf, in.Path, i, len(e.Proofs)); err != nil {
		return Inclusion{}, fmt.Errorf("prove row %d: %w", i, ErrRoot)
	}
	return in, nil
}
