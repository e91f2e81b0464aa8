package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of go test -json (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

type testID struct{ pkg, test string }

// summary is what has been read so far.
type summary struct {
	w       io.Writer
	passed  int
	failed  int
	output  map[testID]*bytes.Buffer // of what has not ended, test "" for the package
	builds  map[string]*bytes.Buffer // compiler's words by import path
	perPkg  map[string]int           // failures reported for a package
	counts  map[string]int           // tests that ended, by package
	skipped []skipped
	bare    []string // packages without tests
}

type skipped struct {
	testID
	words string
}

// summarise reads events until the end and says whether all is well. The error is
// about reading, not about the tests.
func summarise(r io.Reader, w io.Writer, allowed skipList, short bool) (bool, error) {
	s := &summary{
		w: w, output: map[testID]*bytes.Buffer{}, builds: map[string]*bytes.Buffer{},
		perPkg: map[string]int{}, counts: map[string]int{},
	}
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprintf(w, "%s\n", bytes.TrimRight(line, "\n"))
			} else {
				s.take(e)
			}
		}
		if err == io.EOF {
			return s.end(allowed, short), nil
		}
		if err != nil {
			return false, fmt.Errorf("reading the output of go test: %w", err)
		}
	}
}

func (s *summary) take(e event) {
	id := testID{e.Package, e.Test}
	switch e.Action {
	case "run", "start":
		s.output[id] = &bytes.Buffer{}
	case "output":
		if b := s.output[id]; b != nil {
			b.WriteString(e.Output)
		}
	case "build-output":
		if s.builds[e.ImportPath] == nil {
			s.builds[e.ImportPath] = &bytes.Buffer{}
		}
		s.builds[e.ImportPath].WriteString(e.Output)
	case "build-fail":
		if b := s.builds[e.ImportPath]; b != nil {
			fmt.Fprintf(s.w, "DOES NOT BUILD %s\n%s", e.ImportPath, b)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(e)
		} else {
			s.endTest(e, id)
		}
	}
}

func (s *summary) endTest(e event, id testID) {
	words := ""
	if b := s.output[id]; b != nil {
		words = b.String()
	}
	delete(s.output, id)
	s.counts[id.pkg]++
	switch e.Action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped = append(s.skipped, skipped{id, reasonIn(words)})
	case "fail":
		s.fail(id, words)
	}
}

func (s *summary) fail(id testID, words string) {
	s.failed++
	s.perPkg[id.pkg]++
	fmt.Fprintf(s.w, "FAIL %s %s\n%s", id.pkg, id.test, words)
}

// endPackage also accounts for tests that never ended, because one of them
// crashed, hung or left the process.
func (s *summary) endPackage(e event) {
	own := s.output[testID{e.Package, ""}]
	delete(s.output, testID{e.Package, ""})
	for _, id := range s.unfinished(e.Package) {
		words := s.output[id].String()
		delete(s.output, id)
		s.fail(id, words+"    it began and did not end\n")
	}
	switch {
	case e.Action == "skip":
		s.bare = append(s.bare, e.Package)
		return
	case e.Action == "fail" && s.perPkg[e.Package] == 0:
		words := ""
		if own != nil {
			words = own.String()
		}
		s.fail(testID{e.Package, "(package)"}, words)
	}
	mark := "ok  "
	if s.perPkg[e.Package] > 0 {
		mark = "FAIL"
	}
	fmt.Fprintf(s.w, "%s %7.2fs %5d tests  %s\n", mark, e.Elapsed, s.counts[e.Package], e.Package)
}

func (s *summary) unfinished(pkg string) []testID {
	var list []testID
	for id := range s.output {
		if id.pkg == pkg && id.test != "" {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, func(a, b testID) int { return strings.Compare(a.test, b.test) })
	return list
}

// end prints the totals. Packages that never reported an end are failures too:
// go test itself was stopped.
func (s *summary) end(allowed skipList, short bool) bool {
	var open []string
	for id := range s.output {
		if !slices.Contains(open, id.pkg) {
			open = append(open, id.pkg)
		}
	}
	slices.Sort(open)
	for _, pkg := range open {
		s.endPackage(event{Action: "fail", Package: pkg})
	}
	if len(s.bare) > 0 {
		fmt.Fprintf(s.w, "no tests in %s\n", strings.Join(s.bare, " "))
	}
	unexpected := 0
	for _, k := range s.skipped {
		reason, ok := allowed.allows(k.pkg, k.test, short)
		if ok {
			fmt.Fprintf(s.w, "SKIPPED %s %s: %s (expected: %s)\n", k.pkg, k.test, k.words, reason)
			continue
		}
		unexpected++
		fmt.Fprintf(s.w, "SKIPPED AND NOT EXPECTED %s %s: %s\n", k.pkg, k.test, k.words)
	}
	if unexpected > 0 {
		fmt.Fprintf(s.w, "%d skips are not expected: make them run, or name them with a reason in internal/lint/testsummary/skips.txt\n", unexpected)
	}
	if s.passed+s.failed == 0 {
		fmt.Fprintln(s.w, "no test ran at all")
	}
	fmt.Fprintf(s.w, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, len(s.skipped))
	return s.failed == 0 && unexpected == 0 && s.passed > 0
}

// reasonIn finds what a test said when it was skipped: the last line that is not
// the frame of the testing package.
func reasonIn(words string) string {
	reason := "no reason given"
	for _, line := range strings.Split(words, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			if _, said, ok := strings.Cut(text, ": "); ok {
				line = said
			}
		}
		reason = line
	}
	return reason
}
