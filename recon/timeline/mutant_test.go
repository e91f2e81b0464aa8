package timeline_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLongMutantsAreSeen breaks one rule after the other and runs the other tests of
// this package: a mutant with which all of them pass is a hole in the tests.
func TestLongMutantsAreSeen(t *testing.T) {
	if _, limited := t.Deadline(); limited {
		t.Skip("takes many minutes: make test-long, or go test -timeout 0")
	}
	text, err := os.ReadFile("testdata/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	mutants := strings.Split(string(text), "\n== ")[1:]
	for _, m := range mutants {
		head, body, _ := strings.Cut(m, "\n")
		file, name, ok := strings.Cut(head, ": ")
		if !ok {
			t.Fatalf("mutant without a name: %q", head)
		}
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			old, broken, ok := strings.Cut(body+"\n", "\n--\n")
			if !ok {
				t.Fatal("no line --")
			}
			run(t, folder, file, old, strings.TrimSuffix(broken, "\n"))
		})
	}
}

// run tests the package with one text of one file replaced.
func run(t *testing.T, folder, file, old, broken string) {
	path := filepath.Join(folder, file)
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), old); n != 1 {
		t.Fatalf("%s has the text %d times, want 1: %q", file, n, old)
	}
	work := t.TempDir()
	mutated, overlay := filepath.Join(work, file), filepath.Join(work, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{mutated: []byte(strings.Replace(string(source), old, broken, 1)), overlay: replace} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-skip", "^TestLongMutants", "-failfast", ".", "-rapid.nofailfile", "-rapid.checks=500")
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Error("all tests pass: nobody has seen it")
	case !strings.Contains(string(out), "--- FAIL"):
		t.Errorf("the tests do not run: %s", out)
	}
}
