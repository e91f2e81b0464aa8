package lint

import (
	"go/ast"
	"go/doc"
	"strings"
)

// checkTests looks for tests that cannot fail and examples that never run.
func checkTests(t *Tree, r *report) {
	for _, f := range t.Files {
		if !f.Test || f.Err != nil {
			continue
		}
		for _, d := range f.Syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Body == nil || len(fn.Type.Params.List) != 1 {
				continue
			}
			names := fn.Type.Params.List[0].Names
			name := fn.Name.Name
			isTest := strings.HasPrefix(name, "Test") && name != "TestMain"
			if (isTest || strings.HasPrefix(name, "Benchmark")) && (len(names) == 0 || !mentions(fn.Body, names[0].Name)) {
				r.at(f, fn.Pos(), "func %s never uses its testing argument, so it cannot fail: check what it computes", name)
			}
		}
		for _, e := range doc.Examples(f.Syntax) {
			if e.Output == "" && !e.EmptyOutput {
				r.at(f, e.Code.Pos(), "example %s has no Output comment, so it is compiled and never run", e.Name)
			}
		}
	}
}

func mentions(n ast.Node, name string) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == name
		return !found
	})
	return found
}
