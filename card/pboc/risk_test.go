package pboc

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
)

var memoryNames = map[string]Memory{
	"open": OnlineOpen, "authfailed": IssuerAuthFailed, "authmissing": IssuerAuthMissing, "static": StaticFailed,
	"dynamic": DynamicFailed, "script": ScriptFailed, "pinblock": BlockedByPIN,
}

// riskCase is an application with a debit/credit transaction on its way.
type riskCase struct {
	a App
	g generation
}

func newRiskCase() *riskCase {
	p := &Product{Currency: [2]byte{1, 0x56}, Contact: &Contact{Country: [2]byte{1, 0x56}, DualCurrency: [2]byte{8, 0x40}}}
	c := &Card{Product: p, PIN: oda.PINBlock{0x24, 0x12, 0x34}}
	r := &riskCase{}
	r.a.card = c
	r.a.way = wayDebit
	r.a.values.Currency, r.a.values.Country = [2]byte{1, 0x56}, [2]byte{1, 0x56}
	r.g.asked, r.g.amount = approve, 100
	r.g.before = State{ATC: 10, LastOnlineATC: 9, PINTries: 3}
	r.g.limits = &Limits{LCOL: 5, UCOL: 8, Foreign: 2, ForeignCountry: 2, CTTA: 1000, CTTAUpper: 2000, HasCTTAUpper: true,
		CTTADual: 5000, CurrencyFactor: [4]byte{0x20, 0, 7, 0x10}}
	return r
}

// set takes one word of the table.
func (r *riskCase) set(t *testing.T, word string) {
	t.Helper()
	name, value, _ := strings.Cut(word, "=")
	n, err := strconv.ParseInt(value, 10, 64)
	s := &r.g.before
	switch name {
	case "ada":
		b, err := hex.DecodeString(value)
		if err != nil || len(b) != 2 {
			t.Fatalf("word %q", word)
		}
		r.a.card.Product.Contact.ADA = [2]byte(b)
		return
	case "mandatory":
		r.a.card.Product.Contact.IssuerAuthentication = IssuerAuthenticationMandatory
		return
	case "memory":
		s.Memory |= memoryNames[value]
		if memoryNames[value] == 0 {
			t.Fatalf("word %q", word)
		}
		return
	case "tvr", "currency", "country", "arc", "auth":
		r.setSession(t, name, value)
		return
	case "invalidated", "dda", "pin", "pinfailed", "exhausted", "scriptfailed", "nopin":
		r.setSession(t, name, value)
		return
	}
	if err != nil {
		t.Fatalf("word %q: %v", word, err)
	}
	switch name {
	case "amount":
		r.g.amount = money.Fen(n)
	case "atc":
		s.ATC = uint16(n)
	case "online":
		s.LastOnlineATC = uint16(n)
	case "ctta":
		s.CTTA = money.Fen(n)
	case "dual":
		s.CTTADual = money.Fen(n)
	case "foreign":
		s.Foreign = byte(n)
	case "abroad":
		s.ForeignCountry = byte(n)
	case "tries":
		s.PINTries = byte(n)
	case "scripts":
		s.Scripts = byte(n)
	default:
		t.Fatalf("word %q", word)
	}
}

func (r *riskCase) setSession(t *testing.T, name, value string) {
	t.Helper()
	b, err := hex.DecodeString(value)
	switch name {
	case "tvr":
		copy(r.g.tvr[:], b)
	case "currency":
		r.a.values.Currency = [2]byte(b)
	case "country":
		r.a.values.Country = [2]byte(b)
	case "arc":
		r.g.arc, err = [2]byte([]byte(value)), nil
	case "auth":
		r.a.issuerAuth, err = map[string]authentication{"good": authGood, "failed": authFailed}[value], nil
	case "invalidated":
		r.g.before.Invalidated = true
	case "dda":
		r.a.dynamicDone = true
	case "pin":
		r.a.pinDone = true
	case "pinfailed":
		r.a.pinDone, r.a.pinFailed = true, true
	case "exhausted":
		r.a.pinDone, r.a.pinFailed, r.a.pinExhausted = true, true, true
	case "scriptfailed":
		r.a.scripts.failed = true
	case "nopin":
		r.a.card.PIN = oda.PINBlock{}
	}
	if err != nil {
		t.Fatalf("%s=%s: %v", name, value, err)
	}
}

// differs says in words what a transaction changes.
func differs(before, after State) string {
	var out []string
	add := func(name string, changed bool, v any) {
		if changed {
			out = append(out, fmt.Sprintf("%s=%v", name, v))
		}
	}
	add("online", before.LastOnlineATC != after.LastOnlineATC, after.LastOnlineATC)
	add("ctta", before.CTTA != after.CTTA, int64(after.CTTA))
	add("dual", before.CTTADual != after.CTTADual, int64(after.CTTADual))
	add("foreign", before.Foreign != after.Foreign, after.Foreign)
	add("abroad", before.ForeignCountry != after.ForeignCountry, after.ForeignCountry)
	add("scripts", before.Scripts != after.Scripts, after.Scripts)
	for _, name := range []string{"open", "authfailed", "authmissing", "static", "dynamic", "script", "pinblock"} {
		bit := memoryNames[name]
		if before.Memory&bit != after.Memory&bit {
			sign := "-"
			if after.Memory&bit != 0 {
				sign = "+"
			}
			out = append(out, sign+name)
		}
	}
	if after.Invalidated && !before.Invalidated {
		out = append(out, "blocked")
	}
	return strings.Join(out, " ")
}

// TestCardRiskManagement runs the table in testdata: every check of both GENERATE
// AC and every bit of 9F52.
func TestCardRiskManagement(t *testing.T) {
	table, err := os.ReadFile("testdata/risk.txt")
	if err != nil {
		t.Fatal(err)
	}
	covered := uint16(0)
	for i, line := range strings.Split(string(table), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		col := strings.Split(line, "|")
		if len(col) != 6 {
			t.Fatalf("line %d has %d columns, want 6", i+1, len(col))
		}
		for k := range col {
			col[k] = strings.TrimSpace(col[k])
		}
		r := newRiskCase()
		for _, w := range strings.Fields(col[1]) {
			r.set(t, w)
		}
		ada := r.a.card.Product.Contact.ADA
		covered |= uint16(ada[0])<<8 | uint16(ada[1])
		r.g.asked = map[string]outcome{"AAC": decline, "TC": approve, "ARQC": online}[col[0]]
		r.g.after = r.g.before
		if r.g.arc != [2]byte{} {
			r.a.firstCVR = [3]byte{0xA0}
			r.a.complete(&r.g)
		} else {
			r.a.analyse(&r.g)
		}
		got := fmt.Sprintf("%s %X %X %s", outcomeNames[r.g.outcome], r.g.cvr, r.g.advice, differs(r.g.before, r.g.after))
		want := fmt.Sprintf("%s %s %s %s", col[2], col[3], col[4], col[5])
		if got != want {
			t.Errorf("line %d: %s\n got %s\nwant %s", i+1, line, got, want)
		}
	}
	if covered != 0xFFFC {
		t.Errorf("bits %04X of 9F52 are in the table, want FFFC", covered)
	}
}

// TestConvert compares the conversion with one of arbitrary length.
func TestConvert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, int64(money.MaxN12)).Draw(t, "amount")
		digits := rapid.Int64Range(0, 9_999_999).Draw(t, "factor")
		decimals := rapid.IntRange(0, 9).Draw(t, "decimals")
		b, err := hex.DecodeString(fmt.Sprintf("%d%07d", decimals, digits))
		if err != nil {
			t.Fatal(err)
		}
		want := new(big.Int).Mul(big.NewInt(amount), big.NewInt(digits))
		want.Div(want, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil))
		if limit := big.NewInt(int64(money.MaxN12)); want.Cmp(limit) > 0 {
			want = limit
		}
		if got := convert(money.Fen(amount), [4]byte(b)); int64(got) != want.Int64() {
			t.Fatalf("%d times %X is %d, want %v", amount, b, got, want)
		}
	})
}
