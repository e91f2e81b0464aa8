package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dayArgs is a small city that has everything in it.
func dayArgs(out string, more ...string) []string {
	return append([]string{"day", "--riders", "800", "--seed", "3", "--mix", "bank=50,quota=30,tunion=20", "--quiet", "--out", out}, more...)
}

// citycard is the program under test as a process of its own: TestMain puts it
// into the path.
func citycard(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("citycard")
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, args...)
}

func mustRun(t testing.TB, args ...string) time.Duration {
	t.Helper()
	started := time.Now()
	if out, err := citycard(t, args...).CombinedOutput(); err != nil {
		t.Fatalf("citycard %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return time.Since(started)
}

// killed runs the program and kills it after a while; it reports false if the
// program ended before.
func killed(t testing.TB, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := citycard(t, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // an error says that it has ended
	err := cmd.Wait()
	timer.Stop()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.ExitCode() == -1:
		return true
	}
	t.Fatalf("before it was killed: %v\n%s", err, out.Bytes())
	return false
}

// tree is what a finished run left: by name the hash of a file, of a database the
// hash of its dump.
func tree(t testing.TB, dir string) map[string][32]byte {
	t.Helper()
	sums := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		for _, part := range []string{".tmp", ".part", "spool-", "-wal", "-shm", "-journal"} {
			if strings.Contains(name, part) {
				t.Errorf("%s was left lying about", name)
			}
		}
		content, err := os.ReadFile(path)
		if strings.HasSuffix(name, ".db") && err == nil {
			content, err = citycard(t, "files", "dump", path).Output()
		}
		sums[name] = sha256.Sum256(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func sameTree(t testing.TB, what string, want, got map[string][32]byte) {
	t.Helper()
	for name := range want {
		if _, there := got[name]; !there {
			t.Errorf("%s: %s is missing", what, name)
		} else if got[name] != want[name] {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	for name := range got {
		if _, there := want[name]; !there {
			t.Errorf("%s: %s is too many", what, name)
		}
	}
}

// A run that is killed at any moments, and as often as that, and then resumed
// leaves the same files as one that is left alone.
func TestKilledRunsEndInTheSameFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a dozen runs")
	}
	whole := filepath.Join(t.TempDir(), "whole")
	alone := mustRun(t, dayArgs(whole)...)
	want := tree(t, whole)
	if len(want) < 30 {
		t.Fatalf("only %d files in a whole run", len(want))
	}
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	total := 0
	for _, series := range []int{1, 3, 8} {
		out := filepath.Join(t.TempDir(), "city")
		var moments []time.Duration
		for n := range series {
			// The first tenth passes before anything is written. Kills late in a run
			// meet the closes of the days.
			share := 0.1 + (0.9*float64(n)+0.9*rnd.Float64())/float64(series)
			at := time.Duration(share * float64(alone))
			if !killed(t, at, dayArgs(out, "--resume")...) {
				break
			}
			moments = append(moments, at.Round(time.Millisecond))
		}
		total += len(moments)
		t.Logf("run of %v killed after %v", alone.Round(time.Millisecond), moments)
		mustRun(t, dayArgs(out, "--resume")...)
		sameTree(t, "after kills", want, tree(t, out))
	}
	for out := filepath.Join(t.TempDir(), "late"); total < 12; total++ { // fast runs escaped
		if !killed(t, alone/4+time.Duration(rnd.Int64N(int64(alone/2))), dayArgs(out, "--resume")...) {
			sameTree(t, "after late kills", want, tree(t, out))
			out = filepath.Join(t.TempDir(), "again")
		}
	}

	// A finished run that is resumed ends in the same files, other options are refused.
	again := mustRun(t, dayArgs(whole, "--resume")...)
	for range 2 { // something else may keep the machine busy meanwhile
		again = min(again, mustRun(t, dayArgs(whole, "--resume")...))
	}
	sameTree(t, "resumed when it had ended", want, tree(t, whole))
	if again > alone*2/3 {
		t.Errorf("a run of %v took %v to resume when it had ended", alone, again)
	}
	for _, other := range [][]string{{"--seed", "4"}, {"--riders", "801"}, {"--profile", "3des"}, {"--date", "2026-11-19"}, {"--mix", "bank=50,quota=31,tunion=20"}} {
		args := append(dayArgs(whole, "--resume"), other...)
		out, err := citycard(t, args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitRefused || !bytes.Contains(out, []byte("the folder holds another run")) || !bytes.Contains(out, []byte("hint: ")) {
			t.Errorf("resumed with %v: %v\n%s", other, err, out)
		}
	}
	sameTree(t, "after refusals", want, tree(t, whole))
	out, err := citycard(t, dayArgs(whole)...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitRefused || !bytes.Contains(out, []byte("not empty")) || !bytes.Contains(out, []byte("--resume")) {
		t.Errorf("begun anew in a folder that is in use: %v\n%s", err, out)
	}
	sameTree(t, "after a refusal", want, tree(t, whole))
}
