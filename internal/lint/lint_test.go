package lint_test

import (
	"testing"

	"github.com/citycard/citycard/internal/lint"
)

// root is the module, seen from this folder.
const root = "../.."

// TestHouseRules judges the whole tree.
func TestHouseRules(t *testing.T) {
	tree, err := lint.Load(root)
	if err != nil {
		t.Fatal(err)
	}
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
