package gate_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/wire/apdu"
)

// directoryOf is the answer to SELECT PPSE of a card with applications "AID/priority".
func directoryOf(t testing.TB, entries ...string) []byte {
	t.Helper()
	var list []ppse.Entry
	for _, e := range entries {
		name, priority, _ := strings.Cut(e, "/")
		aid, err := hex.DecodeString(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ppse.Entry{AID: aid, Label: "X", Priority: priority[0] - '0'})
	}
	d, err := ppse.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	data, _, err := apdu.ParseResponse(d.Select(nil))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const (
	debit     = "A000000333010101"
	credit    = "A000000333010102"
	tUnion    = "A00000063201010510009156000014A1" // an instance with a longer name
	cityUnion = "A00000000386980701"
	unknown   = "A0000000031010"
)

// TestChoose: the operator's order decides, among equals the card's priority, then the
// card's order.
func TestChoose(t *testing.T) {
	order := func(kinds ...gate.ApplicationKind) (list []gate.Application) {
		for _, k := range kinds {
			for _, a := range gate.DefaultApplications() {
				if a.Kind == k {
					list = append(list, a)
				}
			}
		}
		return list
	}
	const f, u, c = gate.FinanceApplication, gate.TUnionPurse, gate.CityUnionPurse
	for _, k := range []struct {
		order   []gate.Application
		entries string
		want    string
	}{
		{gate.DefaultApplications(), debit + "/1", debit},
		{gate.DefaultApplications(), debit + "/1 " + tUnion + "/2", tUnion},
		{gate.DefaultApplications(), cityUnion + "/1 " + tUnion + "/2 " + debit + "/3", tUnion},
		{order(f, u), debit + "/2 " + tUnion + "/1", debit},
		{order(c, u, f), tUnion + "/1 " + cityUnion + "/9", cityUnion},
		{order(f), debit + "/2 " + credit + "/1", credit},
		{order(f), debit + "/0 " + credit + "/9", credit}, // 0: no priority
		{order(f), credit + "/1 " + debit + "/1", credit},
		{order(u), debit + "/1", ""},
		{gate.DefaultApplications(), unknown + "/1 " + debit + "/2", debit},
		{gate.DefaultApplications(), unknown + "/1", ""},
	} {
		got, ok := gate.Choose(k.order, directoryOf(t, strings.Fields(k.entries)...))
		if name := strings.ToUpper(hex.EncodeToString(got.Name())); name != k.want || ok != (k.want != "") {
			t.Errorf("%s: %s %v, want %s", k.entries, name, ok, k.want)
		}
	}
}

// TestChooseHostile: whatever stands in a directory, what is chosen is a name of the
// operator's.
func TestChooseHostile(t *testing.T) {
	good := directoryOf(t, unknown+"/1", debit+"/1", tUnion+"/2")
	order := gate.DefaultApplications()
	rapid.Check(t, func(t *rapid.T) {
		b := append([]byte(nil), good...)
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		got, ok := gate.Choose(order, b[:rapid.IntRange(0, len(b)).Draw(t, "length")])
		if !ok {
			return
		}
		for _, a := range order {
			if strings.HasPrefix(string(got.Name()), string(a.Prefix)) && a.Kind == got.Kind {
				return
			}
		}
		t.Fatalf("%X was chosen", got.Name())
	})
}

// FuzzChoose: no directory makes it panic.
func FuzzChoose(f *testing.F) {
	f.Add(directoryOf(f, debit+"/1", tUnion+"/2"))
	f.Add([]byte{0x6F, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, ok := gate.Choose(gate.DefaultApplications(), b); ok && len(c.Name()) < 5 {
			t.Fatalf("%X", c.Name())
		}
	})
}
