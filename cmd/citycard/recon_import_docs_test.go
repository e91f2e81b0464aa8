package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/foreign"
)

// The guide's files are written and its commands run; they print what the guide shows.
func TestReconImportGuide(t *testing.T) {
	const guide = "docs/guides/recon-import.md"
	list := blocks(t, guide, "console")
	written := append(blocks(t, guide, "csv own/LOAD_20261105.dat"), blocks(t, guide, "yaml own.yaml")...)
	if len(list) != 5 || len(written) != 2 {
		t.Fatalf("%d console blocks, %d files", len(list), len(written))
	}
	t.Chdir(t.TempDir())
	for _, b := range written {
		_, name, _ := strings.Cut(b.info, " ")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.Join(b.lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range list {
		var want []string
		command, _ := strings.CutPrefix(b.lines[0], "$ ")
		want = append(want, b.lines[1:]...)
		runCommand(t, guide, command, want)
	}
}

// The reference names every reason and every flag.
func TestReconImportReference(t *testing.T) {
	page := readPage(t, "docs/reference/recon-import.md")
	for r := foreign.Reason(1); r.In("en") != "unknown"; r++ {
		if row := "| " + r.In("en") + " | " + r.In("zh") + " |"; !strings.Contains(page, row) {
			t.Errorf("the page lacks %s", row)
		}
	}
	for _, c := range []string{"import", "sample"} {
		cmd, _, err := newRootCommand(&environment{}).Find([]string{"recon", c})
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range strings.Fields(cmd.LocalNonPersistentFlags().FlagUsages()) {
			if strings.HasPrefix(flag, "--") && flag != "--help" && !strings.Contains(page, strings.TrimSuffix(flag, ",")) {
				t.Errorf("the page lacks %s of %s", flag, c)
			}
		}
	}
}
