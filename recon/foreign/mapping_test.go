package foreign_test

import (
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/timeline"
)

// A mapping for files of another bank: no header, other separators, other formats,
// words and constants.
const foreignMapping = `
files:
  - match: "trans_*.dat"
    kind: clearing
    layout: csv
    delimiter: "|"
    header: false
    encoding: gbk
    columns:
      card: {number: 1}
      psn: {constant: "01"}
      date: {number: 2, format: mmdd}
      clock: {number: 3, format: "hh:mm:ss"}
      amount: {number: 4, format: yuan}
      atc: {number: 5, format: decimal}
      after: {number: 6, format: yuan}
      ac: {number: 7}
      terminal: {number: 8}
      response: {number: 9, values: {OK: "00", NO: "05"}}
  - match: "load*.txt"
    kind: loads
    layout: fixed
    header: false
    columns:
      card: {at: 1, width: 19}
      psn: {constant: "01"}
      time: {at: 21, width: 10, format: unix}
      atc: {at: 32, width: 4}
      before: {at: 37, width: 8}
      amount: {at: 46, width: 8}
      result: {at: 55, width: 4, values: {"成功": ok}}
`

func TestForeignMapping(t *testing.T) {
	m, err := foreign.ParseMapping([]byte(foreignMapping))
	if err != nil {
		t.Fatal(err)
	}
	im := foreign.New(m, foreign.Options{Params: timeline.DefaultParams(), AsOf: 20800})
	for _, f := range []textFile{
		{"TRANS_20261105.dat", "6228000100001117|1105|08:00:00|1.00|20|49.00|3F62D0EB2935FAD2|\xB5\xD8\xCC\xFA\xD2\xBB|OK\n" +
			"6228000100001117|1105|10:00:00|2.5|22|44.00|3F62D0EB2935FAD3|\xB5\xD8\xCC\xFA\xD2\xBB|OK\n" +
			"6228000100001117|1105|11:00:00|2.5|23|44.00|3F62D0EB2935FAD4|a|NO\n" +
			"6228000100001117|1105|11:00|2.5|23|44.00|3F62D0EB2935FAD4|a|NO\n"},
		{"load1.txt", "6228000100001117    1793944800 001A 00004400 00001000 \xB3\xC9\xB9\xA6\n" +
			"6228000100001117    1793952000 001B 00005400 00001000 成功\n"},
	} {
		if err := im.Add(f.name, strings.NewReader(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	r := im.Finish()
	// 49.00 after counter 20, 46.50 before 22: 21 took 2.50. 23 was presented and not
	// cleared: it took 2.50 of 46.50. Nothing is missing before the loads.
	want := "flash card 0015 250 soft 2026-11-25 missing 0014-0016\n"
	if got := summary(r); !strings.HasPrefix(got, want) {
		t.Errorf("%s", got)
	}
	if r.Lines.Refused != 1 || r.Loads != 2 || r.Files[1].Encoding != "mixed" || r.Files[1].Refused != 0 {
		t.Errorf("%+v", r.Files)
	}
}

func TestMappingErrors(t *testing.T) {
	rule := func(s string) string { return "files:\n  - {match: \"a*\", " + s + "}\n" }
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "a: [", "yaml"},
		{"unknown key", "rules: []", "rules"},
		{"unknown field", rule(`kind: f55, layout: csv, columns: {pan: {header: a}}`), "pan"},
		{"unknown kind", rule(`kind: debit, layout: csv`), "want one of chip, clearing, doubts, f55, loads"},
		{"no kind", rule(`layout: csv`), "missing"},
		{"bad pattern", "files:\n  - {match: \"[a\", kind: clearing, layout: com}\n", "pattern"},
		{"bad delimiter", rule(`kind: f55, layout: csv, delimiter: x`), "delimiter"},
		{"bad format", rule(`kind: f55, layout: csv, columns: {card: {header: a}, time: {header: b, format: iso}, f55: {header: c}}`), "iso"},
		{"no time", rule(`kind: f55, layout: csv, columns: {card: {header: a}, f55: {header: c}}`), "time"},
		{"two places", rule(`kind: f55, layout: csv, columns: {card: {header: a, number: 1}, time: {header: b}, f55: {header: c}}`), "one of"},
		{"place of another layout", rule(`kind: f55, layout: csv, columns: {card: {at: 1, width: 3}, time: {header: b}, f55: {header: c}}`), "layout"},
		{"no width", rule(`kind: f55, layout: fixed, columns: {card: {at: 1}, time: {at: 5, width: 3}, f55: {at: 9, width: 3}}`), "width"},
		{"loads without a result", rule(`kind: loads, layout: csv, columns: {card: {header: a}, time: {header: b}, amount: {header: c}, f55: {header: d}}`), "result"},
		{"com of loads", rule(`kind: loads, layout: com`), "com"},
		{"too large", strings.Repeat("#", foreign.MaxMapping+1), "bytes"},
	} {
		if _, err := foreign.ParseMapping([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := foreign.ParseMapping(foreign.DefaultMappingText()); err != nil {
		t.Error(err)
	}
}
