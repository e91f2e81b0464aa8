package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lines make the events of a run: "action package test output".
func lines(rows ...string) string {
	var b strings.Builder
	for _, row := range rows {
		f := strings.SplitN(row, "|", 4)
		for len(f) < 4 {
			f = append(f, "")
		}
		b.WriteString(`{"Action":"` + f[0] + `","Package":"` + f[1] + `","ImportPath":"` + f[1] + `","Test":"` + f[2] + `","Output":"` + f[3] + `"}` + "\n")
	}
	return b.String()
}

func TestSummary(t *testing.T) {
	skips, err := parseSkips("# why\nalways p TestA it is so\nshort p TestB slow\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		input string
		short bool
		ok    bool
		say   []string
	}{
		{"all pass", lines("start|p", "run|p|TestA", "output|p|TestA|noise\\n", "pass|p|TestA", "run|p|TestA/x", "pass|p|TestA/x", "pass|p"), false, true,
			[]string{"ok  ", "2 tests  p\n", "2 passed, 0 failed, 0 skipped\n"}},
		{"a failure shows its words and those of no other test", lines("start|p", "run|p|TestA", "run|p|TestB", "output|p|TestB|secret\\n", "pass|p|TestB", "output|p|TestA|a.go:1: wrong\\n", "fail|p|TestA", "fail|p"), false, false,
			[]string{"FAIL p TestA\na.go:1: wrong\nFAIL ", "1 passed, 1 failed, 0 skipped\n"}},
		{"an expected skip", lines("start|p", "run|p|TestC", "pass|p|TestC", "run|p|TestA", "output|p|TestA|    a_test.go:3: no chip: none\\n", "output|p|TestA|--- SKIP: TestA\\n", "skip|p|TestA", "pass|p"), false, true,
			[]string{"SKIPPED p TestA: no chip: none (expected: it is so)\n", "1 passed, 0 failed, 1 skipped\n"}},
		{"a skip that only -short explains", lines("start|p", "run|p|TestC", "pass|p|TestC", "run|p|TestB", "skip|p|TestB", "pass|p"), false, false,
			[]string{"SKIPPED AND NOT EXPECTED p TestB: no reason given\n1 skips are not expected"}},
		{"the same with -short", lines("start|p", "run|p|TestC", "pass|p|TestC", "run|p|TestB", "skip|p|TestB", "pass|p"), true, true,
			[]string{"SKIPPED p TestB"}},
		{"a skip nobody expects", lines("start|q", "run|q|TestC", "pass|q|TestC", "run|q|TestA", "skip|q|TestA", "pass|q"), true, false,
			[]string{"SKIPPED AND NOT EXPECTED q TestA"}},
		{"a build that fails", lines("build-output|p||p/a.go:1: no such thing\\n", "build-fail|p", "start|p", "fail|p"), false, false,
			[]string{"DOES NOT BUILD p\np/a.go:1: no such thing\n", "FAIL p (package)\n", "0 passed, 1 failed"}},
		{"a crash ends two tests", lines("start|p", "run|p|TestB", "run|p|TestA", "output|p|TestA|panic: x\\n", "fail|p"), false, false,
			[]string{"FAIL p TestA\npanic: x\n    it began and did not end\nFAIL p TestB\n", "0 passed, 2 failed"}},
		{"a failure of the package alone", lines("start|p", "run|p|TestA", "pass|p|TestA", "output|p||exit status 3\\n", "fail|p"), false, false,
			[]string{"FAIL p (package)\nexit status 3\n", "1 passed, 1 failed"}},
		{"go test was stopped", lines("start|p", "run|p|TestA", "pass|p|TestA"), false, false,
			[]string{"FAIL p (package)", "1 passed, 1 failed"}},
		{"nothing ran", lines("start|p", "skip|p"), false, false, []string{"no tests in p\n", "no test ran at all\n0 passed, 0 failed, 0 skipped\n"}},
		{"nothing came", "", false, false, []string{"no test ran at all"}},
		{"words of others pass through", "go: a warning\n" + lines("start|p", "run|p|TestA", "pass|p|TestA", "pass|p"), false, true, []string{"go: a warning\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := summarise(strings.NewReader(c.input), &out, skips, c.short)
			if err != nil || ok != c.ok {
				t.Errorf("ok %v, error %v", ok, err)
			}
			for _, want := range c.say {
				if !strings.Contains(out.String(), want) {
					t.Errorf("does not say %q:\n%s", want, &out)
				}
			}
			if strings.Contains(out.String(), "secret") || strings.Contains(out.String(), "noise") {
				t.Errorf("shows the words of a test that passed:\n%s", &out)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cable cut") }

func TestSummaryNeedsItsInput(t *testing.T) {
	if _, err := summarise(broken{}, io.Discard, nil, false); err == nil || !strings.Contains(err.Error(), "cable cut") {
		t.Errorf("error %v", err)
	}
}

func TestSkipsFile(t *testing.T) {
	if list, err := parseSkips(skipsText); err != nil || len(list) == 0 {
		t.Errorf("skips.txt: %d rows, %v", len(list), err)
	}
	for text, want := range map[string]string{
		"always p TestA":                        "line 1",
		"\nsometimes p TestA why":               "line 2",
		"always p TestA why\nshort p TestA why": "line 2: p TestA is named twice",
	} {
		if _, err := parseSkips(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// TestSkipsAreThere finds rows whose test was renamed or removed.
func TestSkipsAreThere(t *testing.T) {
	list, err := parseSkips(skipsText)
	if err != nil {
		t.Fatal(err)
	}
	for key := range list {
		pkg, test, _ := strings.Cut(key, " ")
		top, _, _ := strings.Cut(test, "/")
		dir := filepath.Join("..", "..", "..", strings.TrimPrefix(pkg, "github.com/citycard/citycard/"))
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		declared := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(top) + `\(`)
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || declared.Match(source)
		}
		if !found {
			t.Errorf("skips.txt: %s has no %s; take the row out", pkg, top)
		}
	}
}
