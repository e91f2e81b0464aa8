package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/citycard/citycard/internal/lint"
)

const module = "github.com/citycard/citycard"

// TestEveryRuleFires feeds every rule trees that break it, with the exact
// findings, and trees that do not. A rule without both kinds fails.
//
// A case is testdata/RULE/NAME.txtar: words about it, then a line
// "want path:line: beginning of the text" for each finding, then the files.
func TestEveryRuleFires(t *testing.T) {
	for _, rule := range lint.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			cases, err := filepath.Glob(filepath.Join("testdata", rule.Name, "*.txtar"))
			if err != nil {
				t.Fatal(err)
			}
			breaking, clean := 0, 0
			for _, file := range cases {
				if wants := runCase(t, rule, file); wants > 0 {
					breaking++
				} else {
					clean++
				}
			}
			if breaking == 0 || clean == 0 {
				t.Errorf("%d cases break the rule and %d keep it; each rule needs at least one of both in testdata/%s", breaking, clean, rule.Name)
			}
		})
	}
}

func runCase(t *testing.T, rule lint.Rule, file string) (wants int) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, line := range strings.Split(string(a.Comment), "\n") {
		if w, ok := strings.CutPrefix(line, "want "); ok {
			want = append(want, w)
		}
	}
	tree := &lint.Tree{Module: module}
	for _, f := range a.Files {
		tree.Add(f.Name, f.Data)
	}
	got := rule.Check(tree)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("%s: no finding %q", file, want[i])
		case i >= len(want):
			t.Errorf("%s: unexpected finding %q", file, got[i])
		case !strings.HasPrefix(got[i].String(), want[i]):
			t.Errorf("%s: finding %q, want %q", file, got[i], want[i])
		case got[i].Rule != rule.Name:
			t.Errorf("%s: finding of rule %s", file, got[i].Rule)
		}
	}
	return len(want)
}

// TestCasesBelongToRules finds cases of a rule that was renamed or removed.
func TestCasesBelongToRules(t *testing.T) {
	known := map[string]bool{}
	for _, r := range lint.Rules() {
		if known[r.Name] {
			t.Errorf("two rules are called %s", r.Name)
		}
		known[r.Name] = true
		if r.Why == "" {
			t.Errorf("rule %s gives no reason", r.Name)
		}
	}
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !known[d.Name()] {
			t.Errorf("testdata/%s: no rule has this name", d.Name())
		}
	}
}

// TestBigFilesAreRefused goes through the disk, because a file of this size is
// never read.
func TestBigFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", 0)
	if _, err := lint.Load(dir); err == nil {
		t.Error("a module without a name was loaded")
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("# built\n*.test\n/out/\ntestdata/rapid/\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	write("data/big.bin", 5<<20+1)
	write("data/limit.bin", 5<<20)
	write("x.test", 6<<20)
	write("out/a", 6<<20)
	write("sub/testdata/rapid/a", 10)
	tree, err := lint.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if tree.Module != "example.org/x" {
		t.Errorf("module %q", tree.Module)
	}
	var got []string
	for _, r := range lint.Rules() {
		if r.Name != "size" {
			continue
		}
		for _, f := range r.Check(tree) {
			got = append(got, f.String())
		}
	}
	want := "data/big.bin:1: has 5242881 bytes, more than 5 MiB: keep big data out of the tree [size]"
	if len(got) != 1 || got[0] != want {
		t.Errorf("findings %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("!kept\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := lint.Load(dir); err == nil {
		t.Error("a negation in .gitignore was passed over in silence")
	}
}

func ExampleFinding_String() {
	fmt.Println(lint.Finding{Path: "money/fen.go", Line: 7, Rule: "float", Text: "uses float64"})
	// Output: money/fen.go:7: uses float64 [float]
}
