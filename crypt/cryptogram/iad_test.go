package cryptogram_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// iads are answers of cards: the first two of real UnionPay cards in public
// traces, the third of a real debit card in qPBOC, the others made here.
var iads = []string{
	"07000103A0A80201",
	"0700010360AC0201",
	"07010103A0000001" + "0A010000038787868FD1FC",
	"0701110390000004" + "0F03000000990000000012340BADCAFE",
	"0701110380000001" + "0A050000000000DEADBEEF",
}

func TestParseIADReadsRealCards(t *testing.T) {
	d, err := cryptogram.ParseIAD(unhex(t, iads[2]))
	if err != nil {
		t.Fatal(err)
	}
	want := cryptogram.IAD{
		DKI: 1, CVN: cryptogram.CVN01, CVR: [3]byte{0xA0}, Alg: cryptogram.TDES, IDD: cryptogram.IDDBalance,
		Amount1: [5]byte{0, 0, 3, 0x87, 0x87}, MAC: [4]byte{0x86, 0x8F, 0xD1, 0xFC},
	}
	if d != want {
		t.Errorf("read %+v, want %+v", d, want)
	}
	if b, stated := d.Balance(); !stated || b != money.Fen(38787) || d.Result() != cryptogram.ARQC {
		t.Errorf("balance %v %v, result %v", b, stated, d.Result())
	}
	if d, err := cryptogram.ParseIAD(unhex(t, iads[0])); err != nil || d.Result() != cryptogram.ARQC || d.IDD != cryptogram.IDDNone {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := cryptogram.ParseIAD(unhex(t, iads[4])); err != nil {
		t.Error(err)
	} else if _, stated := d.Balance(); stated || d.Result() != cryptogram.AAC {
		t.Errorf("%+v states a balance", d)
	}
}

func TestParseIADRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":                    "",
		"seven bytes":                "07010103A00000",
		"length byte of the head":    "06010103A0000001",
		"length byte of the CVR":     "07010104A0000001",
		"version 17 in BCD":          "07011703A0000001",
		"algorithm 02":               "07010103A0000002",
		"an empty second part":       "07010103A000000100",
		"a request template":         "07010103000000010A02",
		"identifier 00":              "07010103A00000010A000000038787868FD1FC",
		"identifier 06":              "07010103A00000010A060000038787868FD1FC",
		"second length":              "07010103A00000010B010000038787868FD1FC",
		"one amount in a long part":  "07010103A00000010F0100000387870000038787868FD1FC",
		"two amounts in a short one": "07010103A00000010A030000038787868FD1FC",
		"hexadecimal amount":         "07010103A00000010A01000003878A868FD1FC",
		"one byte more":              iads[2] + "00",
	} {
		if d, err := cryptogram.ParseIAD(unhex(t, in)); !errors.Is(err, cryptogram.ErrIAD) || d != (cryptogram.IAD{}) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	if _, err := cryptogram.ParseIAD(unhex(t, "07010103A0000002")); !errors.Is(err, cryptogram.ErrAlgorithm) {
		t.Errorf("unknown algorithm: %v", err)
	}
}

func FuzzParseIAD(f *testing.F) {
	for _, s := range iads {
		f.Add(unhex(f, s))
	}
	f.Add(unhex(f, "07010103000000010A02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := cryptogram.ParseIAD(b)
		if err != nil {
			if d != (cryptogram.IAD{}) {
				t.Fatalf("%X: refused (%v) and half read: %+v", b, err, d)
			}
			return
		}
		if got := d.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("%X is written as %X", b, got)
		}
		if d.IDD != cryptogram.IDDNone {
			cryptogram.BalanceMAC(d.Alg, cryptogram.Key{}, 1, d.IDD, d.Amount1, d.Amount2)
		}
		cryptogram.ACData(nil, d.CVN, &cryptogram.TerminalInput{}, &cryptogram.CardInput{})
	})
}

func TestIADRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawIAD(t)
		b := d.Append([]byte("x"))
		if len(b) > 1+cryptogram.MaxIADLen {
			t.Fatalf("%d bytes", len(b))
		}
		back, err := cryptogram.ParseIAD(b[1:])
		if err != nil || back != d {
			t.Fatalf("%+v came back as %+v, %v", d, back, err)
		}
	})
}

func drawIAD(t *rapid.T) cryptogram.IAD {
	bcd := func(name string) (out [5]byte) {
		n, err := money.Fen(rapid.Int64Range(0, 9_999_999_999).Draw(t, name)).N12()
		if err != nil {
			t.Fatal(err)
		}
		copy(out[:], n[1:])
		return out
	}
	d := cryptogram.IAD{
		DKI: rapid.Byte().Draw(t, "dki"),
		CVN: rapid.SampledFrom([]cryptogram.CVN{cryptogram.CVN01, cryptogram.CVN17}).Draw(t, "cvn"),
		Alg: rapid.SampledFrom([]cryptogram.Alg{cryptogram.TDES, cryptogram.SM4}).Draw(t, "alg"),
		IDD: byte(rapid.IntRange(0, 5).Draw(t, "idd")),
	}
	copy(d.CVR[:], rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(t, "cvr"))
	if d.IDD != cryptogram.IDDNone {
		d.Amount1 = bcd("amount 1")
		copy(d.MAC[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "mac"))
	}
	if d.IDD == cryptogram.IDDBalanceCTTA || d.IDD == cryptogram.IDDCTTALimit {
		d.Amount2 = bcd("amount 2")
	}
	return d
}
