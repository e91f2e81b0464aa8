package fault_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/fault"
)

// TestAlterations: what each alteration makes of an answer, byte for byte.
func TestAlterations(t *testing.T) {
	const gpo = "7710 82027C00 9F100401020304 9F36020001"
	const fci = "6F10 8405A000000333 A507 500350424F 8701"
	for _, c := range []struct{ how, answer, want string }{
		{"how: long-lengths", gpo, "778113 8281027C00 9F10810401020304 9F3681020001"},
		{"how: long-lengths", "8002 7C00", "808102 7C00"},
		{"how: padding", gpo, "7714 00 82027C00 00 9F100401020304 00 9F36020001 00"},
		{"how: reorder", "6F0F 8405A000000333 A506 500150 870101", "6F0F A506 870101 500150 8405A000000333"},
		{"how: extra", "6F04 840150 ", ""},
		{"how: extra", "6F03 840150", "6F07 840150 DF7F0100"},
		{"how: extra, value: C100", "6F03 840150", "6F05 840150 C100"},
		{"how: long-name", "6F07 8405A000000333", "6F12 8410A000000333 FFFFFFFFFFFFFFFFFFFFFF"},
		{"how: format-77", "8006 7C00 08010100", "770A 82027C00 940408010100"},
		{"how: format-77", gpo, ""},
		{"how: format-80", "770A 82027C00 940408010100", "8006 7C00 08010100"},
		{"how: format-80", gpo, ""},
		{"how: flip, tag: 9F36", gpo, "7710 82027C00 9F100401020304 9F36020000"},
		{"how: flip, tag: 9F36, byte: 0, bits: '80'", gpo, "7710 82027C00 9F100401020304 9F36028001"},
		{"how: flip, tag: 9F36, byte: 2", gpo, ""},
		{"how: flip, tag: 9F26", gpo, ""},
		{"how: flip-mac", gpo, "7710 82027C00 9F100401020305 9F36020001"},
		{"how: flip-mac", "0102030405060708", "0102030405060709"},
		{"how: flip-mac", "", ""},
		{"how: set, tag: '82', value: FFFF", gpo, "7710 8202FFFF 9F100401020304 9F36020001"},
		{"how: set, tag: '82', value: ''", gpo, "770E 8200 9F100401020304 9F36020001"},
		{"how: truncate", gpo, "7710 82027C00 9F100401020304 9F360200"},
		{"how: truncate, count: 255", gpo, ""},
		{"how: wrong-length, count: 5", gpo, "7715 82027C00 9F100401020304 9F36020001"},
		{"how: wrong-length, count: 255", "7703 820100", "77820102 820100"},
		{"how: remove, tag: 9F10", gpo, "7709 82027C00 9F36020001"},
		{"how: duplicate, tag: 9F36", gpo, "7715 82027C00 9F100401020304 9F36020001 9F36020001"},
		{"how: remove, tag: '77'", gpo, "-"},
		{"how: reorder", "7705 82", ""},
		{"how: padding", "", ""},
		{"how: reorder", fci, ""},
	} {
		s, err := fault.Parse([]byte("name: x\nfaults: [{name: y, then: {alter: [{" + c.how + "}]}}]"))
		check(t, err)
		answer := strings.ReplaceAll(c.answer, " ", "")
		out, o, err := fault.NewDoor(s, fixed(answer+"9000"), nil).Transmit(nil, unhex(t, "00B2010C00"))
		check(t, err)
		want := strings.ReplaceAll(c.want, " ", "")
		refused := strings.Contains(strings.Join(o.Notes, " "), "did not happen")
		switch {
		case want == "":
			want = answer
			if !refused {
				t.Errorf("%s on %s: no note, %q", c.how, c.answer, o.Notes)
			}
		case want == "-":
			want = ""
		}
		if got := fmt.Sprintf("%X", out); got != want+"9000" || refused && c.want != "" {
			t.Errorf("%s on %s:\n got %s\nwant %s9000 (%q)", c.how, c.answer, got, want, o.Notes)
		}
	}
}

// TestTooLong: an answer never grows beyond what a short command can fetch.
func TestTooLong(t *testing.T) {
	s, err := fault.Parse([]byte("name: x\nfaults: [{name: y, then: {alter: [{how: duplicate, tag: '90'}]}}]"))
	check(t, err)
	answer := "708183" + "908180" + strings.Repeat("AB", 128)
	out, o, err := fault.NewDoor(s, fixed(answer+"9000"), nil).Transmit(nil, unhex(t, "00B2010C00"))
	check(t, err)
	if fmt.Sprintf("%X", out) != answer+"9000" || len(o.Notes) != 1 || !strings.Contains(o.Notes[0], "more than 256 bytes") {
		t.Errorf("%X, notes %q", out, o.Notes)
	}
}

// TestTearOfACommandThatWritesNothing: the order is taken back, so that no later
// command tears by accident.
func TestTearOfACommandThatWritesNothing(t *testing.T) {
	b := newBench(t, "sm", "name: x\nfaults: [{name: y, when: {ins: A4, times: 1}, then: {tear: {write: 3}}}]")
	if out := b.tap(); out.Result.String() != "approved" || b.balance() != opening-fare || !b.noted("the command made 0 writes") {
		t.Errorf("%v, balance %v, notes %q", out.Result, b.balance(), b.notes)
	}
	silent, err := fault.Parse([]byte("name: x\nfaults: [{name: y, then: {tear: {}}}]"))
	check(t, err)
	if _, o, err := fault.NewDoor(silent, fixed("9000"), nil).Transmit(nil, unhex(t, "00B2010C00")); err != nil || o.Silent || len(o.Notes) != 1 {
		t.Errorf("a card without a memory: %+v, %v", o, err)
	}
}
