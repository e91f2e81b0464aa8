package files_test

import (
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// bench is a card with one key file in its MF and files of the shapes that the
// vectors speak of.
func bench(keys ...cos.KeySpec) cos.FileSystemSpec {
	mac, enciphered := cos.Always.With(cos.MAC), cos.Always.With(cos.Enciphered)
	records := make([][]byte, 7)
	for i := range records {
		records[i] = make([]byte, 24)
	}
	return cos.FileSystemSpec{MF: cos.FileSpec{Kind: cos.DF, ID: cos.MasterFile, Children: []cos.FileSpec{
		{Kind: cos.Keys, ID: 0x0008, Capacity: 4, Keys: keys},
		{Kind: cos.Transparent, ID: 0xEF15, SFI: 0x15, Size: 30, Rules: cos.Rules{cos.OpUpdate: mac}},
		{Kind: cos.Transparent, ID: 0xEF16, SFI: 0x16, Size: 30, Rules: cos.Rules{cos.OpUpdate: enciphered}},
		{Kind: cos.Fixed, ID: 0xEF17, SFI: 0x17, RecordLength: 24, Capacity: 7, Records: records, Rules: cos.Rules{cos.OpUpdate: mac}},
	}}}
}

// TestVectors sends commands that were made elsewhere. "log" are exchanges of a
// city metro's purse card with its published test keys; "computed" come from an
// independent calculation with DES checked against openssl.
func TestVectors(t *testing.T) {
	spec := func(usage cos.KeyUsage, number byte, alg cryptogram.Alg, form cos.KeyForm, value string) cos.KeySpec {
		return cos.KeySpec{Usage: usage, Number: number, Alg: alg, Form: form, Tries: 3, Value: unhex(t, value)}
	}
	damk := spec(cos.UseLine, 0, cryptogram.TDES, 0, "6641DD0BECC94BD490A217653DC25F85")
	ones := "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
	for _, v := range []struct {
		name      string
		keys      []cos.KeySpec
		challenge string
		command   string
		then      string // a command afterwards
		want      string // its answer
	}{
		{name: "computed, UPDATE BINARY with MAC", keys: []cos.KeySpec{damk}, challenge: "12345678",
			command: "04D6951C06 0102 EF1AE1A9", then: "00B0951C02", want: "0102"},
		{name: "log, UPDATE RECORD with MAC", keys: []cos.KeySpec{spec(cos.UseLine, 0, cryptogram.TDES, 0, "78BBDFD3CECA48FD7BD5F6AE69882C60")}, challenge: "FCF30477",
			command: "04DC07BC1C 111601002015082717242300000000000000000000000000 8A0981B8", then: "00B207BC00", want: "111601002015082717242300000000000000000000000000"},
		{name: "log, EXTERNAL AUTHENTICATE", keys: []cos.KeySpec{spec(cos.UseExternal, 0, cryptogram.TDES, 0, ones)}, challenge: "DCE8F511",
			command: "0082000008 CB1693339A342336"},
		{name: "computed, EXTERNAL AUTHENTICATE", keys: []cos.KeySpec{spec(cos.UseExternal, 0, cryptogram.TDES, 0, "6641DD0BECC94BD490A217653DC25F85")}, challenge: "1122334455667788",
			command: "0082000008 7F61F0D43CCF4DD9"},
		{name: "computed, EXTERNAL AUTHENTICATE with SM4", keys: []cos.KeySpec{spec(cos.UseExternal, 0, cryptogram.SM4, 0, "2737497B33E732CB817C2D5A4666C4B7")}, challenge: "1122334455667788",
			command: "0082000008 B949FA784CA3D607"},
		{name: "computed, process factor", keys: []cos.KeySpec{spec(cos.UseExternal, 7, cryptogram.TDES, cos.FormFactor, "9ABF5615C355090B99DF77A6A46A9C41")}, challenge: "1122334455667788",
			command: "0082000710 706FCE2C30BB50EF A1A2A3A4A5A6A7A8"},
		{name: "computed, the mirror of it", keys: []cos.KeySpec{spec(cos.UseInternal, 7, cryptogram.TDES, cos.FormFactor, "9ABF5615C355090B99DF77A6A46A9C41")}, challenge: "00000000",
			command: "0084000004", then: "0088000710 A1A2A3A4A5A6A7A8 1122334455667788 00", want: "706FCE2C30BB50EF"},
		{name: "computed, RELOAD PIN", keys: []cos.KeySpec{{Usage: cos.UsePIN, Number: 0, Tries: 3, Value: unhex(t, "998877")}, spec(cos.UseReload, 0, cryptogram.TDES, 0, "5CC47CF7EBE314D462643196E3679DC9")}, challenge: "00000000",
			command: "805E000007 123456 BB7B9239", then: "0020000003 123456"},
		{name: "log, WRITE KEY", keys: []cos.KeySpec{spec(cos.UseLine, 0, cryptogram.TDES, 0, ones)}, challenge: "19393A92",
			command: "84D439001C 7B9864710732C21C8BB314B67CC4B6C352C518AA7305D7FF 6B72FE30"},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := insert(t, rootName, bench(v.keys...))
			s.rand.set = unhex(t, v.challenge)
			n := len(s.rand.set)
			s.want(apdu.SWOK, "00840000"+[]string{4: "04", 8: "08"}[n])
			s.want(apdu.SWOK, v.command)
			if v.then == "" {
				return
			}
			if got := s.want(apdu.SWOK, v.then); string(got) != string(unhex(t, v.want)) {
				t.Errorf("%s: %X, want %s", v.then, got, v.want)
			}
		})
	}
}

// TestWrittenKey: the key that the logged WRITE KEY brings is the one that its log
// names.
func TestWrittenKey(t *testing.T) {
	line := cos.KeySpec{Usage: cos.UseLine, Alg: cryptogram.TDES, Value: unhex(t, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")}
	s := insert(t, rootName, bench(line))
	s.rand.set = unhex(t, "19393A92")
	s.want(apdu.SWOK, "0084000004")
	s.want(apdu.SWOK, "84D439001C 7B9864710732C21C8BB314B67CC4B6C352C518AA7305D7FF 6B72FE30")
	h := host{cryptogram.TDES, unhex(t, "D03A01624D2E0255E5CE47218BA45DC8"), s.want(apdu.SWOK, "0084000008")}
	if _, sw, err := s.send(apdu.Command{INS: 0x82, Data: h.authentication(), Le: apdu.NoLe}); err != nil || sw != apdu.SWOK {
		t.Errorf("EXTERNAL AUTHENTICATE with the new key: %v %v", sw, err)
	}
}

// TestEnciphered: the computed enciphered UPDATE BINARY, for the other file shape.
func TestEnciphered(t *testing.T) {
	damk := cos.KeySpec{Usage: cos.UseLine, Alg: cryptogram.TDES, Value: unhex(t, "6641DD0BECC94BD490A217653DC25F85")}
	spec := bench(damk)
	spec.MF.Children[1].Rules[cos.OpUpdate] = cos.Always.With(cos.Enciphered)
	s := insert(t, rootName, spec)
	s.rand.set = unhex(t, "12345678")
	s.want(apdu.SWOK, "0084000004")
	s.want(apdu.SWOK, "04D6951C0C E6F34E433F9C6613 11873C27")
	if got := s.want(apdu.SWOK, "00B0951C02"); string(got) != "\x01\x02" {
		t.Errorf("read %X", got)
	}
}
