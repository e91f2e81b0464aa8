package t1

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/sealfile"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/files"
)

// Ends of file names on the way to publication.
const (
	partSuffix = ".part"
	tmpSuffix  = ".tmp"
)

// Errors that a caller may ask for with errors.Is.
var (
	ErrPublished  = errors.New("a file of this set is published already: repeat Commit, or take another batch number")
	ErrIncomplete = errors.New("a file of this set was never finished: make the set again")
	errState      = errors.New("the set of files is finished or given up")
)

// Set writes the files of one window. It is for one goroutine.
type Set struct {
	config  Config
	record  *record
	outputs []*output
	sides   map[clearing.Participant]*side
	fees    feeSums
	done    bool // finished or given up
}

// side is what a member's lines go to; the outputs are nil where it has no such
// role.
type side struct {
	code                                       files.Value
	issuer, issuerChip, acquirer, acquirerChip *output
}

// output is one file in the making.
type output struct {
	id     fileID
	path   string // under its final name
	file   *os.File
	sealed *sealfile.Writer
	pump   *pump // between text and sealed; nil once it is closed
	text   *files.Writer
}

// NewSet makes the folders and starts all files. It fails with ErrPublished if
// one of them exists under its final name. What an interrupted run left of a set
// that was not committed is overwritten.
func NewSet(c Config) (*Set, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("make T+1 files: %w", err)
	}
	s := &Set{config: c, record: newRecord(&c), sides: map[clearing.Participant]*side{}}
	if s.config.Place == nil {
		s.config.Place = defaultPlace
	}
	for _, m := range c.Members {
		s.sides[m.ID] = &side{code: files.TextValue([]byte(m.Code))}
	}
	for _, name := range c.Names() {
		if published, err := exists(filepath.Join(c.Dir, name)); err != nil || published {
			return nil, fmt.Errorf("make T+1 file %s: %w", name, cmp.Or(err, ErrPublished))
		}
	}
	for _, id := range s.config.files() {
		o, err := s.start(id)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make T+1 file %s: %w", s.config.name(id), err), s.Abort())
		}
		side := s.sides[id.member.ID]
		switch id.content {
		case files.IssuerTransactions:
			side.issuer = o
		case files.IssuerChip:
			side.issuerChip = o
		case files.AcquirerTransactions:
			side.acquirer = o
		case files.AcquirerChip:
			side.acquirerChip = o
		}
	}
	return s, nil
}

func (s *Set) start(id fileID) (*output, error) {
	name := s.config.name(id)
	o := &output{id: id, path: filepath.Join(s.config.Dir, name)}
	if err := os.MkdirAll(filepath.Dir(o.path), 0o750); err != nil {
		return nil, err
	}
	if err := os.Remove(o.path + tmpSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var err error
	if o.file, err = os.OpenFile(o.path+partSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640); err != nil {
		return nil, err
	}
	s.outputs = append(s.outputs, o)
	h := sealfile.Header{Participant: uint16(id.member.ID), KeyID: id.member.KeyID, Window: s.config.Window, Batch: uint8(s.config.Batch), Kind: uint8(id.content)}
	if o.sealed, err = sealfile.NewWriter(o.file, h, id.member.Key, s.config.Signer, s.config.Rand(name)); err != nil {
		return nil, err
	}
	o.pump = newPump(o.sealed)
	o.text, err = files.NewWriter(o.pump, s.config.header(id))
	return o, err
}

// Add writes a line for a cleared item into the files of its issuer and of its
// acquirer. Items with another verdict move no money and are passed over. After
// an error the set can only be given up.
func (s *Set) Add(it *clearing.Item) error {
	if it.Verdict != txn.Cleared {
		return nil
	}
	fail := func(err error) error { return fmt.Errorf("T+1 line for row %s: %w", it.Ref, err) }
	if s.done {
		return fail(errState)
	}
	issuer, acquirer := s.sides[it.Issuer], s.sides[it.Acquirer]
	switch {
	case issuer == nil || issuer.issuer == nil:
		return fail(fmt.Errorf("participant %d is not listed as an issuer", it.Issuer))
	case acquirer == nil || acquirer.acquirer == nil:
		return fail(fmt.Errorf("participant %d is not listed as an acquirer", it.Acquirer))
	}
	r := s.record
	r.fill(it, issuer.code, acquirer.code, s.config.Place(it))
	r.issuerSide(&it.Fees)
	err := write(issuer.issuer, r.transaction)
	if err == nil {
		err = write(issuer.issuerChip, r.chip)
	}
	if err == nil {
		r.acquirerSide(&it.Fees)
		err = write(acquirer.acquirer, r.transaction)
	}
	if err == nil {
		err = write(acquirer.acquirerChip, r.chip)
	}
	if err != nil {
		return fail(err)
	}
	s.fees.add(&it.Fees)
	return nil
}

func write(o *output, values []files.Value) error {
	if err := o.text.Write(values); err != nil {
		return fmt.Errorf("%s: %w", o.path, err)
	}
	return nil
}

// Finish writes trailers, digests and signatures and makes every file durable as
// NAME.tmp. After an error the set can only be given up.
func (s *Set) Finish() error {
	if s.done {
		return fmt.Errorf("finish T+1 files: %w", errState)
	}
	for _, o := range s.outputs {
		if err := o.finish(); err != nil {
			return fmt.Errorf("finish T+1 file %s: %w", o.path, err)
		}
	}
	s.done = true
	if err := syncFolders(s.config.Dir, s.config.Names()); err != nil {
		return fmt.Errorf("finish T+1 files: %w", err)
	}
	return nil
}

func (o *output) finish() error {
	if err := o.text.Close(); err != nil {
		return err
	}
	if err := o.drain(); err != nil {
		return err
	}
	if err := o.sealed.Close(); err != nil {
		return err
	}
	if err := o.file.Sync(); err != nil {
		return err
	}
	if err := o.file.Close(); err != nil {
		return err
	}
	o.file = nil
	return os.Rename(o.path+partSuffix, o.path+tmpSuffix)
}

// drain ends the pump's goroutine.
func (o *output) drain() error {
	if o.pump == nil {
		return nil
	}
	p := o.pump
	o.pump = nil
	return p.close()
}

// Commit publishes the finished set; see Commit, the function.
func (s *Set) Commit() error { return Commit(s.config.Dir, s.config.Names()) }

// Abort gives a set up that is not finished and removes its files. It does
// nothing to a finished one, so that it may stand in a defer: what of that was not
// committed is overwritten by the next set of its window.
func (s *Set) Abort() error {
	if s.done {
		return nil
	}
	s.done = true
	var errs []error
	for _, o := range s.outputs {
		// A file that is given up may have failed to be written; that was reported
		// where it happened.
		_ = o.drain()
		if o.file != nil {
			errs = append(errs, o.file.Close())
			o.file = nil
		}
		for _, suffix := range []string{partSuffix, tmpSuffix} { // Finish may have failed half-way
			if err := os.Remove(o.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("give up T+1 files: %w", err)
	}
	return nil
}
