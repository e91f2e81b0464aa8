package seal_test

import (
	"bytes"
	"errors"
	"math/bits"
	"testing"

	"github.com/emmansun/gmsm/sm3"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/wire/block"
)

// merkle is the definition of the tree of RFC 9162, 2.1.1, word by word.
func merkle(leaves []seal.Hash) seal.Hash {
	switch n := len(leaves); n {
	case 0:
		return sm3.Sum(nil)
	case 1:
		return leaves[0]
	default:
		k := 1 << (bits.Len(uint(n-1)) - 1)
		l, r := merkle(leaves[:k]), merkle(leaves[k:])
		return sm3.Sum(append(append([]byte{1}, l[:]...), r[:]...))
	}
}

// mixed seals n rows that all differ, every third without evidence.
func mixed(t testing.TB, n int) []byte {
	rows := make([]byte, 128*n)
	e := block.Evidence{Issuers: []block.Issuer{{CAIndex: 0x57, Certificate: make([]byte, 142)}}}
	for i := range n {
		rows[128*i], rows[128*i+7], rows[128*i+127] = 1, byte(i), byte(i>>8)
		p := block.Proof{Card: block.NoCard}
		if i%3 != 0 {
			e.Cards = append(e.Cards, block.Card{Certificate: make([]byte, 148), Static: []byte{byte(i), byte(i >> 8)}})
			p = block.Proof{Card: uint16(len(e.Cards) - 1), SDAD: bytes.Repeat([]byte{byte(i)}, 69)}
		}
		e.Proofs = append(e.Proofs, p)
	}
	h := block.Header{Suite: block.SM4GCM, Terminal: 9, Start: 1, Number: 1, FirstSequence: 1, KeyID: 1}
	b, _, err := seal.Seal(nil, h, rows, &e, public(t, "acquirer"), key(t, "terminal"), &stream{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// leafOf is the leaf of a proved row by the layout in the comment of tree.go.
func leafOf(in *seal.Inclusion) seal.Hash {
	var evidence seal.Hash
	if in.Proof.Card != block.NoCard {
		evidence = seal.EvidenceHash(seal.IssuerHash(&in.Issuer), &in.Card)
	}
	return seal.LeafHash(seal.CardHash(&in.Salt, in.Row), in.Row, evidence, in.Proof.SDAD)
}

func TestEveryRowIsProvedAndTheTreeIsThatOfTheRFC(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 8, 13} {
		b := mixed(t, n)
		s, err := block.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		leaves := make([]seal.Hash, n)
		for i := range n {
			in, err := seal.Prove(&s, key(t, "acquirer"), i)
			if err != nil {
				t.Fatal(err)
			}
			leaves[i] = leafOf(&in)
			if err := seal.CheckPath(s.Header.Root, leaves[i], in.Path, i, n); err != nil {
				t.Fatalf("row %d of %d: %v", i, n, err)
			}
		}
		if got := merkle(leaves); got != s.Header.Root {
			t.Errorf("%d rows: root %x, the definition gives %x", n, s.Header.Root, got)
		}
	}
	s, err := block.Parse(mixed(t, 0))
	if err != nil || s.Header.Root != merkle(nil) {
		t.Errorf("root of no rows %x, error %v", s.Header.Root, err)
	}
	if _, err := seal.Prove(&s, key(t, "acquirer"), 0); err == nil {
		t.Error("a row of an empty block was proved")
	}
}

func TestNoOtherPathIsAProof(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "rows")
		i := rapid.IntRange(0, n-1).Draw(rt, "row")
		s, err := block.Parse(mixed(t, n))
		if err != nil {
			rt.Fatal(err)
		}
		in, err := seal.Prove(&s, key(t, "acquirer"), i)
		if err != nil {
			rt.Fatal(err)
		}
		root, leaf := seal.Hash(s.Header.Root), leafOf(&in)
		refused := func(what string, err error) {
			if !errors.Is(err, seal.ErrProof) {
				rt.Fatalf("%s, row %d of %d: %v", what, i, n, err)
			}
		}
		other := leaf
		other[rapid.IntRange(0, 31).Draw(rt, "byte")] ^= 1
		refused("another leaf", seal.CheckPath(root, other, in.Path, i, n))
		refused("a longer path", seal.CheckPath(root, leaf, append(clonePath(in.Path), leaf), i, n))
		refused("row behind the last", seal.CheckPath(root, leaf, in.Path, n, n))
		refused("row -1", seal.CheckPath(root, leaf, in.Path, -1, n))
		if len(in.Path) > 0 {
			refused("a shorter path", seal.CheckPath(root, leaf, in.Path[1:], i, n))
			bad := clonePath(in.Path)
			bad[rapid.IntRange(0, len(bad)-1).Draw(rt, "step")][5] ^= 1
			refused("another path", seal.CheckPath(root, leaf, bad, i, n))
			refused("another place", seal.CheckPath(root, leaf, in.Path, i^1, n))
		}
		in.Row[5] ^= 1
		refused("another card", seal.CheckPath(root, leafOf(&in), in.Path, i, n))
		in.Row[5] ^= 1
		in.Row[50] ^= 1
		refused("another amount", seal.CheckPath(root, leafOf(&in), in.Path, i, n))
	})
}

func clonePath(p []seal.Hash) []seal.Hash { return append([]seal.Hash(nil), p...) }

func TestAWrongRootIsABadBlock(t *testing.T) {
	b := mixed(t, 3)
	s, err := block.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.Open(&s, key(t, "acquirer")); err != nil {
		t.Fatal(err)
	}
	// Only a terminal that seals with another program can do this: the root is under
	// signature and encryption. The header value in s alone is what Open compares.
	s.Header.Root[3] ^= 1
	if _, _, err := seal.Open(&s, key(t, "acquirer")); !errors.Is(err, seal.ErrRoot) {
		t.Errorf("error %v", err)
	}
	if _, err := seal.Prove(&s, key(t, "acquirer"), 1); !errors.Is(err, seal.ErrRoot) {
		t.Errorf("prove: error %v", err)
	}
	if _, _, err := seal.Reopen(&s, key(t, "acquirer")); err != nil {
		t.Errorf("reopen looks at the root: %v", err)
	}
}

func TestHeadIsEnoughForTheSignature(t *testing.T) {
	b, hash, _ := sealed(t, block.SM4GCM, 3, 69)
	s, err := block.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	h := seal.HeadOf(&s)
	raw := h.Append(nil)
	again, err := seal.ParseHead(raw)
	if err != nil || again != h || again.Hash() != hash {
		t.Fatalf("head did not come back: %v", err)
	}
	if err := again.Verify(public(t, "terminal")); err != nil {
		t.Error(err)
	}
	for i := range raw {
		altered := bytes.Clone(raw)
		altered[i] ^= 0x20
		if h, err := seal.ParseHead(altered); err == nil && h.Verify(public(t, "terminal")) == nil {
			t.Fatalf("byte %d altered: the head still verifies", i)
		}
	}
	if _, err := seal.ParseHead(raw[:100]); err == nil {
		t.Error("a cut head was read")
	}
}

func TestOneSaltTellsNothingOfTheOthers(t *testing.T) {
	s, err := block.Parse(mixed(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[seal.SaltSize]byte]bool{}
	for i := range 4 {
		in, err := seal.Prove(&s, key(t, "acquirer"), i)
		if err != nil {
			t.Fatal(err)
		}
		if seen[in.Salt] || in.Salt == [seal.SaltSize]byte{} {
			t.Errorf("row %d: salt %x was there before or is zero", i, in.Salt)
		}
		seen[in.Salt] = true
	}
}

func FuzzParseHead(f *testing.F) {
	b, _, _ := sealed(f, block.SM4GCM, 1, 0)
	s, err := block.Parse(b)
	if err != nil {
		f.Fatal(err)
	}
	h := seal.HeadOf(&s)
	f.Add(h.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := seal.ParseHead(b); err == nil && !bytes.Equal(h.Append(nil), b) {
			t.Fatal("parsed head does not encode to the same bytes")
		}
	})
}
