package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/wire/block"
)

// stream is a reader of repeatable bytes for tests.
type stream struct{ n byte }

func (s *stream) Read(p []byte) (int, error) {
	for i := range p {
		s.n = s.n*31 + 7
		p[i] = s.n
	}
	return len(p), nil
}

func key(t testing.TB, label string) *oda.SM2Private {
	k, err := oda.NewSM2Private(sm3.Sum([]byte(label)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(t testing.TB, label string) *oda.SM2Public {
	k, err := oda.NewSM2Public(key(t, label).Public())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sealed(t testing.TB, suite block.Suite, n, sdad int) ([]byte, seal.Hash, []byte) {
	rows := bytes.Repeat([]byte{0xA5}, 128*n)
	var e block.Evidence
	if sdad > 0 {
		e.Issuers = []block.Issuer{{CAIndex: 0x57, Certificate: make([]byte, 142)}}
	}
	for i := range n {
		p := block.Proof{Card: block.NoCard}
		if sdad > 0 {
			if i%4 == 0 {
				e.Cards = append(e.Cards, block.Card{Certificate: make([]byte, 148), Static: make([]byte, 60)})
			}
			p = block.Proof{Card: uint16(i / 4), SDAD: make([]byte, sdad)}
		}
		e.Proofs = append(e.Proofs, p)
	}
	h := block.Header{Suite: suite, Terminal: 9, Start: 1, Number: 1, FirstSequence: 1, KeyID: 1}
	b, hash, err := seal.Seal(nil, h, rows, &e, public(t, "acquirer"), key(t, "terminal"), &stream{})
	if err != nil {
		t.Fatal(err)
	}
	return b, hash, rows
}

func TestSealedBlockOpensWithTheRightKeysOnly(t *testing.T) {
	for _, suite := range []block.Suite{block.SM4GCM, block.AESGCM} {
		b, hash, rows := sealed(t, suite, 5, 69)
		again, _, _ := sealed(t, suite, 5, 69)
		if !bytes.Equal(b, again) {
			t.Error("the same randomness gave another block")
		}
		s, err := block.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := seal.Verify(&s, public(t, "terminal"))
		if err != nil || got != hash {
			t.Fatalf("hash %x, error %v", got, err)
		}
		if _, err := seal.Verify(&s, public(t, "other")); !errors.Is(err, seal.ErrSignature) {
			t.Errorf("another terminal's key: %v", err)
		}
		opened, e, err := seal.Open(&s, key(t, "acquirer"))
		if err != nil || !bytes.Equal(opened, rows) || len(e.Cards) != 2 || len(e.Proofs) != 5 {
			t.Fatalf("opened %d bytes, %d cards, error %v", len(opened), len(e.Cards), err)
		}
		if _, _, err := seal.Open(&s, key(t, "other")); !errors.Is(err, seal.ErrKey) {
			t.Errorf("another acquirer's key: %v", err)
		}
	}
}

func TestEveryAlteredByteIsNoticed(t *testing.T) {
	b, _, _ := sealed(t, block.SM4GCM, 1, 0)
	terminal, acquirer := public(t, "terminal"), key(t, "acquirer")
	for i := range b {
		altered := bytes.Clone(b)
		altered[i] ^= 1
		s, err := block.Parse(altered)
		if err != nil {
			continue
		}
		if _, err := seal.Verify(&s, terminal); !errors.Is(err, seal.ErrSignature) {
			t.Fatalf("byte %d altered: signature still verifies (%v)", i, err)
		}
		if i < len(b)-block.SignatureSize {
			if _, _, err := seal.Open(&s, acquirer); err == nil {
				t.Fatalf("byte %d altered: content still opens", i)
			}
		}
	}
}

func benchmarkSeal(b *testing.B, sdad int) {
	const n = 2048
	raw, _, rows := sealed(b, block.SM4GCM, n, sdad)
	s, err := block.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	acquirer, terminal := key(b, "acquirer"), key(b, "terminal")
	_, e, err := seal.Open(&s, acquirer)
	if err != nil {
		b.Fatal(err)
	}
	report := func(b *testing.B) {
		b.SetBytes(int64(len(s.Cipher) - block.TagSize))
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	}
	b.Run("seal", func(b *testing.B) {
		buf := make([]byte, 0, len(raw))
		for b.Loop() {
			if _, _, err := seal.Seal(buf, s.Header, rows, &e, public(b, "acquirer"), terminal, &stream{}); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := block.Parse(raw)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := seal.Verify(&s, public(b, "terminal")); err != nil {
				b.Fatal(err)
			}
			if _, _, err := seal.Open(&s, acquirer); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
}

func BenchmarkBlockWithoutEvidence(b *testing.B) { benchmarkSeal(b, 0) }
func BenchmarkBlockWithEvidence(b *testing.B)    { benchmarkSeal(b, 69) }
