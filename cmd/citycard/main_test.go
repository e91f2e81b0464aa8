package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"citycard": main})
}

// TestScripts runs testdata/script: each file is a session at the shell, in which
// $EXAMPLES is the folder of examples, $TRACES that of recorded conversations.
func TestScripts(t *testing.T) {
	examples, err := filepath.Abs(filepath.Join(moduleRoot, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	traces, err := filepath.Abs(filepath.Join(moduleRoot, "testdata", "card-traces"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLES", examples)
			e.Setenv("TRACES", traces)
			return nil
		},
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "filesamples": fileSamples, "spoil": spoil, "huge": huge, "onlyfigures": onlyFigures, "freeaddress": setFreeAddress},
	})
}
