package migrate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/citycard/citycard/store/migrate"
)

func files(pairs ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fsys["m/"+pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

func load(t *testing.T, pairs ...string) []migrate.Migration {
	t.Helper()
	list, err := migrate.Load(files(pairs...), "m")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// memory is a target that remembers what it was told.
type memory struct {
	records []migrate.Record
	sql     []string
	failAt  int
}

func (m *memory) Applied() ([]migrate.Record, error) { return m.records, nil }

func (m *memory) Apply(step migrate.Migration) error {
	if step.Number == m.failAt {
		return errors.New("syntax error")
	}
	m.records = append(m.records, migrate.Record{Number: step.Number, Name: step.Name, Hash: step.Hash})
	m.sql = append(m.sql, step.SQL)
	return nil
}

func TestLoadReadsNumbersAndNotes(t *testing.T) {
	list := load(t, "0002_more.sql", "-- note: more tables\nB", "0001_first.sql", "-- note: the first\nA")
	if len(list) != 2 || list[0].String() != "0001 first: the first" || list[1].Name != "more" || list[1].SQL != "-- note: more tables\nB" {
		t.Fatalf("%v", list)
	}
	if len(list[0].Hash) != 64 || list[0].Hash == list[1].Hash {
		t.Fatalf("hashes %s, %s", list[0].Hash, list[1].Hash)
	}
}

func TestLoadRefusesABadList(t *testing.T) {
	for _, c := range []struct {
		name string
		fsys fstest.MapFS
		text string
	}{
		{"gap", files("0001_a.sql", "-- note: a\n", "0003_b.sql", "-- note: b\n"), "want number 0002"},
		{"not from one", files("0002_a.sql", "-- note: a\n"), "want number 0001"},
		{"twice", files("0001_a.sql", "-- note: a\n", "0001_b.sql", "-- note: b\n"), "want number 0002"},
		{"odd name", files("1_a.sql", "-- note: a\n"), "name it like"},
		{"other file", files("README", "words"), "name it like"},
		{"no note", files("0001_a.sql", "CREATE TABLE t (x)"), "-- note:"},
		{"empty note", files("0001_a.sql", "-- note:   \nX"), "-- note:"},
		{"empty file", files("0001_a.sql", ""), "empty"},
		{"too long", files("0001_a.sql", "-- note: a\n"+strings.Repeat("-", 1<<20)), "at most"},
	} {
		_, err := migrate.Load(c.fsys, "m")
		if !errors.Is(err, migrate.ErrBadList) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
	if _, err := migrate.Load(fstest.MapFS{}, "missing"); err == nil {
		t.Error("a missing folder was read")
	}
}

func TestRunTakesEachStepOnce(t *testing.T) {
	two := load(t, "0001_a.sql", "-- note: a\n", "0002_b.sql", "-- note: b\n")
	target := &memory{}
	taken, err := migrate.Run(target, two[:1])
	if err != nil || len(taken) != 1 {
		t.Fatalf("%v, %v", taken, err)
	}
	taken, err = migrate.Run(target, two)
	if err != nil || len(taken) != 1 || taken[0].Name != "b" {
		t.Fatalf("%v, %v", taken, err)
	}
	if taken, err = migrate.Run(target, two); err != nil || len(taken) != 0 {
		t.Fatalf("%v, %v", taken, err)
	}
	if !slices.Equal(target.sql, []string{"-- note: a\n", "-- note: b\n"}) {
		t.Fatalf("ran %q", target.sql)
	}
}

func TestPlanRefusesWhatWouldLoseData(t *testing.T) {
	list := load(t, "0001_a.sql", "-- note: a\n", "0002_b.sql", "-- note: b\n")
	a := migrate.Record{Number: 1, Name: "a", Hash: list[0].Hash}
	for _, c := range []struct {
		name    string
		list    []migrate.Migration
		applied []migrate.Record
		want    error
	}{
		{"newer database", list[:1], []migrate.Record{a, {Number: 2, Name: "b", Hash: list[1].Hash}}, migrate.ErrNewer},
		{"altered text", list, []migrate.Record{{Number: 1, Name: "a", Hash: "00"}}, migrate.ErrAltered},
		{"renamed step", list, []migrate.Record{{Number: 1, Name: "x", Hash: list[0].Hash}}, migrate.ErrAltered},
		{"missing record", list, []migrate.Record{{Number: 2, Name: "b", Hash: list[1].Hash}}, migrate.ErrAltered},
	} {
		if todo, err := migrate.Plan(c.list, c.applied); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", c.name, todo, err)
		}
		target := &memory{records: c.applied}
		if _, err := migrate.Run(target, c.list); !errors.Is(err, c.want) || len(target.sql) != 0 {
			t.Errorf("%s: ran %q, error %v", c.name, target.sql, err)
		}
	}
}

func TestFailedStepIsNamed(t *testing.T) {
	list := load(t, "0001_a.sql", "-- note: a\n", "0002_b.sql", "-- note: b\n")
	target := &memory{failAt: 2}
	_, err := migrate.Run(target, list)
	if err == nil || !strings.Contains(err.Error(), "0002 b: syntax error") {
		t.Fatalf("error %v", err)
	}
	if len(target.records) != 1 {
		t.Fatalf("records %v", target.records)
	}
}

func ExamplePlan() {
	list := []migrate.Migration{
		{Number: 1, Name: "ledger", Note: "accounts and transfers", Hash: "aa"},
		{Number: 2, Name: "recon", Note: "timelines", Hash: "bb"},
	}
	todo, err := migrate.Plan(list, []migrate.Record{{Number: 1, Name: "ledger", Hash: "aa"}})
	fmt.Println(todo, err)
	// Output: [0002 recon: timelines] <nil>
}
