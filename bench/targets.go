package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// target is one promise.
type target struct {
	pkg       string // "./wire/tlv"
	benchmark string // pattern of the whole name, parts divided by "/"
	metric    string // unit as the benchmark prints it: "ns/op", "MB/s", ...
	higher    bool   // whether more is better
	want      float64
	benchtime string // as for go test: "1s" or "50x"
	named     bool   // takes minutes: measured once, and only if -only is given and fits

	name *regexp.Regexp // the whole name, without the number of processors
}

// parseTargets reads the lines of targets.txt.
func parseTargets(text string) ([]target, error) {
	var list []target
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		t, err := parseTarget(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("targets.txt line %d: %w", i+1, err)
		}
		list = append(list, t)
	}
	return list, nil
}

func parseTarget(f []string) (target, error) {
	if len(f) != 6 && (len(f) != 7 || f[6] != "named") {
		return target{}, fmt.Errorf("%d fields, want package, benchmark, metric, better, target, benchtime and nothing or \"named\"", len(f))
	}
	t := target{pkg: f[0], benchmark: f[1], metric: f[2], higher: f[3] == "higher", benchtime: f[5], named: len(f) == 7}
	if !strings.HasPrefix(t.pkg, "./") {
		return t, fmt.Errorf("package %q: begin with ./", t.pkg)
	}
	if f[3] != "higher" && f[3] != "lower" {
		return t, fmt.Errorf("better %q: write higher or lower", f[3])
	}
	var err error
	if t.want, err = strconv.ParseFloat(f[4], 64); err != nil || t.want <= 0 {
		return t, fmt.Errorf("target %q: write a number above 0", f[4])
	}
	if t.name, err = regexp.Compile("^(?:" + strings.ReplaceAll(t.benchmark, "/", ")/(?:") + ")$"); err != nil {
		return t, fmt.Errorf("benchmark %q: %w", t.benchmark, err)
	}
	return t, nil
}

// flag is the pattern for go test -bench: every part stands for the whole name.
func (t target) flag() string {
	parts := strings.Split(t.benchmark, "/")
	for i, p := range parts {
		parts[i] = "^(" + p + ")$"
	}
	return strings.Join(parts, "/")
}
