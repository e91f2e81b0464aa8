package oracle_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestOracleIsIndependent keeps the oracle from what it is compared with.
func TestOracleIsIndependent(t *testing.T) {
	const module = "github.com/citycard/citycard/"
	allowed := map[string]bool{"money": true, "txn": true, "crypt/cryptogram": true}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	parsed := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		parsed++
		for _, imp := range f.Imports {
			path, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own, isOwn := strings.CutPrefix(path, module)
			if isOwn && !allowed[own] || !isOwn && strings.Contains(path, ".") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
	if parsed == 0 {
		t.Error("no source files found")
	}
}
