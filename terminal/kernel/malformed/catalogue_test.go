package malformed_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/kernel/malformed"
)

var update = flag.Bool("update", false, "rewrite README.md from the catalogue")

func hexBytes(s string) ([]byte, error) { return hex.DecodeString(s) }

// TestCatalogue plays every case with the kernels of this module against a card of
// this module, and asks the card afterwards what has become of its money.
func TestCatalogue(t *testing.T) {
	all, err := malformed.Catalogue()
	noError(t, err)
	if len(all) < 150 {
		t.Fatalf("%d cases, want 150 or more", len(all))
	}
	for i := range all {
		c := &all[i]
		t.Run(c.Name, func(t *testing.T) {
			got, b := run(t, c)
			if want := strings.Join(strings.Fields(c.Expect), " "); got != want {
				t.Errorf("%s: %s\n%s\n got %s\nwant %s\n%s", c.Source, c.Wrong, c.Clause, got, want, b.trace.String())
			}
			if lie := b.fate(got); lie != "" {
				t.Errorf("%s: %s: the terminal says %q, and %s", c.Source, c.Name, got, lie)
			}
			if u := b.meddler.Unreached(); u != "" {
				t.Errorf("%s: %s: never reached: %s", c.Source, c.Name, u)
			}
		})
	}
}

// TestGoodCards: without edits every flow ends well, so that what a case shows comes
// from its edits.
func TestGoodCards(t *testing.T) {
	want := map[string]string{
		"qpboc": "approved commit committed", "cash": "approved commit committed", "contact": "approved", "air": "approved",
		"online": "online-required the-card-asks-to-go-online tag 9F10 doubt card-asked-to-go-online tvr 8000000000",
		"msd":    "online-required the-card-asks-to-go-online tag 57 doubt card-asked-to-go-online tvr 8000000000",
	}
	if !maps.Equal(sameKeys(want), sameKeys(malformed.Flows())) {
		t.Errorf("flows %v", malformed.Flows())
	}
	for flow, w := range want {
		for _, profile := range []string{"dev-3des", "dev-sm", "dev-dual", "dev-full"} {
			if flow == "msd" && profile != "dev-full" {
				continue // the others have no magnetic stripe data over the air
			}
			c := malformed.Case{Name: "good", Flow: flow, Set: []malformed.Setting{{Key: "profile", Value: profile}}}
			got, b := run(t, &c)
			if got != w || b.fate(got) != "" {
				t.Errorf("%s of %s: %s %s\n%s", flow, profile, got, b.fate(got), b.trace.String())
			}
		}
	}
}

func sameKeys(m map[string]string) map[string]bool {
	out := map[string]bool{}
	for k := range m {
		out[k] = true
	}
	return out
}

// TestREADME: the table for readers is that of the catalogue. With -update it is
// written anew.
func TestREADME(t *testing.T) {
	all, err := malformed.Catalogue()
	noError(t, err)
	var b strings.Builder
	fmt.Fprintf(&b, "# Malformed and odd cards\n\n%d cases for testing a payment terminal of JR/T 0025, as data. The package comment (`go doc`) says how\n"+
		"they are written and used; this table is made from `cases/*.txt` by `go test . -update`.\n\n| flow | conversation | cases |\n|---|---|---|\n", len(all))
	flows := malformed.Flows()
	for _, name := range slices.Sorted(maps.Keys(flows)) {
		n := 0
		for _, c := range all {
			if c.Flow == name {
				n++
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d |\n", name, flows[name], n)
	}
	b.WriteString("\n| case | flow | what is wrong | expected | clause |\n|---|---|---|---|---|\n")
	for _, c := range all {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.Name, c.Flow, c.Wrong, c.Expect, c.Clause)
	}
	if *update {
		noError(t, os.WriteFile("README.md", []byte(b.String()), 0o644))
	}
	old, err := os.ReadFile("README.md")
	noError(t, err)
	if string(old) != b.String() {
		t.Error("README.md is not what the catalogue says: run go test . -update")
	}
}
