package lint

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// checkDead looks for names at package level that nothing outside tests
// mentions: unexported ones in their own package, by name alone, so that it errs
// on the side of silence.
func checkDead(t *Tree, r *report) {
	for _, p := range t.Packages() {
		mentions := map[string]int{}
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			ast.Inspect(f.Syntax, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					mentions[id.Name]++
				}
				return true
			})
		}
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			for _, id := range ownNames(f) {
				if mentions[id.Name] == 1 {
					r.at(f, id.Pos(), "%s is used by nothing but tests, or by nothing at all: delete it or move it to the tests", id.Name)
				}
			}
		}
	}
}

// ownNames are the unexported names that a file declares at package level.
// Members of a group of constants are left out: numbered values have gaps filled
// for the reader.
func ownNames(f *File) []*ast.Ident {
	var list []*ast.Ident
	add := func(id *ast.Ident) {
		if !id.IsExported() && id.Name != "_" && id.Name != "init" && id.Name != "main" {
			list = append(list, id)
		}
	}
	for _, d := range f.Syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			add(d.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					add(s.Name)
				case *ast.ValueSpec:
					if d.Tok == token.CONST && d.Lparen.IsValid() {
						continue
					}
					for _, id := range s.Names {
						add(id)
					}
				}
			}
		}
	}
	return list
}

// checkPanic wants the text of a panic to begin with the package's name, so that
// the reader of a trace knows whose promise was broken.
func checkPanic(t *Tree, r *report) {
	for _, f := range t.Files {
		if f.Test || imported(f, "testing") != "" {
			continue
		}
		want := f.Syntax.Name.Name + ": "
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" && !strings.HasPrefix(firstText(call.Args[0]), want) {
				r.at(f, call.Pos(), "panic without a text that begins with %q: say what was impossible; bad input gets an error instead", want)
			}
			return true
		})
	}
}

// firstText is the string that an expression begins with: a literal, the left
// end of a sum, or the format of a call of fmt.
func firstText(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.BasicLit:
			s, err := strconv.Unquote(x.Value)
			if err != nil {
				return ""
			}
			return s
		case *ast.BinaryExpr:
			e = x.X
		case *ast.CallExpr:
			if len(x.Args) == 0 {
				return ""
			}
			e = x.Args[0]
		default:
			return ""
		}
	}
}

// checkInit refuses functions that run by themselves before main.
func checkInit(t *Tree, r *report) {
	for _, f := range t.Files {
		for _, d := range f.Syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				r.at(f, fn.Pos(), "func init runs before main asks for it: call it by a name, or compute the variable where it is declared")
			}
		}
	}
}
