package foreign_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/recon/foreign"
)

// story are the files of the worked example: what the bank has on day 1, and the bus of
// day 6.
func story(bus bool) []textFile {
	files := []textFile{
		{"loads.csv", loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0010,20.00,100.00,lost,,\n"},
		{"f55-20261105.txt", "20261105080500 " + workedCard + "    01 " + field55("0011") + "\n"},
		{"clearing-20261105.csv", clearingHead + clearing("0012", "2026-11-05 08:30:00", "2026-11-05") + clearing("0016", "2026-11-05 18:00:00", "2026-11-05") + clearing("0017", "2026-11-05 19:00:00", "2026-11-05")},
		{"doubts-20261105.csv", doubtsHead + "2026-11-05,2026-11-05 09:00:00," + workedCard + ",01,300,00000044,西门,7,no,," + field55("0014") + "\n"},
	}
	if bus {
		files = append(files, textFile{"clearing-20261110.csv", clearingHead + clearing("0015", "2026-11-05 12:00:00", "2026-11-10")})
	}
	return files
}

// summary writes the findings in one line each.
func summary(r *foreign.Result) string {
	var b strings.Builder
	for _, f := range r.FlashCards {
		fmt.Fprintf(&b, "flash card %04X %d %s %s %s %04X-%04X\n", f.ATC, int64(f.Amount), f.Certainty, f.DecidedOn, f.How, f.P, f.Q)
	}
	for _, f := range r.FlashLoads {
		fmt.Fprintf(&b, "flash load %04X %d %s %s\n", f.ATC, int64(f.Amount), f.Certainty, f.DecidedOn)
	}
	for _, c := range r.Clones {
		fmt.Fprintf(&b, "clone %04X %v %s %s\n", c.ATC, c.Amounts, c.Certainty, c.DecidedOn)
	}
	for _, u := range r.Undecided {
		fmt.Fprintf(&b, "undecided %s %04X %d total %d final %s\n", u.What, u.ATC, int64(u.Amount), int64(u.Total), u.Final)
	}
	for _, x := range r.Breaks {
		fmt.Fprintf(&b, "break %s %s %04X-%04X %d %s final %s age %d\n", x.State, x.Part, x.P, x.Q, int64(x.Amount), x.Certainty, x.Final, x.AgeDays)
	}
	return b.String()
}

// The worked example, section 13, told day by day.
func TestWorkedExample(t *testing.T) {
	day := func(n int32) int32 { return 20762 + n } // 2026-11-05 is day 20762
	for _, c := range []struct {
		name string
		bus  bool
		keys bool
		asOf int32
		want string
	}{
		{"day 1", false, true, 0, "undecided doubt 0014 300 total 500 final 2026-11-25\nbreak expected pair 0014-0016 500 hard final 2026-11-25 age 0\n"},
		{"day 6, the bus", true, true, 0, "flash card 0014 300 hard 2026-11-10 doubt 0014-0015\n"},
		{"without keys", true, false, 0, "flash card 0014 300 soft 2026-11-10 doubt 0014-0015\n"},
		{"the day before the bus", true, true, day(4), "undecided doubt 0014 300 total 500 final 2026-11-25\nbreak expected pair 0014-0016 500 hard final 2026-11-25 age 4\n"},
		{"never the bus, a day before the end", false, true, day(19), "undecided doubt 0014 300 total 500 final 2026-11-25\nbreak expected pair 0014-0016 500 hard final 2026-11-25 age 19\n"},
		{"never the bus, at the end", false, true, day(20), "undecided doubt 0014 300 total 500 final 2026-11-25\nbreak proven pair 0014-0016 500 hard final 2026-11-25 age 20\n"},
		{"before everything", true, true, day(-1), ""},
	} {
		o := foreign.Options{AsOf: c.asOf}
		if c.keys {
			o.Checkers = keys
		}
		r := run(t, o, story(c.bus)...)
		if diff := cmp.Diff(c.want, summary(r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if r.Lines.Refused != 0 {
			t.Errorf("%s: %+v", c.name, r.Files)
		}
	}
}

// The same, where the bank has no list of unfinished taps: the doubt row's counter is one
// of two that nobody presented, and with the bus the only one.
func TestWithoutDoubts(t *testing.T) {
	for _, c := range []struct {
		bus  bool
		want string
	}{
		{false, "break proven gap 0012-0016 500 hard final 2026-11-25 age 20\n"},
		{true, "break proven gap 0012-0015 300 hard final 2026-11-25 age 20\n"}, // 0013 and 0014
	} {
		files := story(c.bus)
		files = append(files[:3:3], files[4:]...)
		if diff := cmp.Diff(c.want, summary(run(t, foreign.Options{Checkers: keys, AsOf: 20782}, files...))); diff != "" {
			t.Errorf("bus %v (-want +got):\n%s", c.bus, diff)
		}
	}
	files := append(story(true)[2:3:3], textFile{"clearing-20261111.csv", clearingHead + clearing("0015", "2026-11-05 12:00:00", "2026-11-11")})
	files[0].text = clearingHead + clearing("0015", "2026-11-05 12:00:00", "2026-11-05") + clearing("0017", "2026-11-05 19:00:00", "2026-11-05")
	want := "flash card 0016 500 hard 2026-11-25 missing 0015-0017\n"
	if diff := cmp.Diff(want, summary(run(t, foreign.Options{Checkers: keys, AsOf: 20790}, files...))); diff != "" {
		t.Errorf("one missing counter (-want +got):\n%s", diff)
	}
}

// A copy of the chip, a replay, a forged line, a repeated one.
func TestCloneAndForgery(t *testing.T) {
	copied := textFile{"clearing-b.csv", clearingHead + clearing("copy", "2026-11-05 19:30:00", "2026-11-06")}
	r := run(t, foreign.Options{Checkers: keys}, append(story(true), copied)...)
	if diff := cmp.Diff("flash card 0014 300 hard 2026-11-10 doubt 0014-0015\nclone 0017 [6.00 2.00] hard 2026-11-06\n", summary(r)); diff != "" {
		t.Errorf("clone (-want +got):\n%s", diff)
	}
	forged := strings.Replace(clearing("0016", "2026-11-05 18:00:00", "2026-11-05"), "E16034C5", "E16034C6", 1)
	r = run(t, foreign.Options{Checkers: keys}, textFile{"clearing.csv", clearingHead + forged})
	if r.Lines.Refused != 1 || r.Files[0].Reasons[0].Reason != foreign.Forged {
		t.Errorf("a wrong balance MAC: %+v", r.Files)
	}
	if r := run(t, foreign.Options{}, textFile{"clearing.csv", clearingHead + forged}); r.Lines.Refused != 0 {
		t.Errorf("without keys nobody can tell: %+v", r.Files)
	}
	line := clearing("0016", "2026-11-05 18:00:00", "2026-11-05")
	elsewhere := strings.Replace(line, "00004711", "00004712", 1)
	r = run(t, foreign.Options{}, textFile{"clearing.csv", clearingHead + line + line + elsewhere + line + elsewhere})
	if len(r.Duplicates) != 1 || r.Duplicates[0].Copies != 3 || len(r.Replays) != 1 || r.Replays[0].Copies != 1 {
		t.Errorf("duplicates %+v, replays %+v", r.Duplicates, r.Replays)
	}
	if r.Lines.Duplicates != 3 || r.Lines.Accepted != 5 {
		t.Errorf("%+v", r.Lines)
	}
}

// A load that did not run is found at the next load, and not if the bank has undone it.
func TestFlashLoad(t *testing.T) {
	second := "2026-11-06 08:00:00," + workedCard + ",01,%04X,%s,50.00,ok,,\n"
	for _, c := range []struct{ name, result, before, want string }{
		{"did not run", "lost", "20.00", "flash load 0010 10000 soft 2026-11-06\n"},
		{"ran", "lost", "120.00", ""},
		{"undone", "reversed", "20.00", ""},
		{"undone although it ran", "已冲正", "120.00", "break impossible pair 0010-0011 10000 soft final  age 0\n"},
	} {
		text := loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0010,20.00,100.00," + c.result + ",,\n" + fmt.Sprintf(second, 0x11, c.before)
		if diff := cmp.Diff(c.want, summary(run(t, foreign.Options{}, textFile{"loads.csv", text}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	// The journal states the balance, the dump has the cryptogram of the same question.
	text := loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0010,20.00,100.00,lost,,\n"
	dump := "20261105080001 " + workedCard + "    01 " + field55("0010") + "\n20261105090000 " + workedCard + "    01 " + field55("0011") + "\n"
	if r := run(t, foreign.Options{Checkers: keys}, textFile{"loads.csv", text}, textFile{"f55.txt", dump}); len(r.Clones) != 0 || len(r.Undecided) != 0 || r.Observations != 2 {
		t.Errorf("%+v", r)
	}
}
