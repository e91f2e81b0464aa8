package files_test

import (
	"testing"

	"github.com/citycard/citycard/wire/apdu"
)

// BenchmarkReadBinary is READ BINARY by short identifier, unprotected.
func BenchmarkReadBinary(b *testing.B) {
	s := insert(b, rootName, city())
	c := parse(b, "00B0950000")
	out := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = s.app.Do(out[:0], &c); err != nil || len(out) != 32 {
			b.Fatal(out, err)
		}
	}
}

// BenchmarkProtectedUpdate is GET CHALLENGE and UPDATE BINARY with a MAC, 3DES.
func BenchmarkProtectedUpdate(b *testing.B) {
	s := insert(b, rootName, city())
	get, update := parse(b, "0084000008"), parse(b, "04D69500081122334455667788")
	h := host{alg: 1, key: key(0)}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		challenge, sw, err := s.send(get)
		if err != nil || sw != apdu.SWOK {
			b.Fatal(sw, err)
		}
		h.iv = challenge
		c := h.protect(update, false)
		b.StartTimer()
		if _, sw, err := s.send(c); err != nil || sw != apdu.SWOK {
			b.Fatal(sw, err)
		}
	}
}

// BenchmarkVerify is VERIFY with the right PIN: two changes of memory.
func BenchmarkVerify(b *testing.B) {
	s := insert(b, rootName, city())
	c := parse(b, "0020000103111111")
	b.ReportAllocs()
	for b.Loop() {
		if _, sw, err := s.send(c); err != nil || sw != apdu.SWOK {
			b.Fatal(sw, err)
		}
	}
}
