package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/sqlite"
)

// said runs a command line and gives its exit code and output.
func said(stdin string, args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = run(args, strings.NewReader(stdin), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// The reference names every flag of the commands and every key of their JSON.
func TestReconReferenceIsComplete(t *testing.T) {
	page := readPage(t, "docs/reference/recon.md")
	env := &environment{lang: "en"}
	flags := 0
	for _, c := range []*cobra.Command{newReconCard(env), newReconBreaks(env), newReconRefund(env), newReconClerk(env)} {
		for _, sub := range append(c.Commands(), c) {
			for _, f := range regexp.MustCompile(`(?m)^ +(--[a-z-]+)`).FindAllStringSubmatch(sub.Flags().FlagUsages(), -1) {
				flags++
				if !strings.Contains(page, "`"+f[1]) && !strings.Contains(page, f[1]+" ") {
					t.Errorf("docs/reference/recon.md lacks %s of %s", f[1], sub.Name())
				}
			}
		}
	}
	keys := jsonKeys(t, reconCardJSON{Rows: []reconRowJSON{{Place: "x", Held: 1, Evidence: clerk.Evidence{Block: 1, File: "x", Checks: []clerk.Check{{Why: "x"}}}}}, Breaks: []reconBreakJSON{{}},
		Loads: []cardLoadJSON{{}}, Next: []stepJSON{{Proposal: 1}}, Alarms: []alarmJSON{{}},
		Refunds: []refundJSON{{Proposal: &proposalJSON{Clerk: "x", Card: "x", Token: "x", DecidedBy: "x", DecidedAt: "x", Why: "x"}}}})
	for key := range keys {
		if !regexp.MustCompile(`[` + "`" + ` {\[]` + key + `[` + "`" + ` }\]{\[]|\n` + key + ` `).MatchString(page) {
			t.Errorf("docs/reference/recon.md lacks the key %s", key)
		}
	}
	if flags < 40 || len(keys) < 50 {
		t.Errorf("only %d flags and %d keys", flags, len(keys))
	}
}

// With a keystore of the issuer the same is verified as with the development keys; without
// CA keys all but the cards' own signatures; without its token key nothing is opened.
func TestReconCardWithAKeystore(t *testing.T) {
	dir := t.TempDir()
	city := filepath.Join(dir, "city")
	if code, _, errs := said("", "day", "--riders", "10", "--out", city, "-q"); code != 0 {
		t.Fatal(errs)
	}
	t.Setenv(passphraseVariable, "secret")
	store := func(name string, s *keystore.Store) string {
		file, err := s.Seal(rand.Reader, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	code, profiles, errs := said("", "card", "profiles", "--json")
	if code != 0 {
		t.Fatal(errs)
	}
	cas := filepath.Join(dir, "ca.json")
	if err := os.WriteFile(cas, []byte(profiles), 0o600); err != nil {
		t.Fatal(err)
	}
	token := firstToken(t, city)
	whole := store("whole.keys", keystore.Development(4))
	checks := func(want int, args ...string) map[string]int {
		t.Helper()
		code, out, errs := said(token+"\n", append([]string{"recon", "card", "--city", city, "--json"}, args...)...)
		if code != want {
			t.Fatalf("%v: exit %d: %s", args, code, errs)
		}
		var card struct {
			Rows []struct {
				Evidence struct {
					Checks []struct{ Name, Result string }
				}
			}
		}
		if want == exitOK {
			if err := json.Unmarshal([]byte(out), &card); err != nil {
				t.Fatal(err)
			}
		}
		n := map[string]int{}
		for _, r := range card.Rows {
			for _, c := range r.Evidence.Checks {
				n[c.Name+" "+c.Result]++
			}
		}
		return n
	}
	plain := checks(exitOK)
	if plain["cryptogram verified"] == 0 || plain["signature verified"] == 0 || plain["block verified"] == 0 {
		t.Fatalf("%v", plain)
	}
	if got := checks(exitOK, "--keys", whole, "--ca", cas); got["signature verified"] != plain["signature verified"] || got["cryptogram verified"] != plain["cryptogram verified"] {
		t.Errorf("with a keystore %v, with development keys %v", got, plain)
	}
	if got := checks(exitOK, "--keys", whole); got["signature verified"] != 0 || got["cryptogram verified"] != plain["cryptogram verified"] {
		t.Errorf("without CA keys: %v", got)
	}
	// The token key alone opens the folder and checks what needs no secret.
	few := keystore.New()
	if err := few.AddSymmetric(keystore.TokenName, keystore.StoreToken, 4, keystore.DevelopmentKey(keystore.TokenName)); err != nil {
		t.Fatal(err)
	}
	if got := checks(exitOK, "--keys", store("few.keys", few)); got["block verified"] != plain["block verified"] || got["terminal verified"] != plain["terminal verified"] || got["cryptogram not available"] == 0 {
		t.Errorf("with the token key alone: %v", got)
	}
	checks(exitFailed, "--keys", store("none.keys", keystore.New()))
	checks(exitNotFound, "--keys", filepath.Join(dir, "nowhere.keys"))
	checks(exitFailed, "--keys", cas)
	checks(exitFailed, "--keys", whole, "--ca", whole)
	t.Setenv(passphraseVariable, "")
	checks(exitUsage, "--keys", whole)
}

func firstToken(t *testing.T, city string) string {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(city, "city.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tokens []sqlite.Token
	if err := db.Read(context.Background(), func(r *sqlite.Reader) (err error) {
		tokens, err = r.TokensFrom(sqlite.Token{}, sqlite.Token{0xFF}, 1)
		return err
	}); err != nil || len(tokens) != 1 {
		t.Fatal(tokens, err)
	}
	return tokenText(tokens[0])
}
