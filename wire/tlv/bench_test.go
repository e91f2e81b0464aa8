package tlv_test

import (
	"testing"

	"github.com/citycard/citycard/wire/tlv"
)

// twentyTags is field 55 of an online purchase.
func twentyTags(t testing.TB) []byte {
	return unhex(t, "9F2608 0102030405060708 9F270180 9F1013 07010103A00000010A010000038787868FD1FC"+
		"9F3704 2B29EBE4 9F3602000A 9505 0000000000 9A03 260115 9C0100 9F0206 000000000100 5F2A020156"+
		"82027C00 9F1A020156 9F0306 000000000000 9F3303 E0E1C8 9F3403 1F0300 9F350122 9F1E08 3132333435363738"+
		"8408 A000000333010101 9F09020030 9F4104 00000001")
}

func BenchmarkIterate20Tags(b *testing.B) {
	field := twentyTags(b)
	n := 0
	for b.Loop() {
		n = 0
		it := tlv.Iterate(field)
		for it.Next() {
			n++
		}
	}
	if n != 20 {
		b.Fatalf("%d tags", n)
	}
}

func BenchmarkParse20Tags(b *testing.B) {
	field := twentyTags(b)
	for b.Loop() {
		if _, err := tlv.Parse(field); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDOLAppend(b *testing.B) {
	d, err := tlv.ParseDOL(unhex(b, "9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6001"))
	if err != nil {
		b.Fatal(err)
	}
	amount := unhex(b, "000000000100")
	buf := make([]byte, 0, 64)
	for b.Loop() {
		if _, err := d.Append(buf, func(tag tlv.Tag) []byte {
			if tag == tlv.TagAmountAuthorised {
				return amount
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	for b.Loop() {
		if _, ok := tlv.Lookup(tlv.TagECBalance); !ok {
			b.Fatal("9F79 not found")
		}
	}
}
