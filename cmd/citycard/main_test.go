package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"citycard": main})
}

// TestScripts runs testdata/script: each file is a session at the shell.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "filesamples": fileSamples, "spoil": spoil, "huge": huge, "onlyfigures": onlyFigures, "freeaddress": setFreeAddress},
	})
}
