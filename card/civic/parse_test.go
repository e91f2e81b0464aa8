package civic_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/civic"
)

// TestEmbeddedPartitions: every data file is named for its partition, and no two
// share a name that SELECT could find.
func TestEmbeddedPartitions(t *testing.T) {
	want := []string{"beijing-tong", "civil-affairs", "disabled-persons", "social-security"}
	if got := civic.EmbeddedNames(); !slices.Equal(got, want) {
		t.Fatalf("partitions %q, want %q", got, want)
	}
	var names [][]byte
	for _, name := range want {
		p, err := civic.Embedded(name)
		check(t, err)
		if p.Name() != name || p.Title() == "" {
			t.Errorf("%s: name %q, title %q", name, p.Name(), p.Title())
		}
		template, err := p.Template(issue(t))
		check(t, err)
		if err := template.CheckMemory(template.Personalise(nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		names = append(names, p.Names()...)
	}
	for i, a := range names {
		for _, b := range names[:i] {
			if string(a) == string(b) {
				t.Errorf("%X is the name of two directories", a)
			}
		}
	}
	if _, err := civic.Embedded("fishing"); !errors.Is(err, civic.ErrPartition) || !strings.Contains(err.Error(), "social-security") {
		t.Errorf("an unknown partition: %v", err)
	}
}

// TestFaultsNameLineAndKey edits a good data file, one thing at a time.
func TestFaultsNameLineAndKey(t *testing.T) {
	good := source(t, "testdata/library.yaml")
	for _, c := range []struct{ old, new, want string }{
		{"name: library", "nickname: library", `line 2, partition: key "nickname" is not known`},
		{"title: 图书馆\n", "", "line 2, title: is missing"},
		{"aid: F0 4C4942 01", "aid: F0 4C", "line 4, aid: 2 bytes, want 5 to 16"},
		{"id: DF50", "id: DF", "line 5, id: 1 bytes, want 2 to 2"},
		{"id: DF50", `id: "3F00"`, "file 3F00"},
		{"id: DF50", `id: "0010"`, "file 0010"}, // the key file's
		{`info_file: "0015"`, `info_file: "0016"`, "file 0016 for the FCI"},
		{`info_file: "0015"`, `info_file: "0018"`, "file 0018 for the FCI"},
		{"block: key 1", "block: key one", `line 9, block: access rule "key one"`},
		{"block: key 1", "block: never, mac", "line 9, block:"},
		{"factors: [number]", "factors: []", "line 8, factors: want a list of 1 to 4"},
		{"factors: [number]", "factors: [[number]]", "line 8, factors: want names"},
		{"usage: pin", "usage: pinn", "line 11, keys.usage: want pin, unblock"},
		{`value: "1234"}`, "}", "line 11, keys.value: is missing"},
		{`value: "1234"}`, `value: "12"}`, "line 11, keys.value: 1 bytes"},
		{"number: 1, tries: 3, value", "number: 32, tries: 3, value", "line 11, keys.number: want a number from 0 to 31"},
		{"number: 1, tries: 3, value", "number: 1, value", "PIN 1: it needs a limit of tries"},
		{"algorithm: 3des, tries: 3}", "algorithm: aes, tries: 3}", "line 12, keys.algorithm: want 3des or sm4"},
		{"algorithm: 3des, tries: 3}", `algorithm: 3des, value: "00"}`, "line 12, keys.value: a key's value comes from its master"},
		{"usage: line, number: 0, algorithm: 3des}", "usage: line, number: 0, algorithm: 3des, factor: true}", "does not fit usage"},
		{"kind: transparent", "kind: paper", "file 1 of 图书馆.kind: want records, transparent, list or cyclic"},
		{"kind: transparent", "kind: transparent\n    capacity: 3", "only a cyclic file or a list has one"},
		{"kind: cyclic", "kind: cyclic\n    size: 3", "only a transparent file has one"},
		{"capacity: 3", "capacity: 0", "file 2 of 图书馆.capacity: want a number from 1 to 254"},
		{"sfi: 24", "sfi: 31", "sfi: want a number from 0 to 30"},
		{"sfi: 24", "sfi: 21", "is there"},
		{"length: 8", "length: 7", "读者号: 16 digits, at most 14"},
		{"length: 8", "length: 129", "length: want a number from 1 to 128"},
		{", length: 8", "", "field 1 of 读者信息.length: is missing"},
		{`value: "1000000100001117"`, "value: 10000001ABCD", "读者号: want decimal digits"},
		{"value: D5C5C8FD", "value: 张三", "姓名: want hexadecimal digits"},
		{"value: D5C5C8FD", "value: D5C5C8FDD5C5C8FDD5C5C8", "姓名: 11 bytes, at most 10"},
		{"type: gbk", "type: utf8", "type: want an, cn, b or gbk"},
		{"{name: number,", `{tag: "01", name: number,`, "only fields of a file of records have one"},
		{`tag: "01", title: 区`, `title: 区`, "field 1 of 座位.tag: is missing"},
		{`tag: "01", title: 区`, `tag: FF, title: 区`, "tag: want 01 to FE"},
		{"value: A1}", "value: 甲}", "区: only printable ASCII"},
		{"value: A1}", "value: A11}", "区: 3 bytes, at most 2"},
		{"aid: F0 4C4942 02", "aid: F0 4C4942 01", "is in use"},
		{"{title: 书号, type: b, length: 4}", "{title: 书号, type: b, length: 4, value: 0102}", "书号: 2 bytes, want 4 or none"},
	} {
		if strings.Count(good, c.old) != 1 {
			t.Fatalf("%q is there %d times", c.old, strings.Count(good, c.old))
		}
		_, err := civic.Parse([]byte(strings.Replace(good, c.old, c.new, 1)))
		if !errors.Is(err, civic.ErrPartition) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.new, err, c.want)
		}
	}
}

// TestIssueFaults: what an Issue has wrong.
func TestIssueFaults(t *testing.T) {
	p := parse(t, source(t, "testdata/library.yaml"))
	in := issue(t)
	in.Values = map[string]string{"number": "12345678901234567"}
	if _, err := p.Template(in); !errors.Is(err, civic.ErrPartition) || !strings.Contains(err.Error(), "library: file 0015: 读者号") {
		t.Errorf("a value that is too long: %v", err)
	}
	in.Values = nil
	delete(in.Factors, "number")
	if _, err := p.Template(in); !errors.Is(err, civic.ErrPartition) || !strings.Contains(err.Error(), `factor "number" is missing`) {
		t.Errorf("a missing factor: %v", err)
	}
}

// FuzzParse: whatever is accepted can be issued.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"partitions/*.yaml", "testdata/*.yaml"} {
		files, err := filepath.Glob(pattern)
		check(f, err)
		for _, name := range files {
			b, err := os.ReadFile(name)
			check(f, err)
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := civic.Parse(b)
		if err != nil {
			if !errors.Is(err, civic.ErrPartition) {
				t.Fatalf("error %v", err)
			}
			return
		}
		in := issue(t)
		for _, name := range p.Factors() {
			in.Factors[name] = in.Factors["number"]
		}
		template, err := p.Template(in)
		check(t, err)
		check(t, template.CheckMemory(template.Personalise(nil)))
	})
}
