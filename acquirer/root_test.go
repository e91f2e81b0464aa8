package acquirer_test

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"testing"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// sealWithRoot seals a block of one row as package seal does, but for the root.
func sealWithRoot(t *testing.T, root func(honest [32]byte) [32]byte) []byte {
	t.Helper()
	d := newChain(1).draft(1)
	var row [txn.RowSize]byte
	if err := d.rows[0].Encode(&row); err != nil {
		t.Fatal(err)
	}
	honest, _ := d.seal(t)
	s, err := block.Parse(honest)
	if err != nil {
		t.Fatal(err)
	}
	e := block.Evidence{Proofs: []block.Proof{{Card: block.NoCard}}}
	payload, err := block.AppendPayload(nil, row[:], &e)
	if err != nil {
		t.Fatal(err)
	}
	dataKey, err := acquirerKey.Decrypt(s.Wrapped)
	if err != nil {
		t.Fatal(err)
	}
	h := s.Header
	h.Suite, h.Root = block.AESGCM, root(h.Root)
	raw, err := block.AppendClear(nil, &h, s.Wrapped, s.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	c, err := aes.NewCipher(dataKey)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(c)
	if err != nil {
		t.Fatal(err)
	}
	raw = gcm.Seal(raw, s.Nonce, payload, raw)
	hash := seal.HashOf(raw)
	if raw, err = d.signer.Sign(raw, &stream{}, hash[:]); err != nil {
		t.Fatal(err)
	}
	return raw
}

// A terminal that states a root which is not that of its rows could later deny them: its
// block is bad, although signature and encryption are right.
func TestABlockWithAWrongRootIsBad(t *testing.T) {
	raw := sealWithRoot(t, func(r [32]byte) [32]byte { r[9] ^= 1; return r })
	p := preparer().Prepare(raw)
	if p.Outcome != acquirer.Unreadable || !errors.Is(p.Err, seal.ErrRoot) {
		t.Errorf("%s, %v", p.Outcome, p.Err)
	}
}
