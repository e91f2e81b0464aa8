package lint

import (
	"go/ast"
	"strconv"
	"strings"
)

// neverImported are packages of the standard library that nothing here may use.
var neverImported = map[string]string{
	"C":            "the program is built without cgo, as one static binary",
	"unsafe":       "memory safety is what keeps hostile input harmless",
	"database/sql": "the stores speak to their drivers directly",
	"io/ioutil":    "it is deprecated; use io and os",
	"math/rand":    "use math/rand/v2 with a seed that came in as an argument",
}

func checkImports(t *Tree, r *report) {
	for _, p := range t.Packages() {
		row, ok := rowOf(Table, p.Dir)
		if !ok {
			r.add(p.Files[0].Path, 1, "folder %s is not in the import table: add a row that says what it may import and why", p.Dir)
			continue
		}
		for _, f := range p.Files {
			for _, s := range f.Syntax.Imports {
				checkImport(t, r, f, s, row)
			}
		}
	}
}

func checkImport(t *Tree, r *report, f *File, s *ast.ImportSpec, row Row) {
	path, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return // the parser has refused the file
	}
	if s.Name != nil && s.Name.Name == "." {
		r.at(f, s.Pos(), "imports %s into its own names: write the package's name where it is used", path)
	}
	own, isOwn := strings.CutPrefix(path, t.Module+"/")
	first, _, _ := strings.Cut(path, "/")
	switch {
	case isOwn:
		checkOwnImport(r, f, s, row, own)
	case !strings.Contains(first, "."):
		if why, ok := neverImported[path]; ok {
			r.at(f, s.Pos(), "imports %s: %s", path, why)
		}
	case anyModule(row.Modules, path), f.Test && anyModule(testModules, path):
	case f.Test:
		r.at(f, s.Pos(), "test imports %s: not in the import table for %s nor among the modules for tests", path, row.Folder)
	default:
		r.at(f, s.Pos(), "imports %s: the import table allows %s only %s", path, row.Folder, listed(row.Modules, "the standard library"))
	}
}

func checkOwnImport(r *report, f *File, s *ast.ImportSpec, row Row, own string) {
	if own == f.Dir() {
		return // an external test imports its package
	}
	if f.Test {
		for _, ban := range testBans {
			if matches(ban.Folder, f.Dir()) && matchesAny(ban.Own, own) {
				r.at(f, s.Pos(), "test imports %s: %s", own, ban.Why)
			}
		}
		return
	}
	if !matchesAny(row.Own, own) {
		r.at(f, s.Pos(), "imports %s: the import table allows %s only %s (%s)", own, row.Folder, listed(row.Own, "the standard library"), row.Why)
	}
}

// rowOf finds the row with the longest fitting folder; a row for exactly this
// folder comes first.
func rowOf(table []Row, dir string) (Row, bool) {
	best := -1
	for i, row := range table {
		if row.Folder == dir {
			return row, true
		}
		if matches(row.Folder, dir) && (best < 0 || len(row.Folder) > len(table[best].Folder)) {
			best = i
		}
	}
	if best < 0 {
		return Row{}, false
	}
	return table[best], true
}

func anyModule(modules []string, path string) bool {
	for _, m := range modules {
		if path == m || strings.HasPrefix(path, m+"/") {
			return true
		}
	}
	return false
}

func listed(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, " ")
}
