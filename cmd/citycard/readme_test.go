package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/citycard/citycard/internal/lint"
	"github.com/citycard/citycard/sim"
	"github.com/citycard/citycard/wire/files"
)

const moduleRoot = "../.."

// fenced is one fenced block of a page.
type fenced struct {
	page, info string
	line       int // of its fence
	lines      []string
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(moduleRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks gives the fenced blocks of a page with one of the info strings.
func blocks(t *testing.T, page string, infos ...string) []fenced {
	t.Helper()
	var out []fenced
	var open *fenced
	for i, line := range strings.Split(readPage(t, page), "\n") {
		info, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &fenced{page: page, info: info, line: i + 1}
		case isFence:
			for _, want := range infos {
				if open.info == want {
					out = append(out, *open)
				}
			}
			open = nil
		case open != nil:
			open.lines = append(open.lines, line)
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block does not end", page, open.line)
	}
	return out
}

var readmes = []string{"README.md", "README.zh-CN.md"}

// Every command in a console block of the READMEs runs and prints what the
// README shows, but for the numbers.
func TestReadmeCommands(t *testing.T) {
	for _, page := range readmes {
		t.Run(page, func(t *testing.T) {
			reference := readPage(t, "docs/reference/day.md")
			runBlocks(t, blocks(t, page, "console"))
			left, err := os.ReadDir("city")
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range left {
				if !strings.Contains(reference, "`"+f.Name()) {
					t.Errorf("docs/reference/day.md does not name %s, which a run leaves", f.Name())
				}
			}
		})
	}
}

// The blocks marked "long" are those with the sizes that people start with.
func TestLongReadmeCommands(t *testing.T) {
	for _, page := range readmes {
		t.Run(page, func(t *testing.T) { runBlocks(t, blocks(t, page, "console long")) })
	}
}

func runBlocks(t *testing.T, list []fenced) {
	if len(list) == 0 {
		t.Fatal("the page has no such block")
	}
	t.Chdir(t.TempDir())
	for _, b := range list {
		for i := 0; i < len(b.lines); {
			where := fmt.Sprintf("%s:%d", b.page, b.line+1+i)
			command, isCommand := strings.CutPrefix(b.lines[i], "$ ")
			if !isCommand {
				t.Fatalf("%s: a console block begins with a command after $", where)
			}
			i++
			var want []string
			for ; i < len(b.lines) && !strings.HasPrefix(b.lines[i], "$ "); i++ {
				want = append(want, b.lines[i])
			}
			runCommand(t, where, command, want)
		}
	}
}

func runCommand(t *testing.T, where, command string, want []string) {
	args, ok := strings.CutPrefix(command, "go run ./cmd/citycard ")
	if !ok {
		if args, ok = strings.CutPrefix(command, "citycard "); !ok {
			t.Fatalf("%s: %q does not run citycard", where, command)
		}
	}
	var out bytes.Buffer
	if code := run(strings.Fields(args), strings.NewReader(""), &out, &out); code != exitOK {
		t.Fatalf("%s: %s: exit code %d\n%s", where, command, code, out.String())
	}
	got := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if !fits(want, got) {
		t.Errorf("%s: %s prints\n%s\nthe page shows\n%s", where, command, strings.Join(got[:min(len(got), 40)], "\n"), strings.Join(want, "\n"))
	}
}

// fits compares the shapes of lines; a line "..." stands for any number of lines.
func fits(want, got []string) bool {
	for i, w := range want {
		if w == "..." {
			for k := i; k <= len(got); k++ {
				if fits(want[i+1:], got[k:]) {
					return true
				}
			}
			return false
		}
		if i >= len(got) || shape(w) != shape(got[i]) {
			return false
		}
	}
	return len(want) == len(got)
}

var (
	digests = regexp.MustCompile(`\b[0-9a-f]{8,}\b`)
	numbers = regexp.MustCompile(`-?[0-9][0-9*]*`)
	spaces  = regexp.MustCompile(` +`)
)

// shape is a line without its numbers, digests and widths.
func shape(line string) string {
	line = digests.ReplaceAllString(line, "#")
	line = numbers.ReplaceAllString(line, "#")
	return strings.TrimSpace(spaces.ReplaceAllString(line, " "))
}

func TestFits(t *testing.T) {
	got := []string{"a 12.50  x", "b", "c -3"}
	for _, c := range []struct {
		want []string
		fits bool
	}{
		{[]string{"a 7.25 x", "b", "c 99"}, true},
		{[]string{"...", "c 1"}, true},
		{[]string{"a 7.25 x", "..."}, true},
		{[]string{"..."}, true},
		{[]string{"a 7.25 x", "..."}[:1], false},
		{[]string{"a 7.25 y", "..."}, false},
		{[]string{"...", "b"}, false},
		{nil, false},
	} {
		if fits(c.want, got) != c.fits {
			t.Errorf("%q: want %v", c.want, c.fits)
		}
	}
}

// Shell blocks are not run, but what they call must be there.
func TestReadmeShell(t *testing.T) {
	makefile := readPage(t, "Makefile")
	for _, page := range readmes {
		list := blocks(t, page, "sh")
		if len(list) == 0 {
			t.Errorf("%s has no sh block", page)
		}
		for _, b := range list {
			for i, line := range b.lines {
				line, _, _ = strings.Cut(line, "#")
				words := strings.Fields(line)
				switch {
				case len(words) == 0:
				case words[0] == "make" && len(words) >= 2:
					if !strings.Contains(makefile, "\n"+words[1]+":") {
						t.Errorf("%s:%d: the Makefile has no target %s", page, b.line+1+i, words[1])
					}
				case words[0] == "go" && len(words) >= 3:
					needsPackage(t, fmt.Sprintf("%s:%d", page, b.line+1+i), words[2:])
				default:
					t.Errorf("%s:%d: %q is neither make nor go", page, b.line+1+i, line)
				}
			}
		}
	}
}

func needsPackage(t *testing.T, where string, words []string) {
	for _, w := range words {
		if dir, ok := strings.CutPrefix(w, "./"); ok {
			if _, err := os.Stat(filepath.Join(moduleRoot, strings.TrimSuffix(dir, "..."))); err != nil {
				t.Errorf("%s: %v", where, err)
			}
			return
		}
	}
	t.Errorf("%s: names no package", where)
}

// Go code in the READMEs is taken from an example, which the tests run.
func TestReadmeGo(t *testing.T) {
	var examples []string
	walk(t, "example_test.go", func(path string) { examples = append(examples, unindent(strings.Split(readPage(t, path), "\n"))) })
	for _, page := range readmes {
		list := blocks(t, page, "go")
		if len(list) == 0 {
			t.Errorf("%s has no Go block", page)
		}
		for _, b := range list {
			code, found := unindent(b.lines), false
			for _, e := range examples {
				found = found || strings.Contains(e, code)
			}
			if !found {
				t.Errorf("%s:%d: no example_test.go holds this code", page, b.line)
			}
		}
	}
}

func unindent(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimSpace(l) + "\n")
	}
	return b.String()
}

// walk calls found with the path, from the root of the module, of every file
// whose name ends so.
func walk(t *testing.T, ending string, found func(path string)) {
	t.Helper()
	err := filepath.WalkDir(moduleRoot, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "out") {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(moduleRoot, path)
		if err == nil && !d.IsDir() && strings.HasSuffix(d.Name(), ending) {
			found(filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	notSlug  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// Relative links in pages lead to files, and to headings where they name one.
func TestLinks(t *testing.T) {
	pages := 0
	walk(t, ".md", func(page string) {
		pages++
		for _, m := range links.FindAllStringSubmatch(readPage(t, page), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			if target == "" {
				target = page
			} else {
				target = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(moduleRoot, target)); err != nil {
				t.Errorf("%s: link %s: %v", page, m[1], err)
			} else if anchor != "" && !hasHeading(readPage(t, target), anchor) {
				t.Errorf("%s: link %s: %s has no such heading", page, m[1], target)
			}
		}
	})
	if pages < 8 {
		t.Errorf("only %d pages found", pages)
	}
}

func hasHeading(page, anchor string) bool {
	for _, m := range headings.FindAllStringSubmatch(page, -1) {
		slug := strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		if slug == anchor {
			return true
		}
	}
	return false
}

// The pages that list what the code defines list all of it.
func TestReferenceIsComplete(t *testing.T) {
	must := func(page, text string) {
		if !strings.Contains(readPage(t, page), text) {
			t.Errorf("%s lacks %q", page, text)
		}
	}
	for _, row := range lint.Table {
		if _, err := os.Stat(filepath.Join(moduleRoot, strings.TrimSuffix(row.Folder, "/..."))); err == nil {
			must("ARCHITECTURE.md", "| `"+row.Folder+"` |")
		}
	}
	for _, f := range []*files.Format{files.HeaderLine, files.Transaction, files.Chip, files.TrailerLine} {
		for i, c := range f.Columns {
			must("docs/reference/formats.md", fmt.Sprintf("| %d | %s | %s | %d |", i+1, c.Name, c.NameZH, c.Width))
		}
	}
	b, err := json.Marshal(&sim.Result{})
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(b, &keys); err != nil {
		t.Fatal(err)
	}
	for key, v := range keys {
		must("docs/reference/day.md", "`"+key+"`")
		if inner, ok := v.(map[string]any); ok {
			for key := range inner {
				must("docs/reference/day.md", "`"+key+"`")
			}
		}
	}
}
