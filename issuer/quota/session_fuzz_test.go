package quota_test

import (
	"errors"
	"testing"

	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/txn"
)

// FuzzFeed gives a session what any client may send, in chunks with a length each: it ends
// or goes on, and never calls a push answered without the card's proof.
func FuzzFeed(f *testing.F) {
	f.Add(uint8(2), []byte{2, 0x90, 0x00, 6, 0xC1, 0x02, 0x00, 0x07, 0x90, 0x00, 0, 2, 0x90, 0x00})
	f.Add(uint8(3), []byte{2, 0x6A, 0x82})
	f.Add(uint8(2), []byte{12, 0x6F, 0x07, 0xA5, 0x05, 0xC1, 0x03, 0, 0, 9, 0x90, 0x00, 0x90, 2, 0x6A, 0x88, 0})
	f.Add(uint8(2), []byte{2, 0x90, 0x00, 2, 0x6A, 0x88, 0, 2, 0x90, 0x00,
		30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, firstSet, 2, 0, 1, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0x00})
	m := newMachine(f, terms)
	s := open(f, m, quota.Request{})
	push, _ := s.Outgoing()
	domains := quota.NewDomainKeys(domainKeys, 0)
	f.Fuzz(func(t *testing.T, protocol uint8, data []byte) {
		target := quota.Target{Application: []byte{1, 2, 3, 4, 5}, Domain: []byte{1, 2, 3, 4, 6}, Level: scp.CMAC,
			Protocol: scp.Protocol(protocol), Variant: scp.SCP02Pseudo, FirstVersion: firstSet}
		if _, err := domains.Open(s.Card, &target, [8]byte{1}, data); err == nil {
			t.Fatal("a proof was guessed")
		}
		x := quota.NewSession(s.Card, &target, [8]byte{1}, &push)
		for x.Step != quota.StepOver {
			if len(data) == 0 {
				return
			}
			var answers [][]byte
			for len(data) > 0 && data[0] != 0 {
				n := min(int(data[0]), len(data)-1)
				answers = append(answers, data[1:1+n])
				data = data[1+n:]
			}
			if len(data) > 0 {
				data = data[1:]
			}
			err := x.Feed(domains, answers)
			if err != nil && x.Step != quota.StepOver {
				t.Fatalf("an error, and the session goes on: %v", err)
			}
		}
		if x.Reached == quota.Answered && len(x.Opened) == 0 {
			t.Fatalf("an answer without proof: %+v", x)
		}
		if _, err := x.Pending(domains); !errors.Is(err, quota.ErrOver) {
			t.Fatalf("pending after the end: %v", err)
		}
	})
}

// BenchmarkPresent is one verified row of a card with twenty counters in doubt.
func BenchmarkPresent(b *testing.B) {
	m := newMachine(b, terms)
	s := running(b, m)
	for n := range uint16(20) {
		present(b, m, &s, row(b, txn.Entry, 2*n+2, 0, 5000), start)
	}
	p := row(b, txn.Entry, 50, 0, 5000)
	for b.Loop() {
		at := s
		if _, _, err := m.Present(&at, &p, txn.Cleared, 1, start); err != nil {
			b.Fatal(err)
		}
	}
}
