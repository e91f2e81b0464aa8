package strictyaml_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/internal/strictyaml"
)

const limit = 1 << 12

// takeAll takes one key with every method.
func takeAll(r *strictyaml.Reader, n *yaml.Node) {
	s := r.Mapping(n, "", "text", "ascii", "digits", "bytes", "octet", "number", "flag", "list", "scalar")
	s.Text("text", 8, false)
	s.ASCII("ascii", 2, 4, false)
	s.Digits("digits", 1, 4, false)
	s.Bytes("bytes", 1, 2, false)
	s.Octet("octet")
	s.Number("number", 1, 9, 5)
	s.Flag("flag")
	if s.Node("list") != nil {
		s.List("list", 2)
	}
	s.Scalar("scalar", false)
}

func TestFaultsNameLineAndKey(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "it is empty",
		"a: [":                        "yaml",
		"text: a\n---\ntext: b\n":     "line 2: a second document; a file holds one thing",
		strings.Repeat("#", limit+1):  "at most 4096 are possible",
		"- 1\n":                       "line 1, thing: want keys with values",
		"text: a\nother: 1\n":         `line 2, thing: key "other" is not known`,
		"text: a\ntext: b\n":          `line 2, thing: key "text" is there twice`,
		"[a]: b\n":                    "line 1, thing: a key must be plain text",
		"text: too long a text\n":     "line 1, text: 15 bytes, want at most 8",
		"ascii: é\n":                  "line 1, ascii: only printable ASCII",
		"ascii: abcde\n":              "line 1, ascii: 5 characters, want 2 to 4",
		"digits: 12a\n":               "line 1, digits: want decimal digits",
		"bytes: 1\n":                  "line 1, bytes: want hexadecimal digits",
		"bytes: \"010203\"\n":         "line 1, bytes: 3 bytes, want 1 to 2",
		"octet: \"0102\"\n":           "line 1, octet: 2 bytes, want 1 to 1",
		"number: ten\n":               "line 1, number: want a number from 1 to 9",
		"text: a\nnumber: 10\n":       "line 2, number: want a number from 1 to 9",
		"flag: yes\n":                 "line 1, flag: want true or false",
		"list: [1, 2, 3]\n":           "line 1, list: want a list of 1 to 2 elements",
		"scalar: [1]\n":               "line 1, scalar: want a single value",
		"number: 10\ntext: [too]\n":   "line 2, text: want a single value", // in the order of reading
		"flag: true\nnumber: \"7\"\n": "",
	} {
		r, n, err := strictyaml.Parse([]byte(text), limit, "thing")
		if err == nil {
			takeAll(r, n)
			err = r.Err()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestMissingKeysAreFaultsOnlyIfRequired(t *testing.T) {
	for name, take := range map[string]func(*strictyaml.Section, bool){
		"Text":   func(s *strictyaml.Section, required bool) { s.Text("k", 9, required) },
		"ASCII":  func(s *strictyaml.Section, required bool) { s.ASCII("k", 1, 9, required) },
		"Digits": func(s *strictyaml.Section, required bool) { s.Digits("k", 1, 9, required) },
		"Bytes":  func(s *strictyaml.Section, required bool) { s.Bytes("k", 1, 9, required) },
	} {
		for _, required := range []bool{false, true} {
			r, n, err := strictyaml.Parse([]byte("other: 1"), limit, "thing")
			if err != nil {
				t.Fatal(err)
			}
			s := r.Mapping(n, "part")
			take(&s, required)
			if got := r.Err(); required != (got != nil && got.Error() == "line 1, part.k: is missing") || !required && got != nil {
				t.Errorf("%s, required %v: error %v", name, required, got)
			}
		}
	}
}

func TestNames(t *testing.T) {
	files := fstest.MapFS{"kinds/b.yaml": {}, "kinds/a.yaml": {}, "kinds/readme.md": {}, "kinds/deep/c.yaml": {}, "d.yaml": {}}
	if got := strictyaml.Names(files, "kinds"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("names %v, want a and b", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("text: a\nlist: [1, 2]\nbytes: \"01 02\"\n"))
	f.Add([]byte("a: &x [1]\nb: *x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n, err := strictyaml.Parse(b, limit, "thing")
		if err != nil {
			return
		}
		takeAll(r, n)
		if err := r.Err(); err != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Fatalf("a fault without its line: %v", err)
		}
	})
}
