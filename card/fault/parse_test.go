package fault_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/fault"
)

// TestParseRefuses: every mistake is refused with its line and its key.
func TestParseRefuses(t *testing.T) {
	const head = "name: x\nfaults:\n- name: y\n"
	for text, want := range map[string]string{
		"":                               "it is empty",
		"just text":                      "line 1, script: want keys",
		"name: x\n":                      "line 1, faults: is missing",
		"name: x\nfaults: []\n":          "line 2, faults: want a list",
		"faults: [{name: y}]":            "line 1, name: is missing",
		"name: x\nname: y\nfaults: []":   "line 2, script: key \"name\" is there twice",
		"nam: x":                         "line 1, script: key \"nam\" is not known",
		head + "  when: {ins: A8}\n":     "line 3, faults[1].then: is missing",
		head + "  then: {}\n":            "line 4, faults[1].then: nothing happens",
		head + "  then: {silent: yes}\n": "line 4, faults[1].then.silent: want true or false",
		head + "  then: {silent: true, sw: 6F00}\n":                    "no answer comes; leave all but silent out",
		head + "  then: {tear: {}, silent: true}\n":                    "leave all but tear out",
		head + "  then: {tear: {write: 0}}\n":                          "line 4, faults[1].then.tear.write: want a number from 1",
		head + "  then: {tear: {half: middle}}\n":                      "faults[1].then.tear.half: want none, first or last",
		head + "  then: {sw: 90}\n":                                    "faults[1].then.sw: 1 bytes, want 2 to 2",
		head + "  then: {sw: OK}\n":                                    "faults[1].then.sw: want hexadecimal digits",
		head + "  then: {delay_ms: 300001}\n":                          "faults[1].then.delay_ms: want a number from 1 to 300000",
		head + "  then: {delay_ms: 0}\n":                               "faults[1].then.delay_ms: want a number",
		head + "  then: {alter: []}\n":                                 "faults[1].then.alter: want a list",
		head + "  then: {alter: [{how: upside-down}]}\n":               "faults[1].then.alter[1].how: \"upside-down\" is not known",
		head + "  then: {alter: [{how: flip}]}\n":                      "faults[1].then.alter[1].tag: is missing",
		head + "  then: {alter: [{how: flip, tag: 1F}]}\n":             "is no tag",
		head + "  then: {alter: [{how: flip, tag: 82, bits: '00'}]}\n": "want at least one bit",
		head + "  then: {alter: [{how: reorder, tag: 82}]}\n":          "faults[1].then.alter[1].tag: reorder does not take it",
		head + "  then: {alter: [{how: set, tag: 82}]}\n":              "faults[1].then.alter[1].value: is missing",
		head + "  then: {alter: [{how: extra, value: DF7F02}]}\n":      "want whole data objects",
		head + "  when: {ins: A8A8}\n  then: {silent: true}\n":         "line 4, faults[1].when.ins: 2 bytes, want 1 to 1",
		head + "  when: {nth: 2, times: 2}\n  then: {silent: true}\n":  "line 4, faults[1].when.times: nth means one command already",
		head + "  when: [A8]\n  then: {silent: true}\n":                "line 4, faults[1].when: want keys",
		head + "  when: {sfi: 1}\n  then: {silent: true}\n":            "key \"sfi\" is not known; known are cla, ins",
		head + "  then: {silent: true}\n---\nname: z\n":                "a second document",
		"name: [": "yaml",
		"name: " + strings.Repeat("x", 65) + "\nfaults: [{name: y, then: {silent: true}}]": "line 1, name: 65 bytes",
		strings.Repeat("#", fault.MaxScript+1):                                             "at most 65536",
	} {
		_, err := fault.Parse([]byte(text))
		if !errors.Is(err, fault.ErrScript) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

// FuzzParse: no script makes a panic, and one that is taken can be carried out.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "faults", "*.yaml"))
	check(f, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		check(f, err)
		f.Add(b)
	}
	f.Add([]byte("name: &a [*a]"))
	f.Add([]byte("name: x\nfaults: [{name: y, then: {alter: [{how: extra}, {how: wrong-length, count: 255}]}}]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := fault.Parse(b)
		if err != nil {
			if !errors.Is(err, fault.ErrScript) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		door := fault.NewDoor(s, fixed("770A82027C00940408010100 9000"), nil)
		for _, cmd := range []string{"00A40400023F0000", "80A8000002830000", "00B2011C00", "00B2", ""} {
			out, o, err := door.Transmit([]byte{0xEE}, unhex(t, cmd))
			if err != nil || out[0] != 0xEE || o.Silent != (len(out) == 1) || len(out) > 1+256+2 {
				t.Fatalf("%s: %X %+v %v", cmd, out, o, err)
			}
		}
	})
}

// fixed is a card that always gives one answer.
type fixed string

func (f fixed) Transmit(dst, _ []byte) ([]byte, error) {
	for i := 0; i+1 < len(f); {
		if f[i] == ' ' {
			i++
			continue
		}
		b := nibble(f[i])<<4 | nibble(f[i+1])
		dst, i = append(dst, b), i+2
	}
	return dst, nil
}

func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}
