// Package spool holds the rows of a business window by partition, in memory
// while they are few and in files when they are many.
//
// Rows carry account numbers, which may not lie on a disk in clear: files are
// encrypted under a key that lives in this process only, and are deleted when
// the spool is closed.
package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/citycard/citycard/txn"
)

// Partitions is the number of parts that cards are cut into.
const Partitions = 256

// recordSize is a row with its reference (6), start count (4), arrival (8) and
// mark (1).
const recordSize = txn.RowSize + 19

// Spool collects the rows of a window. Adding belongs to one goroutine; after the
// last Add, different partitions may be read at the same time.
type Spool struct {
	dir      string
	limit    int
	part     func(txn.CardKey) uint8
	key      [16]byte
	buffered int
	rows     int
	parts    [Partitions]part
}

type part struct {
	buf  []byte
	file *os.File
	size int64
}

// New makes a spool that goes to files in dir when more than limit bytes are
// buffered. part says where a card belongs; if cards of one part stand together in
// the host's tables, a part's work touches few of their pages. key encrypts the
// files and must not be stored.
func New(dir string, limit int, part func(txn.CardKey) uint8, key [16]byte) *Spool {
	return &Spool{dir: dir, limit: limit, part: part, key: key}
}

// Rows is the number of rows added.
func (s *Spool) Rows() int { return s.rows }

// Add puts a row into the partition of its card.
func (s *Spool) Add(p *txn.Presented) error {
	var rec [recordSize]byte
	if err := p.Row.Encode((*[txn.RowSize]byte)(rec[:txn.RowSize])); err != nil {
		return fmt.Errorf("spool row %s: %w", p.Ref, err)
	}
	be := binary.BigEndian
	be.PutUint32(rec[128:], p.Ref.Block)
	be.PutUint16(rec[132:], p.Ref.Index)
	be.PutUint32(rec[134:], p.Start)
	be.PutUint64(rec[138:], uint64(p.Arrived))
	rec[146] = byte(p.Mark)
	part := &s.parts[s.part(p.Row.Card)]
	part.buf = append(part.buf, rec[:]...)
	s.rows++
	if s.buffered += recordSize; s.buffered > s.limit {
		return s.spill()
	}
	return nil
}

// spill writes all buffers to their files.
func (s *Spool) spill() error {
	for i := range s.parts {
		p := &s.parts[i]
		if len(p.buf) == 0 {
			continue
		}
		if p.file == nil {
			f, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprintf("spool-%03d.tmp", i)), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
			if err != nil {
				return fmt.Errorf("spool: %w", err)
			}
			p.file = f
		}
		s.crypt(i, p.size, p.buf)
		if _, err := p.file.WriteAt(p.buf, p.size); err != nil {
			return fmt.Errorf("spool partition %d: %w", i, err)
		}
		p.size += int64(len(p.buf))
		p.buf = p.buf[:0]
	}
	s.buffered = 0
	return nil
}

// crypt runs AES-CTR over bytes that stand at an offset of a partition's file.
func (s *Spool) crypt(i int, offset int64, b []byte) {
	c, err := aes.NewCipher(s.key[:])
	if err != nil {
		panic("spool: " + err.Error())
	}
	var iv [16]byte
	iv[0] = byte(i)
	binary.BigEndian.PutUint64(iv[8:], uint64(offset/16))
	stream := cipher.NewCTR(c, iv[:])
	var skip [16]byte
	stream.XORKeyStream(skip[:offset%16], skip[:offset%16])
	stream.XORKeyStream(b, b)
}

// Read gives the rows of a partition in the order in which they were added.
func (s *Spool) Read(i int) ([]txn.Presented, error) {
	p := &s.parts[i]
	all := slices.Clone(p.buf)
	if p.file != nil {
		all = make([]byte, p.size, int(p.size)+len(p.buf))
		if _, err := p.file.ReadAt(all, 0); err != nil {
			return nil, fmt.Errorf("read spool partition %d: %w", i, err)
		}
		s.crypt(i, 0, all)
		all = append(all, p.buf...)
	}
	rows := make([]txn.Presented, len(all)/recordSize)
	be := binary.BigEndian
	for n := range rows {
		r, b := &rows[n], all[n*recordSize:(n+1)*recordSize]
		if err := r.Row.Decode(b[:txn.RowSize]); err != nil {
			return nil, fmt.Errorf("read spool partition %d: %w", i, err)
		}
		r.Ref = txn.Ref{Block: be.Uint32(b[128:]), Index: be.Uint16(b[132:])}
		r.Start, r.Arrived, r.Mark = be.Uint32(b[134:]), int64(be.Uint64(b[138:])), txn.Mark(b[146])
	}
	return rows, nil
}

// Close deletes the files.
func (s *Spool) Close() error {
	var errs []error
	for i := range s.parts {
		if f := s.parts[i].file; f != nil {
			errs = append(errs, f.Close(), os.Remove(f.Name()))
			s.parts[i].file = nil
		}
	}
	return errors.Join(errs...)
}
