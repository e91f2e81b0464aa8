package lint_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/citycard/citycard/internal/lint"
)

// root is the module, seen from this folder.
const root = "../.."

func load(t *testing.T) *lint.Tree {
	t.Helper()
	tree, err := lint.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestHouseRules judges the whole tree.
func TestHouseRules(t *testing.T) {
	tree := load(t)
	for _, rule := range lint.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			for _, f := range rule.Check(tree) {
				t.Errorf("%s", f)
			}
			if t.Failed() {
				t.Logf("why: %s", rule.Why)
			}
		})
	}
}

// goTool runs the go command in the root of the module.
func goTool(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, talk bytes.Buffer
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, &out, &talk
	err = cmd.Run()
	if talk.Len() > 0 {
		t.Logf("go %s: %s", strings.Join(args, " "), &talk)
	}
	return out.String(), err
}

// TestRulesSeeEveryPackage compares what the rules walked with what the go
// command would build and test: no package may hide from them.
func TestRulesSeeEveryPackage(t *testing.T) {
	tree := load(t)
	walked := map[string]bool{}
	for _, p := range tree.Packages() {
		walked[tree.Module+"/"+p.Dir] = true
	}
	out, err := goTool(t, "list", "-e", "-f", "{{.ImportPath}}", "./...")
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(out)
	if len(listed) == 0 {
		t.Fatal("go list names no package")
	}
	for _, name := range listed {
		if !walked[name] {
			t.Errorf("package %s was not judged", name)
		}
	}
}

// TestModuleIsTidy wants go.mod and go.sum to name what is used, no more and no
// less.
func TestModuleIsTidy(t *testing.T) {
	diff, err := goTool(t, "mod", "tidy", "-diff")
	if err != nil || diff != "" {
		t.Errorf("go.mod or go.sum is not tidy, run go mod tidy: %v\n%s", err, diff)
	}
}
