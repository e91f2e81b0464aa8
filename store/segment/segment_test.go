package segment

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestBlocksComeBackAfterReopening(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	blocks := [][]byte{[]byte("first"), bytes.Repeat([]byte{7}, flushAt+3), []byte("third")}
	var places []int64
	for _, b := range blocks {
		at, err := s.Append(20, b)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, at)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range blocks {
		got, err := s.Read(20, places[i], len(b))
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("block %d: %v", i, err)
		}
	}
}

func TestBeginCutsOffWhatTheDatabaseDoesNotKnow(t *testing.T) {
	dir := t.TempDir()
	s, _ := Open(dir)
	if err := os.WriteFile(s.Path(3), []byte("knowntorn"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(3, 5); err != nil {
		t.Fatal(err)
	}
	if at, err := s.Append(3, []byte("next")); err != nil || at != 5 {
		t.Fatalf("place %d, %v", at, err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(s.Path(3))
	if err != nil || string(b) != "knownnext" {
		t.Errorf("file holds %q, %v", b, err)
	}
	if err := s.Begin(3, 99); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a file shorter than the database says: %v", err)
	}
}
