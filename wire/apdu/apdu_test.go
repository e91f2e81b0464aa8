package apdu_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/wire/apdu"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("bad hexadecimal in the test: %v", err)
	}
	return b
}

func TestCommandCases(t *testing.T) {
	long := strings.Repeat("AB", 256)
	for _, c := range []struct {
		name, in string
		want     apdu.Command
		number   int
	}{
		{"case 1", "00840000", apdu.Command{INS: 0x84, Le: apdu.NoLe}, 1},
		{"case 2", "00B2010C08", apdu.Command{INS: 0xB2, P1: 1, P2: 0x0C, Le: 8}, 2},
		{"case 2, Le 00 is 256", "00B2010C00", apdu.Command{INS: 0xB2, P1: 1, P2: 0x0C, Le: 256}, 2},
		{"case 3", "80DE00A80301020A", apdu.Command{CLA: 0x80, INS: 0xDE, P2: 0xA8, Data: []byte{1, 2, 10}, Le: apdu.NoLe}, 3},
		{"case 4", "00A404000132 00", apdu.Command{INS: 0xA4, P1: 4, Data: []byte{0x32}, Le: 256}, 4},
		{"case 2 extended", "00B00000 000101", apdu.Command{INS: 0xB0, Le: 257}, 2},
		{"case 2 extended, Le 0000 is 65536", "00B00000 000000", apdu.Command{INS: 0xB0, Le: 65536}, 2},
		{"case 3 extended", "80E20000 000100" + long, apdu.Command{CLA: 0x80, INS: 0xE2, Data: unhex(t, long), Le: apdu.NoLe}, 3},
		{"case 4 extended", "80E20000 000100" + long + "0000", apdu.Command{CLA: 0x80, INS: 0xE2, Data: unhex(t, long), Le: 65536}, 4},
		{"case 4 extended for its Le alone", "80CA0000 000001 AA 0200", apdu.Command{CLA: 0x80, INS: 0xCA, Data: []byte{0xAA}, Le: 512}, 4},
		{"reader's own class", "FFCA000000", apdu.Command{CLA: 0xFF, INS: 0xCA, Le: 256}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := unhex(t, c.in)
			got, err := apdu.ParseCommand(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Case() != c.number {
				t.Errorf("case %d, want %d", got.Case(), c.number)
			}
			if again, err := got.Append(nil); err != nil || !bytes.Equal(again, b) {
				t.Errorf("written as %X, %v", again, err)
			}
		})
	}
}

func TestLongerLengthsThanNeededAreReadAndShortened(t *testing.T) {
	for in, want := range map[string]string{
		"00A40400 000002 3F00":      "00A40400023F00",
		"00A40400 000002 3F00 0100": "00A40400023F0000",
		"00B00000 000008":           "00B0000008",
	} {
		c, err := apdu.ParseCommand(unhex(t, in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, err := c.Append(nil); err != nil || !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%s: written as %X, %v; want %s", in, got, err, want)
		}
	}
}

func TestCommandErrors(t *testing.T) {
	for _, c := range []struct {
		name, in, field string
		offset          int
	}{
		{"empty", "", "header", 0},
		{"three bytes", "00A404", "header", 3},
		{"data cut short", "00A4040008A000", "Lc", 4},
		{"two bytes after the data", "00A40400013F0000", "Le", 6},
		{"extended length cut short", "00A404000001", "Lc", 4},
		{"extended length of no data", "00A40400000000AA", "Lc", 4},
		{"extended data cut short", "00A404000000033F00", "Lc", 4},
		{"one byte after extended data", "00A404000000023F0000", "Le", 9},
		{"three bytes after extended data", "00A404000000023F00000000", "Le", 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := apdu.ParseCommand(unhex(t, c.in))
			var e *apdu.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %+v, %v", got, err)
			}
			if e.Message != "command" || e.Field != c.field || e.Offset != c.offset || e.Reason == "" {
				t.Errorf("got %v, want field %s, offset %d", e, c.field, c.offset)
			}
		})
	}
	_, err := apdu.ParseCommand([]byte{0, 0xA4, 4, 0, 8, 0xA0})
	if want := "apdu: command, offset 4, Lc: it says 8 bytes of data but only 1 follow"; err == nil || err.Error() != want {
		t.Errorf("text %v, want %s", err, want)
	}
}

func TestAppendRefusesWhatDoesNotFit(t *testing.T) {
	for name, c := range map[string]apdu.Command{
		"data":    {Data: make([]byte, 65536), Le: apdu.NoLe},
		"Le 0":    {Le: 0},
		"Le -2":   {Le: -2},
		"Le long": {Le: 65537},
	} {
		before := []byte{0xAA}
		if got, err := c.Append(before); err == nil || !bytes.Equal(got, before) {
			t.Errorf("%s: got %X, %v", name, got, err)
		}
	}
}

func TestCommandsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := apdu.Command{
			CLA: rapid.Byte().Draw(t, "CLA"), INS: rapid.Byte().Draw(t, "INS"),
			P1: rapid.Byte().Draw(t, "P1"), P2: rapid.Byte().Draw(t, "P2"),
			Data: rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "data"),
			Le:   rapid.OneOf(rapid.Just(apdu.NoLe), rapid.IntRange(1, 256), rapid.IntRange(1, 65536)).Draw(t, "Le"),
		}
		b, err := c.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := apdu.ParseCommand(b)
		if err != nil {
			t.Fatalf("%X: %v", b, err)
		}
		if !bytes.Equal(got.Data, c.Data) {
			t.Fatalf("data %X, want %X", got.Data, c.Data)
		}
		got.Data, c.Data = nil, nil
		if diff := cmp.Diff(c, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestResponse(t *testing.T) {
	data, sw, err := apdu.ParseResponse(unhex(t, "9F36020ADC9000"))
	if err != nil || sw != apdu.SWOK || !bytes.Equal(data, unhex(t, "9F36020ADC")) {
		t.Errorf("got %X %s %v", data, sw, err)
	}
	if got := apdu.AppendResponse(nil, data, sw); !bytes.Equal(got, unhex(t, "9F36020ADC9000")) {
		t.Errorf("written as %X", got)
	}
	data, sw, err = apdu.ParseResponse(unhex(t, "6A82"))
	if err != nil || sw != apdu.SWFileNotFound || len(data) != 0 {
		t.Errorf("got %X %s %v", data, sw, err)
	}
	for _, c := range []struct {
		name, field string
		in          []byte
		offset      int
	}{
		{"empty", "SW", nil, 0},
		{"one byte", "SW", []byte{0x90}, 0},
		{"no status word at the end", "SW", []byte{0x5A, 0x01, 0x62}, 1},
		{"60 is not a status byte", "SW", []byte{0x60, 0x00}, 0},
		{"too long", "data", make([]byte, 65536+3), 65536},
	} {
		_, _, err := apdu.ParseResponse(c.in)
		var e *apdu.Error
		if !errors.As(err, &e) || e.Message != "response" || e.Field != c.field || e.Offset != c.offset {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"00A4040000": "SELECT", "80A8000002830000": "GET PROCESSING OPTIONS", "80B400A802011000": "READ CAPP DATA",
		"84DE00A8": "UPDATE CAPP DATA CACHE", "805A000002000108": "GET TRANSACTION PROVE", "04DC0114": "UPDATE RECORD",
		"80DC0114": "UPDATE CAPP DATA CACHE (electronic purse)", "80E28000": "STORE DATA", "04E20028": "APPEND RECORD", "80010000": "",
		"80CA9F7900": "GET DATA", "00CA000000": "GET DATA", "80CA000009": "GET AUTH CODE", "80CA000009851122334455667788": "AUTH MESSAGE",
	} {
		c, err := apdu.ParseCommand(unhex(t, in))
		if err != nil || c.Name() != want {
			t.Errorf("%s: %q, %v; want %q", in, c.Name(), err, want)
		}
	}
	for ins, want := range map[byte]bool{0x20: true, 0x24: true, 0x2C: true, 0x5E: true, 0xA4: false, 0xDA: false} {
		if got := (apdu.Command{INS: ins}).CarriesPIN(); got != want {
			t.Errorf("INS %02X carries a PIN: %v", ins, got)
		}
	}
}

func TestMeaning(t *testing.T) {
	for _, c := range []struct {
		sw     apdu.SW
		en, zh string
	}{
		{0x9000, "normal processing", "正常处理"},
		{0x63C2, "verification failed, 2 tries left", "认证失败，剩余2次尝试"},
		{0x63C0, "verification failed, 0 tries left", "认证失败，剩余0次尝试"},
		{0x611A, "26 bytes available by GET RESPONSE", "还有26字节可用GET RESPONSE取回"},
		{0x6100, "256 bytes available by GET RESPONSE", "还有256字节可用GET RESPONSE取回"},
		{0x6C4F, "wrong Le, send again with 79", "长度Le错误，应为79"},
		{0x6974, "the record read last is not the one that was updated", "最后读取的记录与更新的记录不一致"},
		{0x9406, "proof (MAC or TAC) not available", "所需的MAC或TAC不可用"},
		{0x6A99, "wrong parameters", "参数错误"},
		{0x63A1, "warning, memory changed", "警告：存储器已改变"},
		{0x9001, "not defined", "未定义"},
	} {
		if en, zh := c.sw.Meaning("en"), c.sw.Meaning("zh"); en != c.en || zh != c.zh {
			t.Errorf("%s: %q, %q; want %q, %q", c.sw, en, zh, c.en, c.zh)
		}
	}
	if apdu.SW(0x9000).Meaning("fr") != apdu.SW(0x9000).Meaning("en") {
		t.Error("a language that is not known must give English")
	}
}

// Every named status word has a meaning of its own in both languages.
func TestNamedStatusWordsHaveMeanings(t *testing.T) {
	for _, sw := range []apdu.SW{apdu.SWOK, apdu.SWInvalidated, apdu.SWFailed, apdu.SWMemory, apdu.SWWrongLength, apdu.SWClassLine,
		apdu.SWWrongState, apdu.SWCAPPTooManyHolds, apdu.SWCAPPHoldOpen, apdu.SWCAPPNoHold, apdu.SWCAPPOtherRecord, apdu.SWFileType,
		apdu.SWSecurity, apdu.SWBlocked, apdu.SWDataInvalidated, apdu.SWConditions, apdu.SWNoFile, apdu.SWMACMissing, apdu.SWMACWrong,
		apdu.SWWrongData, apdu.SWNotSupported, apdu.SWFileNotFound, apdu.SWRecordNotFound, apdu.SWNoSpace, apdu.SWWrongP1P2,
		apdu.SWDataNotFound, apdu.SWWrongOffset, apdu.SWUnknownINS, apdu.SWUnknownCLA, apdu.SWUnknown, apdu.SWPurseMAC,
		apdu.SWPurseLocked, apdu.SWPurseFunds, apdu.SWPurseCounter, apdu.SWPurseKeyIndex, apdu.SWProofNotAvailable} {
		en, zh := sw.Meaning("en"), sw.Meaning("zh")
		if en == "not defined" || zh == "未定义" || en == zh {
			t.Errorf("%s: %q, %q", sw, en, zh)
		}
	}
}

func TestStatusWordKinds(t *testing.T) {
	for _, c := range []struct {
		sw                           apdu.SW
		ok, warning                  bool
		remaining, more, le          int
		isRemaining, isMore, isLeFix bool
	}{
		{sw: 0x9000, ok: true},
		{sw: 0x6110, ok: true, more: 16, isMore: true},
		{sw: 0x6283, warning: true},
		{sw: 0x63C3, warning: true, remaining: 3, isRemaining: true},
		{sw: 0x6C00, le: 256, isLeFix: true},
		{sw: 0x6985},
	} {
		r, isR := c.sw.Remaining()
		m, isM := c.sw.More()
		l, isL := c.sw.CorrectLe()
		if c.sw.OK() != c.ok || c.sw.Warning() != c.warning || r != c.remaining || isR != c.isRemaining ||
			m != c.more || isM != c.isMore || l != c.le || isL != c.isLeFix {
			t.Errorf("%s: ok %v, warning %v, %d %v, %d %v, %d %v", c.sw, c.sw.OK(), c.sw.Warning(), r, isR, m, isM, l, isL)
		}
	}
}
