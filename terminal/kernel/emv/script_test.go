package emv

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/wire/tlv"
)

// TestHostICC takes field 55 of an answer apart (EMV Book 3, 10.10).
func TestHostICC(t *testing.T) {
	b := unhexed(t, "910A 1122334455667788 3030"+
		"7112 9F1804 A1A2A3A4 8609 8424000004 11223344"+
		"720F 8604 80160000 8607 04DA9F79000000"+
		"8902 3132")
	auth, scripts, err := parseHostICC(b)
	if err != nil || !bytes.Equal(auth, unhexed(t, "11223344556677883030")) || len(scripts) != 2 {
		t.Fatalf("%X %v %v", auth, scripts, err)
	}
	one, two := scripts[0], scripts[1]
	if one.template != 0x71 || one.id != [4]byte{0xA1, 0xA2, 0xA3, 0xA4} || len(one.commands) != 1 || !bytes.Equal(one.commands[0], unhexed(t, "842400000411223344")) {
		t.Errorf("first script %+v", one)
	}
	if two.template != 0x72 || two.id != [4]byte{} || len(two.commands) != 2 || !bytes.Equal(two.commands[0], unhexed(t, "80160000")) {
		t.Errorf("second script %+v", two)
	}
	if auth, scripts, err := parseHostICC(nil); auth != nil || scripts != nil || err != nil {
		t.Errorf("an empty field gives %X %v %v", auth, scripts, err)
	}
}

func TestHostICCRefused(t *testing.T) {
	script := "7106 8604 80160000"
	for name, row := range map[string]struct{ field, text string }{
		"cut short":                    {"910A 112233", "offset"},
		"91 too short":                 {"9107 11223344556677", "tag 91 has 7 bytes"},
		"91 too long":                  {"9111 1122334455667788112233445566778811", "tag 91 has 17 bytes"},
		"91 twice":                     {"9108 1122334455667788 9108 1122334455667788", "comes twice"},
		"script cut short":             {"7105 8604 801600", "script 71"},
		"command without a header":     {"7205 8603 801600", "command 1 of 3 bytes"},
		"second command too short":     {"7208 8604 80160000 8600", "command 2 of 0 bytes"},
		"identifier of a wrong length": {"7205 9F1802 A1A2", "9F18"},
		"identifier twice":             {"720E 9F1804 A1A2A3A4 9F1804 A1A2A3A4", "9F18"},
		"too many scripts":             {strings.Repeat(script, 17), "16 scripts"},
		"too long":                     {strings.Repeat("8902 3132", 300), "1024"},
	} {
		_, _, err := parseHostICC(unhexed(t, row.field))
		if !errors.Is(err, errHostICC) || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: %v, want a text with %q", name, err, row.text)
		}
	}
	if _, scripts, err := parseHostICC(unhexed(t, strings.Repeat(script, 16))); err != nil || len(scripts) != 16 {
		t.Errorf("16 scripts: %d, %v", len(scripts), err)
	}
}

// TestLongScriptsAreRemarkedUpon and sent all the same.
func TestLongScriptsAreRemarkedUpon(t *testing.T) {
	m := partMachine(t, nil)
	m.noteScripts([]script{{commands: [][]byte{make([]byte, 100)}}, {commands: [][]byte{make([]byte, 28)}}})
	if len(m.Notes()) != 0 {
		t.Errorf("128 bytes: %v", m.Notes())
	}
	m.noteScripts([]script{{commands: [][]byte{make([]byte, 100)}}, {commands: [][]byte{make([]byte, 29)}}})
	if n := m.Notes(); len(n) != 1 || !strings.Contains(n[0].Text("en"), "129") {
		t.Errorf("129 bytes: %v", n)
	}
}

// FuzzHostICC: an issuer may send anything. What is accepted is within the limits and
// part of the field.
func FuzzHostICC(f *testing.F) {
	f.Add([]byte{0x91, 10, 1, 2, 3, 4, 5, 6, 7, 8, '0', '0', 0x72, 6, 0x86, 4, 0x80, 0x16, 0, 0})
	f.Add([]byte{0x71, 13, 0x9F, 0x18, 4, 1, 2, 3, 4, 0x86, 4, 0x84, 0x1E, 0, 0})
	f.Add([]byte{0x71, 0x81})
	f.Fuzz(func(t *testing.T, b []byte) {
		auth, scripts, err := parseHostICC(b)
		if err != nil {
			if auth != nil || scripts != nil {
				t.Fatal("something is given with an error")
			}
			return
		}
		if auth != nil && (len(auth) < 8 || len(auth) > 16) {
			t.Fatalf("91 of %d bytes", len(auth))
		}
		again := []byte{}
		if auth != nil {
			again = tlv.Append(again, tlv.TagIssuerAuthenticationData, auth)
		}
		for _, s := range scripts {
			var body []byte
			for _, c := range s.commands {
				if len(c) < 4 || len(c) > maxCommandSize {
					t.Fatalf("command of %d bytes", len(c))
				}
				body = tlv.Append(body, tlv.TagIssuerScriptCommand, c)
			}
			again = tlv.Append(again, tlv.Tag(s.template), body)
		}
		if len(again) <= maxHostICC {
			if a, s, err := parseHostICC(again); err != nil || !bytes.Equal(a, auth) || len(s) != len(scripts) {
				t.Fatalf("read again: %v", err)
			}
		}
	})
}
