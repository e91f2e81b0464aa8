package tap_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/tap"
)

// profileKeys is what `citycard card profiles --json` prints, as far as keys go.
func profileKeys(t testing.TB) []byte {
	list, err := devcard.CAKeys()
	check(t, err)
	b, err := json.Marshal(map[string]any{"profiles": []int{}, "ca_keys": list})
	check(t, err)
	return b
}

// TestKeysOfBothForms: our own listing, and the published test keys of UnionPay.
func TestKeysOfBothForms(t *testing.T) {
	keys, err := tap.ParseCAKeys(profileKeys(t))
	check(t, err)
	if len(keys) != 2 || keys[0].SM2 == nil && keys[1].SM2 == nil {
		t.Errorf("%d keys", len(keys))
	}
	published, err := os.ReadFile("../../testdata/card-traces/capk-A000000333.json")
	check(t, err)
	keys, err = tap.ParseCAKeys(published)
	check(t, err)
	if _, err := oda.NewVerifier(keys, 1); err != nil || len(keys) < 10 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	// They may have the index of a development key, in whose place they come.
	if _, err := tap.Shop(tap.Setup{CAKeys: keys}); err != nil {
		t.Errorf("a terminal with the published keys: %v", err)
	}
}

// TestBadKeysAreNamed by their place.
func TestBadKeysAreNamed(t *testing.T) {
	modulus := strings.Repeat("C5", 128)
	for text, want := range map[string]string{
		``:                                    "EOF",
		`[]`:                                  "it holds no key",
		`{}`:                                  "it holds no key",
		`[] x`:                                "something stands behind the list",
		`[{"rid":"A00000033","index":"01"}]`:  "key 1, RID A00000033 index 01: not a list of CA public keys: rid",
		`[{"rid":"A000000333","index":"1"}]`:  "index: want two",
		`[{"rid":"A000000333","index":"01"}]`: "want either point (SM2) or modulus",
		`[{"rid":"A000000333","index":"01","point":"00"}]`:                                                                                                   "point: want 128",
		`[{"rid":"A000000333","index":"01","modulus":"00","exponent":3}]`:                                                                                    "modulus: want 64 to 248 bytes",
		fmt.Sprintf(`[{"rid":"A000000333","index":"01","modulus":%q,"exponent":"04"}]`, modulus):                                                             "exponent 4: want 3 or 65537",
		fmt.Sprintf(`[{"rid":"A000000333","index":"01","modulus":%q,"exponent":"x"}]`, modulus):                                                              "want 3 or 65537",
		fmt.Sprintf(`{"ca_keys":[{"rid":"A000000333","index":"01","modulus":%q,"exponent":"03","checksum_ok":false}]}`, modulus):                             "the key is damaged",
		fmt.Sprintf(`[{"rid":"A000000333","index":"01","modulus":%q,"exponent":"03"},{"rid":"A000000333","index":"02","modulus":%[1]q,"point":1}]`, modulus): "point",
		strings.Repeat(" ", tap.MaxCAFile+1):                                                                                                                 "at most 1048576 are possible",
	} {
		_, err := tap.ParseCAKeys([]byte(text))
		if !errors.Is(err, tap.ErrCAKeys) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
}

// FuzzParseCAKeys: what is taken is usable, the rest is ErrCAKeys.
func FuzzParseCAKeys(f *testing.F) {
	f.Add(profileKeys(f))
	f.Add([]byte(`[{"rid":"A000000333","index":"01","modulus":"` + strings.Repeat("C5", 128) + `","exponent":"010001"}]`))
	f.Add([]byte(`[{"rid":"A000000333","index":"18","public_key_xy":"00"}]`))
	f.Add([]byte(`{"ca_keys":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := tap.ParseCAKeys(b)
		if err != nil {
			if !errors.Is(err, tap.ErrCAKeys) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		for i := range keys {
			if (keys[i].SM2 == nil) == (keys[i].RSA == nil) {
				t.Fatalf("key %d is neither or both", i)
			}
		}
	})
}
