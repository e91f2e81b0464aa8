package lint

import (
	"go/ast"
	"regexp"
	"strings"
)

// decoderName is how functions that read bytes of others are called.
var decoderName = regexp.MustCompile(`^(Parse|Decode|Unmarshal|Open|Restore)([A-Z0-9]|$)`)

// notFuzzed are decoders that no fuzz target names directly, each with the
// reason. The key is "folder.Function" or "folder.Type.Method".
var notFuzzed = map[string]string{
	"card/cos.Memory.Restore":  "FuzzInsert of card feeds it hostile memory through Chip.Insert, which is the only way in",
	"card/pboc.Product.Decode": "FuzzInsert of card feeds it hostile memory through Chip.Insert, which is the only way in",
}

// checkFuzz wants, for every exported decoder that takes bytes, a fuzz target in
// its folder which names the decoder and has seeds.
func checkFuzz(t *Tree, r *report) {
	seen := map[string]bool{}
	corpora := map[string]bool{}
	for _, a := range t.Assets {
		if dir, _, ok := cutLast(a.Path); ok {
			corpora[dir] = true
		}
	}
	for _, p := range t.Packages() {
		named := map[string]bool{}
		for _, f := range p.Files {
			if f.Test {
				collectTargets(r, f, corpora, named)
			}
		}
		for _, f := range p.Files {
			if f.Test || f.Syntax.Name.Name == "main" {
				continue
			}
			for _, d := range f.Syntax.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || !isDecoder(fn) {
					continue
				}
				key := strings.TrimPrefix(p.Dir+"."+receiver(fn)+"."+fn.Name.Name, ".")
				key = strings.Replace(key, "..", ".", 1)
				seen[key] = true
				_, excused := notFuzzed[key]
				switch {
				case named[fn.Name.Name] && excused:
					r.at(f, fn.Pos(), "%s is fuzzed and still on the list notFuzzed: take it off", key)
				case !named[fn.Name.Name] && !excused:
					r.at(f, fn.Pos(), "%s reads bytes of others and no fuzz target in %s names it: add FuzzXxx with seeds", functionName(fn), p.Dir)
				}
			}
		}
	}
	for key := range notFuzzed {
		if dir, _, _ := strings.Cut(key, "."); !seen[key] && t.hasFolder(dir) {
			r.add(dir, 1, "%s is on the list notFuzzed and does not exist: take it off", key)
		}
	}
}

func (t *Tree) hasFolder(dir string) bool {
	for _, f := range t.Files {
		if f.Dir() == dir {
			return true
		}
	}
	return false
}

func cutLast(name string) (dir, base string, ok bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

func isDecoder(fn *ast.FuncDecl) bool {
	if !fn.Name.IsExported() || !exportedReceiver(fn) || !decoderName.MatchString(fn.Name.Name) {
		return false
	}
	for _, p := range fn.Type.Params.List {
		if holdsBytes(p.Type) {
			return true
		}
	}
	return false
}

// holdsBytes says whether a parameter is a slice of bytes, or a map or slice of
// such.
func holdsBytes(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && id.Name == "byte" && e.Len == nil {
			return true
		}
		return holdsBytes(e.Elt)
	case *ast.MapType:
		return holdsBytes(e.Value)
	}
	return false
}

// collectTargets notes every name that the fuzz targets of a file mention, and
// refuses a target without seeds.
func collectTargets(r *report, f *File, corpora, named map[string]bool) {
	for _, d := range f.Syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") || len(fn.Type.Params.List) != 1 || len(fn.Type.Params.List[0].Names) != 1 {
			continue
		}
		arg := fn.Type.Params.List[0].Names[0].Name
		seeds := corpora[f.Dir()+"/testdata/fuzz/"+fn.Name.Name]
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				named[n.Name] = true
			case *ast.CallExpr:
				seeds = seeds || givesSeeds(n, arg)
			}
			return true
		})
		if !seeds {
			r.at(f, fn.Pos(), "func %s has no seeds: give it valid and broken input with f.Add, so that every test run replays them", fn.Name.Name)
		}
	}
}

// givesSeeds says whether a call is Add of the target's argument.
func givesSeeds(call *ast.CallExpr, arg string) bool {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Add" {
		if id, ok := s.X.(*ast.Ident); ok && id.Name == arg {
			return true
		}
	}
	return false
}
