// Command testsummary reads `go test -json` and says in a few lines what a
// person wants to know: one line a package, the whole output of every test that
// failed, every test that was skipped with its reason, and at the end
//
//	N passed, N failed, N skipped
//
// It fails when a test failed, when a package did not build, when a test began
// and never ended, when no test ran at all, and when a test was skipped that
// skips.txt does not name: a skip nobody expects is a test nobody runs. Subtests
// and examples count as tests.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	short := flag.Bool("short", false, "the tests ran with -short: skips marked short are expected too")
	flag.Parse()
	ok, err := run(*short)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(short bool) (bool, error) {
	list, err := parseSkips(skipsText)
	if err != nil {
		return false, err
	}
	return summarise(os.Stdin, os.Stdout, list, short)
}
