package ledger_test

import (
	"strings"
	"testing"

	"github.com/citycard/citycard/ledger"
)

// numbers is the public promise: an outcome keeps its number and code for ever.
// A new outcome is added at the end or in a free place, never by moving others.
var numbers = []string{
	"created", "id_zero", "same_account", "amount_not_positive", "ref_too_long", "exists_different_debit",
	"exists_different_credit", "exists_different_amount", "exists_different_code", "exists_different_at",
	"exists_different_window", "exists_different_ref", "exists_same", "debit_account_missing",
	"credit_account_missing", "overflow", "debit_limit_exceeded", "credit_limit_exceeded", "linked_failed",
}

func TestOutcomesKeepTheirNumbers(t *testing.T) {
	all := ledger.Outcomes()
	if len(all) != len(numbers) {
		t.Fatalf("%d outcomes, the promise lists %d", len(all), len(numbers))
	}
	seen := map[string]bool{}
	for i, o := range all {
		if o.String() != numbers[i] {
			t.Errorf("outcome %d is %s, was %s", i, o, numbers[i])
		}
		for _, lang := range []string{"en", "zh-CN"} {
			if text := o.Text(lang); text == "" || seen[text] {
				t.Errorf("outcome %s: text %q in %s is empty or not its own", o, text, lang)
			}
			seen[o.Text(lang)] = true
		}
		if o.OK() && (o.Transient() || o.Conflict()) {
			t.Errorf("outcome %s is both good and bad", o)
		}
		if o.Transient() && o.Conflict() {
			t.Errorf("outcome %s: a conflict can never be mended by sending again", o)
		}
	}
	if name := ledger.Outcome(200).String(); name != "outcome_200" {
		t.Errorf("unknown outcome is called %q", name)
	}
}

func TestAccountKindsKeepTheirNumbers(t *testing.T) {
	const want = "customer_bank card_float settlement operator fee loss rebate claim acquirer network suspense reserve quota"
	names := make([]string, 0, 13)
	for i, k := range ledger.Kinds() {
		if int(k) != i+1 {
			t.Errorf("kind %s has number %d in place %d", k, k, i+1)
		}
		back, err := ledger.ParseAccountKind(k.String())
		if err != nil || back != k {
			t.Errorf("kind %s reads back as %v, %v", k, back, err)
		}
		if k.Text("zh") == k.Text("en") {
			t.Errorf("kind %s has no Chinese name", k)
		}
		names = append(names, k.String())
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("kinds are %s", got)
	}
	if _, err := ledger.ParseAccountKind("gold"); err == nil {
		t.Error("an unknown kind was read")
	}
}

func TestAccountIDsOfDifferentOwnersDiffer(t *testing.T) {
	a, err := ledger.NewAccountID(ledger.CardFloat, []byte("token-1"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ledger.NewAccountID(ledger.CustomerBank, []byte("token-1"))
	if err != nil {
		t.Fatal(err)
	}
	if a == b || a[0] != byte(ledger.CardFloat) {
		t.Errorf("%s and %s", a, b)
	}
	for _, owner := range []string{"", "x\x00", "0123456789abcdef"} {
		if id, err := ledger.NewAccountID(ledger.Fee, []byte(owner)); err == nil {
			t.Errorf("owner %q was given id %s", owner, id)
		}
	}
	if _, err := ledger.NewAccountID(0, []byte("x")); err == nil {
		t.Error("kind 0 was accepted")
	}
}

func TestAccountChecks(t *testing.T) {
	good := ledger.Account{ID: ledger.AccountID{1}, Kind: ledger.Fee, Owner: "x", Limit: ledger.CreditsWithinDebits}
	for _, c := range []struct {
		name   string
		change func(a *ledger.Account)
		check  ledger.AccountOutcome
		same   ledger.AccountOutcome
	}{
		{"as it is", func(*ledger.Account) {}, ledger.AccountOpened, ledger.AccountExistsSame},
		{"no id", func(a *ledger.Account) { a.ID = ledger.AccountID{} }, ledger.AccountIDZero, ledger.AccountExistsSame},
		{"no kind", func(a *ledger.Account) { a.Kind = 0 }, ledger.AccountKindUnknown, ledger.AccountExistsDifferentKind},
		{"kind past the end", func(a *ledger.Account) { a.Kind = 14 }, ledger.AccountKindUnknown, ledger.AccountExistsDifferentKind},
		{"limit past the end", func(a *ledger.Account) { a.Limit = 3 }, ledger.AccountLimitUnknown, ledger.AccountExistsDifferentLimit},
		{"long owner", func(a *ledger.Account) { a.Owner = strings.Repeat("x", 65) }, ledger.AccountOwnerTooLong, ledger.AccountExistsDifferentOwner},
	} {
		a := good
		c.change(&a)
		if got := ledger.CheckAccount(&a); got != c.check {
			t.Errorf("%s: %s, want %s", c.name, got, c.check)
		}
		if got := ledger.CompareAccount(&good, &a); got != c.same {
			t.Errorf("%s: compares as %s, want %s", c.name, got, c.same)
		}
		if c.check.Text("en") == "" || c.check.Text("zh") == c.check.Text("en") || c.same.String() == "" {
			t.Errorf("%s: outcome without words", c.name)
		}
	}
}
