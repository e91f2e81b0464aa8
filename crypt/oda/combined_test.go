package oda_test

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"testing"
	"testing/iotest"

	"github.com/emmansun/gmsm/sm3"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// purchase is a GENERATE AC with CDA: PDOL and CDOL1 values, then 9F27, 9F36 and
// 9F10 of the answer.
func purchase() oda.Combined {
	return oda.Combined{
		ATC: atc, CID: 0x40, AC: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, UN: [4]byte{0x11, 0x22, 0x33, 0x44},
		Transaction: append([]byte("terminal's values"), 0x9F, 0x27, 1, 0x40, 0x9F, 0x36, 2, 1, 2, 0x9F, 0x10, 8, 7, 1, 1, 3, 0x90, 0, 0, 1),
	}
}

func (c *chain) key(tb testing.TB) *oda.CardKey {
	tb.Helper()
	key, r := verifier(tb, 1).VerifyCardCert(&c.data, january)
	if r != oda.OK {
		tb.Fatal(r)
	}
	return key
}

func (c *chain) signCombined(tb testing.TB, in oda.Combined) []byte {
	tb.Helper()
	return must(c.signer.(oda.CombinedSigner).SignCombined([]byte("head"), seeded(3), in))(tb)[4:]
}

func ExampleRSAPrivate_SignCombined() {
	card, err := oda.NewRSAPrivate(devkeys.RSACard(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	in := oda.Combined{ATC: 7, CID: 0x40, AC: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, UN: [4]byte{0xCA, 0xFE}, Transaction: []byte("values and answer")}
	sdad, err := card.SignCombined(nil, seeded(1), in) // a real card reads its own source
	fmt.Println(len(sdad), err)
	in.CID = 0x00
	_, err = card.SignCombined(nil, seeded(1), in)
	fmt.Println(err)
	// Output:
	// 128 <nil>
	// sign combined data: CID 00 is an AAC, which EMV Book 2, 6.6 leaves unsigned; answer it without CDA
}

func TestCombinedSignaturesVerify(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		key := c.key(t)
		rapid.Check(t, func(rt *rapid.T) {
			in := oda.Combined{
				ATC: rapid.Uint16().Draw(rt, "ATC"), CID: rapid.SampledFrom([]byte{0x40, 0x80, 0x50, 0x81}).Draw(rt, "CID"),
				AC:          [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(rt, "AC")),
				UN:          [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(rt, "UN")),
				Transaction: rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(rt, "transaction"),
			}
			sdad := c.signCombined(t, in)
			seen := in
			seen.AC = [8]byte{} // the terminal learns it here
			ac, r := key.VerifyCombined(sdad, seen)
			if r != oda.OK || ac != in.AC {
				rt.Fatalf("%v, cryptogram %X, want %X", r, ac, in.AC)
			}
			number, ac, r := key.CombinedData(sdad, seen)
			if r != oda.OK || ac != in.AC || !bytes.Equal(number, []byte{byte(in.ATC >> 8), byte(in.ATC)}) {
				rt.Fatalf("%v, number %X, cryptogram %X", r, number, ac)
			}
		})
	})
}

// TestCombinedLayout compares the bytes with EMV Book 2, tables 18 and 19, laid
// out by hand.
func TestCombinedLayout(t *testing.T) {
	in := purchase()
	head := []byte{2, 1, 2, 0x40, 1, 2, 3, 4, 5, 6, 7, 8}
	hash3 := sm3.Sum(in.Transaction)
	c := sm2Chain(t)
	sdad := c.signCombined(t, in)
	want := append(append(append([]byte{0x15, 44}, head...), hash3[:]...), in.UN[:]...)
	if len(sdad) != 114 || !bytes.HasPrefix(sdad, want) {
		t.Errorf("SM2: %d bytes, %X", len(sdad), sdad)
	}
	if !c.key(t).SM2().Verify(sdad[50:], want) {
		t.Error("SM2: the signature is not over all before it")
	}

	c = rsaChain(t)
	sdad = c.signCombined(t, in)
	// To the terminal the same signature is one of DDA over the unpredictable
	// number; only what is inside differs.
	hash1 := sha1.Sum(in.Transaction)
	data, r := c.key(t).DynamicData(sdad, in.UN[:])
	if want := append(append([]byte(nil), head...), hash1[:]...); r != oda.OK || len(want) != 0x20 || !bytes.Equal(data, want) {
		t.Errorf("RSA: %v, %X, want %X", r, data, want)
	}
}

func TestEachCombinedReasonIsGivenForItsCause(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		key, in := c.key(t), purchase()
		sdad := c.signCombined(t, in)
		for name, tc := range map[string]struct {
			change func(in *oda.Combined)
			want   oda.Reason
		}{
			"nothing":              {func(*oda.Combined) {}, oda.OK},
			"counter":              {func(in *oda.Combined) { in.ATC++ }, oda.ATCMismatch},
			"CID":                  {func(in *oda.Combined) { in.CID = 0x80 }, oda.CIDMismatch},
			"unpredictable number": {func(in *oda.Combined) { in.UN[3]++ }, oda.SDADBad},
			"transaction":          {func(in *oda.Combined) { in.Transaction = in.Transaction[1:] }, oda.TransactionMismatch},
			"no transaction":       {func(in *oda.Combined) { in.Transaction = nil }, oda.TransactionMismatch},
		} {
			seen := in
			tc.change(&seen)
			ac, r := key.VerifyCombined(sdad, seen)
			if r != tc.want || (r == oda.OK) != (ac == in.AC) || r != oda.OK && ac != [8]byte{} {
				t.Errorf("other %s: %v with cryptogram %X, want %v", name, r, ac, tc.want)
			}
		}
		if _, r := key.VerifyCombined(nil, in); r != oda.MissingData {
			t.Errorf("no 9F4B: %v", r)
		}
		for i := range sdad {
			for bit := range 8 {
				bad := append([]byte(nil), sdad...)
				bad[i] ^= 1 << bit
				if _, r := key.VerifyCombined(bad, in); r != oda.SDADBad && r != oda.Format {
					t.Errorf("byte %d bit %d changed: %v", i, bit, r)
				}
			}
			if _, r := key.VerifyCombined(sdad[:i], in); r == oda.OK || r == oda.NotVerified {
				t.Errorf("cut to %d bytes: %v", i, r)
			}
		}
	})
}

// TestOneSignatureIsNotTheOther: DDA does not pass for CDA, nor CDA for DDA with
// the counter as its whole dynamic data.
func TestOneSignatureIsNotTheOther(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		key, in := c.key(t), purchase()
		if _, r := key.VerifyCombined(c.sign(t), in); r != oda.SDADBad && r != oda.Format {
			t.Errorf("DDA as CDA: %v", r)
		}
		if r := key.VerifyDynamic(c.signCombined(t, in), atc, in.UN[:]); r == oda.OK {
			t.Error("CDA passes for DDA")
		}
	})
}

func TestAnAACIsNeverSigned(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		in := purchase()
		in.CID = 0x08
		signer := c.signer.(oda.CombinedSigner)
		if sdad, err := signer.SignCombined(nil, seeded(1), in); err == nil || sdad != nil {
			t.Errorf("AAC: %X, %v", sdad, err)
		}
		if sdad, err := signer.SignCombined(nil, iotest.ErrReader(errors.New("no entropy")), purchase()); err == nil || sdad != nil {
			t.Errorf("no entropy: %X, %v", sdad, err)
		}
	})
}

// TestDynamicSignaturesCoverADDOLOfAnyLength, as INTERNAL AUTHENTICATE may ask
// for.
func TestDynamicSignaturesCoverADDOLOfAnyLength(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		key := c.key(t)
		for _, n := range []int{0, 1, 3, 4, 8, 29, 64, 127, 128, 252, 255, 1000} {
			data := bytes.Repeat([]byte{0xA5}, n)
			sdad := must(c.signer.SignDynamic(nil, seeded(4), atc, data))(t)
			if r := key.VerifyDynamic(sdad, atc, data); r != oda.OK {
				t.Errorf("%d bytes: %v", n, r)
			}
			if r := key.VerifyDynamic(sdad, atc, append(data, 0xA5)); r != oda.SDADBad {
				t.Errorf("%d bytes and one more: %v", n, r)
			}
		}
	})
}

// FuzzCombinedData lets the fuzzer be the card under a good key: only the
// signature that was made opens.
func FuzzCombinedData(f *testing.F) {
	keys, in := map[bool]*oda.CardKey{}, purchase()
	for rsa, c := range map[bool]chain{false: sm2Chain(f), true: rsaChain(f)} {
		keys[rsa] = c.key(f)
		f.Add(rsa, c.signCombined(f, in), in.Transaction, in.CID)
		f.Add(rsa, c.sign(f), in.Transaction, in.CID)
	}
	f.Add(false, []byte{0x15, 0}, []byte(nil), byte(0x80))
	f.Add(true, []byte(nil), []byte(nil), byte(0))
	f.Fuzz(func(t *testing.T, rsa bool, sdad, transaction []byte, cid byte) {
		seen := in
		seen.Transaction, seen.CID = transaction, cid
		number, ac, r := keys[rsa].CombinedData(sdad, seen)
		if (number != nil) != (r == oda.OK) || r == oda.NotVerified {
			t.Fatalf("number %X with reason %v", number, r)
		}
		if r == oda.OK && (!bytes.Equal(transaction, in.Transaction) || cid != in.CID || ac != in.AC) {
			t.Fatalf("a signature over one transaction counts for %X, CID %02X", transaction, cid)
		}
	})
}
