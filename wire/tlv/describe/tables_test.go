package describe

import (
	"encoding/hex"
	"testing"

	"github.com/citycard/citycard/wire/tlv"
)

// Every rule stands inside its value, has words in both languages, and no two
// rules hold for the same bits and value.
func TestBitTables(t *testing.T) {
	tables := map[string][]rule{"CVR": cvrRules[:]}
	sizes := map[string]int{"CVR": 3}
	for _, info := range tlv.Dictionary() {
		if rules := bitRules(info.Tag); rules != nil {
			tables[info.Name], sizes[info.Name] = rules, info.Max
		}
	}
	if len(tables) < 15 {
		t.Errorf("only %d tables", len(tables))
	}
	for name, rules := range tables {
		seen := map[[3]byte]bool{}
		for _, r := range rules {
			if r.at < 1 || r.at > sizes[name] || r.mask == 0 || r.want&^r.mask != 0 || r.en == "" || r.zh == "" {
				t.Errorf("%s: bad rule %+v", name, r)
			}
			key := [3]byte{byte(r.at), r.mask, r.want}
			if seen[key] {
				t.Errorf("%s: rule twice: %+v", name, r)
			}
			seen[key] = true
		}
	}
}

func TestFindReportsReservedBits(t *testing.T) {
	got := find(aipRules[:], []byte{0x80, 0x01}, Options{})
	if len(got) != 2 || got[0].Byte != 1 || got[0].Bits != "b8" || got[1].Byte != 2 || got[1].Bits != "b1" {
		t.Errorf("got %+v", got)
	}
}

func TestBitNames(t *testing.T) {
	for mask, want := range map[byte]string{0x80: "b8", 0x01: "b1", 0xC0: "b8-b7", 0x30: "b6-b5", 0x07: "b3-b1"} {
		if got := bitNames(mask); got != want {
			t.Errorf("%02X: %s, want %s", mask, got, want)
		}
	}
}

func TestMaskPAN(t *testing.T) {
	for in, want := range map[string]string{
		"6228480000001117":                     "622848******1117",
		"6228480000000011175F":                 "622848*********1175F",
		"622848000000001117FF":                 "622848********1117FF",
		"622848000000001117D30122010000123F":   "622848********1117D***************",
		"12345678901":                          "***********",
		"123456789012":                         "123456**9012",
		"AABB":                                 "****",
		"31323334353637383930313233343536":     "********************************",
		"62284800000000111799999999999999999F": "************************************",
	} {
		if got := maskPAN(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestRawHexMasksCardNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"5A0A6210948000000011FFFF":             "5A0A621094******0011FFFF", // a test card of UnionPay
		"C06210948000000011C0":                 "C0621094******0011C0",
		"423632313039343830303030303030313142": "42363231303934************3030313142", // as text
		"6210948000000012FFFF":                 "6210948000000012FFFF",                 // wrong check digit
		"00000000000000000000":                 "00000000000000000000",
		"AD03EE811AFAD484":                     "AD03EE811AFAD484",
		"":                                     "",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, masked := rawHex(b, Options{}); got != want || masked != (in != want) {
			t.Errorf("%s: %s %v, want %s", in, got, masked, want)
		}
		if got, masked := rawHex(b, Options{ShowPAN: true}); got != in || masked {
			t.Errorf("%s: %s %v when shown", in, got, masked)
		}
	}
}
