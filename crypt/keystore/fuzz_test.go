package keystore

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// FuzzOpen opens files with their true passphrase, sealed at the lowest cost.
func FuzzOpen(f *testing.F) {
	pass := []byte("p")
	for issuers := range uint(2) {
		file, err := Development(issuers).seal(rand.NewChaCha8([32]byte{1}), pass, 1)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
		f.Add(file[:len(file)/2])
	}
	f.Add([]byte("CCKS\x01\x01"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 5 && file[5] > 2 {
			file[5] = 2 // costly files are refused or slow, nothing else
		}
		s, err := Open(file, pass)
		if (s == nil) == (err == nil) {
			t.Fatalf("store %v with error %v", s, err)
		}
	})
}

// FuzzDecode is the inside of a file, past the seal: what is taken is written
// again byte for byte.
func FuzzDecode(f *testing.F) {
	f.Add(Development(0).encode())
	f.Add(Development(1).encode())
	f.Add([]byte{0})
	f.Add([]byte{1, 1, 'a', 1, 4, 0})
	f.Fuzz(func(t *testing.T, plain []byte) {
		s, err := decode(plain)
		if err != nil {
			if s != nil {
				t.Fatalf("a store with error %v", err)
			}
			return
		}
		if !bytes.Equal(s.encode(), plain) {
			t.Fatalf("%X is written as %X", plain, s.encode())
		}
	})
}

// TestDecodeRefusesWhatEncodeNeverWrites: order, marks and cuts.
func TestDecodeRefusesWhatEncodeNeverWrites(t *testing.T) {
	entry := func(name string) []byte {
		return append(append([]byte{byte(len(name))}, name+"\x01\x04"...), make([]byte, 16)...)
	}
	good := append(append([]byte{0}, entry("a")...), entry("b")...)
	if _, err := decode(good); err != nil {
		t.Fatal(err)
	}
	marked := Development(1).encode()
	marked[0] = 0
	for name, plain := range map[string][]byte{
		"empty": nil, "mark 2": {2}, "cut head": good[:3], "cut secret": good[:len(good)-1],
		"falling names":         append(append([]byte{0}, entry("b")...), entry("a")...),
		"equal names":           append(append([]byte{0}, entry("a")...), entry("a")...),
		"development not shown": marked,
		"zero SM2 scalar":       append([]byte{0, 1, 'a', 9, 0x12}, make([]byte, 32)...),
	} {
		if s, err := decode(plain); err == nil {
			t.Errorf("%s: taken as %d keys", name, len(s.keys))
		}
	}
}
