package lint

import (
	"go/ast"
	"regexp"
	"strconv"
)

// pure are the packages that decide and never act: no clock, random source,
// goroutine, file, socket or logger of their own. "-" takes a program out.
var pure = []string{
	"money", "txn", "wire/...", "crypt/...", "-crypt/oda/devkeys/gen", "card/...",
	"terminal/kernel/...", "terminal/gate", "terminal/inspect", "terminal/journal", "terminal/journey", "terminal/pos", "terminal/rf", "terminal/purse", "terminal/row", "terminal/sam", "terminal/stripe", "terminal/reader/recording", "fare/...", "ledger",
	"issuer/authorise", "issuer/quota", "issuer/topup", "clearing", "recon/...", "beps/...",
}

// impureImports are the doors to the world outside.
var impureImports = []struct {
	path *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`^(os|os/.*|io/ioutil|syscall|path/filepath|plugin)$`), "take the bytes, an io.Reader or an fs.FS as an argument"},
	{regexp.MustCompile(`^(net|net/.*)$`), "return what is to be sent; the role sends it"},
	{regexp.MustCompile(`^(crypto/rand|math/rand|math/rand/v2)$`), "take randomness as an io.Reader argument"},
	{regexp.MustCompile(`^log$`), "return an error or an event; the role logs it"},
	{regexp.MustCompile(`^(runtime|runtime/.*|expvar)$`), "the answer may not depend on the machine or the moment"},
}

// sharedState are the pure packages that may hold a lock: "sync" is allowed here
// and nowhere else among them.
var sharedState = map[string]string{
	"crypt/oda":         "the cache of checked issuer certificates serves many gates; it changes the time of an answer, never the answer",
	"crypt/oda/devkeys": "the embedded keys are read once, on first use",
	"crypt/keystore":    "the fingerprints of all public keys are worked out once, on first use",
	"wire/files":        "the embedded character table is read once, on first use",
}

// impureTime are the parts of package time that look at a clock, wait, or ask
// the machine where it is.
var impureTime = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true, "Tick": true,
	"NewTimer": true, "NewTicker": true, "Local": true, "LoadLocation": true,
}

// redacting is the part of log/slog that a type needs to hide itself in a log.
var redacting = regexp.MustCompile(`^(LogValuer|Value|[A-Z][a-z0-9]*Value)$`)

func checkPure(t *Tree, r *report) {
	used := map[string]bool{}
	present := map[string]bool{}
	for _, f := range t.Files {
		if f.Test || !matchesAny(pure, f.Dir()) {
			continue
		}
		present[f.Dir()] = true
		for _, s := range f.Syntax.Imports {
			checkPureImport(r, f, s, used)
		}
		selectors(f, "time", func(s *ast.SelectorExpr) {
			if impureTime[s.Sel.Name] {
				r.at(f, s.Pos(), "uses time.%s in a pure package: take the time as an argument", s.Sel.Name)
			}
		})
		selectors(f, "log/slog", func(s *ast.SelectorExpr) {
			if !redacting.MatchString(s.Sel.Name) {
				r.at(f, s.Pos(), "uses slog.%s in a pure package: only a LogValue method that hides a secret may use slog here", s.Sel.Name)
			}
		})
		selectors(f, "fmt", func(s *ast.SelectorExpr) {
			if n := s.Sel.Name; n == "Print" || n == "Printf" || n == "Println" {
				r.at(f, s.Pos(), "uses fmt.%s in a pure package: return the text", n)
			}
		})
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				r.at(f, g.Pos(), "starts a goroutine in a pure package: let the caller decide what runs side by side")
			}
			return true
		})
	}
	for dir := range sharedState {
		if present[dir] && !used[dir] {
			r.add(dir, 1, "is listed as a pure package with a lock and has none: take it off the list sharedState")
		}
	}
}

func checkPureImport(r *report, f *File, s *ast.ImportSpec, used map[string]bool) {
	path, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return // the parser has refused the file
	}
	for _, door := range impureImports {
		if door.path.MatchString(path) {
			r.at(f, s.Pos(), "imports %s in a pure package: %s", path, door.why)
		}
	}
	if path != "sync" && path != "sync/atomic" {
		return
	}
	if _, ok := sharedState[f.Dir()]; !ok {
		r.at(f, s.Pos(), "imports %s in a pure package: keep state in values that the caller owns", path)
	}
	used[f.Dir()] = true
}
