package main

import (
	"net"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/role/devcard"
)

// setFreeAddress is a script command: "freeaddress" puts an address on which nobody
// listens into $ADDRESS, and its port into $PORT.
func setFreeAddress(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: freeaddress")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv("ADDRESS", "127.0.0.1:"+port)
	ts.Setenv("PORT", port)
}

// TestKeysOfAFile: masters give the same keys as the card's own, and mistakes are
// named by line without repeating the key.
func TestKeysOfAFile(t *testing.T) {
	k, err := parseCardKeys("# issuer 0\n3des master ac 0123456789ABCDEFFEDCBA9876543210\n\n3des card mac 2EC652BF67F6B84E47CB015363EE2139 # own\n")
	if err != nil {
		t.Fatal(err)
	}
	r, err := devcard.Default("dev-3des")
	if err != nil {
		t.Fatal(err)
	}
	want, _ := devcard.Keys(cryptogram.TDES, r.PAN, r.PSN)
	got, ok := k.of(cryptogram.TDES, r.PAN, r.PSN)
	if !ok || !got.AC.Equal(want.AC) || !got.MAC.Equal(want.MAC) || got.ENC != (cryptogram.Key{}) {
		t.Error("the keys are not those of the card")
	}
	if _, ok := k.of(cryptogram.SM4, r.PAN, r.PSN); ok {
		t.Error("keys of an algorithm that the file does not name")
	}
	for text, want := range map[string]string{
		"":                      "it holds no key",
		"# nothing\n":           "it holds no key",
		"3des master ac":        "line 1: 3 words",
		"\naes master ac 0123":  "line 2: the first word",
		"sm4 issuer ac 0123":    "line 1: the second word",
		"sm4 card xx 0123":      "line 1: the third word",
		"sm4 card ac 012345678": "line 1: the key must have 32",
		"sm4 card ac 0123456789ABCDEFFEDCBA9876543210\nsm4 card ac 0123456789ABCDEFFEDCBA9876543210": "line 2: this key is there twice",
	} {
		_, err := parseCardKeys(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "012345") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
