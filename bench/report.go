package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// series are the values of one metric of one benchmark, one a run.
type series struct {
	target target
	name   string // "BenchmarkTap/sm"
	values []float64
}

// resultLine is a line of a benchmark: name, processors, rounds, then pairs of
// value and unit.
var resultLine = regexp.MustCompile(`^(Benchmark\S*?)(?:-\d+)?\s+\d+\s+(.+)$`)

// collect finds the values that belong to a target in what go test printed, one
// series a benchmark, in order of appearance.
func collect(t target, output string) []series {
	var list []series
	for _, line := range strings.Split(output, "\n") {
		m := resultLine.FindStringSubmatch(line)
		if m == nil || !t.name.MatchString(m[1]) {
			continue
		}
		value, ok := valueOf(strings.Fields(m[2]), t.metric)
		if !ok {
			continue
		}
		i := slices.IndexFunc(list, func(s series) bool { return s.name == m[1] })
		if i < 0 {
			i = len(list)
			list = append(list, series{target: t, name: m[1]})
		}
		list[i].values = append(list[i].values, value)
	}
	return list
}

func valueOf(pairs []string, unit string) (float64, bool) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != unit {
			continue
		}
		v, err := strconv.ParseFloat(pairs[i], 64)
		return v, err == nil
	}
	return 0, false
}

// median is the middle value, or the mean of the two in the middle.
func (s series) median() float64 {
	v := slices.Sorted(slices.Values(s.values))
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

// ratio is how many times better than the target the median is; 1 is on target.
func (s series) ratio() float64 {
	if s.target.higher {
		return s.median() / s.target.want
	}
	return s.target.want / s.median()
}

// writeTable prints one line a series and says how many targets were missed.
func writeTable(w io.Writer, list []series) (missed int, err error) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "package\tbenchmark\tmetric\tmedian\tlowest\thighest\ttarget\tratio\t")
	for _, s := range list {
		bound, verdict := "at most ", "met"
		if s.target.higher {
			bound = "at least "
		}
		if s.ratio() < 1 {
			verdict = "MISSED"
			missed++
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s%s\t%.2f\t%s\n", strings.TrimPrefix(s.target.pkg, "./"), strings.TrimPrefix(s.name, "Benchmark"),
			s.target.metric, number(s.median()), number(slices.Min(s.values)), number(slices.Max(s.values)), bound, number(s.target.want), s.ratio(), verdict)
	}
	if err := tw.Flush(); err != nil {
		return missed, fmt.Errorf("writing the table: %w", err)
	}
	return missed, nil
}

// number keeps three digits of small values and groups the digits of large ones.
func number(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
