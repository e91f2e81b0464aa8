package capp_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/crypt/cryptogram"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors recomputes the codes and the wrapped key of testdata/vectors.json.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]string{}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	const atc, alg = 1, cryptogram.TDES
	key, opening := cryptogram.Key(unhex(t, v["record_key"])), cryptogram.Key(unhex(t, v["opening_key"]))
	record := unhex(t, v["record"])

	wrapped := capp.WrapKey(alg, opening, key)
	if capp.UnwrapKey(alg, opening, wrapped) != key {
		t.Error("the wrapped key does not come back")
	}
	data := append(wrapped[:], record...)
	command := append([]byte{0x04, 0xE2, 0x00, 0xA8, byte(len(data) + 4)}, data...)
	code := capp.UpdateMAC(alg, opening, atc, [5]byte(command), data)
	if got := append(command, code[:]...); !bytes.Equal(got, unhex(t, v["append"])) {
		t.Errorf("APPEND RECORD %X", got)
	}

	command = append([]byte{0x84, 0xDE, 0x00, 0xA8, byte(len(record) + 4)}, record...)
	code = capp.UpdateMAC(alg, key, atc, [5]byte(command), record)
	if got := append(command, code[:]...); !bytes.Equal(got, unhex(t, v["update"])) {
		t.Errorf("UPDATE CAPP DATA CACHE %X", got)
	}
	if got := capp.AnswerMAC(alg, key, code); !capp.Genuine(got, unhex(t, v["update_answer_mac"])) {
		t.Errorf("its answer %X", got)
	}
	if got := capp.ReadMAC(alg, key, [8]byte(unhex(t, v["read_random"])), record); !capp.Genuine(got, unhex(t, v["read_mac"])) {
		t.Errorf("READ CAPP DATA %X", got)
	}
}

// TestSM4 compares the SM4 codes, whose start value stands at the end of the first
// block, with the plain CBC MAC of package cryptogram over a message whose first block
// has the start value in it.
func TestSM4(t *testing.T) {
	key := cryptogram.Key{1, 2, 3}
	record := []byte{0x27, 0x01, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}
	random := [8]byte{0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7}
	message := bytes.Clone(record)
	for i, b := range random {
		message[8+i] ^= b
	}
	want := cryptogram.MAC(cryptogram.SM4, key, message)
	if got := capp.ReadMAC(cryptogram.SM4, key, random, record); [4]byte(want[:4]) != got {
		t.Errorf("%X, want %X", got, want[:4])
	}
	wrapped := capp.WrapKey(cryptogram.SM4, key, cryptogram.Key{9, 8})
	if capp.UnwrapKey(cryptogram.SM4, key, wrapped) != (cryptogram.Key{9, 8}) || wrapped == (cryptogram.Key{9, 8}) {
		t.Error("the wrapped key does not come back")
	}
}
