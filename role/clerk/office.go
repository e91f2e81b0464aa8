package clerk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/segment"
	"github.com/citycard/citycard/store/shard"
	"github.com/citycard/citycard/store/sqlite"
)

// Names in the notebook of a run that the clerk reads.
const (
	PolicyState = "policy"  // rules of reconciliation, see recon.DecodePolicy
	runOptions  = "options" // there in a simulated city
)

// ErrClosed says that Options.At lies before the last closing of the books: what was known
// then is not what is known now.
var ErrClosed = errors.New("the books have been closed since")

// ErrAhead says that Options.At is still to come: money that is due by then is not due now.
var ErrAhead = errors.New("that moment is still to come")

// ErrOver says that Options.At is over: what people do is done now.
var ErrOver = errors.New("that moment is over")

// clockDrift is how far Options.At may lie from the clock, in seconds.
const clockDrift = 60

// Ahead reports whether a moment is still to come by a clock, both in unix seconds.
func Ahead(at, wall int64) bool { return at > wall+clockDrift }

// ErrNoCity says that a folder has no city.db.
var ErrNoCity = errors.New("no city.db in the folder")

// Keys are what the clerk may check with. Without some of them some checks are not
// available; without the token key nothing is.
type Keys struct {
	Store *keystore.Store
	CAs   []oda.CAKey // of the cards' certificates
}

// Office is an open folder.
type Office struct {
	db       *sqlite.DB
	shards   *shard.Store   // nil: all timelines are in db
	segments *segment.Store // nil without blocks
	vault    *sqlite.Vault
	keys     Keys
	rules    timeline.Params
	now      int64
	refuses  error // now is not the time by the clock: to look is allowed, to change anything is not
	poster   *books.Poster
	verifier *oda.Verifier // nil without CA keys
}

// Options say how a folder is opened.
type Options struct {
	Dir  string
	Keys Keys
	At   int64 // moment of the work, unix seconds; 0 for the folder's own, see Now
	Wall int64 // the time by the clock
}

// Open opens the folder. The error is ErrNoCity, one of package sqlite, or says what in
// the folder is not usable. The caller closes the office.
func Open(ctx context.Context, o Options) (*Office, error) {
	path := filepath.Join(o.Dir, "city.db")
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrNoCity
		}
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	seal, open, err := o.Keys.Store.TokenCipher(keystore.TokenName)
	if err != nil {
		return nil, fmt.Errorf("names of cards: %w", err)
	}
	f := &Office{vault: sqlite.NewVault(seal, open), keys: o.Keys}
	if len(o.Keys.CAs) > 0 {
		if f.verifier, err = oda.NewVerifier(o.Keys.CAs, 16); err != nil {
			return nil, fmt.Errorf("CA keys: %w", err)
		}
	}
	if f.db, err = sqlite.Open(path, sqlite.Options{Readers: 2}); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "blocks")); err == nil {
		if f.segments, err = segment.Open(filepath.Join(o.Dir, "blocks")); err != nil {
			return nil, errors.Join(err, f.db.Close())
		}
	}
	f.poster = &books.Poster{Issuer: issuer.Books{Tokens: books.Tokens(f.vault)}}
	if err := f.db.Read(ctx, func(r *sqlite.Reader) error { return f.settle(r, o) }); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Dir, err), f.Close())
	}
	if err := f.openShards(ctx, o.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Dir, err), f.Close())
	}
	return f, nil
}

// settle reads the rules and the time.
func (f *Office) settle(r *sqlite.Reader, o Options) error {
	text, err := r.RunState(PolicyState)
	if err != nil {
		return err
	}
	if text == nil {
		text = recon.DefaultPolicy()
	}
	if f.rules, err = recon.DecodePolicy(text); err != nil {
		return fmt.Errorf("rules of reconciliation: %w", err)
	}
	closed, err := r.LastClosing()
	if err != nil {
		return err
	}
	_, judged, err := shard.Of(r)
	if err != nil {
		return err
	}
	closed = max(closed, judged)
	simulated, err := r.RunState(runOptions)
	if err != nil {
		return err
	}
	last, err := r.LastAct()
	if err != nil {
		return err
	}
	switch f.now = o.At; {
	case f.now != 0 && f.now < closed:
		return ErrClosed
	case f.now != 0 && simulated == nil && Ahead(f.now, o.Wall):
		f.refuses = ErrAhead
	case f.now != 0 && simulated == nil && f.now < o.Wall-clockDrift:
		f.refuses = ErrOver
	case f.now != 0:
	case simulated != nil && closed != 0:
		f.now = max(closed, last)
	default:
		f.now = max(o.Wall, closed, last)
	}
	return nil
}

// Now is the moment of the work: Options.At, or, in a simulated city, the last closing of
// its books or, if that is later, the last act at the desk; else the time by the clock.
func (f *Office) Now() int64 { return f.now }

// Rules are the rules of reconciliation in force.
func (f *Office) Rules() timeline.Params { return f.rules }

// Close closes database and block files.
func (f *Office) Close() error {
	err := f.db.Close()
	if f.segments != nil {
		err = errors.Join(err, f.segments.Close())
	}
	return err
}

// write is a transaction that changes something.
func (f *Office) write(ctx context.Context, do func(tx *sqlite.Tx) error) error {
	if f.refuses != nil {
		return f.refuses
	}
	return f.db.Write(ctx, do)
}

// act is a transaction of the desk, on which acts stand in the order of time.
func (f *Office) act(ctx context.Context, do func(tx *sqlite.Tx) error) error {
	return f.write(ctx, func(tx *sqlite.Tx) error {
		last, err := tx.LastAct()
		if err == nil && f.now < last-clockDrift {
			err = desk.ErrBackwards
		}
		if err != nil {
			return err
		}
		return do(tx)
	})
}

// marks is how complete the rows of the terminals are.
func (f *Office) marks(r *sqlite.Reader) (*timeline.Marks, error) {
	through, err := r.Complete()
	return &timeline.Marks{Through: through}, err
}

// window is the business window of a moment, days since 1970 at UTC+8.
func window(at int64) int32 { return int32((at + 8*3600) / 86400) }

// developmentIssuers is more than the issuers of any simulated city.
const developmentIssuers = 16

// Development are the keys of simulated cities, in which nothing is secret.
func Development(cas []oda.CAKey) Keys {
	return Keys{Store: keystore.Development(developmentIssuers), CAs: cas}
}
