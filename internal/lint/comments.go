package lint

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

// leftOver are the words that mark unfinished work. They are put together here
// so that this file does not break its own rule.
var leftOver = regexp.MustCompile(`\b(` + "TO" + `DO|` + "FIX" + `ME|` + "XX" + `X|` + "HA" + `CK)\b`)

// dataFolders may hold the words as data: licences and tables of others.
var dataFolders = regexp.MustCompile(`(^|/)(testdata|data)/|^LICENSE$|^go\.sum$`)

func checkComments(t *Tree, r *report) {
	for _, a := range t.Assets {
		if a.Text == nil || dataFolders.MatchString(a.Path) || strings.HasSuffix(a.Path, ".go") {
			continue
		}
		eachLine(a.Text, func(n int, line []byte) {
			if w := leftOver.Find(line); w != nil {
				r.add(a.Path, n, "says %s: do it, or write it into the plan", w)
			}
		})
	}
	for _, f := range t.Files {
		docs := docComments(f)
		for _, group := range f.Syntax.Comments {
			for _, c := range group.List {
				if w := leftOver.FindString(c.Text); w != "" {
					r.at(f, c.Pos(), "says %s: do it, or write it into the plan", w)
				}
			}
			if at := oldCode(group, docs[group]); at != token.NoPos {
				r.at(f, at, "looks like code that was commented out: delete it, the history keeps it")
			}
		}
	}
}

func eachLine(text []byte, visit func(n int, line []byte)) {
	for n := 1; len(text) > 0; n++ {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		visit(n, line)
		text = rest
	}
}

// docComments are the comments in which indented code is an example.
func docComments(f *File) map[*ast.CommentGroup]bool {
	docs := map[*ast.CommentGroup]bool{f.Syntax.Doc: true}
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			docs[n.Doc] = true
		case *ast.GenDecl:
			docs[n.Doc] = true
		case *ast.TypeSpec:
			docs[n.Doc] = true
		case *ast.ValueSpec:
			docs[n.Doc] = true
		case *ast.Field:
			docs[n.Doc] = true
		}
		return true
	})
	return docs
}

// oldCode finds the first place in a comment where the rest of a run of lines is
// Go that does something. Formulas, words and single calls in prose are not.
func oldCode(group *ast.CommentGroup, doc bool) token.Pos {
	var run []string
	start := token.NoPos
	judge := func() token.Pos {
		if doesSomething(strings.Join(run, "\n")) {
			return start
		}
		run = run[:0]
		return token.NoPos
	}
	for _, c := range group.List {
		text, ok := strings.CutPrefix(c.Text, "//")
		if !ok {
			text = strings.TrimSuffix(strings.TrimPrefix(c.Text, "/*"), "*/")
		}
		example := doc && (strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "    ") || strings.HasPrefix(text, " \t"))
		if example || strings.TrimSpace(text) == "" {
			if at := judge(); at != token.NoPos {
				return at
			}
			continue
		}
		if len(run) == 0 {
			start = c.Pos()
		}
		run = append(run, text)
	}
	return judge()
}

// doesSomething says whether text parses as declarations of functions or types,
// or as statements of which one is more than an expression or a plain formula.
func doesSomething(text string) bool {
	if strings.TrimSpace(text) == "" {
		return false
	}
	if f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution); err == nil {
		return len(f.Decls) > 0
	}
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+text+"\n}", parser.SkipObjectResolution)
	if err != nil || len(f.Decls) != 1 {
		return false
	}
	body := f.Decls[0].(*ast.FuncDecl).Body.List
	for _, s := range body {
		if isAction(s, len(body) > 1) {
			return true
		}
	}
	return false
}

func isAction(s ast.Stmt, amongOthers bool) bool {
	switch s := s.(type) {
	case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt,
		*ast.DeferStmt, *ast.GoStmt, *ast.IncDecStmt, *ast.DeclStmt:
		return true
	case *ast.AssignStmt:
		return s.Tok == token.DEFINE || callIn(s.Rhs) && amongOthers
	case *ast.ReturnStmt:
		return len(s.Results) > 1 || callIn(s.Results)
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		_, method := call.Fun.(*ast.SelectorExpr)
		return method || amongOthers
	}
	return false
}

func callIn(list []ast.Expr) bool {
	for _, e := range list {
		if _, ok := e.(*ast.CallExpr); ok {
			return true
		}
	}
	return false
}
