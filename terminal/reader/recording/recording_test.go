package recording_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/wire/tlv"
)

const small = `{"source":"by hand","session":"one","seq":1,"atr":"3B00","command":null,"response":null}
{"session":"one","seq":2,"command":"00A4040000","response":"9000","us":12,"note":"select"}
{"session":"one","seq":5,"command":"80CA9F3600","response":null}
{"session":"two","seq":1,"command":"80CA9F3600","response":null,"torn":"9F"}
`

func ExampleParse() {
	list, err := recording.Parse([]byte(small))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range list {
		last := s.Exchanges[len(s.Exchanges)-1]
		fmt.Println(s, last.Lost())
	}
	// Output:
	// session "one", 3 exchanges true
	// session "two", 1 exchanges true
}

func TestAppendIsTheInverse(t *testing.T) {
	list, err := recording.Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	var again []byte
	for i := range list {
		again = list[i].Append(again)
	}
	if string(again) != small {
		t.Errorf("written as\n%s", again)
	}
	if got := list[0].ATR(); !bytes.Equal(got, []byte{0x3B, 0}) || list[1].ATR() != nil {
		t.Errorf("ATR %X and %X", got, list[1].ATR())
	}
}

func TestParseRejects(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{`x`, "byte 1"},
		{`{"seq":"1","command":"00A4040000","response":"9000"}`, `"seq"`},
		{`{"seq":1,"pan":"6228000100001117","command":"00A4040000","response":"9000"}`, "not known"},
		{`{"seq":1,"command":"00A4040000","response":"9000"}{}`, "follows"},
		{`{"seq":1,"command":"00A4040000","response":"9000","response":"6A82"}`, "twice"},
		{`{"seq":1,"Command":"00A4040000","response":"9000"}`, "capitals"},
		{`null`, "command: it is missing"},
		{`{"seq":1,"command":"00A4040000","response":"9000"}}`, "follows"},
		{`{"seq":1,"command":"00A4040000","response":"9000"}]`, "follows"},
		{`{"seq":1,"command":"00A4040000","response":"90`, "ends too early"},
		{`{"seq":1,"command":"00A4040000","response":"9000"}` + "\n" + `{"seq":2,"masked":true,"command":"00A4040000","response":"9000"}`, "line 2: session \"\": source and masked"},
		{`{"seq":1,"masked":true,"command":"00A4040000","response":"9000"}` + "\n" + `{"seq":2,"masked":false,"command":"00A4040000","response":"9000"}`, "line 2: session \"\": source and masked"},
		{`{"seq":1,"command":"00A4040000","response":"9000"}` + "\n" + `{"seq":2,"source":"x","command":"00A4040000","response":"9000"}`, "line 2: session \"\": source and masked"},
		{`{"seq":1,"source":"y","command":"00A4040000","response":"9000"}` + "\n" + `{"seq":2,"source":"x","command":"00A4040000","response":"9000"}`, "line 2: session \"\": source and masked"},
		{`{"seq":1,"command":"00A4040000","response":"90"}`, "response: 1 bytes"},
		{`{"seq":1,"command":"00A404","response":"9000"}`, "command: 3 bytes"},
		{`{"seq":1,"command":"00A40400G0","response":"9000"}`, "command: it is not hexadecimal"},
		{`{"seq":1,"command":null,"response":null}`, "command: it is missing"},
		{`{"seq":1,"command":null,"atr":"3B00","response":"9000"}`, "response: a reset"},
		{`{"seq":1,"command":null,"atr":"3B","response":null}`, "atr: 1 bytes"},
		{`{"seq":1,"command":"00A4040000","atr":"3B00","response":"9000"}`, "atr: only"},
		{`{"seq":1,"command":"00A4040000","response":"9000","torn":"90"}`, "torn: only"},
		{`{"seq":1,"command":"00A4040000","response":"9000","us":-1}`, "us:"},
		{"{\"seq\":2,\"command\":\"00A4040000\",\"response\":\"9000\"}\n\n{\"seq\":2,\"command\":\"00A4040000\",\"response\":\"9000\"}", "line 3: session \"\": seq 2"},
		{small + `{"session":"one","seq":9,"command":"00A4040000","response":"9000"}`, "line 5: session \"one\" begins a second time"},
	} {
		_, err := recording.Parse([]byte(row.text))
		if !errors.Is(err, recording.ErrFormat) || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "62280001") {
			t.Errorf("%s: %v, want %s", row.text, err, row.want)
		}
	}
}

// TestRepeated: source and masked may stand on every line, as long as they say the
// same, and so may notes; the meaning is that of the short form.
func TestRepeated(t *testing.T) {
	const repeated = `{"source":"x","session":"one","seq":1,"command":"00A4040000","response":"9000","masked":true,"note":"first"}
{"source":"x","session":"one","seq":2,"command":"00A4040000","response":"9000","masked":true,"note":"second"}
{"session":"one","seq":3,"command":"00A4040000","response":"9000","note":"third"}
{"source":"y","session":"two","seq":1,"command":"00A4040000","response":"9000","masked":false}
{"source":"y","session":"two","seq":2,"command":"00A4040000","response":"9000","masked":false}
`
	const short = `{"source":"x","session":"one","seq":1,"command":"00A4040000","response":"9000","masked":true,"note":"first"}
{"session":"one","seq":2,"command":"00A4040000","response":"9000","note":"second"}
{"session":"one","seq":3,"command":"00A4040000","response":"9000","note":"third"}
{"source":"y","session":"two","seq":1,"command":"00A4040000","response":"9000"}
{"session":"two","seq":2,"command":"00A4040000","response":"9000"}
`
	list, err := recording.Parse([]byte(repeated))
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for i := range list {
		got = list[i].Append(got)
	}
	if string(got) != short {
		t.Errorf("written as\n%s", got)
	}
}

// TestPublishedForm: published sessions that repeat their source are those of the
// file that does not.
func TestPublishedForm(t *testing.T) {
	read := func(name string) []recording.Session {
		b, err := os.ReadFile("../../../testdata/card-traces/" + name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := recording.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	all, list := read("traces.jsonl"), read("repeated.jsonl")
	lines, notes := 0, 0
	for i := range list {
		s := &list[i]
		want, err := recording.Find(all, s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Source != want.Source || len(s.Exchanges) != len(want.Exchanges) {
			t.Errorf("%s: %d exchanges of %s", s.Name, len(s.Exchanges), s.Source)
			continue
		}
		for k := range s.Exchanges {
			got, want := &s.Exchanges[k], &want.Exchanges[k]
			if got.Seq != want.Seq || !bytes.Equal(got.Command, want.Command) || !bytes.Equal(got.Response, want.Response) || !bytes.Equal(got.Torn, want.Torn) {
				t.Errorf("%s %d is another exchange", s.Name, got.Seq)
			}
			lines++
			if got.Note != "" {
				notes++
			}
		}
	}
	if len(list) != 5 || lines != 30 || notes < len(list) {
		t.Errorf("%d sessions, %d lines, %d notes", len(list), lines, notes)
	}
}

func TestLimits(t *testing.T) {
	one := `{"session":"%d","seq":%d,"command":"00A4040000","response":"9000"}` + "\n"
	var sessions, lines strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&sessions, one, i, 1)
	}
	for i := range 4097 {
		fmt.Fprintf(&lines, one, 1, i)
	}
	for what, text := range map[string]string{"sessions": sessions.String(), "lines": lines.String(), "bytes": strings.Repeat("\n", 16<<20+1)} {
		if _, err := recording.Parse([]byte(text)); !errors.Is(err, recording.ErrFormat) || !strings.Contains(err.Error(), what) {
			t.Errorf("too many %s: %v", what, err)
		}
	}
}

func TestFind(t *testing.T) {
	list, err := recording.Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := recording.Find(list, "two"); err != nil || s.Name != "two" {
		t.Errorf("two: %v", err)
	}
	if s, err := recording.Find(list[:1], ""); err != nil || s.Name != "one" {
		t.Errorf("the only one: %v", err)
	}
	for _, name := range []string{"", "three"} {
		if _, err := recording.Find(list, name); err == nil || !strings.Contains(err.Error(), `"one" "two"`) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := recording.Find(nil, ""); !errors.Is(err, recording.ErrFormat) {
		t.Errorf("an empty file: %v", err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMask: where a number can stand, and what stays.
func TestMask(t *testing.T) {
	for _, row := range []struct{ what, before, after string }{
		{"tag 5A", "7011 5A08 6228000100001117 5F3401 01 9F0702 FF00 9000", "7011 5A08 6228000000001117 5F3401 01 9F0702 FF00 9000"},
		{"tag 57", "7713 5711 6228000100001117D30122201234567890 9000", "7713 5711 6228000000001117D30122200000000000 9000"},
		{"tag 57, then digits", "7715 5710 6228000100001117D301222012345678 820100 9000", "7715 5710 6228000000001117D301222000000000 820100 9000"},
		{"tag 57, 19 digits", "7715 5713 6228000100001117234D30122201234567890F 9000", "7715 5713 6228000000000007234D30122200000000000F 9000"},
		{"track 2 in a file of bytes", "00 6228000100001117D3012220123456 9000", "00 6228000000001117D3012220000000 9000"},
		{"track 2 at half a byte", "06 228000100001117D 30122201 9000", "06 228000000001117D 30122200 9000"},
		{"as characters", "7016 DF0113 36323238303030313030303031313137 5E4142 9000", "7016 DF0113 36323238303030303030303031313137 5E2020 9000"},
		{"name", "7006 5F2003 414243 9000", "7006 5F2003 202020 9000"},
		{"certificate", "7006 9F4603 414243 9000", "7006 9F4603 000000 9000"},
		{"nothing", "7006 9F0D03 414243 9000", "7006 9F0D03 414243 9000"},
		{"a status word alone", "6A82", "6A82"},
	} {
		s := recording.Session{Exchanges: []recording.Exchange{{Seq: 1, Command: unhex(t, "00B2010C00"), Response: unhex(t, row.before)}}}
		s.Mask()
		got := fmt.Sprintf("%X", s.Exchanges[0].Response)
		if got != strings.ReplaceAll(row.after, " ", "") {
			t.Errorf("%s: %s", row.what, got)
		}
		if !s.Masked {
			t.Errorf("%s: not marked", row.what)
		}
	}
}

// TestMaskEverywhere: a number that one answer tells is masked in all others and in
// commands, in any form, and lengths stay.
func TestMaskEverywhere(t *testing.T) {
	number := "6228000100001117"
	s := recording.Session{Exchanges: []recording.Exchange{
		{Seq: 1, Command: unhex(t, "80E20000 0A 00"+number+"00"), Response: unhex(t, "9000")},
		{Seq: 2, Command: unhex(t, "00B2010C00"), Torn: unhex(t, "00"+hex.EncodeToString([]byte(number)))},
		{Seq: 3, Command: unhex(t, "00B2010C00"), Response: unhex(t, "700A 5A08 "+number+" 9000")},
		{Seq: 4, Command: unhex(t, "0020008008 2612345FFFFFFFFF"), Response: unhex(t, "9000")},
	}}
	before := len(s.Append(nil))
	s.Mask()
	text := string(s.Append(nil))
	if len(text) != before+len(`"masked":true,`) {
		t.Errorf("%d characters became %d", before, len(text))
	}
	for _, secret := range []string{number, strings.ToUpper(hex.EncodeToString([]byte(number))), "12345F"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is still there:\n%s", secret, text)
		}
	}
}

// TestMaskHidesAnyNumber: whatever the number and the record, it cannot be found
// afterwards.
func TestMaskHidesAnyNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[1-9]{13,19}`).Draw(t, "number")
		packed := number
		if len(packed)%2 == 1 {
			packed += "F"
		}
		track := number + "D3012220" + rapid.StringMatching(`[1-9]{3,5}`).Draw(t, "discretionary")
		if len(track)%2 == 1 {
			track += "F"
		}
		pan, err := hex.DecodeString(packed)
		if err != nil {
			t.Fatal(err)
		}
		track2, err := hex.DecodeString(track)
		if err != nil {
			t.Fatal(err)
		}
		record := tlv.Append(nil, tlv.TagRecordTemplate, tlv.Append(tlv.Append(nil, tlv.TagPAN, pan), 0x5F20, []byte(number)))
		options := tlv.Append(nil, tlv.TagResponseFormat2, tlv.Append(nil, tlv.TagTrack2Equivalent, track2))
		order := []recording.Exchange{
			{Seq: 1, Command: make([]byte, 5), Response: append(record, 0x90, 0)}, {Seq: 2, Command: make([]byte, 5), Response: append(options, 0x90, 0)},
		}
		if rapid.Bool().Draw(t, "track first") {
			order[0].Response, order[1].Response = order[1].Response, order[0].Response
		}
		s := recording.Session{Exchanges: order}
		n := len(order[0].Response)
		s.Mask()
		text := fmt.Sprintf("%X %X", s.Exchanges[0].Response, s.Exchanges[1].Response)
		if strings.Contains(text, number) || strings.Contains(text, fmt.Sprintf("%X", number)) || len(s.Exchanges[0].Response) != n {
			t.Fatalf("%s in %s", number, text)
		}
	})
}

func TestRedaction(t *testing.T) {
	list, err := recording.Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, v := range []any{list[0], &list[0], list[0].Exchanges[1]} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "A4") || strings.Contains(text, "164") || strings.Contains(text, "9000") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
}

// TestTerminal: what the commands say of the terminal, by the card's lists.
func TestTerminal(t *testing.T) {
	text := []string{
		"00A404000E315041592E5359532E444446303100", "9000",
		"00A40000023F00", "9000", // a file, no application
		"00A4040007A0000003330101 00", "6F15 8407A0000003330101 A50A 9F3806 9F3704 5F2A02 8700 9000",
		"80A8000008 8306 11223344 0156 00", "8006 7C00 08010100 9000",
		"00B2010C00", "700C 8C03 9F3704 8D05 8A02 9F3704 9000",
		"0088000004 55667788 00", "8000 9000",
		"80AE800004 01020304 00", "8000 9000",
		"80AE400006 3030 05060708 00", "8000 9000",
	}
	var s recording.Session
	for i := 0; i < len(text); i += 2 {
		s.Exchanges = append(s.Exchanges, recording.Exchange{Seq: i, Command: unhex(t, text[i]), Response: unhex(t, text[i+1])})
	}
	got := s.Terminal()
	for _, row := range []struct {
		what string
		got  []byte
		want string
	}{
		{"9F37 of the options", got.Options[tlv.TagUN], "11223344"}, {"5F2A of the options", got.Options[tlv.TagTransactionCurrency], "0156"},
		{"9F37 of INTERNAL AUTHENTICATE", got.Dynamic[tlv.TagUN], "55667788"}, {"9F37 of the first", got.First[tlv.TagUN], "01020304"},
		{"8A of the second", got.Second[tlv.TagARC], "3030"}, {"9F37 of the second", got.Second[tlv.TagUN], "05060708"},
		{"P1", got.Control, "8040"}, {"name", got.Names[0], "A0000003330101"},
	} {
		if fmt.Sprintf("%X", row.got) != row.want {
			t.Errorf("%s: %X, want %s", row.what, row.got, row.want)
		}
	}
	if len(got.Names) != 1 {
		t.Errorf("%d applications", len(got.Names))
	}
	options := &s.Exchanges[3]
	options.Command = options.Command[:12] // one byte too short for the list
	options.Command[4], options.Command[6] = 7, 5
	if s.Terminal().Options != nil {
		t.Error("values that do not fit the list are taken")
	}
}

// FuzzParse: what is accepted is written back with the same meaning, and can be
// masked, whatever is in it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"source":"x","seq":1,"masked":true,"command":"00A4040000","response":"9000"}` + "\n" + `{"source":"x","seq":2,"masked":true,"command":"00A4040000","response":"9000"}`))
	f.Add([]byte(`{"seq":1,"command":"00B2010C00","response":"70135711622800010000111 7D301222012345678909000"}`))
	f.Add([]byte(`{"seq":1,"command":"00A404000E325041592E5359532E444446303100","response":"04810201001A0591AF"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := recording.Parse(b)
		if err != nil {
			return
		}
		var out []byte
		for i := range list {
			out = list[i].Append(out)
		}
		again, err := recording.Parse(out)
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		var twice []byte
		for i := range again {
			twice = again[i].Append(twice)
		}
		if !bytes.Equal(out, twice) {
			t.Fatalf("written as\n%s\nand then as\n%s", out, twice)
		}
		for i := range list {
			before := len(list[i].Append(nil))
			list[i].Terminal()
			list[i].Mask()
			if after := len(list[i].Append(nil)); after < before || after > before+20 {
				t.Fatalf("masking changes lengths: %d, %d", before, after)
			}
		}
	})
}
