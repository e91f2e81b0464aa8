package cardstate_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/role/cardstate"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, path string) *cardstate.File {
	t.Helper()
	f, err := cardstate.Open(path, "card state")
	check(t, err)
	return f
}

// TestLifeOfAFile: made, opened, changed, opened again.
func TestLifeOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.card")
	f := open(t, path)
	if !f.Fresh() || len(f.Memory()) != 0 {
		t.Errorf("a file that is not there: fresh %v, memory %X", f.Fresh(), f.Memory())
	}
	check(t, f.Describe([]byte("which")))
	check(t, f.Store([]byte{1, 2, 3}))
	check(t, f.Store([]byte{1, 2, 3}))
	check(t, f.Store([]byte{4}))
	if f.Fresh() || f.Number() != 2 {
		t.Errorf("after two changes: fresh %v, number %d", f.Fresh(), f.Number())
	}
	check(t, f.Close())
	check(t, f.Close())
	if err := f.Store([]byte{5}); err == nil {
		t.Error("a closed file is written")
	}
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the card: %v", info.Mode())
	}
	f = open(t, path)
	if f.Fresh() || f.Number() != 2 || string(f.Description()) != "which" || !bytes.Equal(f.Memory(), []byte{4}) {
		t.Errorf("opened again: %d, %q, %X", f.Number(), f.Description(), f.Memory())
	}
	check(t, f.Close())
}

// TestCreateNeverOverwrites a card.
func TestCreateNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.card")
	check(t, cardstate.Create(path, "card state", []byte("one"), []byte{1}))
	if err := cardstate.Create(path, "card state", []byte("two"), []byte{2}); !errors.Is(err, cardstate.ErrExists) {
		t.Errorf("second card of the same name: %v", err)
	}
	f := open(t, path)
	if string(f.Description()) != "one" || !bytes.Equal(f.Memory(), []byte{1}) {
		t.Errorf("%q, %X", f.Description(), f.Memory())
	}
	check(t, f.Close())
}

// TestOneAtATime: a second opener is refused until the first has closed.
func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.card")
	f := open(t, path)
	if _, err := cardstate.Open(path, "card state"); !errors.Is(err, cardstate.ErrLocked) {
		t.Errorf("a second opener: %v", err)
	}
	check(t, f.Close())
	check(t, open(t, path).Close())
}

// TestCutWrites: whatever a write that was cut off leaves beside the file, the old
// state is there; a file that is itself cut or altered is refused and kept.
func TestCutWrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.card")
	check(t, cardstate.Create(path, "card state", []byte("which"), bytes.Repeat([]byte{7}, 100)))
	whole, err := os.ReadFile(path)
	check(t, err)
	for n := 0; n <= len(whole); n += 9 {
		check(t, os.WriteFile(path+".tmp", whole[:n], 0o600))
		f := open(t, path)
		if f.Number() != 1 || len(f.Memory()) != 100 {
			t.Fatalf("a new file cut at %d: %d, %X", n, f.Number(), f.Memory())
		}
		check(t, f.Close())
		if _, err := os.Stat(path + ".tmp"); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the cut file is still there: %v", err)
		}
	}
	for n := range len(whole) {
		altered := bytes.Clone(whole)
		altered[n] ^= 0x10
		for what, b := range map[string][]byte{"cut": whole[:n], "altered": altered} {
			check(t, os.WriteFile(path, b, 0o600))
			if _, err := cardstate.Open(path, "card state"); !errors.Is(err, cardstate.ErrState) {
				t.Fatalf("%s at %d: %v", what, n, err)
			}
			if kept, err := os.ReadFile(path); err != nil || !bytes.Equal(kept, b) {
				t.Fatalf("%s at %d: the file was changed, %v", what, n, err)
			}
		}
	}
}

// TestRefusedFileIsLeftAlone: nothing appears or disappears beside a file that is none of
// ours, and the error says what the caller wanted it to be.
func TestRefusedFileIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "passwd")
	check(t, os.WriteFile(path, []byte("root:x:0:0\n"), 0o600))
	check(t, os.WriteFile(path+".tmp", []byte("somebody's"), 0o600))
	check(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for _, name := range []string{path, filepath.Join(dir, "folder")} {
		_, err := cardstate.Open(name, "gate memory")
		if err == nil || !strings.HasPrefix(err.Error(), "gate memory "+name+": ") || strings.Contains(err.Error(), "card") {
			t.Errorf("%s: %v", name, err)
		}
		if errors.Is(err, cardstate.ErrState) != (name == path) {
			t.Errorf("%s: %v is of another kind", name, err)
		}
	}
	// A lock that is there already, of an earlier file of this name, changes nothing.
	check(t, os.WriteFile(filepath.Join(dir, "old.lock"), nil, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "old"), []byte("none of ours"), 0o600))
	if _, err := cardstate.Open(filepath.Join(dir, "old"), "card state"); !errors.Is(err, cardstate.ErrState) {
		t.Errorf("beside a lock: %v", err)
	}
	list, err := os.ReadDir(dir)
	check(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "folder old old.lock passwd passwd.tmp" {
		t.Errorf("in the folder: %s", got)
	}
}

// TestFailedStoreIsFinal: after a state could not be written nothing is certain,
// so the card may not go on.
func TestFailedStoreIsFinal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	check(t, os.Mkdir(dir, 0o700))
	f := open(t, filepath.Join(dir, "a.card"))
	check(t, f.Store([]byte{1}))
	check(t, os.RemoveAll(dir))
	first := f.Store([]byte{2})
	check(t, os.Mkdir(dir, 0o700))
	if second := f.Store([]byte{3}); first == nil || !errors.Is(second, first) {
		t.Errorf("%v, then %v", first, second)
	}
	check(t, f.Close())
}

// TestLimits: what is too long is refused when it is written.
func TestLimits(t *testing.T) {
	for name, s := range map[string]cardstate.State{
		"number 0":    {Description: []byte("x")},
		"description": {Number: 1, Description: make([]byte, cardstate.MaxDescription+1)},
		"memory":      {Number: 1, Memory: make([]byte, cardstate.MaxMemory+1)},
	} {
		if out, err := s.Append([]byte{9}); !errors.Is(err, cardstate.ErrState) || len(out) != 1 {
			t.Errorf("%s: %v, %d bytes", name, err, len(out))
		}
	}
	largest := cardstate.State{Number: 1, Description: make([]byte, cardstate.MaxDescription), Memory: make([]byte, cardstate.MaxMemory)}
	b, err := largest.Append(nil)
	check(t, err)
	if _, err := cardstate.Parse(b); err != nil {
		t.Errorf("the largest state: %v", err)
	}
	if _, err := cardstate.Parse(append(b, 0)); !errors.Is(err, cardstate.ErrState) {
		t.Errorf("one byte more: %v", err)
	}
	other := bytes.Clone(b)
	other[7] = 2
	if _, err := cardstate.Parse(other); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("another version: %v", err)
	}
}

// FuzzParse: what is taken is written back as it was.
func FuzzParse(f *testing.F) {
	s := cardstate.State{Number: 7, Description: []byte("which"), Memory: []byte{1, 2, 3}}
	b, err := s.Append(nil)
	check(f, err)
	f.Add(b)
	f.Add(b[:30])
	f.Add([]byte("CCVCARD\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := cardstate.Parse(b)
		if err != nil {
			if !errors.Is(err, cardstate.ErrState) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if again, err := s.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%X becomes %X, %v", b, again, err)
		}
	})
}
