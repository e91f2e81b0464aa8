package foreign_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/timeline"
)

// columnLine is a clearing line that states counter and balance in columns.
func columnLine(clock string, atc, before, amount int, more string) string {
	return fmt.Sprintf("%s,01,2026-11-05 %s,2026-11-05,%d,%04X,%d%s\n", workedCard, clock, amount, atc, before, more)
}

const columnMapping = `files:
  - match: "clearing*.csv"
    kind: clearing
    layout: csv
    columns:
      card: {header: card}
      psn: {header: psn}
      time: {header: time}
      arrived: {header: day, format: yyyy-mm-dd}
      amount: {header: fen}
      atc: {header: atc}
      before: {header: before}
      ac: {header: ac}
      f55: {header: f55}
`

func columns(t *testing.T, o foreign.Options, asOf int32, text string) *foreign.Result {
	t.Helper()
	m, err := foreign.ParseMapping([]byte(columnMapping))
	if err != nil {
		t.Fatal(err)
	}
	o.Params, o.AsOf = timeline.DefaultParams(), asOf
	im := foreign.New(m, o)
	if err := im.Add("clearing-20261105.csv", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	r := im.Finish()
	r.Localise("en")
	return r
}

// Of a counter that a refused line may be about nobody says that it was not presented.
func TestRefusedLineMayBeTheMissingPayment(t *testing.T) {
	const head = "card,psn,time,day,fen,atc,before\n"
	around := columnLine("08:00:00", 0x20, 5000, 100, "") + columnLine("10:00:00", 0x22, 4650, 100, "") // 0021 took 250
	missing := "flash card 0021 250 soft 2026-11-25 missing 0020-0022\n"
	held := "undecided refused 0021 250 total 250 final \n"
	for _, c := range []struct{ name, line, want string }{
		{"nothing refused", "", missing},
		{"no counter", strings.Replace(columnLine("09:00:00", 0x21, 4900, 250, ""), ",0021,", ",,", 1), held},
		{"a counter that is none", strings.Replace(columnLine("09:00:00", 0x21, 4900, 250, ""), ",0021,", ",XYZ,", 1), held},
		{"cut off behind the amount", workedCard + ",01,2026-11-05 09:00:00,2026-11-05,250,00\n", held},
		{"cut off inside the amount", workedCard + ",01,2026-11-05 09:00:00,2026-11-05,2\n", held},
		{"no time", strings.Replace(columnLine("09:00:00", 0x21, 4900, 250, ""), "09:00:00", "noon", 1), held},
		{"no time, another counter", strings.Replace(columnLine("09:00:00", 0x23, 4550, 250, ""), "09:00:00", "noon", 1), missing},
		{"another amount", workedCard + ",01,2026-11-05 09:00:00,2026-11-05,251,00\n", missing},
		{"another week", workedCard + ",01,2026-10-25 09:00:00,2026-11-05,250,00\n", missing},
		{"another card of the number", workedCard + ",02,2026-11-05 09:00:00,2026-11-05,250,00\n", missing},
		{"a torn copy of an accepted line", columnLine("08:00:00", 0x20, 5000, 100, "")[:50] + "\n", missing},
		{"no card", "x,01,2026-11-05 09:00:00,2026-11-05,250,0021,4900\n", missing},
	} {
		r := columns(t, foreign.Options{}, 20790, head+around+c.line)
		if diff := cmp.Diff(c.want, summary(r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if want := min(1, int64(len(c.line))); r.Lines.Refused != want {
			t.Errorf("%s: %d lines refused", c.name, r.Lines.Refused)
		}
		if warned := strings.Contains(r.Certainty, "1 refused lines do not say"); warned != (c.name == "no card") {
			t.Errorf("%s: %s", c.name, r.Certainty)
		}
		if len(r.Undecided) == 1 && !strings.Contains(strings.Join(r.Undecided[0].Evidence, " "), ".csv:4") {
			t.Errorf("%s: the refused line is not named: %v", c.name, r.Undecided[0].Evidence)
		}
	}
}

// What field 55 says no line without it can change, with keys and without.
func TestUncheckedLineAgainstACheckedOne(t *testing.T) {
	const head = "card,psn,time,day,fen,atc,before,ac,f55\n"
	proven := fmt.Sprintf("%s,01,2026-11-05 18:00:00,2026-11-05,500,,,,%s\n", workedCard, field55("0016"))
	for _, c := range []struct {
		name, line string
		refused    int64
	}{
		{"the same", columnLine("18:00:00", 0x16, 11100, 500, ",62CA1068CCB889C7,"), 0},
		{"another amount", columnLine("18:00:00", 0x16, 11100, 600, ",62CA1068CCB889C7,"), 1},
		{"another balance", columnLine("18:00:00", 0x16, 12100, 500, ",62CA1068CCB889C7,"), 1},
	} {
		for _, text := range []string{head + proven + c.line, head + c.line + proven} {
			for _, check := range []foreign.Checkers{nil, keys} {
				r := columns(t, foreign.Options{Checkers: check}, 0, text)
				if r.Lines.Refused != c.refused || r.Observations != 1 || len(r.Clones) != 0 || c.refused == 1 && r.Files[0].Reasons[0].Reason != foreign.Contradicted {
					t.Errorf("%s: %+v, clones %+v", c.name, r.Files[0], r.Clones)
				}
			}
		}
	}
}

// Field 55 without 9F26 is the same transaction as with it, and two payments of one
// counter differ without it too.
func TestWithoutCryptogram(t *testing.T) {
	without := func(name string) string {
		return strings.ReplaceAll(clearing(name, "2026-11-05 19:00:00", "2026-11-05"), "9F2608"+worked[name].ac, "")
	}
	r := run(t, foreign.Options{}, textFile{"clearing.csv", clearingHead + without("0017")}, textFile{"clearing2.csv", clearingHead + clearing("0017", "2026-11-05 19:00:00", "2026-11-05")})
	if len(r.Clones) != 0 || len(r.Duplicates) != 1 || r.Observations != 1 {
		t.Errorf("clones %+v, duplicates %+v", r.Clones, r.Duplicates)
	}
	r = run(t, foreign.Options{}, textFile{"clearing.csv", clearingHead + without("0017") + without("copy")})
	if len(r.Clones) != 1 || r.Observations != 2 {
		t.Errorf("two payments of a counter: %+v", r)
	}
}

// A finding that needs the list's word for the last record is soft with keys too.
func TestWordIsSoft(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"", "undecided doubt 0014 300 total 500 final 2026-11-25\nbreak expected pair 0014-0016 500 hard final 2026-11-25 age 0\n"},
		{"yes", "flash card 0014 300 soft 2026-11-05 doubt 0014-0016\nbreak expected gap 0014-0016 200 soft final 2026-11-25 age 0\n"},
	} {
		files := story(false)
		files[3].text = strings.Replace(files[3].text, ",no,,", ",no,"+c.word+",", 1)
		r := run(t, foreign.Options{Checkers: keys}, files...)
		if diff := cmp.Diff(c.want, summary(r)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.word, diff)
		}
		if len(r.FlashCards) == 1 && !strings.Contains(r.FlashCards[0].Sentence, "only the terminal's word") {
			t.Errorf("%s", r.FlashCards[0].Sentence)
		}
	}
}

// A wrong year in a line of a file with a date does not end every window.
func TestFarFuture(t *testing.T) {
	line := "2026-11-05 08:00:00," + workedCard + ",01,0010,20.00,100.00,lost,,\n"
	for _, c := range []struct{ file, year, want string }{
		{"loads-20261105.csv", "2099", "2026-11-05"}, {"loads-20261105.csv", "2027", "2027-11-05"}, {"loads.csv", "2099", "2099-11-05"},
	} {
		r := run(t, foreign.Options{}, textFile{c.file, loadsHead + strings.Replace(line, "2026", c.year, 1)})
		if r.AsOf != c.want || r.Lines.Accepted != 1 {
			t.Errorf("%s, year %s: as of %s", c.file, c.year, r.AsOf)
		}
	}
}

// A damaged card number is hidden, wherever the damage is, and what is no number stays.
func TestMaskDamaged(t *testing.T) {
	const number = "6228481274384350347"
	shown := func(s string) (n int) {
		for _, c := range s {
			if c >= '0' && c <= '9' {
				n++
			}
		}
		return n
	}
	for _, damage := range []string{"?", "x", "\x01", "??", "码", "."} {
		for at := 1; at < len(number)-1; at++ {
			for next := at; next < len(number)-1; next += 3 {
				text := []string{number[:at], number[at+1:]}
				if next > at+1 {
					text = []string{number[:at], number[at+1 : next], number[next+1:]}
				}
				line := strings.Join(text, damage) + ",01"
				if got := foreign.Mask(line); shown(got) > 14 || !strings.HasSuffix(got, "0347,01") && next < 13 && at < 13 {
					t.Errorf("%q: %q shows %d digits", line, got, shown(got)-2)
				}
			}
		}
	}
	for text, want := range map[string]string{
		"6228481274?84350347":         "622848****?****0347",
		"1,6228481274?84350347,00":    "1,622848****?****0347,00",
		"2026-11-05T08:00:00":         "2026-11-05T08:00:00",
		"00004711,000017,00,9F360200": "00004711,000017,00,9F360200",
	} {
		if got := foreign.Mask(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A card number in groups is hidden like any other.
func TestMaskGroups(t *testing.T) {
	for text, want := range map[string]string{
		"card 6228 0001 0000 1117, 100":    "card 622800******1117, 100",
		"6228-4800-0000-0000-018|01":       "622848*********0018|01",
		"6228480000000000018":              "622848*********0018",
		"622848 0000000000018 x":           "622848*********0018 x",
		"2026-11-05 08:00:00 1234 5678 90": "2026-11-05 08:00:00 1234 5678 90",
	} {
		if got := foreign.Mask(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
