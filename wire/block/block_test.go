package block

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sample(rows int) (Header, []byte, Evidence) {
	h := Header{Suite: SM4GCM, Rows: uint16(rows), Terminal: 7, Start: 1, Number: 3, FirstSequence: 41, From: 10, Until: 20, KeyID: 1}
	e := Evidence{
		Issuers: []Issuer{{CAIndex: 0x57, Certificate: bytes.Repeat([]byte{0x12}, 142)}},
		Cards:   []Card{{Certificate: bytes.Repeat([]byte{0x14}, 148), Static: []byte{0x5F, 0x34, 1, 1}}},
	}
	for i := range rows {
		p := Proof{Card: NoCard}
		if i%2 == 0 {
			p = Proof{SDAD: bytes.Repeat([]byte{0x15}, 69)}
		}
		e.Proofs = append(e.Proofs, p)
	}
	return h, bytes.Repeat([]byte{1}, 128*rows), e
}

func sealedSample(t testing.TB) []byte {
	h, rows, e := sample(3)
	payload, err := AppendPayload(nil, rows, &e)
	if err != nil {
		t.Fatal(err)
	}
	h.CipherLen = uint32(len(payload) + TagSize)
	b, err := AppendClear(nil, &h, make([]byte, 113), make([]byte, NonceSize))
	if err != nil {
		t.Fatal(err)
	}
	return append(append(b, payload...), make([]byte, TagSize+SignatureSize)...)
}

func TestPayloadRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "rows")
		_, rows, e := sample(n)
		b, err := AppendPayload(nil, rows, &e)
		if err != nil {
			t.Fatal(err)
		}
		gotRows, got, err := ParsePayload(b, n)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(rows, gotRows) || !cmp.Equal(got.Cards, e.Cards, emptyIsNil) || !cmp.Equal(got.Proofs, e.Proofs, emptyIsNil) {
			t.Fatal("payload did not come back")
		}
	})
}

var emptyIsNil = cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) })

func TestParseNamesTheFault(t *testing.T) {
	good := sealedSample(t)
	s, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	if s.Header.Number != 3 || len(s.Signature) != SignatureSize || len(s.Signed)+SignatureSize != len(good) {
		t.Fatalf("parsed wrongly: %+v", s.Header)
	}
	set := func(at int, v byte) []byte { b := bytes.Clone(good); b[at] = v; return b }
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"empty", nil, "0 bytes"},
		{"magic", set(0, 0), "CCB1"},
		{"version 1", set(4, 1), "version 1"},
		{"suite", set(5, 9), "suite 9"},
		{"rows", set(6, 0xFF), "rows"},
		{"number 0", set(19, 0), "block number 0"},
		{"sequence 0", set(23, 0), "first sequence 0"},
		{"until before from", set(31, 1), "before from"},
		{"wrapped key", set(HeaderSize+1, 0), "wrapped key"},
		{"cipher length", set(36, 1), "announce"},
		{"cut", good[:len(good)-1], "announce"},
		{"trailing", append(bytes.Clone(good), 0), "after the signature"},
		{"huge", make([]byte, MaxSize+1), "at most"},
	} {
		if _, err := Parse(c.bytes); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestPayloadRefusesDanglingIndexes(t *testing.T) {
	_, rows, e := sample(1)
	e.Proofs[0].Card = 5
	b, err := AppendPayload(nil, rows, &e)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ParsePayload(b, 1); err == nil || !strings.Contains(err.Error(), "names card 5 of 1") {
		t.Errorf("error %v", err)
	}
	if _, _, err := ParsePayload(b[:200], 1); err == nil {
		t.Error("a cut evidence part was accepted")
	}
	if _, err := AppendPayload(nil, rows[:100], &e); err == nil {
		t.Error("a part of a row was accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sealedSample(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		again, err := AppendClear(nil, &s.Header, s.Wrapped, s.Nonce)
		if err != nil {
			t.Fatal(err)
		}
		again = append(append(again, s.Cipher...), s.Signature...)
		if !bytes.Equal(again, b) {
			t.Fatal("parsed block does not encode to the same bytes")
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	f.Add(sealedSample(f)[:HeaderSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err == nil && !bytes.Equal(h.Append(nil), b[:HeaderSize]) {
			t.Fatal("parsed header does not encode to the same bytes")
		}
	})
}

func FuzzParsePayload(f *testing.F) {
	_, rows, e := sample(2)
	b, _ := AppendPayload(nil, rows, &e)
	f.Add(b, 2)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		rows, e, err := ParsePayload(b, n)
		if err != nil {
			return
		}
		again, err := AppendPayload(nil, rows, &e)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("payload does not encode to the same bytes: %v", err)
		}
	})
}
