package certify_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/citycard/citycard/certify"
)

var (
	idForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	// A clause names a standard and where in it to look.
	clauseForm = regexp.MustCompile(`^(ISO/IEC 7816-[34], \d|EMV Book [1-4], ([A-D]?\d|annex)|EMV Contactless Book B, \d|JR/T 0025\.\d+( \(2010\))?, \w|GlobalPlatform Card Specification 2\.3, \w|JT/T 978, \w|LD/T 32, \w|DB11/T 1179, \w)`)
)

func TestRegistry(t *testing.T) {
	ids, groups, names := map[string]bool{}, map[string]bool{}, map[string]string{}
	n := 0
	for _, g := range certify.Groups() {
		if groups[g.Key] || g.Name.EN == "" || !chinese(g.Name.ZH) || len(g.Cases) == 0 {
			t.Errorf("group %q: key twice, no name or no cases", g.Key)
		}
		groups[g.Key] = true
		for _, c := range g.Cases {
			n++
			switch {
			case ids[c.ID] || groups[c.ID]:
				t.Errorf("%s is there twice", c.ID)
			case !idForm.MatchString(c.ID):
				t.Errorf("%s: identifier", c.ID)
			case c.Name.EN == "" || !chinese(c.Name.ZH):
				t.Errorf("%s: name %q %q", c.ID, c.Name.EN, c.Name.ZH)
			case names[c.Name.EN] != "":
				t.Errorf("%s and %s have one name %q", c.ID, names[c.Name.EN], c.Name.EN)
			case !clauseForm.MatchString(c.Clause):
				t.Errorf("%s: clause %q", c.ID, c.Clause)
			case !strings.HasSuffix(c.Purpose.EN, ".") || !strings.HasSuffix(c.Purpose.ZH, "。") || !chinese(c.Purpose.ZH):
				t.Errorf("%s: purpose %q %q", c.ID, c.Purpose.EN, c.Purpose.ZH)
			}
			ids[c.ID], names[c.Name.EN] = true, c.ID
		}
	}
	if n < 150 {
		t.Errorf("%d cases, want at least 150", n)
	}
	t.Logf("%d cases in %d groups", n, len(groups))
	for _, b := range brokenCards {
		if !ids[b.caught] {
			t.Errorf("broken card %s is to be caught by %s, which does not exist", b.name, b.caught)
		}
	}
}

func chinese(s string) bool {
	return slices.ContainsFunc([]rune(s), func(r rune) bool { return unicode.Is(unicode.Han, r) })
}
