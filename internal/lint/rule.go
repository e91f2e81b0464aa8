package lint

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A Finding is one place that breaks a rule.
type Finding struct {
	Path string // from the root of the module
	Line int    // from 1
	Rule string // name of the rule
	Text string // what is wrong and what to do
}

// String is "path:line: text [rule]", which editors can jump to.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s [%s]", f.Path, f.Line, f.Text, f.Rule)
}

// A Rule is one house rule.
type Rule struct {
	Name string
	Why  string // the reason, in one sentence

	check func(*Tree, *report)
}

// Check gives the places that break the rule, in order of file and line.
func (r Rule) Check(t *Tree) []Finding {
	rep := &report{rule: r.Name}
	r.check(t, rep)
	slices.SortStableFunc(rep.list, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), strings.Compare(a.Text, b.Text))
	})
	return slices.Compact(rep.list)
}

// Rules are all rules, in the order in which they are reported.
func Rules() []Rule {
	return []Rule{
		{"parse", "a file that does not parse is not judged by the other rules", checkParse},
		{"import", "one road, narrow doors: stages share records, not each other", checkImports},
		{"pure", "what decides takes time and randomness as arguments, so that the same input always gives the same answer", checkPure},
		{"float", "money is counted in whole fen; a floating point number loses some of them", checkFloat},
		{"size", "a reader holds one function and one file in the head at a time", checkSize},
		{"doc", "what others call says what it means, in which units, and how it fails", checkDoc},
		{"comment", "a comment says why; work that is left over belongs in the plan, old code in the history", checkComments},
		{"name", "a package is named for what it holds, not for being useful", checkNames},
		{"path", "nothing may depend on the machine it was written on", checkPaths},
		{"format", "one format, so that a change shows what changed", checkFormat},
		{"generated", "a generated file says so, and can be made again", checkGenerated},
		{"fuzz", "bad input of any kind gets an error, never a panic: every decoder is fuzzed", checkFuzz},
		{"test", "a test that cannot fail, or never runs, hides that nothing was tested", checkTests},
		{"dead", "code that nothing calls is read, compiled and kept for nothing", checkDead},
		{"panic", "an impossible state says which package met it and what it saw", checkPanic},
		{"init", "nothing happens before main asks for it", checkInit},
	}
}

// report collects the findings of one rule.
type report struct {
	rule string
	list []Finding
}

func (r *report) add(file string, line int, format string, args ...any) {
	r.list = append(r.list, Finding{Path: file, Line: line, Rule: r.rule, Text: fmt.Sprintf(format, args...)})
}

func (r *report) at(f *File, pos token.Pos, format string, args ...any) {
	r.add(f.Path, f.Line(pos), format, args...)
}

func checkParse(t *Tree, r *report) {
	for _, f := range t.Files {
		if f.Err != nil {
			r.add(f.Path, 1, "does not parse: %v", f.Err)
		}
	}
}

// matches says whether a package path fits a pattern: the path itself, or
// "x/..." for x and everything below it.
func matches(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pkg == pattern
}

// matchesAny says whether a list of patterns takes a package in. A pattern that
// begins with "-" takes it out again; the last one that fits decides.
func matchesAny(patterns []string, pkg string) bool {
	in := false
	for _, p := range patterns {
		if rest, out := strings.CutPrefix(p, "-"); matches(rest, pkg) {
			in = !out
		}
	}
	return in
}

// majorVersion is the end of an import path that is not part of the name.
var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

// imported is the name under which a file knows an import path, or "" when it
// does not import it.
func imported(f *File, importPath string) string {
	for _, s := range f.Syntax.Imports {
		if s.Path.Value != `"`+importPath+`"` {
			continue
		}
		if s.Name != nil {
			return s.Name.Name
		}
		return path.Base(majorVersion.ReplaceAllString(importPath, ""))
	}
	return ""
}

// selectors calls visit for every use of something from the import path.
func selectors(f *File, importPath string, visit func(at *ast.SelectorExpr)) {
	name := imported(f, importPath)
	if name == "" {
		return
	}
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok && id.Name == name {
				visit(s)
			}
		}
		return true
	})
}
