package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/citycard/citycard/role/gate"
)

// The reference page names every flag, every word and every key of `citycard gate`.
func TestGateReferenceIsComplete(t *testing.T) {
	const name = "docs/reference/gate.md"
	page := readPage(t, name)
	n := int64(1)
	journey := gate.Journey{Entry: &gate.End{}, Exit: &gate.End{}}
	want := names(gateModes)
	for _, v := range []any{
		gateRun{}, gate.Inspection{Metro: &journey, Trips: []gate.Trip{{}}},
		gate.Report{Rows: []gate.Row{{DF63: &n, Chip: &gate.Chip{}, Purse: &gate.Purse{}}}, Before: []gate.Journey{journey}, Trip: &gate.Trip{}, Steps: []gate.Line{{Masked: true}}, FieldMS: "0", MeasuredMS: "0", ModuleMS: "0"},
	} {
		if i, ok := v.(gate.Inspection); ok {
			i.FieldMS, i.MeasuredMS, i.ModuleMS = "0", "0", "0"
			v = i
		}
		for key := range jsonKeys(t, v) {
			want = append(want, key)
		}
	}
	for o := gate.Opened; o <= gate.Unverified; o++ {
		want = append(want, o.String())
	}
	if len(want) < 80 {
		t.Fatalf("only %d names", len(want))
	}
	for _, w := range want {
		if !strings.Contains(page, "`"+w+"`") {
			t.Errorf("%s lacks `%s`", name, w)
		}
	}
	flags := regexp.MustCompile(`--[a-z0-9-]+`).FindAllString(newGateCommand(&environment{}).LocalFlags().FlagUsages(), -1)
	if len(flags) < 20 {
		t.Fatalf("flags %q", flags)
	}
	for _, f := range flags {
		if !strings.Contains(page, "`"+f) {
			t.Errorf("%s lacks %s", name, f)
		}
	}
	for _, b := range blocks(t, name, "sh") {
		for _, l := range b.lines {
			if !strings.HasPrefix(l, "citycard gate --reader ") {
				t.Errorf("%s:%d: %s", name, b.line, l)
			}
		}
	}
}
