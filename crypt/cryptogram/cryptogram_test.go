package cryptogram_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm4"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// Example makes a TC on the card's side and checks it on the issuer's.
func Example() {
	master, err := cryptogram.NewBlock(cryptogram.SM4, cryptogram.Key{1, 2, 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	pan := [10]byte{0x62, 0x28, 0, 1, 0, 0, 0x11, 0x17, 0xFF, 0xFF}
	term := cryptogram.TerminalInput{Amount: [6]byte{4: 0x03}, UN: [4]byte{1, 2, 3, 4}}
	card := cryptogram.CardInput{ATC: 7, CVR: [3]byte{0x90}}
	iad := cryptogram.IAD{DKI: 1, CVN: cryptogram.CVN17, CVR: card.CVR, Alg: cryptogram.SM4}

	cardKey := cryptogram.DeriveCardKey(cryptogram.SM4, master, pan, 1)
	session := cryptogram.DeriveSessionKey(cryptogram.SM4, cardKey, card.ATC)
	tc := cryptogram.MAC(cryptogram.SM4, session, cryptogram.ACData(nil, iad.CVN, &term, &card))

	v := cryptogram.NewVerifier(cryptogram.SM4, master, master)
	fmt.Println(v.Check(pan, 1, &term, &card, iad.Append(nil), tc, true))
	card.ATC++
	fmt.Println(v.Check(pan, 1, &term, &card, iad.Append(nil), tc, true))
	// Output:
	// ok
	// bad cryptogram
}

// twinCardKey is option A by decimal text, as EMV Book 2 words it.
func twinCardKey(t testing.TB, alg cryptogram.Alg, master cryptogram.Key, pan string, psn byte) cryptogram.Key {
	digits := strings.Repeat("0", 16) + pan + fmt.Sprintf("%02X", psn)
	y := unhex(t, digits[len(digits)-16:])
	in := append([]byte(nil), y...)
	for _, b := range y {
		in = append(in, b^0xFF)
	}
	return twinECB(t, alg, master, in)
}

func twinECB(t testing.TB, alg cryptogram.Alg, key cryptogram.Key, in []byte) (out cryptogram.Key) {
	block := twinBlock(t, alg, key)
	for at := 0; at < 16; at += block.BlockSize() {
		block.Encrypt(out[at:], in[at:])
	}
	return out
}

func twinBlock(t testing.TB, alg cryptogram.Alg, key cryptogram.Key) cipher.Block {
	var b cipher.Block
	var err error
	if alg == cryptogram.TDES {
		b, err = des.NewTripleDESCipher(append(key[:], key[:8]...))
	} else {
		b, err = sm4.NewCipher(key[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// twinMAC is CBC by the library over the padded message; for triple DES all but
// the last block under the left half (ISO 9797-1 algorithm 3).
func twinMAC(t testing.TB, alg cryptogram.Alg, key cryptogram.Key, data []byte) []byte {
	padded := append(append([]byte(nil), data...), 0x80)
	size := alg.BlockSize()
	for len(padded)%size != 0 {
		padded = append(padded, 0)
	}
	if alg == cryptogram.SM4 {
		cipher.NewCBCEncrypter(twinBlock(t, alg, key), make([]byte, size)).CryptBlocks(padded, padded)
		return padded[len(padded)-size:][:8]
	}
	left, err := des.NewCipher(key[:8])
	if err != nil {
		t.Fatal(err)
	}
	chain := make([]byte, 8)
	head, last := padded[:len(padded)-8], padded[len(padded)-8:]
	if len(head) > 0 {
		cipher.NewCBCEncrypter(left, chain).CryptBlocks(head, head)
		chain = head[len(head)-8:]
	}
	for i := range last {
		last[i] ^= chain[i]
	}
	twinBlock(t, alg, key).Encrypt(last, last)
	return last
}

var algs = []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4}

func drawKey(t *rapid.T, name string) cryptogram.Key {
	return cryptogram.Key(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
}

func TestDerivationsAgreeWithTheTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		alg := rapid.SampledFrom(algs).Draw(rt, "alg")
		key := drawKey(rt, "key")
		digits := rapid.StringMatching(`[0-9]{8,19}`).Draw(rt, "pan")
		psn := rapid.Byte().Draw(rt, "psn")
		pan := [10]byte(unhex(t, digits+strings.Repeat("F", 20-len(digits))))
		got := cryptogram.DeriveCardKey(alg, mustBlock(t, alg, key), pan, psn)
		if !got.Equal(twinCardKey(t, alg, key, digits, psn)) {
			rt.Fatalf("card key of %s %02X", digits, psn)
		}
		atc := rapid.Uint16().Draw(rt, "atc")
		in := unhex(t, fmt.Sprintf("000000000000%04X000000000000%04X", atc, atc^0xFFFF))
		if !cryptogram.DeriveSessionKey(alg, key, atc).Equal(twinECB(t, alg, key, in)) {
			rt.Fatalf("session key of %04X", atc)
		}
	})
}

func TestMACsAgreeWithTheTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		alg := rapid.SampledFrom(algs).Draw(rt, "alg")
		key := drawKey(rt, "key")
		data := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(rt, "data")
		if got := cryptogram.MAC(alg, key, data); !bytes.Equal(got[:], twinMAC(t, alg, key, data)) {
			rt.Fatalf("MAC of %X", data)
		}
		d := drawIAD(rt)
		atc := rapid.Uint16().Draw(rt, "atc")
		head := []byte{byte(atc >> 8), byte(atc)}
		if d.IDD != cryptogram.IDDNone {
			in := append(append([]byte(nil), head...), d.Amount1[:]...)
			if d.IDD == cryptogram.IDDBalanceCTTA || d.IDD == cryptogram.IDDCTTALimit {
				in = append(append(in, d.Amount2[:]...), 0, 0, 0)
			}
			mac := cryptogram.BalanceMAC(alg, key, atc, d.IDD, d.Amount1, d.Amount2)
			if !bytes.Equal(mac[:], twinMAC(t, alg, key, append(in, 0))[:4]) {
				rt.Fatalf("balance MAC of %+v", d)
			}
		}
		ac := [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(rt, "ac"))
		mac, err := cryptogram.ScriptMAC(alg, key, [4]byte{0x07, 0xDA, 0x9F, 0x79}, atc, ac, data)
		if err != nil {
			rt.Fatal(err)
		}
		in := append([]byte{0x04, 0xDA, 0x9F, 0x79, byte(len(data) + 4)}, head...)
		in = append(append(in, ac[:]...), data...)
		if !bytes.Equal(mac[:], twinMAC(t, alg, key, in)[:4]) {
			rt.Fatalf("script MAC of %X", data)
		}
	})
	if _, err := cryptogram.ScriptMAC(cryptogram.SM4, cryptogram.Key{}, [4]byte{}, 1, [8]byte{}, make([]byte, cryptogram.MaxScriptData+1)); err == nil {
		t.Error("a script command with more data than Lc can say is signed")
	}
}

// changes are what can go wrong with a good row. Each says what the verdict must
// be if there is a balance in the row (idd) and if the cryptogram is asked for.
var changes = []struct {
	name   string
	change func(r *row)
	want   func(idd byte, wantAC bool) cryptogram.Verdict
}{
	{"nothing", func(*row) {}, untouched},
	{"cryptogram", func(r *row) { r.ac[7] ^= 1 }, spoiltAC},
	{"first byte of the cryptogram", func(r *row) { r.ac[0] ^= 0x80 }, spoiltAC},
	{"amount", func(r *row) { r.t.Amount[5] ^= 1 }, spoiltAC},
	{"unpredictable number", func(r *row) { r.t.UN[3] ^= 1 }, spoiltAC},
	{"counter", func(r *row) { r.c.ATC++ }, spoiltAll},
	{"card sequence number", func(r *row) { r.psn++ }, spoiltAll},
	{"PAN", func(r *row) { r.pan[5] ^= 1 }, spoiltAll},
	{"CVR beside 9F10", func(r *row) { r.c.CVR[1] ^= 0x80 }, always(cryptogram.CVRMismatch)},
	{"9F10 cut", func(r *row) { r.iad = r.iad[:len(r.iad)-1] }, always(cryptogram.BadIAD)},
	{"algorithm byte", func(r *row) { r.iad[7] ^= byte(cryptogram.SM4) ^ byte(cryptogram.TDES) }, always(cryptogram.WrongAlgorithm)},
	{"balance MAC", func(r *row) { changeBalance(r, len(r.iad)-1, 1) }, spoiltBalance},
	{"stated amount", func(r *row) { changeBalance(r, 14, 1) }, spoiltBalance},
}

// changeBalance changes a byte of the discretionary data, if there is any.
func changeBalance(r *row, at int, by byte) {
	if len(r.iad) > 8 {
		r.iad[at] ^= by
	}
}

func untouched(idd byte, wantAC bool) cryptogram.Verdict {
	if idd == cryptogram.IDDNone && !wantAC {
		return cryptogram.Unchecked
	}
	return cryptogram.OK
}

func spoiltAC(idd byte, wantAC bool) cryptogram.Verdict {
	if wantAC {
		return cryptogram.BadAC
	}
	return untouched(idd, wantAC)
}

func spoiltBalance(idd byte, wantAC bool) cryptogram.Verdict {
	if idd != cryptogram.IDDNone {
		return cryptogram.BadBalanceMAC
	}
	return untouched(idd, wantAC)
}

func spoiltAll(idd byte, wantAC bool) cryptogram.Verdict {
	if wantAC {
		return cryptogram.BadAC
	}
	return spoiltBalance(idd, wantAC)
}

func always(v cryptogram.Verdict) func(byte, bool) cryptogram.Verdict {
	return func(byte, bool) cryptogram.Verdict { return v }
}

// TestVerifierFindsWhatWasChanged tries every change on every kind of row. One
// Verifier sees all rows of three cards, so its memory of the last card is tried
// too.
func TestVerifierFindsWhatWasChanged(t *testing.T) {
	seen := map[cryptogram.Verdict]bool{}
	for _, alg := range algs {
		v := cryptogram.NewVerifier(alg, mustBlock(t, alg, masterAC), mustBlock(t, alg, masterMAC))
		n := 0
		for _, cvn := range []cryptogram.CVN{cryptogram.CVN01, cryptogram.CVN17} {
			for idd := byte(cryptogram.IDDNone); idd <= cryptogram.IDDAvailable; idd++ {
				for _, c := range changes {
					for _, wantAC := range []bool{true, false} {
						n++
						r := makeRow(t, alg, cvn, uint32(n/2%3), uint16(n), idd)
						c.change(&r)
						want := c.want(idd, wantAC)
						if got := v.Check(r.pan, r.psn, &r.t, &r.c, r.iad, r.ac, wantAC); got != want {
							t.Errorf("%v %v discretionary data %d, changed %s, cryptogram asked for %v: %v, want %v", alg, cvn, idd, c.name, wantAC, got, want)
						}
						seen[want] = true
					}
				}
			}
		}
	}
	if len(seen) != 7 {
		t.Errorf("only verdicts %v were tried", seen)
	}
}

// TestWhatTheCryptogramCovers: CVN 01 covers every field, CVN 17 only its four.
func TestWhatTheCryptogramCovers(t *testing.T) {
	fields := map[string]func(r *row){
		"amount": func(r *row) { r.t.Amount[0]++ }, "UN": func(r *row) { r.t.UN[0]++ }, "ATC": func(r *row) { r.c.ATC++ }, "CVR 1": func(r *row) { r.c.CVR[0] ^= 1 },
		"other": func(r *row) { r.t.Other[0]++ }, "country": func(r *row) { r.t.Country[0]++ }, "TVR": func(r *row) { r.t.TVR[0]++ }, "currency": func(r *row) { r.t.Currency[0]++ },
		"date": func(r *row) { r.t.Date[0]++ }, "type": func(r *row) { r.t.Type++ }, "AIP": func(r *row) { r.c.AIP[0]++ }, "CVR 2": func(r *row) { r.c.CVR[1]++ }, "CVR 3": func(r *row) { r.c.CVR[2]++ },
	}
	in17 := map[string]bool{"amount": true, "UN": true, "ATC": true, "CVR 1": true}
	for name, change := range fields {
		for _, cvn := range []cryptogram.CVN{cryptogram.CVN01, cryptogram.CVN17} {
			r := makeRow(t, cryptogram.SM4, cvn, 1, 1, cryptogram.IDDNone)
			before := cryptogram.ACData(nil, cvn, &r.t, &r.c)
			change(&r)
			if got := !bytes.Equal(before, cryptogram.ACData(nil, cvn, &r.t, &r.c)); got != (cvn == cryptogram.CVN01 || in17[name]) {
				t.Errorf("%v covers %s: %v", cvn, name, got)
			}
		}
	}
}

// TestCheckAllocatesOnlyKeySchedules: four of SM4 or eight of single DES for a
// new card, half for the card of the row before.
func TestCheckAllocatesOnlyKeySchedules(t *testing.T) {
	for alg, perCard := range map[cryptogram.Alg]float64{cryptogram.SM4: 4, cryptogram.TDES: 8} {
		v := cryptogram.NewVerifier(alg, mustBlock(t, alg, masterAC), mustBlock(t, alg, masterMAC))
		rows := []row{makeRow(t, alg, cryptogram.CVN01, 1, 1, cryptogram.IDDBalance), makeRow(t, alg, cryptogram.CVN01, 2, 1, cryptogram.IDDBalance)}
		i := 0
		if got := testing.AllocsPerRun(100, func() { rows[i%2].check(v); i++ }); got > perCard {
			t.Errorf("%v: %v allocations for a new card, want %v", alg, got, perCard)
		}
		if got := testing.AllocsPerRun(100, func() { rows[0].check(v) }); got > perCard/2 {
			t.Errorf("%v: %v allocations for the same card, want %v", alg, got, perCard/2)
		}
	}
}

func TestKCV(t *testing.T) {
	// The 3DES value is the well-known check value of this test key.
	if got := cryptogram.KCV(cryptogram.TDES, masterAC); got != [3]byte{0x08, 0xD7, 0xB4} {
		t.Errorf("3DES: %X", got)
	}
	var zero, out [16]byte
	twinBlock(t, cryptogram.SM4, masterAC).Encrypt(out[:], zero[:])
	if got := cryptogram.KCV(cryptogram.SM4, masterAC); !bytes.Equal(got[:], out[:3]) {
		t.Errorf("SM4: %X", got)
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		cryptogram.TDES.String(): "3DES", cryptogram.SM4.String(): "SM4", cryptogram.Alg(9).String(): "algorithm 09",
		cryptogram.CVN17.String(): "CVN 17", cryptogram.CVN01.String(): "CVN 01",
		cryptogram.TC.String(): "TC", cryptogram.AAC.String(): "AAC", cryptogram.RFU.String(): "RFU",
		cryptogram.BadBalanceMAC.String(): "bad balance MAC", cryptogram.Verdict(99).String(): "unknown verdict",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestAlgorithmsNobodyKnows: an error where the byte may come from outside, a
// panic with a text where only a program can have made it up.
func TestAlgorithmsNobodyKnows(t *testing.T) {
	if _, err := cryptogram.NewBlock(2, cryptogram.Key{}); !errors.Is(err, cryptogram.ErrAlgorithm) {
		t.Errorf("NewBlock: %v", err)
	}
	des := mustBlock(t, cryptogram.TDES, masterAC)
	for name, f := range map[string]func(){
		"MAC":           func() { cryptogram.MAC(2, cryptogram.Key{}, nil) },
		"DeriveCardKey": func() { cryptogram.DeriveCardKey(cryptogram.SM4, des, [10]byte{}, 0) },
		"NewVerifier":   func() { cryptogram.NewVerifier(cryptogram.SM4, des, des) },
		"ACData":        func() { cryptogram.ACData(nil, 0x17, nil, nil) },
		"BalanceMAC":    func() { cryptogram.BalanceMAC(cryptogram.SM4, cryptogram.Key{}, 0, 9, [5]byte{}, [5]byte{}) },
	} {
		func() {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "cryptogram: ") {
					t.Errorf("%s panics with %v", name, s)
				}
			}()
			f()
		}()
	}
}
