package lint

import (
	"go/ast"
	"go/token"
	"path"
)

// checkDoc wants one package comment a package, and a comment on everything
// exported outside tests and programs.
func checkDoc(t *Tree, r *report) {
	for _, p := range t.Packages() {
		var withDoc []*File
		code := false
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			code = true
			if f.Syntax.Doc != nil {
				withDoc = append(withDoc, f)
			}
			if f.Syntax.Name.Name != "main" {
				checkFileDoc(r, f)
			}
		}
		switch {
		case code && len(withDoc) == 0:
			r.add(p.Files[0].Path, 1, "package %s has no package comment: write doc.go (what it is for, its invariants, its sources)", path.Base(p.Dir))
		case !code && len(withDoc) == 0 && !hasOtherCode(p):
			r.add(p.Files[0].Path, 1, "a folder of tests alone says in doc.go what they are for")
		}
		for i := 1; i < len(withDoc); i++ {
			r.at(withDoc[i], withDoc[i].Syntax.Doc.Pos(), "second package comment, the first is in %s: keep one, in doc.go", withDoc[0].Path)
		}
	}
}

// hasOtherCode says whether the tests of a folder carry a package comment of
// their own, which an external test package may.
func hasOtherCode(p *Package) bool {
	for _, f := range p.Files {
		if f.Syntax.Doc != nil {
			return true
		}
	}
	return false
}

func checkFileDoc(r *report, f *File) {
	for _, d := range f.Syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
				r.at(f, d.Pos(), "%s has no comment: say what it does, its units, and how it fails", functionName(d))
			}
		case *ast.GenDecl:
			checkGroupDoc(r, f, d)
		}
	}
}

func checkGroupDoc(r *report, f *File, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
				r.at(f, s.Pos(), "type %s has no comment: say what it stands for and in which units", s.Name.Name)
			}
		case *ast.ValueSpec:
			if s.Doc != nil || s.Comment != nil || d.Doc != nil {
				continue
			}
			for _, name := range s.Names {
				if name.IsExported() && !continuesIota(d, s) {
					r.at(f, name.Pos(), "%s %s has no comment: say what it stands for", d.Tok, name.Name)
				}
			}
		}
	}
}

// continuesIota says whether a constant is a member of an enumeration whose first
// member is explained by its type.
func continuesIota(d *ast.GenDecl, s *ast.ValueSpec) bool {
	if d.Tok != token.CONST || len(d.Specs) < 2 {
		return false
	}
	first, ok := d.Specs[0].(*ast.ValueSpec)
	return ok && first.Type != nil && (s == first || s.Type != nil || len(s.Values) == 0)
}

// exportedReceiver says whether a function is reachable by others: it has no
// receiver, or one of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	name := receiver(d)
	return name == "" || ast.IsExported(name)
}

// receiver is the name of the type that a method belongs to, or "".
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func functionName(d *ast.FuncDecl) string {
	if name := receiver(d); name != "" {
		return "method " + name + "." + d.Name.Name
	}
	return "func " + d.Name.Name
}
