package recording_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/wire/tlv"
)

// chars gives characters in hexadecimal.
func chars(s string) string { return fmt.Sprintf("%X", s) }

// masked masks one exchange and gives command, response and torn answer.
func masked(t *testing.T, cmd, response, torn string) string {
	t.Helper()
	x := recording.Exchange{Seq: 1, Command: unhex(t, cmd)}
	if response != "" {
		x.Response = unhex(t, response)
	} else {
		x.Torn = unhex(t, torn)
	}
	n := len(x.Command) + len(x.Response) + len(x.Torn)
	s := recording.Session{Exchanges: []recording.Exchange{x}}
	s.Mask()
	x = s.Exchanges[0]
	if len(x.Command)+len(x.Response)+len(x.Torn) != n {
		t.Errorf("%s: length changed", cmd)
	}
	return fmt.Sprintf("%X|%X%X", x.Command, x.Response, x.Torn)
}

// TestMaskLeaksNothing: what once stayed, or could: each secret in its own place,
// with nothing else in the conversation that gives it away.
func TestMaskLeaksNothing(t *testing.T) {
	const read = "00B2010C00"
	track1 := chars("B6228000100001117^ZHANG/SAN^3012220987654321")
	for _, row := range []struct {
		what, cmd, response, torn string
		secrets                   []string
	}{
		{what: "9F6B", cmd: read, response: "7016 9F6B13 6228000100001117D30122209876543210000F 9000", secrets: []string{"6228000100001117", "98765"}},
		{what: "56", cmd: read, response: fmt.Sprintf("70%02X56%02X%s9000", len(track1)/2+2, len(track1)/2, track1),
			secrets: []string{chars("6228000100001117"), chars("ZHANG"), chars("98765")}},
		{what: "56 in a torn answer", cmd: read, torn: fmt.Sprintf("70%02X56%02X%s", len(track1)/2+2, len(track1)/2, track1[:50]),
			secrets: []string{chars("6228000100001117"), chars("ZH")}},
		{what: "track 2 as characters", cmd: "00B0000000", response: chars(";6228000100001117=3012220987654321?") + "9000",
			secrets: []string{chars("6228000100001117"), chars("98765")}},
		{what: "57 without service code", cmd: read, response: "7011 570F 6228000100001117D3012D98765432 9000", secrets: []string{"6228000100001117", "98765"}},
		{what: "57 without expiry", cmd: read, response: "7011 570F 6228000100001117D D220 987654321 9000", secrets: []string{"6228000100001117", "98765"}},
		{what: "5A of 11 digits", cmd: read, response: "7008 5A06 62280987651F 9000", secrets: []string{"62280987651"}},
		{what: "5A torn in the number", cmd: read, torn: "7081B3 5A08 622800987654", secrets: []string{"987654", "9876"}},
		{what: "57 torn before the separator", cmd: read, torn: "7081B3 5713 622800987654", secrets: []string{"987654", "9876"}},
		{what: "57 torn after it", cmd: read, torn: "7081B3 5713 6228000100001117D301222098", secrets: []string{"6228000100001117", "98"}},
		{what: "name in a torn answer", cmd: read, torn: "7081B3 5F201A" + chars("ZHANG/S"), secrets: []string{chars("ZHANG")}},
		{what: "whole name in a torn answer", cmd: read, torn: "7081B3 5F2005" + chars("ZHANG") + "9F", secrets: []string{chars("ZHANG")}},
		{what: "9F1F in a torn answer", cmd: read, torn: "7081B3 9F1F18" + chars("98765"), secrets: []string{chars("98765")}},
		{what: "certificate in a torn answer", cmd: read, torn: "7081B3 9F468190 0A0B0C0D0E", secrets: []string{"0A0B0C"}},
		{what: "9F1F", cmd: read, response: "7008 9F1F05" + chars("98765") + "9000", secrets: []string{chars("98765")}},
		{what: "IBAN", cmd: read, response: "7008 5F5305" + chars("98765") + "9000", secrets: []string{chars("98765")}},
		{what: "number in the command alone", cmd: "84DA0000 0A 5A08 6228000100001117", response: "9000", secrets: []string{"6228000100001117"}},
		{what: "name in STORE DATA", cmd: "80E20000 0A 01010770 055F2002" + chars("ZH"), response: "9000", secrets: []string{chars("ZH")}},
		{what: "PUT KEY", cmd: "80D80000 04 0A0B0C0D", response: "9000", secrets: []string{"0A0B"}},
		{what: "VERIFY with a wrong length", cmd: "0020008008 2412345FFF", response: "6700", secrets: []string{"12345"}},
		{what: "VERIFY without a length", cmd: "00200080 24", response: "6700"},
		{what: "PIN CHANGE", cmd: "80240001 08 2412345FFFFFFFFF", response: "9000", secrets: []string{"12345"}},
		{what: "5A in a private object", cmd: read, response: "700D DF200A 5A08 6228000100001117 9000", secrets: []string{"6228000100001117"}},
		{what: "number of a purse", cmd: "00B0951E00", response: "1122334455667788 0201 0310487000123456 7890" + "20260101 20361231 0000 9000", secrets: []string{"487000123456", "12345"}},
	} {
		got := masked(t, row.cmd, row.response, row.torn)
		for _, s := range row.secrets {
			if strings.Contains(got, s) {
				t.Errorf("%s: %s is in %s", row.what, s, got)
			}
		}
	}
}

// TestMaskTornAnywhere: an answer with number, track and name, torn at any byte,
// never shows more of the number than its first six and last four digits.
func TestMaskTornAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := "622800" + rapid.StringMatching(`[458]{4,9}`).Draw(t, "middle") + "7777"
		pad := strings.Repeat("F", len(number)%2)
		track := number + "D3012220" + "987654321"
		track += strings.Repeat("F", len(track)%2)
		bytesOf := func(s string) []byte {
			b, err := hex.DecodeString(s)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		objects := rapid.Permutation([][]byte{
			tlv.Append(nil, tlv.TagPAN, bytesOf(number+pad)), tlv.Append(nil, tlv.TagTrack2Equivalent, bytesOf(track)),
			tlv.Append(nil, 0x9F6B, bytesOf(track)), tlv.Append(nil, 0x5F20, []byte("ZHANG/SAN")), tlv.Append(nil, 0x9F08, []byte{0, 0x30}),
			tlv.Append(nil, 0x56, []byte("B"+number+"^ZHANG/SAN^3012220987654321")),
		}).Draw(t, "objects")
		record := tlv.Append(nil, tlv.TagRecordTemplate, bytes.Join(objects, nil))
		torn := record[:rapid.IntRange(1, len(record)).Draw(t, "length")]
		s := recording.Session{Exchanges: []recording.Exchange{{Seq: 1, Command: make([]byte, 5), Torn: bytes.Clone(torn)}}}
		s.Mask()
		got := s.Exchanges[0].Torn
		text := fmt.Sprintf("%X", got)
		if len(got) != len(torn) {
			t.Fatal("the length changed")
		}
		for _, secret := range []string{number[6 : len(number)-4], "9876", chars("ZHAN")} {
			if strings.Contains(text, secret) || strings.Contains(string(got), secret) {
				t.Fatalf("%s of %s in %s", secret, number, text)
			}
		}
	})
}

// TestMaskTakesNoTimeWithoutEnd: a card that is full of numbers.
func TestMaskTakesNoTimeWithoutEnd(t *testing.T) {
	var s recording.Session
	for i := range 3000 {
		var b []byte
		for k := range 12 {
			b = tlv.Append(b, tlv.TagPAN, unhex(t, fmt.Sprintf("62%014d", i*100+k)))
		}
		s.Exchanges = append(s.Exchanges, recording.Exchange{Seq: i, Command: make([]byte, 5), Response: append(b, 0x90, 0)})
	}
	start := time.Now()
	s.Mask()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%v", took)
	}
	if x := s.Exchanges[2999]; !bytes.Equal(x.Response[:len(x.Response)-2], make([]byte, len(x.Response)-2)) {
		t.Errorf("%X is kept", x.Response)
	}
}

// TestOtherCardsAnswer: data with 91xx is an answer to a command of class 90.
func TestOtherCardsAnswer(t *testing.T) {
	list, err := recording.Parse([]byte(`{"seq":1,"command":"9060000000","response":"040101330016059100"}`))
	if err != nil || list[0].Exchanges[0].Lost() {
		t.Errorf("%v, %v", list, err)
	}
}

// TestFindShowsNamesQuoted: names come from a file, and there may be many.
func TestFindShowsNamesQuoted(t *testing.T) {
	var list []recording.Session
	for i := range 1000 {
		list = append(list, recording.Session{Name: fmt.Sprintf("\x1b[2J%d", i)})
	}
	_, err := recording.Find(list, "x")
	if text := err.Error(); strings.Contains(text, "\x1b") || len(text) > 2000 {
		t.Errorf("%d bytes: %.100q", len(text), text)
	}
}
