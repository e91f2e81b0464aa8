package main

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed skips.txt
var skipsText string

// skipList is which tests may be skipped, by "package test".
type skipList map[string]skipRow

type skipRow struct {
	short  bool // only when the tests ran with -short
	reason string
}

// parseSkips reads lines "always|short package test reason"; # begins a comment.
func parseSkips(text string) (skipList, error) {
	list := skipList{}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != "always" && f[0] != "short" {
			return nil, fmt.Errorf("skips.txt line %d: %q: write always or short, the package, the test and the reason", i+1, line)
		}
		key := f[1] + " " + f[2]
		if _, twice := list[key]; twice {
			return nil, fmt.Errorf("skips.txt line %d: %s is named twice", i+1, key)
		}
		list[key] = skipRow{short: f[0] == "short", reason: strings.Join(f[3:], " ")}
	}
	return list, nil
}

func (l skipList) allows(pkg, test string, short bool) (string, bool) {
	row, ok := l[pkg+" "+test]
	return row.reason, ok && (short || !row.short)
}
