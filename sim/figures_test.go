package sim

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// errPulled is the panic of a run that is cut off between two closes.
var errPulled = errors.New("plug pulled")

// pageOf runs a small day into a folder. after is called at the end of every day
// with the database as it stands, and says whether the run is cut off there: then
// there is no result.
func pageOf(t *testing.T, dir string, workers int, after func(day int, rd *sqlite.Reader) (cut bool)) (run *Run, res *Result) {
	t.Helper()
	city, err := NewCity(Options{Riders: 900, Mix: allKinds, Seed: 11, Date: fare.Date{Year: 2026, Month: 11, Day: 18}, Profile: "sm", Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	run = &Run{Dir: dir, Out: dir, Files: filepath.Join(dir, "files")}
	day := 0
	run.Progress = func(float64, float64) {
		if int(run.road.closed) < day {
			return
		}
		cut := false
		if err := run.road.db.Read(context.Background(), func(rd *sqlite.Reader) error {
			cut = after(day, rd)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if cut {
			panic(errPulled)
		}
		day++
	}
	defer func() {
		if p := recover(); p != nil && p != errPulled {
			panic(p)
		}
	}()
	if res, err = run.Do(t.Context(), city); err != nil {
		t.Fatal(err)
	}
	return run, res
}

func TestReportIsTheSameAfterAnInterruption(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	open := make([]openBreaks, LastDay+1)
	run, res := pageOf(t, whole, 1, func(day int, rd *sqlite.Reader) bool {
		if err := rd.BreakStates(func(s timeline.State, n int64, amount money.Fen) error {
			if isOpen(s) {
				open[day].n, open[day].amount = open[day].n+n, open[day].amount+amount
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return false
	})
	if open[0].n == 0 {
		t.Fatal("nothing is open on D: choose another seed")
	}
	d := dataOf(t, run, res)
	for i, day := range d.Days {
		if day.Open != open[i].n || day.OpenAmount != open[i].amount {
			t.Errorf("D+%d: %d breaks of %s open on the page, %+v in the table", i, day.Open, day.OpenAmount, open[i])
		}
	}
	checkData(t, run.world.City, d, res)
	if _, res := pageOf(t, parts, 4, func(day int, _ *sqlite.Reader) bool { return day == 3 }); res != nil {
		t.Fatal("the run was not interrupted")
	}
	pageOf(t, parts, 4, func(int, *sqlite.Reader) bool { return false })
	for _, name := range []string{"report.html", openBreaksFile, "summary.json"} {
		a, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(parts, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs after an interruption: %s", name, cmp.Diff(bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))))
		}
	}
}

// dataOf gives the data of the page of a run that has ended.
func dataOf(t *testing.T, run *Run, res *Result) *report.Data {
	t.Helper()
	road, err := run.world.openRoad(run.Dir, run.Files, run.clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := road.close(); err != nil {
			t.Error(err)
		}
	}()
	road.seen = run.road.seen
	run.road = road
	var d *report.Data
	if err := road.db.Read(context.Background(), func(rd *sqlite.Reader) (err error) {
		d, err = run.reportData(rd, res)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return d
}

// checkData holds the parts of the page against each other.
func checkData(t *testing.T, city *City, d *report.Data, res *Result) {
	t.Helper()
	v := reflect.ValueOf(d).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if must0 := name == "Unexplained" || name == "FloatGap" || name == "Failed"; v.Field(i).IsZero() != must0 {
			t.Errorf("%s is %v", name, v.Field(i))
		}
	}
	if !report.Balanced(d) {
		t.Errorf("the page says that the day is not balanced: %+v", report.Checks(d))
	}
	equal := func(what string, a, b int64) {
		t.Helper()
		if a != b {
			t.Errorf("%s: %d and %d", what, a, b)
		}
	}
	var entries, exits, in, out int64
	for _, q := range d.Quarters {
		entries, exits = entries+q.Entries, exits+q.Exits
	}
	for _, s := range d.Stations {
		in, out = in+s.Entries, out+s.Exits
	}
	equal("entries by time and by station", entries, in)
	equal("exits by time and by station", exits, out)
	blocks := d.Blocks.Accepted + d.Blocks.Waiting
	for _, c := range d.Blocks.Refused {
		blocks += c.N
	}
	equal("deliveries and what became of them", d.Blocks.Delivered, blocks)
	var rows, cleared int64
	for _, c := range d.Rows {
		rows += c.N
		if c.Key == "cleared" {
			cleared = c.N
		}
	}
	equal("rows in blocks and at clearing", d.OfflineRows, rows)
	shares := d.Fees[0].Amount
	for _, o := range d.Operators {
		shares += o.Amount
	}
	equal("money cleared and what operators and acquirers got", int64(d.Cleared), int64(shares))
	var items, refunds, breaks int64
	for _, n := range d.Nets {
		items += n.Items
	}
	equal("cleared rows and items of the nets", cleared, items)
	for _, day := range d.Days {
		refunds += day.Refunds
	}
	equal("refunds", res.Refunds, refunds)
	for _, s := range d.States {
		breaks += s.Breaks
	}
	equal("breaks in the sample", min(breaks, report.SampleSize), int64(len(d.Breaks)))
	for _, b := range d.Breaks {
		if b.Verdict.EN == "" || b.Verdict.ZH == "" || b.State == "" {
			t.Errorf("break without its sentence: %+v", b)
		}
	}
	checkFlows(t, city, d)
	checkFiles(t, d)
}

// checkFlows compares rider-metres by operator with those by section.
func checkFlows(t *testing.T, city *City, d *report.Data) {
	t.Helper()
	tracks, err := city.tracks()
	if err != nil {
		t.Fatal(err)
	}
	var byOperator, bySection, carried int64
	for _, o := range d.Operators {
		if o.Name.EN == "" || o.Name.ZH == "" {
			t.Errorf("operator without a name: %+v", o)
		}
		if o.Name.ZH != "公交集团" {
			byOperator += o.Metres
		}
	}
	for _, l := range d.Lines {
		for _, track := range tracks {
			if track.line.Name != l.Name.ZH {
				continue
			}
			for i, m := range track.metres {
				bySection += int64(m) * l.Stops[i].Next
				carried += l.Stops[i].Next
			}
		}
	}
	if byOperator != bySection || carried == 0 {
		t.Errorf("rider-metres: %d by operator, %d by section", byOperator, bySection)
	}
}

func checkFiles(t *testing.T, d *report.Data) {
	t.Helper()
	first, seen := 0, map[string]bool{}
	for _, f := range d.Files {
		if seen[f.Name] || f.Bytes == 0 || len(f.Digest) != 64 || f.Content.ZH == "" || filepath.IsAbs(f.Name) {
			t.Errorf("file %+v", f)
		}
		seen[f.Name] = true
		if !f.Later {
			first++
		}
	}
	for _, want := range []string{"summary.json", "nets.csv", "exceptions.csv", "breaks.csv", openBreaksFile, "files/04031000/IND26111801ICOM", "blocks/020775.blocks"} {
		if !seen[want] {
			t.Errorf("%s is not listed", want)
		}
	}
	if first != 5+2*7+1 || seen["report.html"] {
		t.Errorf("%d files of D listed, want 5 tables, 14 T+1 files and the blocks", first)
	}
}

func TestCarryOnALine(t *testing.T) {
	straight := func() *track {
		return &track{stops: []fare.StationID{5, 6, 7, 8}, metres: []int{10, 20, 30}, carried: make([]int64, 3)}
	}
	loop := func() *track {
		tr := straight()
		tr.line.Loop, tr.metres, tr.carried = true, []int{10, 20, 30, 50}, make([]int64, 4)
		return tr
	}
	for _, c := range []struct {
		what  string
		track *track
		leg   fare.Leg
		want  []int64
	}{
		{"forwards", straight(), fare.Leg{From: 5, To: 7, Metres: 30}, []int64{3, 3, 0}},
		{"backwards", straight(), fare.Leg{From: 8, To: 7, Metres: 30}, []int64{0, 0, 3}},
		{"nowhere", straight(), fare.Leg{From: 6, To: 6}, []int64{0, 0, 0}},
		{"round forwards", loop(), fare.Leg{From: 8, To: 6, Metres: 60}, []int64{3, 0, 0, 3}},
		{"round backwards", loop(), fare.Leg{From: 6, To: 8, Metres: 60}, []int64{3, 0, 0, 3}},
		{"inside a loop", loop(), fare.Leg{From: 7, To: 5, Metres: 30}, []int64{3, 3, 0, 0}},
		{"nowhere on a loop", loop(), fare.Leg{From: 6, To: 6}, []int64{0, 0, 0, 0}},
	} {
		if err := c.track.carry(&c.leg, 3); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if diff := cmp.Diff(c.want, c.track.carried); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
	}
	for what, leg := range map[string]fare.Leg{"other station": {From: 5, To: 99}, "other length": {From: 5, To: 6, Metres: 11}} {
		if err := loop().carry(&leg, 1); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestPassesLeaveLaterDaysOutOfTheQuarters(t *testing.T) {
	var p passes
	at := func(what what, second int32) *followUp {
		return &followUp{event: event{at: second, what: what, metres: 4000}}
	}
	p.count(at(wantEntry, 899), 0)
	p.count(at(wantExit, 900), 7)
	p.count(at(wantExit, 24*3600+5), 2)
	p.count(at(wantBus, 8*3600), 0)
	p.count(at(wantBus, secondsPerDay+12*3600), 0)
	want := passes{from: []uint32{0, 0, 1, 0, 0, 0, 0, 1}, rides: 2, metres: 8000}
	want.entries[0], want.exits[1], want.exits[95], want.buses[32] = 1, 1, 1, 1
	if diff := cmp.Diff(want, p, cmp.AllowUnexported(passes{})); diff != "" {
		t.Error(diff)
	}
}

func TestOpenBreaksFileIsChecked(t *testing.T) {
	for text, days := range map[string]int{
		"": 1, "window,open,amount_fen\n": 1, "window,open,amount_fen\n2026-11-18,1,x\n": 1, "window,open,amount_fen\n2026-11-18,,1\n": 1,
		"window,open,amount_fen\n2026-11-18,1\n": 1, "window,open,amount_fen\n2026-11-18,1,100\n": 2,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, openBreaksFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readOpenBreaks(dir, days); err == nil {
			t.Errorf("%q: %v and no error", text, got)
		}
	}
	if got, err := readOpenBreaks(t.TempDir(), 0); err != nil || got != nil {
		t.Errorf("a new folder: %v, %v", got, err)
	}
	if _, err := readOpenBreaks(t.TempDir(), 1); err == nil {
		t.Error("a lost file: no error")
	}
}

func TestMixedTakesFromEveryGroup(t *testing.T) {
	group := func(state string, n int) (g []report.Break) {
		for i := range n {
			g = append(g, report.Break{State: state, P: uint16(i)})
		}
		return g
	}
	counts := map[string]int{}
	for _, b := range mixed([][]report.Break{nil, group("a", 9), group("b", 2), group("c", 9)}, 10) {
		if int(b.P) != counts[b.State] {
			t.Errorf("break %d of %s out of order", b.P, b.State)
		}
		counts[b.State]++
	}
	if diff := cmp.Diff(map[string]int{"a": 4, "b": 2, "c": 4}, counts); diff != "" {
		t.Error(diff)
	}
}

func TestDelayedRowsAreAddedUp(t *testing.T) {
	var got tally
	got.add(&txn.Row{Kind: txn.Exit, Amount: 300})
	got.add(&txn.Row{Kind: txn.Doubt, Amount: 500})
	if got != (tally{2, 300}) {
		t.Errorf("a paid row of 3 yuan and a doubt row of 5 add up to %+v", got)
	}
}

func TestPercent(t *testing.T) {
	for perMillion, want := range map[int64]string{3500: "0.35%", 5000: "0.5%", 325: "0.0325%", 10_000: "1%", 0: "0%", 1_000_000: "100%"} {
		if got := percent(perMillion); got != want {
			t.Errorf("percent(%d) = %s, want %s", perMillion, got, want)
		}
	}
}
