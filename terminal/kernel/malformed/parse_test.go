package malformed_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/kernel/malformed"
)

const oneCase = `
# A remark.
case no-name
flow qpboc
wrong the answer lacks the name 84
clause EMV Book 1, 11.3.4
set amount 1200
edit select remove 6F/84
edit read 2.1#2 flip 70/5A -1 0F
expect failed missing-data tag 84
`

func TestParse(t *testing.T) {
	list, err := malformed.Parse("cards", []byte(oneCase))
	noError(t, err)
	if len(list) != 1 {
		t.Fatalf("%d cases", len(list))
	}
	c := list[0]
	if c.Name != "no-name" || c.Flow != "qpboc" || c.Source != "cards:3" || c.Expect != "failed missing-data tag 84" || c.Clause == "" || c.Wrong == "" {
		t.Errorf("%+v", c)
	}
	if len(c.Set) != 1 || c.Set[0] != (malformed.Setting{Key: "amount", Value: "1200"}) {
		t.Errorf("settings %v", c.Set)
	}
	if len(c.Edits) != 2 || c.Edits[0].Where != "select" || c.Edits[0].Nth != 0 || c.Edits[0].Op != "remove" || fmt.Sprint(c.Edits[0].Path) != "[6F 84]" {
		t.Errorf("edits %+v", c.Edits)
	}
	if e := c.Edits[1]; e.Where != "read 2.1" || e.Nth != 2 || e.N != -1 || e.Value[0] != 0x0F || e.String() != "read 2.1#2 flip 70/5A -1 0F" {
		t.Errorf("second edit %+v", e)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, row := range map[string]struct{ old, new, text string }{
		"line before a case":     {"case no-name", "flow qpboc", "before the first case"},
		"unknown key":            {"clause ", "claws ", `unknown key "claws"`},
		"unknown flow":           {"flow qpboc", "flow water", `unknown flow "water"`},
		"key twice":              {"clause ", "wrong so\nclause ", "comes twice"},
		"nothing said":           {"clause EMV Book 1, 11.3.4", "clause", "says nothing"},
		"no clause":              {"clause EMV Book 1, 11.3.4", "", "has no clause"},
		"bad name":               {"case no-name", "case No Name", "must be of a-z"},
		"setting without value":  {"set amount 1200", "set amount", "has no value"},
		"no edit":                {"edit select remove 6F/84\nedit read 2.1#2 flip 70/5A -1 0F", "", "edits nothing"},
		"no operation":           {"edit select remove 6F/84", "edit select", "no operation"},
		"unknown operation":      {"remove 6F/84", "erase 6F/84", `unknown operation "erase"`},
		"too few arguments":      {"remove 6F/84", "remove", "takes 1 arguments"},
		"too many arguments":     {"remove 6F/84", "remove 6F 84", "takes 1 arguments"},
		"no tag":                 {"remove 6F/84", "remove 6F/9F", `"9F" is no tag`},
		"no hexadecimal":         {"remove 6F/84", "set 6F/84 xyz", "not hexadecimal"},
		"no number":              {"-1 0F", "one 0F", "invalid syntax"},
		"number too great":       {"-1 0F", "1001 0F", "want -1000 to 1000"},
		"mask of two bytes":      {"-1 0F", "-1 0F0F", "want 1 bytes"},
		"status word of a byte":  {"remove 6F/84", "status 90", "want 2 bytes"},
		"count of no number":     {"2.1#2", "2.1#x", "no number from 1"},
		"count of zero":          {"2.1#2", "2.1#0", "no number from 1"},
		"command without a name": {"edit select remove 6F/84", "edit read", "no operation"},
	} {
		text := strings.Replace(oneCase, row.old, row.new, 1)
		if text == oneCase {
			t.Fatalf("%s: nothing replaced", name)
		}
		_, err := malformed.Parse("cards", []byte(text))
		if err == nil || !strings.Contains(err.Error(), row.text) || !strings.Contains(err.Error(), "cards:") {
			t.Errorf("%s: %v, want a text with %q", name, err, row.text)
		}
	}
	if _, err := malformed.Parse("cards", make([]byte, 1<<20+1)); err == nil {
		t.Error("a file of more than 1 MiB is read")
	}
}

// TestEdits shows what each operation does to one answer.
func TestEdits(t *testing.T) {
	const answer = "6F0E 8402A0A1 A508 5001 41 9F38 02 9F66 9000"
	for edit, want := range map[string]string{
		"status 6283":       "6F0E 8402A0A1 A508 500141 9F38029F66 6283",
		"only 6A82":         "6A82",
		"raw 0102":          "0102",
		"raw -":             "",
		"set 6F/84 B0B1B2":  "6F0F 8403B0B1B2 A508 500141 9F38029F66 9000",
		"set 6F/A5 -":       "6F06 8402A0A1 A500 9000",
		"add 6F/A5 87 01":   "6F11 8402A0A1 A50B 500141 9F38029F66 870101 9000",
		"add . 5A 62":       "6F0E 8402A0A1 A508 500141 9F38029F66 5A0162 9000",
		"insert 6F 87 01":   "6F11 870101 8402A0A1 A508 500141 9F38029F66 9000",
		"remove 6F/A5":      "6F04 8402A0A1 9000",
		"remove 6F/A5/9F38": "6F09 8402A0A1 A503 500141 9000",
		"repeat 6F/84":      "6F12 8402A0A1 8402A0A1 A508 500141 9F38029F66 9000",
		"repeat 6F/84 01":   "6F11 8402A0A1 840101 A508 500141 9F38029F66 9000",
		"first 6F/A5/9F38":  "6F0E 8402A0A1 A508 9F38029F66 500141 9000",
		"last 6F/84":        "6F0E A508 500141 9F38029F66 8402A0A1 9000",
		"retag 6F/84 4F":    "6F0E 4F02A0A1 A508 500141 9F38029F66 9000",
		"wrap 6F/84 61":     "6F10 6104 8402A0A1 A508 500141 9F38029F66 9000",
		"unwrap 6F/A5":      "6F0C 8402A0A1 500141 9F38029F66 9000",
		"unwrap 6F":         "8402A0A1 A508 500141 9F38029F66 9000",
		"flip 6F/84 0 FF":   "6F0E 84025FA1 A508 500141 9F38029F66 9000",
		"flip 6F/84 -1 01":  "6F0E 8402A0A0 A508 500141 9F38029F66 9000",
		"long 6F/84 1":      "6F0F 848102A0A1 A508 500141 9F38029F66 9000",
		"long 6F 3":         "6F8300000E 8402A0A1 A508 500141 9F38029F66 9000",
		"long 6F/A5/9F38 2": "6F10 8402A0A1 A50A 500141 9F388200029F66 9000",
		"pad 6F/84 2":       "6F10 0000 8402A0A1 A508 500141 9F38029F66 9000",
		"cut 3":             "6F0E 8402A0A1 A508 500141 9F38 9000",
		"append 5A":         "6F0E 8402A0A1 A508 500141 9F38029F66 5A 9000",
		"!remove 6F/87":     "no such object",
		"!remove .":         "needs an object",
		"!unwrap 6F/84":     "no template",
		"!flip 6F/84 2 01":  "has no byte 2",
		"!flip 6F/84 -3 01": "has no byte -3",
		"!flip 6F/A5 0 01":  "has no byte 0",
		"!long 6F 4":        "too little or too much",
		"!pad 6F 0":         "too little or too much",
		"!cut 17":           "have 16 bytes",
		"!cut 0":            "have 16 bytes",
		"gone":              "gone",
		"lost":              "gone",
	} {
		bad := strings.HasPrefix(edit, "!")
		list, err := malformed.Parse("cards", []byte("case a\nflow qpboc\nwrong w\nclause c\nexpect e\nedit select "+strings.TrimPrefix(edit, "!")))
		noError(t, err)
		in, err := hex.DecodeString(strings.ReplaceAll(answer, " ", ""))
		noError(t, err)
		got, gone, err := list[0].Edits[0].Apply(in)
		switch {
		case bad:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want a text with %q", edit, err, want)
			}
		case want == "gone":
			if !gone || err != nil {
				t.Errorf("%s: gone %v, %v", edit, gone, err)
			}
		case err != nil || gone || fmt.Sprintf("%X", got) != strings.ReplaceAll(want, " ", ""):
			t.Errorf("%s: %X %v, want %s", edit, got, err, want)
		}
	}
}

// TestMeddlerNamesCommands: the edits of a case reach the commands that they name.
func TestMeddlerNamesCommands(t *testing.T) {
	for where, cmd := range map[string]string{
		"pse": "00A404000E315041592E5359532E444446303100", "ppse": "00A404000E325041592E5359532E444446303100", "select": "00A4040005A00000033300",
		"dir 3": "00B2030C00", "gpo": "80A8000002830000", "get 9F36": "80CA9F3600", "internal": "008800000401020304", "challenge": "0084000000",
		"verify": "00200080082612FFFFFFFFFFFF", "generate": "80AE40000101", "external": "00820000080102030405060708", "script": "8424000004A1A2A3A4",
	} {
		c := malformed.Case{Edits: []malformed.Edit{{Where: where, Op: "raw", Value: []byte{0x6A, 0x81}}}}
		m := malformed.NewMeddler(&c)
		b, err := hex.DecodeString(cmd)
		noError(t, err)
		answer, left, err := m.Exchange(b, func([]byte) ([]byte, error) { return []byte{0x90, 0x00}, nil })
		if err != nil || left || fmt.Sprintf("%X", answer) != "6A81" || m.Unreached() != "" {
			t.Errorf("%s: %X %v %v, unreached %q", where, answer, left, err, m.Unreached())
		}
	}
	// After an application is selected, READ RECORD reads its files.
	c := malformed.Case{Edits: []malformed.Edit{{Where: "read 1.2", Nth: 2, Op: "gone"}}}
	m := malformed.NewMeddler(&c)
	said := 0
	card := func([]byte) ([]byte, error) { said++; return []byte{0x90, 0x00}, nil }
	for i, want := range []bool{false, false, true} {
		cmd := []byte{0x00, 0xB2, 2, 1<<3 | 4, 0}
		if i == 0 {
			cmd = []byte{0x00, 0xA4, 4, 0, 5, 0xA0, 0, 0, 3, 0x33, 0}
		}
		if _, left, err := m.Exchange(cmd, card); left != want || err != nil {
			t.Errorf("command %d: left %v, %v", i, left, err)
		}
	}
	if said != 2 {
		t.Errorf("the card got %d commands, want 2", said)
	}
}

// FuzzParse: what is read can be written again and means the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(oneCase))
	f.Add([]byte("case a\nflow cash\nwrong w\nclause c\nexpect e\nedit gpo add . 9F36 -\nedit get 9F79 long 9F79 2\n"))
	f.Add([]byte("case\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := malformed.Parse("fuzz", b)
		if err != nil {
			return
		}
		var again strings.Builder
		for _, c := range list {
			fmt.Fprintf(&again, "case %s\nflow %s\nwrong %s\nclause %s\nexpect %s\n", c.Name, c.Flow, c.Wrong, c.Clause, c.Expect)
			for _, e := range c.Edits {
				fmt.Fprintf(&again, "edit %s\n", e)
				if _, _, err := e.Apply([]byte{0x6F, 3, 0x84, 1, 0xA0, 0x90, 0}); err == nil && e.Op == "cut" && e.N > 5 {
					t.Fatalf("%s cut more than there is", e)
				}
			}
		}
		second, err := malformed.Parse("fuzz", []byte(again.String()))
		if err != nil || len(second) != len(list) {
			t.Fatalf("read again: %d cases, %v\n%s", len(second), err, again.String())
		}
	})
}

// FuzzMeddling edits the conversations of real cards at random. Whatever the edits
// are, no kernel panics, and what it claims about the card's money is true.
func FuzzMeddling(f *testing.F) {
	f.Add(uint8(0), "gpo flip 77/9F10 -1 01\nread 2.1 pad 70/5A 1", false)
	f.Add(uint8(1), "generate remove 77/9F4B", false)
	f.Add(uint8(2), "generate raw 8013400001010203040506070807010103900000019000", true)
	f.Add(uint8(3), "select set 6F/A5/9F38 9F6604", false)
	f.Add(uint8(4), "read 5.1 set 70/57 6228", false)
	f.Add(uint8(2), "verify only 63C2\nexternal only 6300\nget 9F17 set 9F17 09", true)
	flows := []string{"qpboc", "cash", "contact", "air", "msd", "online"}
	f.Fuzz(func(t *testing.T, flow uint8, edits string, large bool) {
		text := "case fuzz\nflow " + flows[int(flow)%len(flows)] + "\nwrong w\nclause c\nexpect e\nset pin 123456\n"
		if large {
			text += "set amount 100000\n"
		}
		for _, e := range strings.Split(edits, "\n") {
			text += "edit " + e + "\n"
		}
		list, err := malformed.Parse("fuzz", []byte(text))
		if err != nil || len(list) != 1 || len(list[0].Edits) > 6 {
			return
		}
		outcome, b := play(t, &list[0], true)
		if !strings.HasPrefix(outcome, "approved") && list[0].Flow == "cash" {
			return // an AAC is not signed: nobody can tell that the card has given something else
		}
		for _, steering := range []string{"94", "8C", "8D", "9F38", "raw"} {
			if strings.Contains(edits, steering) {
				return // who rewrites these lists has the card do something else than the terminal believes
			}
		}
		if lie := b.fate(outcome); lie != "" {
			t.Fatalf("the terminal says %q, and %s\n%s", outcome, lie, b.trace.String())
		}
	})
}
