package scp

import (
	"testing"

	"github.com/citycard/citycard/wire/apdu"
)

// BenchmarkOpen is the card's part of opening a session.
func BenchmarkOpen(b *testing.B) {
	for _, k := range []kind{{SCP02, SCP02Pseudo, CMAC}, {SCP03, SCP03Full, CMAC}} {
		b.Run(k.p.String(), func(b *testing.B) {
			_, _, external := k.begin(b)
			card, params := new(Card), k.params(5)
			buf := make([]byte, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := card.InitializeUpdate(buf, params, [8]byte{0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8}); err != nil {
					b.Fatal(err)
				}
				if sw := card.ExternalAuthenticate(&external); sw != apdu.SWOK {
					b.Fatal(sw)
				}
			}
		})
	}
}

// BenchmarkUnwrap is the card's part of one command with 200 bytes of data.
func BenchmarkUnwrap(b *testing.B) {
	for _, k := range []kind{
		{SCP02, SCP02Pseudo, CMAC}, {SCP02, SCP02Pseudo, CMAC | CDEC},
		{SCP03, SCP03Full, CMAC}, {SCP03, SCP03Full, CMAC | CDEC | RMAC | RENC},
	} {
		b.Run(k.String(), func(b *testing.B) {
			host, card := k.open(b)
			c, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xE2, Data: make([]byte, 200), Le: apdu.NoLe})
			if err != nil {
				b.Fatal(err)
			}
			buf, answer := make([]byte, 0, 256), make([]byte, 0, 256)
			start := *card
			b.ReportAllocs()
			for b.Loop() {
				*card = start
				if _, sw := card.Unwrap(&c, buf); sw != apdu.SWOK {
					b.Fatal(sw)
				}
				card.Wrap(answer, nil, apdu.SWOK)
			}
		})
	}
}
