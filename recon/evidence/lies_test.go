package evidence_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/evidence"
)

// lie alters members of a pack, which the issuer signs again.
func (w *world) lie(t *testing.T, redact bool, member string, swaps ...string) (*evidence.Report, error) {
	t.Helper()
	files := unzip(t, w.pack(t, redact))
	for i, f := range files {
		for k := 0; f.name == member && k < len(swaps); k += 2 {
			if !bytes.Contains(files[i].data, []byte(swaps[k])) {
				t.Fatalf("%q is not in %s:\n%s", swaps[k], member, f.data)
			}
			files[i].data = bytes.Replace(files[i].data, []byte(swaps[k]), []byte(swaps[k+1]), 1)
		}
	}
	return evidence.Verify(w.resign(t, files, redact), &w.roots)
}

// What the issuer says in a form that would mislead whoever reads the report is refused.
func TestLiesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	const again = `"can_be_worked_out_again": true`
	for name, swaps := range map[string][]string{
		"a line of its own in the report": {`"card": "622800******1117/01"`, `"card": "x\n  verified   the customer lies\u001b[8m"`},
		"an outcome of its own":           {`"outcome": "decided"`, `"outcome": "verified by the court"`, again, strings.Replace(again, "true", "false", 1)},
		"a state of its own":              {`"state": "proven"`, `"state": "paid back"`},
		"a value that overflows":          {`"before_fen": 2000`, `"before_fen": 9223372036854775807`},
		"differences behind a said pair":  {`"fall_fen": -10000`, `"fall_fen": -9000`, again, strings.Replace(again, "true", "false", 1)},
		"more than the counters took":     {`"part": "doubt"`, `"part": "gap"`},
		"a break contested beside proven": {`"contested_fen": 0`, `"contested_fen": 5`},
	} {
		if _, err := w.lie(t, true, "statement.json", swaps...); !errors.Is(err, evidence.ErrPack) || !strings.Contains(err.Error(), "statement.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What nobody but the issuer can know is its word, and the report says what the values
// alone give.
func TestLiesThatAreNamed(t *testing.T) {
	w := newWorld(t)
	find := func(r *evidence.Report, check string) (text, result string) {
		for i := range r.Lines {
			if r.Lines[i].Check == check {
				return r.Lines[i].EN, r.Lines[i].Result
			}
		}
		return "", ""
	}
	for _, c := range []struct {
		member, check, want string
		swaps               []string
	}{
		{"statement.json", "pair said otherwise", "the two values alone give: 0010 was carried out", []string{
			`"outcome": "decided"`, `"outcome": "undecided"`, `"can_be_worked_out_again": true`, `"can_be_worked_out_again": false`}},
		{"statement.json", "break said", "gap", []string{`"part": "doubt"`, `"part": "gap"`, `"amount_fen": 300`, `"amount_fen": 0`}},
		{"README.txt", "readme", "issuer's own", []string{"is no proof of payment", "is a proof of payment"}},
	} {
		r, err := w.lie(t, false, c.member, c.swaps...)
		if err != nil {
			t.Errorf("%s: %v", c.check, err)
			continue
		}
		if text, result := find(r, c.check); !strings.Contains(text, c.want) || result != "said" {
			t.Errorf("%s: %s %q", c.check, result, text)
		}
	}
	r, err := evidence.Verify(w.pack(t, true), &w.roots)
	if _, result := find(r, "one card"); err != nil || result != "said" {
		t.Errorf("rows of one card: %q, %v", result, err)
	}
}
