package lint

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"
)

// ownCases is the folder of the cases that break the rules on purpose.
const ownCases = "internal/lint/testdata"

// maxFile is the size above which a file is not read, in bytes, and above which
// the rule "size" refuses it.
const maxFile = 5 << 20

// A File is one Go source file outside testdata.
type File struct {
	Path   string    // from the root of the module, with slashes
	Source []byte    // as it is on the disk
	Syntax *ast.File // what could be parsed; never nil
	Err    error     // why it does not parse, or nil
	Test   bool      // name ends in _test.go

	set *token.FileSet
}

// Dir is the file's folder, from the root of the module.
func (f *File) Dir() string { return path.Dir(f.Path) }

// Line is the line of a position, counted from 1.
func (f *File) Line(pos token.Pos) int { return f.set.Position(pos).Line }

// Lines is how many lines the file has.
func (f *File) Lines() int {
	n := bytes.Count(f.Source, []byte("\n"))
	if len(f.Source) > 0 && f.Source[len(f.Source)-1] != '\n' {
		n++
	}
	return n
}

// An Asset is any file of the tree, Go files included.
type Asset struct {
	Path string // from the root of the module, with slashes
	Size int64  // bytes
	Head []byte // the first bytes of it
	Text []byte // nil when it is not UTF-8 text or is too big
}

// A Package is the Go files of one folder, tests of both kinds included.
type Package struct {
	Dir   string
	Files []*File // in order of name
}

// A Tree is everything the rules look at.
type Tree struct {
	Module string // module path of go.mod
	Files  []*File
	Assets []Asset
}

// Add puts a file into the tree. The path counts from the root of the module and
// uses slashes.
func (t *Tree) Add(name string, source []byte) {
	a := Asset{Path: name, Size: int64(len(source)), Head: source[:min(len(source), headSize)]}
	if utf8.Valid(source) && !bytes.Contains(source, []byte{0}) {
		a.Text = source
	}
	t.Assets = append(t.Assets, a)
	if !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "testdata/") || strings.Contains(name, "/testdata/") {
		return
	}
	f := &File{Path: name, Source: source, Test: strings.HasSuffix(name, "_test.go"), set: token.NewFileSet()}
	f.Syntax, f.Err = parser.ParseFile(f.set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if f.Syntax == nil {
		f.Syntax = &ast.File{Name: ast.NewIdent("")}
	}
	t.Files = append(t.Files, f)
}

// Packages groups the Go files by folder, in order of path.
func (t *Tree) Packages() []*Package {
	byDir := map[string]*Package{}
	var list []*Package
	for _, f := range t.Files {
		p := byDir[f.Dir()]
		if p == nil {
			p = &Package{Dir: f.Dir()}
			byDir[p.Dir] = p
			list = append(list, p)
		}
		p.Files = append(p.Files, f)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Dir < list[j].Dir })
	return list
}

// Load reads the module below root: what .gitignore names is left out, and so are
// the cases of this package. A file that disappears meanwhile is not of the tree.
func Load(root string) (*Tree, error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("reading the module's name: %w", err)
	}
	name := regexp.MustCompile(`(?m)^module (\S+)`).FindSubmatch(mod)
	if name == nil {
		return nil, errors.New("go.mod has no module line")
	}
	ignored, err := readIgnored(filepath.Join(root, ".gitignore"))
	if err != nil {
		return nil, err
	}
	t := &Tree{Module: string(name[1])}
	err = filepath.WalkDir(root, func(full string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		if rel == ".git" || rel == ownCases || ignored.match(rel, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		return t.load(full, rel)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree at %s: %w", root, err)
	}
	return t, nil
}

func (t *Tree) load(full, rel string) error {
	info, err := os.Stat(full)
	if err == nil && info.Size() > maxFile {
		t.Assets = append(t.Assets, Asset{Path: rel, Size: info.Size()})
		return nil
	}
	var source []byte
	if err == nil {
		source, err = os.ReadFile(full)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	t.Add(rel, source)
	return nil
}

// ignoreList is the plain part of .gitignore that this module uses: names, globs
// and folders, no negation.
type ignoreList []string

func readIgnored(name string) (ignoreList, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the list of ignored files: %w", err)
	}
	var list ignoreList
	for _, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '!' || strings.Contains(line, "**") {
			return nil, fmt.Errorf("%s: %q: this form is not understood here; use a name, a glob or a folder", name, line)
		}
		list = append(list, line)
	}
	return list, nil
}

func (l ignoreList) match(rel string, dir bool) bool {
	for _, p := range l {
		if strings.HasSuffix(p, "/") {
			if !dir {
				continue
			}
			p = p[:len(p)-1]
		}
		subject := rel
		if !strings.Contains(p, "/") {
			subject = path.Base(rel)
		}
		if ok, err := path.Match(strings.TrimPrefix(p, "/"), subject); ok && err == nil {
			return true
		}
	}
	return false
}
