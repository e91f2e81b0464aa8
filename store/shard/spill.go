package shard

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// An event on its way to its shard is the card's token and the observation:
//
//	token 16 · ATC 2, kind 1, flags 1 · debit 4 · B 8 · cryptogram 8 · held 4 · used 4 ·
//	counter of the hold 2 · commit 1, zero 1 · time 4 · terminal 4 · sequence 4
const (
	eventSize  = 64
	chunkBytes = 512 * eventSize
)

const (
	evService = 1 << iota
	evRefused
	evCompletes
	evUsedRead
	evPurse
	evPlaced
)

func putEvent(b *[eventSize]byte, t *sqlite.Token, o *timeline.Observation) {
	be := binary.BigEndian
	copy(b[:], t[:])
	be.PutUint16(b[16:], o.ATC)
	b[18] = byte(o.Kind)
	b[19] = bit(o.Service, evService) | bit(o.Refused, evRefused) | bit(o.Completes, evCompletes) | bit(o.UsedRead, evUsedRead) | bit(o.Purse, evPurse) | bit(o.Placed, evPlaced)
	be.PutUint32(b[20:], uint32(o.Debit))
	be.PutUint64(b[24:], uint64(o.B))
	be.PutUint64(b[32:], o.Content)
	be.PutUint32(b[40:], uint32(o.Held))
	be.PutUint32(b[44:], uint32(o.Used))
	be.PutUint16(b[48:], o.HoldATC)
	b[50], b[51] = byte(o.Commit), 0
	be.PutUint32(b[52:], uint32(o.Time))
	be.PutUint32(b[56:], uint32(o.Terminal))
	be.PutUint32(b[60:], o.Sequence)
}

func bit(set bool, b byte) byte {
	if set {
		return b
	}
	return 0
}

func getEvent(b []byte) timeline.Observation {
	be, f := binary.BigEndian, b[19]
	return timeline.Observation{
		ATC: be.Uint16(b[16:]), Kind: timeline.ObsKind(b[18]), Debit: money.Fen(be.Uint32(b[20:])), B: money.Fen(be.Uint64(b[24:])),
		Content: be.Uint64(b[32:]), Held: money.Fen(be.Uint32(b[40:])), Used: money.Fen(be.Uint32(b[44:])), HoldATC: be.Uint16(b[48:]),
		Commit: timeline.Certainty(b[50]), Service: f&evService != 0, Refused: f&evRefused != 0, Completes: f&evCompletes != 0, UsedRead: f&evUsedRead != 0,
		Purse: f&evPurse != 0, Placed: f&evPlaced != 0, Time: int64(be.Uint32(b[52:])), Terminal: txn.TerminalID(be.Uint32(b[56:])), Sequence: be.Uint32(b[60:]),
	}
}

// spill sorts a day's events by shard: in memory up to a limit, then in one temporary
// file a shard. Its add may be called from several goroutines.
type spill struct {
	dir   string
	limit int64 // bytes in memory
	mu    sync.Mutex
	held  int64
	parts []spillPart
}

// spillPart is the events of one shard.
type spillPart struct {
	mu     sync.Mutex
	chunks [][]byte
	file   *os.File
	count  int64
	sum    uint64
}

func newSpill(dir string, shards int, limit int64) *spill {
	return &spill{dir: dir, limit: limit, parts: make([]spillPart, shards)}
}

// feeder collects events for one goroutine, a chunk a shard.
type feeder struct {
	s     *spill
	chunk [][]byte
}

func (s *spill) feeder() *feeder { return &feeder{s, make([][]byte, len(s.parts))} }

func (f *feeder) add(part int, event *[eventSize]byte) error {
	c := f.chunk[part]
	if c == nil {
		c = make([]byte, 0, chunkBytes)
	}
	c = append(c, event[:]...)
	f.chunk[part] = c
	if len(c) == chunkBytes {
		f.chunk[part] = nil
		return f.s.take(part, c)
	}
	return nil
}

func (f *feeder) close() error {
	for i, c := range f.chunk {
		if len(c) == 0 {
			continue
		}
		if err := f.s.take(i, c); err != nil {
			return err
		}
	}
	return nil
}

var crcEvent = crc64.MakeTable(crc64.ECMA)

func (s *spill) take(part int, chunk []byte) error {
	p := &s.parts[part]
	var sum uint64
	for b := chunk; len(b) > 0; b = b[eventSize:] {
		sum += crc64.Checksum(b[:eventSize], crcEvent)
	}
	p.mu.Lock()
	p.chunks = append(p.chunks, chunk)
	p.count += int64(len(chunk) / eventSize)
	p.sum += sum
	p.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held += int64(len(chunk)); s.held <= s.limit {
		return nil
	}
	return s.flush()
}

// flush writes everything in memory to the temporary files. s.mu is held.
func (s *spill) flush() error {
	for i := range s.parts {
		p := &s.parts[i]
		p.mu.Lock()
		err := p.write(s.dir, i)
		p.mu.Unlock()
		if err != nil {
			return fmt.Errorf("write temporary events of shard %d: %w", i, err)
		}
	}
	s.held = 0
	return nil
}

func (p *spillPart) write(dir string, i int) (err error) {
	if len(p.chunks) == 0 {
		return nil
	}
	if p.file == nil {
		if p.file, err = os.OpenFile(filepath.Join(dir, fmt.Sprintf("%02x.events", i)), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return err
		}
	}
	for _, c := range p.chunks {
		if _, err := p.file.Write(c); err != nil {
			return err
		}
	}
	p.chunks = nil
	return nil
}

// events gives the events of a shard by token, then by content, and forgets them.
func (s *spill) events(part int) ([]byte, error) {
	p := &s.parts[part]
	all := make([]byte, 0, p.count*eventSize)
	if p.file != nil {
		size, err := p.file.Seek(0, 2)
		if err != nil {
			return nil, fmt.Errorf("read temporary events of shard %d: %w", part, err)
		}
		all = all[:size]
		if err := readFull(p.file, all, 0); err != nil {
			return nil, fmt.Errorf("read temporary events of shard %d: %w", part, err)
		}
	}
	for _, c := range p.chunks {
		all = append(all, c...)
	}
	p.chunks = nil
	return sortEvents(all), nil
}

// sortEvents gives the events in order.
func sortEvents(all []byte) []byte {
	type key struct {
		prefix uint64
		at     int32
	}
	keys := make([]key, len(all)/eventSize)
	for i := range keys {
		keys[i] = key{binary.BigEndian.Uint64(all[i*eventSize:]), int32(i)}
	}
	event := func(k key) []byte { return all[int(k.at)*eventSize:][:eventSize] }
	slices.SortFunc(keys, func(a, b key) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return bytes.Compare(event(a), event(b))
	})
	out := make([]byte, 0, len(all))
	for _, k := range keys {
		out = append(out, event(k)...)
	}
	return out
}

// close removes the temporary files.
func (s *spill) close() error {
	var first error
	for i := range s.parts {
		if f := s.parts[i].file; f != nil {
			err := f.Close()
			if e := os.Remove(f.Name()); err == nil {
				err = e
			}
			first = cmp.Or(first, err)
		}
	}
	if first != nil {
		return fmt.Errorf("remove temporary events: %w", first)
	}
	return nil
}
