package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const printed = `goos: linux
BenchmarkTap/sm-2         	    3000	    410000 ns/op	     900 B/op
BenchmarkTap/sm-2         	    3000	    430000 ns/op	     900 B/op
BenchmarkTap/sm-2         	    3000	    420000 ns/op	     900 B/op
BenchmarkTap/3des-2       	    2000	   1000000 ns/op
BenchmarkTap/3des-2       	    2000	    800000 ns/op
BenchmarkTapping-2        	    2000	         1 ns/op
BenchmarkPost 	 50	 60000000 ns/op	 131000.5 transfers/s
PASS
`

func targets(t *testing.T, text string) []target {
	t.Helper()
	list, err := parseTargets(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTable(t *testing.T) {
	list := targets(t, `
./gate   BenchmarkTap/sm      ns/op        lower   600000  1s
./gate   BenchmarkTap/3.*     ns/op        lower   600000  1s
./store  BenchmarkPost        transfers/s  higher  120000  50x
`)
	var all []series
	for _, target := range list {
		all = append(all, collect(target, printed)...)
	}
	var out strings.Builder
	missed, err := writeTable(&out, all)
	if err != nil || missed != 1 {
		t.Errorf("%d missed, %v", missed, err)
	}
	want := `package  benchmark  metric       median   lowest   highest    target            ratio  
gate     Tap/sm     ns/op        420,000  410,000  430,000    at most 600,000   1.43   met
gate     Tap/3des   ns/op        900,000  800,000  1,000,000  at most 600,000   0.67   MISSED
store    Post       transfers/s  131,000  131,000  131,000    at least 120,000  1.09   met
`
	if out.String() != want {
		t.Errorf("table:\n%s", &out)
	}
}

func TestCollectTakesOnlyItsOwn(t *testing.T) {
	one := targets(t, "./gate BenchmarkTap ns/op lower 1 1s\n./gate BenchmarkPost MB/s higher 1 1s\n")
	for _, target := range one {
		if got := collect(target, printed); len(got) != 0 {
			t.Errorf("%s %s: %v", target.benchmark, target.metric, got)
		}
	}
	if got := targets(t, "./a Benchmark(A|B)/x ns/op lower 1 1s")[0].flag(); got != "^(Benchmark(A|B))$/^(x)$" {
		t.Errorf("flag %s", got)
	}
}

func TestBrokenTargets(t *testing.T) {
	for text, want := range map[string]string{
		"./a B ns/op lower 1":          "line 1: 5 fields",
		"./a B ns/op lower 1 1s often": "line 1: 7 fields",
		"a B ns/op lower 1 1s":         "begin with ./",
		"\n./a B ns/op less 1 1s":      "line 2: better",
		"./a B ns/op lower 0 1s":       "above 0",
		"./a B ns/op lower a-lot 1s":   "above 0",
		"./a B( ns/op lower 1 1s":      "benchmark \"B(\"",
		"./a B/( ns/op higher 1 100x":  "benchmark \"B/(\"",
	} {
		if _, err := parseTargets(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

var benchmarkFunc = regexp.MustCompile(`(?m)^func (Benchmark\w*)\(`)

// TestTargetsAreThere finds targets whose benchmark was renamed or never written,
// without running any.
func TestTargetsAreThere(t *testing.T) {
	text, err := os.ReadFile("targets.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := targets(t, string(text))
	if len(list) == 0 {
		t.Fatal("targets.txt is empty")
	}
	for _, target := range list {
		files, err := filepath.Glob(filepath.Join("..", target.pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		top, _, _ := strings.Cut(target.benchmark, "/")
		pattern := regexp.MustCompile("^(?:" + top + ")$")
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range benchmarkFunc.FindAllSubmatch(source, -1) {
				found = found || pattern.Match(m[1])
			}
		}
		if !found {
			t.Errorf("%s has no benchmark %s", target.pkg, top)
		}
	}
}

func TestOnly(t *testing.T) {
	for only, want := range map[string]int{"": 16, "sqlite": 1, "Row(En|De)code": 2, "ReconCity": 6} {
		if list, err := readTargets(options{targets: "targets.txt", only: only}); err != nil || len(list) != want {
			t.Errorf("-only %q: %d targets, %v", only, len(list), err)
		}
	}
	for _, only := range []string{"nothing-like-it", "("} {
		if err := run(options{targets: "targets.txt", only: only}, io.Discard, io.Discard); err == nil {
			t.Errorf("-only %q: no error", only)
		}
	}
	if _, err := readTargets(options{targets: "gone.txt"}); err == nil {
		t.Error("a missing file of targets was read")
	}
}

func TestFacts(t *testing.T) {
	if got := fieldIn("processor : 0\nmodel name\t: A Chip\nmodel name : other\n", "model name"); got != "A Chip" {
		t.Errorf("model %q", got)
	}
	if got := fieldIn("", "model name"); got != "unknown" {
		t.Errorf("model %q", got)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0.25: "0.25", 99.94: "99.9", 100: "100", 1234.4: "1,234", 123456: "123,456", 1234567: "1,234,567"} {
		if got := number(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
