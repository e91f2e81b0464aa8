package pboc_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
)

// TestDamagedTransitMemory: states of the extension that no card can be in are refused.
func TestDamagedTransitMemory(t *testing.T) {
	c := transitCard{alg: cryptogram.TDES, balance: 1000, deposit: 2000}.card(t)
	p := c.Product
	whole := make([]byte, p.MemorySize())
	copy(whole, c.Personalise(nil))
	s, err := p.Decode(whole)
	if err != nil || s.Balance != 1000 || s.Deposit != 2000 || s.Support != 2 || s.Used != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	const head = 52
	at := p.MemorySize() - head - capp.MemorySize(transitFiles)
	for name, spoil := range map[string]func(b []byte){
		"DF61":                          func(b []byte) { b[0] = 0 },
		"DF62 not decimal":              func(b []byte) { b[8] = 0xAA },
		"DF63 not decimal":              func(b []byte) { b[14] = 0xAA },
		"DF63 beside a balance":         func(b []byte) { b[14] = 1 },
		"hold in no file":               func(b []byte) { b[25] = 0x16 },
		"half a hold":                   func(b []byte) { b[27] = 1 },
		"hold not decimal":              func(b []byte) { b[25], b[33] = 0x17, 0xFA },
		"file with too much in use":     func(b []byte) { b[head] = 0xFF },
		"record longer than its file":   func(b []byte) { b[head+2+16+2] = 0xFF },
		"cyclic file: next slot":        func(b []byte) { b[len(b)-3*13-19] = 3 },
		"cyclic file: record too long":  func(b []byte) { b[len(b)-13] = 13 },
		"cyclic file: records, no key":  func(b []byte) { b[len(b)-3*13-19+2] = 0 },
		"cyclic file: too many records": func(b []byte) { b[len(b)-3*13-19+1] = 4 },
	} {
		b := bytes.Clone(whole)
		spoil(b[at:])
		if _, err := p.Decode(b); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := bytes.Clone(whole)
	copy(b[10:16], make([]byte, 6)) // no balance
	b[at+13] = 0x20
	if s, err := p.Decode(b); err != nil || s.Used != 2000 {
		t.Errorf("the whole deposit used: %+v, %v", s, err)
	}
	b[at+14] = 1
	if _, err := p.Decode(b); !errors.Is(err, cos.ErrMemory) {
		t.Error("more than the deposit is used, and taken")
	}
}
