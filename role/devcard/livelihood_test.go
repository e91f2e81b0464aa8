package devcard_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/devcard"
)

// TestLivelihoodCard: it has six partitions beside the domain, one set of historical
// bytes, and as finance application what its base has.
func TestLivelihoodCard(t *testing.T) {
	list, err := devcard.Profiles()
	check(t, err)
	i := slices.IndexFunc(list, func(p devcard.Profile) bool { return p.Name == "livelihood" })
	if i < 0 {
		t.Fatal("there is no livelihood card")
	}
	p := list[i]
	want := []string{"A000000333010101", "A000000151000000", "A000000632010105",
		"7378312E73682EC9E7BBE1B1A3D5CF", "F0424A5401", "F0434956494C01", "F04344504601"}
	if !slices.Equal(p.AIDs, want) || !strings.HasSuffix(p.ATS, "00855431018660110000001117") {
		t.Errorf("applications %q, ATS %s", p.AIDs, p.ATS)
	}
	memory := func(profile string) []byte {
		img, err := devcard.Issue(request(t, profile))
		check(t, err)
		c := card.New()
		check(t, c.Insert(img, nil))
		return c.Memory().Settled(nil)[:img.Templates()[0].MemorySize()]
	}
	if !slices.Equal(memory("livelihood"), memory("dev-sm")) {
		t.Error("its finance application is not that of dev-sm")
	}
}
