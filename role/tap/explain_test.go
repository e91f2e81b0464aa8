package tap_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/role/tap"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	check(t, err)
	return b
}

// lines are the facts of a side in short.
func lines(s tap.Side) string {
	var out []string
	for _, f := range s.Facts {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Tag, f.Value, f.Text)))
	}
	return strings.Join(out, "; ")
}

// TestCommandsAndAnswers: what each command of EMV Book 3, 6.5 says, in the order of a
// session, with the lists that the card gave.
func TestCommandsAndAnswers(t *testing.T) {
	x := tap.NewExplainer("en", false)
	for _, c := range []struct{ command, answer, title, sent, sw, got string }{
		{"00A404000E315041592E5359532E444446303100", "6F15840E315041592E5359532E4444463031A5038801019000",
			"SELECT 1PAY.SYS.DDF01", "", "9000 normal processing", "84 315041592E5359532E4444463031 PSE 1PAY.SYS.DDF01; 88 01"},
		{"00A4040208A00000033301010100", "6A82", "SELECT next A000000333010101", "", "6A82 file or application not found", ""},
		{"00A4040008A00000033301010100", "6F12840 8A000000333010101A5069F38039F6604 9000", "SELECT A000000333010101", "",
			"9000 normal processing", "84 A000000333010101 UnionPay debit; 9F38 9F6604 asks for 4 bytes"},
		{"80A8000006830436000080 00", "800E7C0008010100100105012001 0100 9000", "GET PROCESSING OPTIONS", "9F66 36000080", "9000 normal processing",
			"82 7C00; 94 080101001001050120010100"},
		{"00B2010C00", "70098C039F37048D028A02 9000", "READ RECORD 1 SFI 1", "", "9000 normal processing", "8C 9F3704 asks for 4 bytes; 8D 8A02 asks for 2 bytes"},
		{"0088000004AABBCCDD00", "80021234 9000", "INTERNAL AUTHENTICATE", "9F37 AABBCCDD", "9000 normal processing", "9F4B 1234"},
		{"80CA9F1700", "9F17010 3 9000", "GET DATA 9F17", "", "9000 normal processing", "9F17 03 3"},
		{"80CA000009", "8511223344556677889000", "GET AUTH CODE", "", "9000 normal processing", ""},
		{"0020008008261234FFFFFFFFFF", "63C2", "VERIFY PIN", "", "63C2 verification failed, 2 tries left", ""},
		{"80AE90000411223344 00", "800B800001000102030405060 7 9000", "GENERATE AC ARQC + CDA", "9F37 11223344",
			"9000 normal processing", "9F27 80; 9F36 0001 1; 9F26 0001020304050607"},
		{"008200000A01020304050607083030", "9000", "EXTERNAL AUTHENTICATE", `91 0102030405060708; 8A 3030 "00" approved`, "9000 normal processing", ""},
		{"80AE4000023030 00", "6985", "GENERATE AC TC", `8A 3030 "00" approved`, "6985 conditions of use not satisfied", ""},
		{"04DA9F790A00000001990 0C2C918CF", "9000", "PUT DATA 9F79", "9F79 000000019900 199.00", "9000 normal processing", ""},
		{"00FF0000", "6D00", "INS FF", "", "6D00 instruction not supported or invalid", ""},
	} {
		clean := strings.NewReplacer(" ", "").Replace
		cmd, answer := unhex(t, clean(c.command)), unhex(t, clean(c.answer))
		s := x.Command(cmd)
		if s.Title != c.title || lines(s) != c.sent && c.sent != "" {
			t.Errorf("%s:\n got %s | %s\nwant %s | %s", c.command, s.Title, lines(s), c.title, c.sent)
		}
		if a := x.Answer(cmd, answer); a.Title != c.sw || lines(a) != c.got {
			t.Errorf("%s answered:\n got %s | %s\nwant %s | %s", c.command, a.Title, lines(a), c.sw, c.got)
		}
	}
}

// TestBadMessagesAreHidden: a number could stand anywhere in what cannot be read.
func TestBadMessagesAreHidden(t *testing.T) {
	x := tap.NewExplainer("zh", false)
	if s := x.Command([]byte{0x00, 0xA4}); s.Hex != "****" || s.Title != "不是命令APDU" {
		t.Errorf("%+v", s)
	}
	if s := x.Answer([]byte{0, 0xA4, 4, 0}, unhex(t, "5A0862280001000011170102")); s.Hex != strings.Repeat("*", 24) || s.Title != "不是响应APDU" {
		t.Errorf("%+v", s)
	}
	cut := unhex(t, "70155A086228000100001117"+"9000")
	if s := x.Answer([]byte{0, 0xB2, 1, 0x0C}, cut); strings.Contains(s.Hex, "0001000011") {
		t.Errorf("a record that is cut short shows %s", s.Hex)
	}
	// A PIN of any form, and the commands that carry none.
	for _, c := range []string{"0020008008261234FFFFFFFFFF", "0020008804DEADBEEF", "8424000208FEDCBA9876543210"} {
		if s := x.Command(unhex(t, c)); !strings.HasSuffix(s.Hex, strings.Repeat("*", 8)) || strings.Contains(s.Hex, "1234") || len(s.Facts) != 1 {
			t.Errorf("%s is shown as %+v", c, s)
		}
	}
}

// TestMaskKeepsPlaces: masked messages have as many digits as the messages.
func TestMaskKeepsPlaces(t *testing.T) {
	x, whole := tap.NewExplainer("en", false), tap.NewExplainer("en", true)
	for _, answer := range []string{
		"70125710622800010000 1117D351222012345678 90F09000", "701F5A08622800010000111 75F3401015F20 0D43495459434152442F54455354 9000",
		"7081 0A5A08622800010000 11179000",
	} {
		b := unhex(t, strings.ReplaceAll(answer, " ", ""))
		cmd := []byte{0, 0xB2, 1, 0x0C, 0}
		got, full := x.Answer(cmd, b).Hex, whole.Answer(cmd, b).Hex
		if len(got) != 2*len(b) || full != strings.ToUpper(hex.EncodeToString(b)) || strings.Contains(got, "6228000100001117") {
			t.Errorf("%s is shown as %s and %s", answer, got, full)
		}
		for i := range got {
			if got[i] != full[i] && got[i] != '*' {
				t.Errorf("digit %d of %s differs from %s", i, got, full)
			}
		}
	}
}

// TestListsAreForgotten when another application is selected.
func TestListsAreForgotten(t *testing.T) {
	x := tap.NewExplainer("en", false)
	x.Answer([]byte{0, 0xA4, 4, 0}, unhex(t, "6F08A5069F38039F66049000"))
	gpo := unhex(t, "80A80000068304360000 8000"[:20]+"8000")
	if s := x.Command(gpo); !slices.ContainsFunc(s.Facts, func(f tap.Fact) bool { return f.Tag == "9F66" }) {
		t.Fatalf("%+v", s)
	}
	x.Command(unhex(t, "00A4040005A000000333"))
	if s := x.Command(gpo); len(s.Facts) != 0 {
		t.Errorf("values by the list of another application: %+v", s.Facts)
	}
}

// FuzzExplain: nothing that card or terminal say makes a panic, and what is shown has
// the length of what was said.
func FuzzExplain(f *testing.F) {
	f.Add([]byte{0x00, 0xA4, 4, 0, 2, 0xA0, 0}, []byte{0x6F, 0, 0x90, 0})
	f.Add([]byte{0x80, 0xAE, 0x80, 0, 4, 1, 2, 3, 4, 0}, []byte{0x80, 2, 1, 2, 0x90, 0})
	f.Add([]byte{0x00, 0xB2, 1, 0x0C, 0}, []byte{0x70, 3, 0x8C, 1, 0x9F, 0x90, 0})
	f.Add([]byte{0x00, 0xB2, 1, 0x0C, 0}, []byte{0x70, 0x0A, 0x5A, 8, 0x62, 0x28, 0, 1, 0, 0, 0x11, 0x17, 0x90, 0})
	f.Fuzz(func(t *testing.T, cmd, answer []byte) {
		x := tap.NewExplainer("en", false)
		for range 2 {
			if s := x.Command(cmd); len(s.Hex) != 2*len(cmd) || s.Title == "" {
				t.Fatalf("%X: %+v", cmd, s)
			}
			if s := x.Answer(cmd, answer); len(s.Hex) != 2*len(answer) || s.Title == "" {
				t.Fatalf("%X: %+v", answer, s)
			}
		}
	})
}
