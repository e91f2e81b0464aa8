package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/cardstate"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/reader/recording"
)

// cardSide puts the card into the field, once or again after it was torn out.
type cardSide struct {
	env    *environment
	reader readerFlags
	retap  time.Duration
	opened bool
	sim    *virtualcard.Card
	file   *cardstate.File // of --state; nil without
	record *recordFile
}

// recordFile is the file of --record, which remembers that it could not be written.
type recordFile struct {
	*os.File
	numbers recording.Numbers
	times   int // that a card was opened
	err     error
}

// Write implements io.Writer.
func (r *recordFile) Write(b []byte) (int, error) {
	n, err := r.File.Write(b)
	r.err = errors.Join(r.err, err)
	return n, err
}

// fillRandom draws fresh bytes.
func fillRandom(b []byte) error {
	if _, err := rand.Read(b); err != nil {
		return fmt.Errorf("draw random numbers: %w", err)
	}
	return nil
}

// cardSide prepares the way to the card and the file of --record.
func (f *tapFlags) cardSide(env *environment, p *prepared) error {
	s := &cardSide{env: env, reader: f.reader, retap: f.retap}
	if profile := f.reader.sim(); profile != "" {
		if err := s.simulate(profile, f, p); err != nil {
			return err
		}
	}
	if f.record != "" {
		file, err := os.OpenFile(f.record, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return fail(exitRefused, fmt.Errorf("--record %s: the file is there already", f.record), "name another file")
		}
		if err != nil {
			return fail(exitUsage, fmt.Errorf("--record: %w", err), "check the folder's name and whether files may be made in it")
		}
		s.record = &recordFile{File: file, numbers: recording.Masked}
		if f.recordPANs {
			s.record.numbers = recording.Clear
		}
	}
	p.side, p.config.Open = s, s.open
	return nil
}

// simulate makes the card of sim:PROFILE.
func (s *cardSide) simulate(profile string, f *tapFlags, p *prepared) error {
	script, err := readFaults(f.faults)
	if err != nil {
		return err
	}
	r, err := devcard.Default(profile)
	if err != nil {
		return profileError(err)
	}
	memory, err := s.kept(f.state, r)
	if err != nil {
		return err
	}
	img, err := devcard.Issue(r)
	if err != nil {
		return profileError(err)
	}
	side, random := card.Contactless, io.Reader(rand.Reader)
	if p.sale.Interface == pos.Contact {
		side = card.Contact
	}
	if f.random != "" {
		var seed [32]byte
		copy(seed[:], p.sale.Random[:])
		random = mathrand.NewChaCha8(seed)
	}
	c := virtualcard.Config{
		Image: img, Memory: memory, Interface: side, Faults: script, Rand: random,
		Note: func(text string) {
			fmt.Fprintf(s.env.stderr, s.env.say("the card's fault: %s\n", "卡片故障：%s\n"), text)
		},
	}
	if s.file != nil {
		c.Store = s.file.Store
	}
	s.sim, err = virtualcard.New(c)
	s.env.developmentBanner()
	return err
}

// kept takes the simulated card out of its file, or prepares the file for a new one; nil
// without a file, or for a new card.
func (s *cardSide) kept(path string, r devcard.Request) (memory []byte, err error) {
	if path == "" {
		return nil, nil
	}
	if s.file, err = cardstate.Open(path, cardFile); err != nil {
		return nil, stateError(err)
	}
	if s.file.Fresh() {
		description, err := r.Describe()
		if err != nil {
			return nil, err
		}
		return nil, s.file.Describe(description)
	}
	old, err := restored(s.file, path)
	if err != nil {
		return nil, err
	}
	if old.Profile != r.Profile {
		return nil, fail(exitRefused, fmt.Errorf("%s holds a card of profile %s", path, old.Profile), "write --reader sim:"+old.Profile+", or name another file")
	}
	return s.file.Memory(), nil
}

// open waits for the card, the second time for as long as a torn sale may wait.
func (s *cardSide) open(ctx context.Context) (reader.Card, error) {
	flags := s.reader
	if s.opened {
		flags.wait = s.retap
	}
	c, err := s.openWith(ctx, flags)
	if err != nil {
		return nil, err
	}
	s.opened = true
	if s.record == nil {
		return c, nil
	}
	s.record.times++
	return reader.Record(c, s.record, s.record.numbers, s.reader.name, fmt.Sprintf("tap-%d", s.record.times))
}

func (s *cardSide) openWith(ctx context.Context, flags readerFlags) (reader.Card, error) {
	if s.sim != nil {
		return virtualcard.Reader(s.sim)
	}
	return flags.open(ctx, s.env)
}

// again opens the card after the sale, without recording it.
func (s *cardSide) again(ctx context.Context) (reader.Card, error) {
	flags := s.reader
	flags.wait = 0
	return s.openWith(ctx, flags)
}

// closeRecord ends the recording, after the card was closed.
func (p *prepared) closeRecord() error {
	r := p.side.record
	if r == nil {
		return nil
	}
	if err := errors.Join(r.err, r.Close()); err != nil {
		return fail(exitFailed, fmt.Errorf("--record: %w", err), "the sale stands as it was printed; its recording is not whole")
	}
	return nil
}

// tapReaderError gives an error of a reader its exit code; a recording that goes on in
// another way is no reader that is not there.
func tapReaderError(err error) error {
	var e *exitError
	if errors.As(err, &e) {
		return e // it has its code and hint already
	}
	var r *reader.Error
	if !errors.As(err, &r) || r.Kind != reader.ErrRecording {
		return readerError(err)
	}
	plain := *r
	plain.Hint = ""
	return fail(exitFailed, &plain, r.Hint)
}

// firstLine is the first line of r without its end.
func firstLine(r io.Reader, most int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return "", fail(exitFailed, fmt.Errorf("read standard input: %w", err), "give one line on standard input")
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return string(bytes.TrimRight(line, "\r")), nil
}
