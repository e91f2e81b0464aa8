package migrate

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

var (
	// ErrAltered says that a step was changed after a database had taken it.
	ErrAltered = errors.New("a past migration was altered")
	// ErrNewer says that the database has taken steps this program does not have.
	ErrNewer = errors.New("the database is newer than this program")
	// ErrBadList says that the list of files itself is wrong.
	ErrBadList = errors.New("bad list of migrations")
)

// maxFile is the largest migration file in bytes.
const maxFile = 1 << 20

// Migration is one numbered step.
type Migration struct {
	Number int    // 1, 2, 3 ... without a gap
	Name   string // the part of the file name after the number
	Note   string // what the step is for, from its first line
	SQL    string // the whole file
	Hash   string // SHA-256 of the file in hexadecimal
}

// String gives "0001 ledger: note".
func (m Migration) String() string { return fmt.Sprintf("%04d %s: %s", m.Number, m.Name, m.Note) }

// Record is a step that a database has taken.
type Record struct {
	Number int
	Name   string
	Hash   string
}

// Target is a database that can be brought forward. The whole of Run happens in
// one transaction of the target.
type Target interface {
	// Applied lists the steps taken, in order of number. A new database has none.
	Applied() ([]Record, error)
	// Apply runs the SQL of one step and records it.
	Apply(m Migration) error
}

var fileName = regexp.MustCompile(`^([0-9]{4})_([a-z0-9_]+)\.sql$`)

// Load reads the steps from a folder. Every file in it must be a step.
func Load(fsys fs.FS, dir string) ([]Migration, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	list := make([]Migration, 0, len(entries))
	for i, e := range entries {
		parts := fileName.FindStringSubmatch(e.Name())
		if parts == nil {
			return nil, fmt.Errorf("%w: %s: name it like 0001_ledger.sql", ErrBadList, e.Name())
		}
		number, err := strconv.Atoi(parts[1])
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("%w: %s: want number %04d here, each number once and no gap", ErrBadList, e.Name(), i+1)
		}
		text, err := fs.ReadFile(fsys, path.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", e.Name(), err)
		}
		m, err := parse(number, parts[2], text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBadList, e.Name(), err)
		}
		list = append(list, m)
	}
	return list, nil
}

func parse(number int, name string, text []byte) (Migration, error) {
	if len(text) > maxFile {
		return Migration{}, fmt.Errorf("%d bytes long, at most %d", len(text), maxFile)
	}
	first, _, err := bufio.NewReader(strings.NewReader(string(text))).ReadLine()
	if err != nil {
		return Migration{}, errors.New("the file is empty")
	}
	note, found := strings.CutPrefix(string(first), "-- note: ")
	note = strings.TrimSpace(note)
	if !found || note == "" {
		return Migration{}, errors.New(`the first line must be "-- note: what this step is for"`)
	}
	sum := sha256.Sum256(text)
	return Migration{Number: number, Name: name, Note: note, SQL: string(text), Hash: hex.EncodeToString(sum[:])}, nil
}

// Plan compares the list with what a database has taken and gives the steps
// still to take. It fails with ErrAltered or ErrNewer.
func Plan(list []Migration, applied []Record) ([]Migration, error) {
	for i, r := range applied {
		if r.Number != i+1 {
			return nil, fmt.Errorf("%w: the database records step %04d in place %d", ErrAltered, r.Number, i+1)
		}
		if i >= len(list) {
			return nil, fmt.Errorf("%w: it has taken step %04d %s, this program knows %d steps; use a newer program",
				ErrNewer, r.Number, r.Name, len(list))
		}
		if m := list[i]; r.Hash != m.Hash || r.Name != m.Name {
			return nil, fmt.Errorf("%w: step %04d %s was applied with hash %.12s, this program has %s with %.12s; restore the file and add a new step",
				ErrAltered, r.Number, r.Name, r.Hash, m.Name, m.Hash)
		}
	}
	return list[len(applied):], nil
}

// Run takes the missing steps and returns them.
func Run(target Target, list []Migration) ([]Migration, error) {
	applied, err := target.Applied()
	if err != nil {
		return nil, fmt.Errorf("list migrations taken: %w", err)
	}
	todo, err := Plan(list, applied)
	if err != nil {
		return nil, err
	}
	for _, m := range todo {
		if err := target.Apply(m); err != nil {
			return nil, fmt.Errorf("apply migration %04d %s: %w", m.Number, m.Name, err)
		}
	}
	return todo, nil
}
