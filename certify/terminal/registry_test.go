package terminal_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/citycard/citycard/certify/terminal"
)

// TestRegistry: every case has an identifier of its own, texts in both languages and a
// clause.
func TestRegistry(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	han := regexp.MustCompile(`\p{Han}`)
	seen, keys, n := map[string]bool{}, map[string]bool{}, 0
	for _, g := range terminal.Groups() {
		if keys[g.Key] || g.Name.EN == "" || !han.MatchString(g.Name.ZH) || len(g.Cases) == 0 {
			t.Errorf("group %q: key twice, name missing or no cases", g.Key)
		}
		keys[g.Key] = true
		for _, c := range g.Cases {
			n++
			switch {
			case seen[c.ID]:
				t.Errorf("%s is there twice", c.ID)
			case !id.MatchString(c.ID):
				t.Errorf("%q is no identifier", c.ID)
			case c.Clause == "" || c.Name.EN == "" || c.Purpose.EN == "":
				t.Errorf("%s: clause, name or purpose is missing", c.ID)
			case len(c.Expected) == 0 || slices.ContainsFunc(c.Expected, func(w string) bool { return !slices.Contains(terminal.Outcomes, w) }):
				t.Errorf("%s: expected is %q, want words of Outcomes", c.ID, c.Expected)
			case !han.MatchString(c.Name.ZH+c.Purpose.ZH) || !han.MatchString(c.Purpose.ZH):
				t.Errorf("%s: the Chinese texts are missing", c.ID)
			}
			seen[c.ID] = true
		}
	}
	if n < 80 {
		t.Errorf("%d cases, 80 are promised", n)
	}
	t.Logf("%d cases in %d groups", n, len(keys))
}
