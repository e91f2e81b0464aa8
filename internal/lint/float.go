package lint

import (
	"go/ast"
	"go/token"
	"regexp"
)

// exact are the packages in which everything is counted in whole numbers.
var exact = []string{
	"money", "txn", "fare/...", "ledger", "clearing/...", "recon/...", "issuer/...", "card/...", "terminal/...", "wire/...", "beps/...", "acquirer/...",
}

var (
	floatTypes = map[string]bool{"float32": true, "float64": true, "complex64": true, "complex128": true}
	// wholeLimits are the constants of package math that are whole numbers.
	wholeLimits = regexp.MustCompile(`^(Max|Min)(Int|Uint)(8|16|32|64)?$`)
	floatText   = regexp.MustCompile(`^(Parse|Format|Append)(Float|Complex)$`)
	bigFloat    = regexp.MustCompile(`^(Float|NewFloat|ParseFloat)$`)
)

func checkFloat(t *Tree, r *report) {
	for _, f := range t.Files {
		if f.Test || !matchesAny(exact, f.Dir()) {
			continue
		}
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if floatTypes[n.Name] {
					r.at(f, n.Pos(), "uses %s: count in whole numbers (fen, metres, parts per million)", n.Name)
				}
			case *ast.BasicLit:
				if n.Kind == token.FLOAT || n.Kind == token.IMAG {
					r.at(f, n.Pos(), "writes the floating point number %s: write a whole number", n.Value)
				}
			}
			return true
		})
		selectors(f, "math", func(s *ast.SelectorExpr) {
			if !wholeLimits.MatchString(s.Sel.Name) {
				r.at(f, s.Pos(), "uses math.%s: only the limits of whole numbers are allowed here", s.Sel.Name)
			}
		})
		selectors(f, "strconv", func(s *ast.SelectorExpr) {
			if floatText.MatchString(s.Sel.Name) {
				r.at(f, s.Pos(), "uses strconv.%s: read digits into a whole number", s.Sel.Name)
			}
		})
		selectors(f, "math/big", func(s *ast.SelectorExpr) {
			if bigFloat.MatchString(s.Sel.Name) {
				r.at(f, s.Pos(), "uses big.%s: count in whole numbers", s.Sel.Name)
			}
		})
	}
}
