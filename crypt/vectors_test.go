package crypt_test

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
)

// fields are the inputs or expected values of a vector, hexadecimal where the
// name does not say otherwise.
type fields map[string]any

func (f fields) text(t *testing.T, name string) string {
	t.Helper()
	s, ok := f[name].(string)
	if !ok {
		t.Fatalf("the vector has no text field %q", name)
	}
	return s
}

func (f fields) bytes(t *testing.T, name string) []byte {
	t.Helper()
	return unhex(t, f.text(t, name))
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q is not hexadecimal: %v", s, err)
	}
	return b
}

func hexOf(b ...byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

func (f fields) key(t *testing.T, name string) cryptogram.Key {
	t.Helper()
	return cryptogram.Key(f.bytes(t, name))
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s is %X, want %X", what, got, want)
	}
}

// vector is one published value of testdata/vectors.
type vector struct {
	Name, Family, Source string
	Inputs, Expected     fields
}

type check func(t *testing.T, in, want fields)

const later = "belongs to later work"

// elsewhere marks values that the tests of another package read from the same
// file; those tests fail when one of them is not checked.
const elsewhere = "checked in the tests of "

// handled says what is checked here, by vector name.
var handled = map[string]check{
	"sm3-abc":         checkSM3,
	"sm4-ecb-1":       checkSM4,
	"sm4-million":     checkSM4,
	"sm4-gcm-rfc8998": checkSM4GCM,
	"sm2-sign":        checkSM2Sign,
	"sm2-encrypt":     checkSM2Decrypt,

	"retail-mac-all": checkRetailMAC,

	"emv-ac-optA-arpc1":     checkEMV,
	"emv-optA-pan17":        checkEMV,
	"emv-arpc1-session-key": checkEMV,
	"emv-issuer-script-mac": checkEMVScript,

	"emv-ac-optA-zero-padding": checkEMV,
	"emv-ac-optA-no-padding":   checkEMV,
	"emv-arpc2-with-data":      checkEMV,
	"emv-optB-pan16":           checkEMV,
	"emv-optB-pan17":           checkEMV,
	"emv-optB-decimalised":     checkEMV,
	"emv-visa-cvn10":           checkEMVDirect,

	"emv-oda-unionpay-issuer-cert": checkUnionPayIssuer,
	"emv-oda-unionpay-icc-cert":    checkUnionPayCard,
}

// postponed says why a file's, or a single vector's, values are not checked
// here: the code they test is not part of these packages.
var postponed = map[string]string{
	"scp.json":     elsewhere + "crypt/scp",
	"dukpt.json":   later + ": DUKPT terminal keys",
	"tr31.json":    later + ": key blocks",
	"pin-cvv.json": elsewhere + "crypt/pin",
	"qr-crc.json":  later + ": merchant QR codes",
	"pboc.json":    elsewhere + "crypt/epurse",

	"aes-cmac-rfc4493-1": elsewhere + "crypt/scp",
	"aes-cmac-rfc4493-2": elsewhere + "crypt/scp",
	"aes-cmac-rfc4493-4": elsewhere + "crypt/scp",

	"emv-dcvc3-track2": later + ": another scheme's dynamic verification code of magnetic stripe mode, which PBOC 3.0 does not have",
}

// TestEveryPublishedVectorIsAccountedFor fails when a vector or a file of
// vectors comes that nobody checks and nobody has put off, and when this table
// speaks of one that is not there.
func TestEveryPublishedVectorIsAccountedFor(t *testing.T) {
	files, err := filepath.Glob("../testdata/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vector files: %v", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		base := filepath.Base(file)
		if reason := postponed[base]; reason != "" {
			seen[base] = true
			t.Logf("%s: %s", base, reason)
			continue
		}
		for _, v := range load[vector](t, file) {
			seen[v.Name] = true
			run := handled[v.Name]
			switch {
			case run == nil && postponed[v.Name] == "":
				t.Errorf("%s: vector %q (%s) is neither checked nor put off", base, v.Name, v.Family)
			case run != nil && postponed[v.Name] != "":
				t.Errorf("%s: vector %q is both checked and put off", base, v.Name)
			case run != nil:
				t.Run(v.Name, func(t *testing.T) { run(t, v.Inputs, v.Expected) })
			}
		}
	}
	for name := range handled {
		if !seen[name] {
			t.Errorf("vector %q of the table is in no file", name)
		}
	}
	for name := range postponed {
		if !seen[name] {
			t.Errorf("%q of the table is neither a file nor a vector", name)
		}
	}
}

func load[T any](t *testing.T, file string) []T {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []T
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no vectors", file)
	}
	return out
}

func checkSM3(t *testing.T, in, want fields) {
	digest := sm3.Sum(in.bytes(t, "message_hex"))
	same(t, "digest", digest[:], want.bytes(t, "digest"))
}

func checkSM4(t *testing.T, in, want fields) {
	block, err := cryptogram.NewBlock(cryptogram.SM4, in.key(t, "key"))
	if err != nil {
		t.Fatal(err)
	}
	rounds := 1
	if n, ok := in["repeat"].(float64); ok {
		rounds = int(n)
	}
	x := in.bytes(t, "plaintext")
	for range rounds {
		block.Encrypt(x, x)
	}
	same(t, "ciphertext", x, want.bytes(t, "ciphertext"))
}

func checkSM4GCM(t *testing.T, in, want fields) {
	block, err := sm4.NewCipher(in.bytes(t, "key"))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	got := aead.Seal(nil, in.bytes(t, "iv"), in.bytes(t, "plaintext"), in.bytes(t, "aad"))
	same(t, "ciphertext and tag", got, append(want.bytes(t, "ciphertext"), want.bytes(t, "tag")...))
}

// checkSM2Sign pins the verifier, and the signer of this test code that the
// certificates of pboc_ours.json are reproduced with.
func checkSM2Sign(t *testing.T, in, want fields) {
	key, err := oda.NewSM2Private([32]byte(in.bytes(t, "private")))
	if err != nil {
		t.Fatal(err)
	}
	xy := key.Public()
	same(t, "public key", xy[:], append(want.bytes(t, "public_x"), want.bytes(t, "public_y")...))
	twin := newSM2Twin(in.bytes(t, "private"))
	same(t, "ZA of the twin", twin.z, want.bytes(t, "za"))
	message := []byte(in.text(t, "message"))
	sig := twin.sign(new(big.Int).SetBytes(in.bytes(t, "k")), message)
	same(t, "signature of the twin", sig, append(want.bytes(t, "r"), want.bytes(t, "s")...))
	pub, err := oda.NewSM2Public(xy)
	if err != nil {
		t.Fatal(err)
	}
	if !pub.Verify(sig, message) {
		t.Error("the published signature does not verify")
	}
}

func checkSM2Decrypt(t *testing.T, in, want fields) {
	key, err := oda.NewSM2Private([32]byte(in.bytes(t, "private")))
	if err != nil {
		t.Fatal(err)
	}
	c := append(want.bytes(t, "c1"), want.bytes(t, "c3")...)
	plain, err := key.Decrypt(append(c, want.bytes(t, "c2")...))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "plain text", plain, in.bytes(t, "message_hex"))
	if _, err := sm2.NewPublicKey(want.bytes(t, "c1")); err != nil {
		t.Errorf("C1 is not a point: %v", err)
	}
}

// checkRetailMAC: the vector is unpadded (ISO 9797-1 padding method 1 on a full
// block) while cryptogram.MAC always adds a block, so the chain is built from
// single blocks here and compared with cryptogram.MAC by its last step.
func checkRetailMAC(t *testing.T, in, want fields) {
	got := retailMAC(t, in.key(t, "key"), []byte(in.text(t, "message")))
	same(t, "MAC", got[:4], want.bytes(t, "mac4"))
	padded := retailMAC(t, in.key(t, "key"), append([]byte(in.text(t, "message")), 0x80, 0, 0, 0, 0, 0, 0, 0))
	mac := cryptogram.MAC(cryptogram.TDES, in.key(t, "key"), []byte(in.text(t, "message")))
	same(t, "MAC with padding", mac[:], padded[:])
}
