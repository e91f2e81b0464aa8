package shard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Options are the choices of a store. The zero value of each is its default.
type Options struct {
	Shards  int   // a power of two up to 256, 64 if it is 0; fixed when the folder is made
	Workers int   // shards worked on at a time; as many as processors if it is 0
	Hot     int64 // seconds for which settled rows stay in the heads, 2 days if it is 0
	Keep    int64 // seconds for which the past is kept, 60 days if it is 0; more than any row may be late
	Memory  int64 // bytes of a day's events that are held in memory, 1 GiB if it is 0; the rest goes to temporary files
	// Post hands postings to the books, in the transaction that makes them durable.
	Post func(tx *sqlite.Tx, postings []recon.Posting) error
}

const day = 86400

func (o Options) withDefaults() Options {
	or := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	if o.Shards == 0 {
		o.Shards = 64
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	or(&o.Hot, 2*day)
	or(&o.Keep, 60*day)
	or(&o.Memory, 1<<30)
	return o
}

// Store is the timelines of a city. Its methods may be called from any goroutine; Day,
// Late and Lift wait for each other. Of two processes that run a day at the same time the
// one that began first fails, with nothing half done.
type Store struct {
	dir   string
	db    *sqlite.DB
	vault *sqlite.Vault
	opt   Options
	shift uint // of the first byte of a token, to get the shard
	mu    sync.Mutex
	fault func(step string) error // of tests: called between steps, an error ends the run as a kill would
}

// Names in the notebook of runs.
const cityName = "recon shards"

func shardName(i int) string { return fmt.Sprintf("recon shard %02x", i) }

// Open uses a folder of shards and the database that stands beside it, and makes the
// folder if it is not there.
func Open(dir string, db *sqlite.DB, vault *sqlite.Vault, opt Options) (*Store, error) {
	opt = opt.withDefaults()
	fail := func(err error) (*Store, error) { return nil, fmt.Errorf("open shards in %s: %w", dir, err) }
	if n := opt.Shards; n < 1 || n > maxShards || n&(n-1) != 0 {
		return fail(fmt.Errorf("%d shards: choose a power of two up to %d", n, maxShards))
	}
	if opt.Hot < 0 || opt.Keep < opt.Hot {
		return fail(fmt.Errorf("the past is kept for %d s, rows stay hot for %d s: keep it longer", opt.Keep, opt.Hot))
	}
	if opt.Post == nil {
		return fail(errors.New("nobody takes the postings"))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail(err)
	}
	s := &Store{dir: dir, db: db, vault: vault, opt: opt, shift: 8, fault: func(string) error { return nil }}
	for n := opt.Shards; n > 1; n >>= 1 {
		s.shift--
	}
	c, _, err := s.manifests(context.Background())
	if err == nil && c.Shards != opt.Shards {
		err = fmt.Errorf("it was made with %d shards, not %d", c.Shards, opt.Shards)
	}
	if err != nil {
		return fail(err)
	}
	return s, nil
}

// shardOf is the shard of a token.
func (s *Store) shardOf(t *sqlite.Token) int { return int(t[0]) >> s.shift }

// rangeOf is the least and the greatest token of a shard.
func (s *Store) rangeOf(i int) (from, to sqlite.Token) {
	for n := range to {
		to[n] = 0xFF
	}
	from[0] = byte(i << s.shift)
	to[0] = byte((i+1)<<s.shift - 1)
	return from, to
}

func (s *Store) headPath(i int, generation int64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%02x-%08d.head", i, generation))
}

func (s *Store) pastPath(i int, generation int64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%02x-%08d.past", i, generation))
}

// manifests reads what the database says about the city and each shard.
func (s *Store) manifests(ctx context.Context) (c city, ms []manifest, err error) {
	err = s.db.Read(ctx, func(r *sqlite.Reader) error {
		c, ms, err = s.readManifests(r)
		return err
	})
	return c, ms, err
}

func (s *Store) readCity(r *sqlite.Reader) (city, error) {
	b, err := r.RunState(cityName)
	if err != nil || b == nil {
		return city{Shards: s.opt.Shards}, err
	}
	return decodeCity(b)
}

func (s *Store) readManifests(r *sqlite.Reader) (city, []manifest, error) {
	c, err := s.readCity(r)
	if err != nil {
		return c, nil, err
	}
	ms := make([]manifest, s.opt.Shards)
	for i := range ms {
		if ms[i], err = readManifest(r, i); err != nil {
			return c, nil, err
		}
	}
	return c, ms, nil
}

func readManifest(r *sqlite.Reader, i int) (manifest, error) {
	b, err := r.RunState(shardName(i))
	if err != nil || b == nil {
		return manifest{Shard: i}, err
	}
	m, err := decodeManifest(b)
	if err == nil && m.Shard != i {
		err = fmt.Errorf("manifest of shard %d says %d: %w", i, m.Shard, errManifest)
	}
	return m, err
}

// sweep removes files that no manifest names: the rest of an interrupted run.
func (s *Store) sweep(manifests []manifest) error {
	valid := map[string]bool{}
	for i := range manifests {
		m := &manifests[i]
		if m.Head {
			valid[s.headPath(i, m.Generation)] = true
		}
		for _, p := range m.Past {
			valid[s.pastPath(i, p.Generation)] = true
		}
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		ours := strings.HasSuffix(path, ".head") || strings.HasSuffix(path, ".past") || strings.HasSuffix(path, ".events")
		if !ours || valid[path] {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// openFile opens a run of a shard.
func openFile(path string) (*os.File, *runReader, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s is not there: %w: %w", filepath.Base(path), err, ErrDamaged)
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	r, err := openRun(f, info.Size())
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", filepath.Base(path), err), f.Close())
	}
	return f, r, nil
}

// pastReader puts back what the cards of a shard have shed.
type pastReader struct {
	s       *Store
	m       *manifest
	files   []*os.File
	runs    []*runReader // as in m.Past, nil until wanted
	scratch timeline.Card
}

func (s *Store) past(m *manifest) *pastReader {
	return &pastReader{s: s, m: m, runs: make([]*runReader, len(m.Past))}
}

func (p *pastReader) close() error {
	var all error
	for _, f := range p.files {
		all = errors.Join(all, f.Close())
	}
	return all
}

// everything is the depth that no counter reaches.
const everything = 0

// restore puts back what is still kept, the newest first, until the timeline begins
// before a counter.
func (p *pastReader) restore(t *sqlite.Token, c *timeline.Card, depth uint16) error {
	for i := len(p.runs) - 1; i >= 0; i-- {
		if first, more := c.First(); !more || first < depth {
			return nil
		}
		if p.runs[i] == nil {
			f, r, err := openFile(p.s.pastPath(p.m.Shard, p.m.Past[i].Generation))
			if err != nil {
				return err
			}
			p.files, p.runs[i] = append(p.files, f), r
		}
		blob, err := p.runs[i].find(t)
		if err != nil {
			return fmt.Errorf("past %d of shard %02x: %w", p.m.Past[i].Generation, p.m.Shard, err)
		}
		if blob == nil {
			continue
		}
		if err := p.scratch.Decode(blob); err != nil {
			return fmt.Errorf("past %d of shard %02x: %w: %w", p.m.Past[i].Generation, p.m.Shard, err, ErrDamaged)
		}
		c.Restore(&p.scratch)
	}
	return nil
}

// wanted tells how far back a card that begins with a counter must go for an event, if
// it must: before the event's own counter, or to the beginning.
func wanted(o *timeline.Observation, first uint16, p *timeline.Params) (depth uint16, wants bool) {
	if !timeline.WantsPast(o, first, p) {
		return 0, false
	}
	if o.ATC > first {
		return everything, true
	}
	return o.ATC, true
}

// Timeline gives the whole timeline of a card, as far back as the past is kept; false
// if the store does not know the card. The error wraps ErrDamaged or
// timeline.ErrEncoding if what is stored cannot be read.
func (s *Store) Timeline(ctx context.Context, key txn.CardKey) (c *timeline.Card, found bool, err error) {
	const tries = 3 // a day that ends meanwhile removes files
	for range tries {
		err = s.db.Read(ctx, func(r *sqlite.Reader) error {
			c, found, err = s.whole(r, key)
			return err
		})
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("timeline of card %s: %w", key, err)
	}
	return c, found, nil
}

func (s *Store) whole(r *sqlite.Reader, key txn.CardKey) (*timeline.Card, bool, error) {
	c, m, found, err := s.recent(r, key)
	if err != nil || !found {
		return nil, false, err
	}
	t := s.vault.Token(key)
	past := s.past(&m)
	err = past.restore(&t, c, everything)
	return c, true, errors.Join(err, past.close())
}

// recent gives what the database or the head says about a card.
func (s *Store) recent(r *sqlite.Reader, key txn.CardKey) (*timeline.Card, manifest, bool, error) {
	t := s.vault.Token(key)
	c := &timeline.Card{Key: key}
	m, err := readManifest(r, s.shardOf(&t))
	if err != nil {
		return nil, m, false, err
	}
	blob, found, err := r.Timeline(t)
	if err == nil && !found {
		blob, err = s.findHead(&m, &t)
	}
	if err != nil || blob == nil {
		return nil, m, false, err
	}
	return c, m, true, c.Decode(blob)
}

// findHead gives a card's timeline from the head, nil if it is not there.
func (s *Store) findHead(m *manifest, t *sqlite.Token) (blob []byte, err error) {
	if !m.Head {
		return nil, nil
	}
	f, r, err := openFile(s.headPath(m.Shard, m.Generation))
	if err != nil {
		return nil, err
	}
	payload, err := r.find(t)
	if err == nil && payload != nil {
		_, blob, err = parseHead(payload)
	}
	return blob, errors.Join(err, f.Close())
}

// Standing is the provisional credit standing on all cards, as the last day left it.
func (s *Store) Standing(ctx context.Context) (sum money.Fen, err error) {
	_, manifests, err := s.manifests(ctx)
	for i := range manifests {
		sum += manifests[i].Provisional
	}
	return sum, err
}
