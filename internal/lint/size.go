package lint

import (
	"go/ast"
	"strings"
)

// Limits in lines. Code that ships has no exceptions; tests hold more tables.
const (
	maxLines         = 600
	maxTestLines     = 900
	maxFunction      = 70
	maxTestFunction  = 120
	tableSuffix      = "_table.go"
	maxFileMegabytes = maxFile >> 20
)

func checkSize(t *Tree, r *report) {
	for _, a := range t.Assets {
		if a.Size > maxFile {
			r.add(a.Path, 1, "has %d bytes, more than %d MiB: keep big data out of the tree", a.Size, maxFileMegabytes)
		}
	}
	for _, f := range t.Files {
		lines, function := maxLines, maxFunction
		if f.Test {
			lines, function = maxTestLines, maxTestFunction
		}
		table := strings.HasSuffix(f.Path, tableSuffix)
		n := f.Lines()
		if n > lines && !table && !isGenerated(f) {
			r.add(f.Path, 1, "has %d lines, more than %d: split it by what it is about", n, lines)
		}
		for _, d := range f.Syntax.Decls {
			fn, isFunc := d.(*ast.FuncDecl)
			if isFunc && table && n > lines {
				r.at(f, fn.Pos(), "func %s in a table of %d lines: a file that ends in %s may be long only if it holds nothing but data", fn.Name.Name, n, tableSuffix)
			}
			checkFunctions(r, f, d, function)
		}
	}
}

// checkFunctions measures a declared function, or the function values in a
// declaration of variables.
func checkFunctions(r *report, f *File, d ast.Decl, limit int) {
	measure := func(n ast.Node, name string) {
		if lines := f.Line(n.End()) - f.Line(n.Pos()) + 1; lines > limit {
			r.at(f, n.Pos(), "%s has %d lines, more than %d: give its steps names", name, lines, limit)
		}
	}
	if fn, ok := d.(*ast.FuncDecl); ok {
		measure(fn, "func "+fn.Name.Name)
		return
	}
	ast.Inspect(d, func(n ast.Node) bool {
		if fn, ok := n.(*ast.FuncLit); ok {
			measure(fn, "a function value")
			return false
		}
		return true
	})
}
