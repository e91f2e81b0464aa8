package crypt_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// opensslCases is how many random inputs each algorithm is tried with; every one
// starts the program once or twice.
const opensslCases = 36

// openssl compares with the openssl program, an implementation that shares no
// code with ours.
type openssl struct {
	path, dir string
	rand      *rand.ChaCha8
}

// TestAgainstOpenSSL runs every primitive against the openssl program on random
// inputs, both ways where there are two.
func TestAgainstOpenSSL(t *testing.T) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("the openssl program is not installed: nothing compares the ciphers with another implementation")
	}
	o := &openssl{path: path, dir: t.TempDir(), rand: rand.NewChaCha8([32]byte{0x05})}
	for _, c := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"3DES blocks and derivation", o.tdesBlocks}, {"3DES MAC", o.tdesMAC},
		{"SM4 blocks and derivation", o.sm4Blocks}, {"SM4 MAC", o.sm4MAC},
		{"SM3", o.sm3}, {"SM2 signatures", o.sm2Signatures}, {"SM2 PIN encipherment", o.sm2PIN},
		{"RSA signatures", o.rsaSignatures}, {"RSA PIN encipherment", o.rsaPIN},
	} {
		t.Run(c.name, c.run)
	}
}

// run starts the program with in as its standard input and gives its output. At
// most one minute: the program itself never waits for anything else.
func (o *openssl) run(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, o.path, args...)
	var out, words bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &words
	if err := cmd.Run(); err != nil {
		t.Fatalf("openssl %v: %v\n%s%s", args, err, words.Bytes(), out.Bytes())
	}
	return out.Bytes()
}

func (o *openssl) file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (o *openssl) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = o.rand.Read(b)
	return b
}

// enc encrypts whole blocks; cipher is its option, such as -sm4-cbc.
func (o *openssl) enc(t *testing.T, cipher string, key, iv, data []byte) []byte {
	t.Helper()
	args := []string{"enc", cipher, "-e", "-nopad", "-K", hex.EncodeToString(key)}
	if iv != nil {
		args = append(args, "-iv", hex.EncodeToString(iv))
	}
	return o.run(t, data, args...)
}

func (o *openssl) tdesBlocks(t *testing.T) { o.blocks(t, cryptogram.TDES, "-des-ede") }
func (o *openssl) sm4Blocks(t *testing.T)  { o.blocks(t, cryptogram.SM4, "-sm4-ecb") }

// blocks compares single blocks, the derivation of card and session keys (16
// bytes each in ECB), ARPC and key check value.
func (o *openssl) blocks(t *testing.T, alg cryptogram.Alg, ecb string) {
	for range opensslCases {
		key := cryptogram.Key(o.bytes(16))
		block, err := cryptogram.NewBlock(alg, key)
		if err != nil {
			t.Fatal(err)
		}
		var in, want []byte
		data := o.bytes(4 * alg.BlockSize())
		got := make([]byte, len(data))
		for at := 0; at < len(data); at += alg.BlockSize() {
			block.Encrypt(got[at:], data[at:at+alg.BlockSize()])
		}
		in, want = append(in, data...), append(want, got...)

		pan := fmt.Sprintf("62284800%08d", o.rand.Uint64()%1e8)
		psn, atc := o.bytes(1)[0], uint16(o.rand.Uint64())
		y := append(unhex(t, pan[2:]), psn)
		for _, b := range y[:8] {
			y = append(y, ^b)
		}
		card := cryptogram.DeriveCardKey(alg, block, pan10(t, pan), psn)
		in, want = append(in, y...), append(want, card[:]...)

		session := cryptogram.DeriveSessionKey(alg, key, atc)
		in = append(in, 0, 0, 0, 0, 0, 0, byte(atc>>8), byte(atc), 0, 0, 0, 0, 0, 0, ^byte(atc>>8), ^byte(atc))
		want = append(want, session[:]...)

		out := o.enc(t, ecb, key[:], nil, in)
		same(t, alg.String()+" blocks, card key and session key", want, out)

		arqc, arc := [8]byte(o.bytes(8)), [2]byte(o.bytes(2))
		x := make([]byte, alg.BlockSize())
		copy(x, arqc[:])
		x[0] ^= arc[0]
		x[1] ^= arc[1]
		arpc, kcv := cryptogram.ARPC(alg, key, arqc, arc), cryptogram.KCV(alg, key)
		out = o.enc(t, ecb, key[:], nil, append(x, make([]byte, alg.BlockSize())...))
		same(t, alg.String()+" ARPC", arpc[:], out[:8])
		same(t, alg.String()+" KCV", kcv[:], out[alg.BlockSize():alg.BlockSize()+3])
	}
}

// padded adds 80 00.. up to whole blocks.
func padded(data []byte, size int) []byte {
	out := append(append([]byte(nil), data...), 0x80)
	for len(out)%size != 0 {
		out = append(out, 0)
	}
	return out
}

// tdesMAC puts ISO 9797-1 algorithm 3 together from CBC: single DES (all three
// keys alike) up to the last block, triple DES there.
func (o *openssl) tdesMAC(t *testing.T) {
	for i := range opensslCases {
		key, message := cryptogram.Key(o.bytes(16)), o.bytes(3*i)
		data := padded(message, 8)
		iv, last := make([]byte, 8), data[len(data)-8:]
		if len(data) > 8 {
			single := bytes.Repeat(key[:8], 3)
			chain := o.enc(t, "-des-ede3-cbc", single, iv, data[:len(data)-8])
			iv = chain[len(chain)-8:]
		}
		got := cryptogram.MAC(cryptogram.TDES, key, message)
		same(t, "MAC algorithm 3", got[:], o.enc(t, "-des-ede-cbc", key[:], iv, last))
	}
}

func (o *openssl) sm4MAC(t *testing.T) {
	for i := range opensslCases {
		key, message := cryptogram.Key(o.bytes(16)), o.bytes(5*i)
		chain := o.enc(t, "-sm4-cbc", key[:], make([]byte, 16), padded(message, 16))
		got := cryptogram.MAC(cryptogram.SM4, key, message)
		same(t, "SM4 CBC-MAC", got[:], chain[len(chain)-16:len(chain)-8])
	}
}

func (o *openssl) sm3(t *testing.T) {
	for i := range opensslCases {
		message := o.bytes(i * i)
		got := sm3.Sum(message)
		same(t, "SM3", got[:], o.run(t, message, "dgst", "-sm3", "-binary"))
	}
}

// sm2Keys makes a key pair and writes it for the program.
func (o *openssl) sm2Keys(t *testing.T) (private *oda.SM2Private, public *oda.SM2Public, privateFile, publicFile string) {
	t.Helper()
	d := [32]byte(o.bytes(32))
	d[0] &= 0x7F // below the order
	private, err := oda.NewSM2Private(d)
	if err != nil {
		t.Fatal(err)
	}
	xy := private.Public()
	if public, err = oda.NewSM2Public(xy); err != nil {
		t.Fatal(err)
	}
	// RFC 5915 and RFC 5480 structures with the curve 1.2.156.10197.1.301.
	curve := unhex(t, "06082A811CCF5501822D")
	point := append([]byte{0x04}, xy[:]...)
	sec1 := append(append(unhex(t, "30770201010420"), d[:]...), 0xA0, 0x0A)
	sec1 = append(append(append(sec1, curve...), unhex(t, "A144034200")...), point...)
	spki := append(append(append(unhex(t, "3059301306072A8648CE3D0201"), curve...), unhex(t, "034200")...), point...)
	privateFile = o.file(t, "sm2.key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}))
	publicFile = o.file(t, "sm2.pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
	return private, public, privateFile, publicFile
}

type rs struct{ R, S *big.Int }

func (o *openssl) sm2Signatures(t *testing.T) {
	id := []string{"-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"}
	for i := range opensslCases {
		private, public, privateFile, publicFile := o.sm2Keys(t)
		message := o.file(t, "message", o.bytes(1+7*i))
		raw, err := os.ReadFile(message)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := private.Sign(nil, o.rand, raw[:i], raw[i:])
		if err != nil {
			t.Fatal(err)
		}
		der, err := asn1.Marshal(rs{new(big.Int).SetBytes(ours[:32]), new(big.Int).SetBytes(ours[32:])})
		if err != nil {
			t.Fatal(err)
		}
		args := append([]string{"pkeyutl", "-verify", "-pubin", "-inkey", publicFile, "-in", message, "-sigfile", o.file(t, "signature", der)}, id...)
		o.run(t, nil, args...) // fails unless it verifies

		theirs := o.run(t, nil, append([]string{"pkeyutl", "-sign", "-inkey", privateFile, "-in", message}, id...)...)
		var sig rs
		if rest, err := asn1.Unmarshal(theirs, &sig); err != nil || len(rest) > 0 {
			t.Fatalf("signature %X: %v", theirs, err)
		}
		flat := append(sig.R.FillBytes(make([]byte, 32)), sig.S.FillBytes(make([]byte, 32))...)
		if !public.Verify(flat, raw) {
			t.Errorf("the program's signature %X over %X does not verify", flat, raw)
		}
	}
}

// sm2Ciphertext is the ASN.1 form of GM/T 0009; ours is 04 C1 C3 C2.
type sm2Ciphertext struct {
	X, Y   *big.Int
	C3, C2 []byte
}

func (o *openssl) sm2PIN(t *testing.T) {
	for range opensslCases {
		private, public, privateFile, publicFile := o.sm2Keys(t)
		number, pin := [8]byte(o.bytes(8)), oda.PINBlock(o.bytes(8))
		block := append(append([]byte{0x7F}, pin[:]...), number[:]...)

		theirs := o.run(t, block, "pkeyutl", "-encrypt", "-pubin", "-inkey", publicFile)
		var c sm2Ciphertext
		if rest, err := asn1.Unmarshal(theirs, &c); err != nil || len(rest) > 0 {
			t.Fatalf("ciphertext %X: %v", theirs, err)
		}
		flat := append([]byte{4}, c.X.FillBytes(make([]byte, 32))...)
		flat = append(append(append(flat, c.Y.FillBytes(make([]byte, 32))...), c.C3...), c.C2...)
		if got, ok := private.DecipherPIN(o.rand, flat, number); !ok || got != pin {
			t.Error("a PIN that the program enciphered does not open")
		}

		ours, err := public.Encrypt(o.rand, block)
		if err != nil {
			t.Fatal(err)
		}
		der, err := asn1.Marshal(sm2Ciphertext{new(big.Int).SetBytes(ours[1:33]), new(big.Int).SetBytes(ours[33:65]), ours[65:97], ours[97:]})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "block that the program opened", o.run(t, der, "pkeyutl", "-decrypt", "-inkey", privateFile), block)
	}
}

// rsaKeys takes a development key of 1024, 1280 or 1408 bits and writes it for the
// program.
func (o *openssl) rsaKeys(t *testing.T, i int) (private *oda.RSAPrivate, privateFile, publicFile string) {
	t.Helper()
	c := []oda.RSAComponents{devkeys.RSACard(uint(i)), devkeys.RSAIssuer(uint(i)), devkeys.RSACA()}[i%3]
	private, err := oda.NewRSAPrivate(c)
	if err != nil {
		t.Fatal(err)
	}
	p, q, e := new(big.Int).SetBytes(c.P), new(big.Int).SetBytes(c.Q), big.NewInt(int64(c.Exponent))
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: int(c.Exponent)},
		D:         new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q},
	}
	privateFile = o.file(t, "rsa.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	publicFile = o.file(t, "rsa.pub", pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)}))
	return private, privateFile, publicFile
}

// raw is a bare RSA operation of the program.
func (o *openssl) raw(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	return o.run(t, in, append([]string{"pkeyutl", "-pkeyopt", "rsa_padding_mode:none"}, args...)...)
}

// rsaSignatures: the program opens our signature to a block, and signs that block
// to the same signature.
func (o *openssl) rsaSignatures(t *testing.T) {
	for i := range opensslCases {
		private, privateFile, publicFile := o.rsaKeys(t, i)
		in := oda.Combined{ATC: uint16(i), CID: 0x40, AC: [8]byte(o.bytes(8)), UN: [4]byte(o.bytes(4)), Transaction: o.bytes(100)}
		sig, err := private.SignCombined(nil, o.rand, in)
		if err != nil {
			t.Fatal(err)
		}
		block := o.raw(t, sig, "-encrypt", "-pubin", "-inkey", publicFile)
		head := append([]byte{0x6A, 5, 1, 0x20, 2, 0, byte(i), 0x40}, in.AC[:]...)
		if len(block) != private.Size() || !bytes.HasPrefix(block, head) || block[len(block)-1] != 0xBC {
			t.Errorf("our signature opens to %X", block)
		}
		same(t, "signature of the program", o.raw(t, block, "-decrypt", "-inkey", privateFile), sig)
	}
}

func (o *openssl) rsaPIN(t *testing.T) {
	for i := range opensslCases {
		private, _, publicFile := o.rsaKeys(t, i)
		number, pin := [8]byte(o.bytes(8)), oda.PINBlock(o.bytes(8))
		block := append(append([]byte{0x7F}, pin[:]...), number[:]...)
		block = append(block, o.bytes(private.Size()-len(block))...)
		enciphered := o.raw(t, block, "-encrypt", "-pubin", "-inkey", publicFile)
		if got, ok := private.DecipherPIN(io.LimitReader(o.rand, 16), enciphered, number); !ok || got != pin {
			t.Error("a PIN that the program enciphered does not open")
		}
	}
}
