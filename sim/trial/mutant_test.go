package trial

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLongMutantsAreSeen breaks one rule of reconciliation after the other and runs the
// short trial: a mutant that it lets pass is a hole in it.
func TestLongMutantsAreSeen(t *testing.T) {
	if _, limited := t.Deadline(); limited {
		t.Skip("takes many minutes: make test-long, or go test -timeout 0")
	}
	text, err := os.ReadFile("testdata/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(filepath.Dir(here))
	for _, m := range strings.Split(string(text), "\n== ")[1:] {
		head, body, _ := strings.Cut(m, "\n")
		file, name, ok := strings.Cut(head, ": ")
		old, broken, parted := strings.Cut(body+"\n", "\n--\n")
		if !ok || !parted {
			t.Fatalf("mutant that cannot be read: %q", head)
		}
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			isSeen(t, here, filepath.Join(root, file), old, strings.TrimRight(broken, "\n"))
		})
	}
}

// isSeen runs the short trial with one text of one file replaced.
func isSeen(t *testing.T, here, path, old, broken string) {
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), old); n != 1 {
		t.Fatalf("%s has the text %d times, want 1: %q", path, n, old)
	}
	work := t.TempDir()
	mutated, overlay := filepath.Join(work, filepath.Base(path)), filepath.Join(work, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{mutated: []byte(strings.Replace(string(source), old, broken, 1)), overlay: replace} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-run", "^(TestEveryRate|TestWhateverTheRates)$", "-failfast", "-rapid.nofailfile", "-rapid.checks=20", ".")
	cmd.Dir = here
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Error("the trial passes: it has not seen it")
	case !strings.Contains(string(out), "--- FAIL"):
		t.Errorf("the trial does not run: %s", out)
	}
}
