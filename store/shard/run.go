package shard

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"

	"github.com/citycard/citycard/store/sqlite"
)

// A run is a file of records in the order of their tokens:
//
//	header   "CCRUN" version 01, two zero bytes
//	blocks   records without gap: token 16, length 4, payload
//	index    of each block: first token 16, place 8, length 4, CRC-32C 4
//	trailer  place of the index 8, blocks 4, records 8, CRC-32C of the index and of
//	         the 20 bytes before 4, "CCRUNEND"
//
// All integers are big-endian. A block ends with the record that makes it blockSize
// or longer.
const (
	runHeader   = "CCRUN\x01\x00\x00"
	runEnd      = "CCRUNEND"
	blockSize   = 8 << 10
	indexSize   = 32
	trailerSize = 32
	recordHead  = 20
	maxPayload  = 16 << 20 // a card has 65,535 counters
	tokenSize   = 16
)

// ErrDamaged says that a file is not as it was written. Restore it from a copy and
// run the day again.
var ErrDamaged = errors.New("damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// runWriter writes a run. Errors of the file come out of finish.
type runWriter struct {
	f       *os.File
	w       *bufio.Writer
	index   []byte
	block   []byte
	first   sqlite.Token // of the block
	last    sqlite.Token // of all
	place   int64
	records uint64
	err     error
}

func createRun(path string) (*runWriter, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	w := &runWriter{f: f, w: bufio.NewWriterSize(f, 256<<10), block: make([]byte, 0, 2*blockSize)}
	w.put([]byte(runHeader))
	return w, nil
}

func (w *runWriter) put(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
	w.place += int64(len(b))
}

// add writes one record, the parts of its payload behind each other. Tokens rise.
func (w *runWriter) add(t *sqlite.Token, parts ...[]byte) {
	if w.records > 0 && bytes.Compare(w.last[:], t[:]) >= 0 {
		panic("shard: tokens of a run do not rise")
	}
	if len(w.block) == 0 {
		w.first = *t
	}
	w.last = *t
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n > maxPayload {
		panic("shard: record beyond what a card can have")
	}
	w.block = binary.BigEndian.AppendUint32(append(w.block, t[:]...), uint32(n))
	for _, p := range parts {
		w.block = append(w.block, p...)
	}
	w.records++
	if len(w.block) >= blockSize {
		w.flush()
	}
}

func (w *runWriter) flush() {
	if len(w.block) == 0 {
		return
	}
	be := binary.BigEndian
	w.index = append(w.index, w.first[:]...)
	w.index = be.AppendUint64(w.index, uint64(w.place))
	w.index = be.AppendUint32(w.index, uint32(len(w.block)))
	w.index = be.AppendUint32(w.index, crc32.Checksum(w.block, castagnoli))
	w.put(w.block)
	w.block = w.block[:0]
}

// finish makes the file durable and closes it.
func (w *runWriter) finish() error {
	w.flush()
	be := binary.BigEndian
	at, blocks := w.place, len(w.index)/indexSize
	trailer := be.AppendUint64(nil, uint64(at))
	trailer = be.AppendUint32(trailer, uint32(blocks))
	trailer = be.AppendUint64(trailer, w.records)
	sum := crc32.Update(crc32.Checksum(w.index, castagnoli), castagnoli, trailer)
	trailer = append(be.AppendUint32(trailer, sum), runEnd...)
	w.put(w.index)
	w.put(trailer)
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err == nil {
		w.err = w.f.Sync()
	}
	return errors.Join(w.err, w.f.Close())
}

// runReader reads a run: an index of its blocks, and blocks on demand.
type runReader struct {
	f       io.ReaderAt
	index   []byte
	records uint64
	end     int64 // place of the index
	block   []byte
}

// openRun reads the index of a run of a given size.
func openRun(f io.ReaderAt, size int64) (*runReader, error) {
	bad := func(what string) error { return fmt.Errorf("%s: %w", what, ErrDamaged) }
	if size < int64(len(runHeader)+trailerSize) {
		return nil, bad(fmt.Sprintf("run of %d bytes", size))
	}
	var head [len(runHeader)]byte
	var trailer [trailerSize]byte
	if err := readFull(f, head[:], 0); err != nil {
		return nil, err
	}
	if err := readFull(f, trailer[:], size-trailerSize); err != nil {
		return nil, err
	}
	be := binary.BigEndian
	if string(head[:]) != runHeader || string(trailer[24:]) != runEnd {
		return nil, bad("run without its header or trailer")
	}
	r := &runReader{f: f, end: int64(be.Uint64(trailer[:])), records: be.Uint64(trailer[12:])}
	length := int64(be.Uint32(trailer[8:])) * indexSize
	if r.end < int64(len(runHeader)) || r.end > size || r.end+length != size-trailerSize {
		return nil, bad("run with an index in the wrong place")
	}
	r.index = make([]byte, length)
	if err := readFull(f, r.index, r.end); err != nil {
		return nil, err
	}
	if crc32.Update(crc32.Checksum(r.index, castagnoli), castagnoli, trailer[:20]) != be.Uint32(trailer[20:]) {
		return nil, bad("index of a run")
	}
	return r, r.checkIndex()
}

// checkIndex makes sure that blocks lie behind each other and tokens rise.
func (r *runReader) checkIndex() error {
	place := int64(len(runHeader))
	for i := range r.blocks() {
		e := r.entry(i)
		if int64(binary.BigEndian.Uint64(e[tokenSize:])) != place || i > 0 && bytes.Compare(r.entry(i - 1)[:tokenSize], e[:tokenSize]) >= 0 {
			return fmt.Errorf("index of a run, block %d: %w", i, ErrDamaged)
		}
		place += int64(binary.BigEndian.Uint32(e[24:]))
	}
	if place != r.end {
		return fmt.Errorf("blocks of a run end at %d, the index begins at %d: %w", place, r.end, ErrDamaged)
	}
	return nil
}

func readFull(f io.ReaderAt, b []byte, at int64) error {
	if n, err := f.ReadAt(b, at); n < len(b) {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("run ends early: %w", ErrDamaged)
		}
		return fmt.Errorf("read run: %w", err)
	}
	return nil
}

func (r *runReader) blocks() int { return len(r.index) / indexSize }

func (r *runReader) entry(i int) []byte { return r.index[i*indexSize:][:indexSize] }

// readBlock gives the records of a block; they are valid until the next call.
func (r *runReader) readBlock(i int) ([]byte, error) {
	e := r.entry(i)
	be := binary.BigEndian
	n := int(be.Uint32(e[24:]))
	if n > maxPayload+2*blockSize {
		return nil, fmt.Errorf("block %d of %d bytes: %w", i, n, ErrDamaged)
	}
	if cap(r.block) < n {
		r.block = make([]byte, n+n/4)
	}
	r.block = r.block[:n]
	if err := readFull(r.f, r.block, int64(be.Uint64(e[tokenSize:]))); err != nil {
		return nil, err
	}
	if crc32.Checksum(r.block, castagnoli) != be.Uint32(e[28:]) {
		return nil, fmt.Errorf("block %d of a run: %w", i, ErrDamaged)
	}
	return r.block, nil
}

// each calls yield for every record. Token and payload are valid during the call.
func (r *runReader) each(yield func(token, payload []byte) error) error {
	count := uint64(0)
	var last [tokenSize]byte
	for i := range r.blocks() {
		b, err := r.readBlock(i)
		if err != nil {
			return err
		}
		for len(b) > 0 {
			token, payload, rest, err := record(b)
			if err != nil {
				return err
			}
			if count > 0 && bytes.Compare(last[:], token) >= 0 {
				return fmt.Errorf("record %d of a run is out of order: %w", count, ErrDamaged)
			}
			copy(last[:], token)
			if err := yield(token, payload); err != nil {
				return err
			}
			count++
			b = rest
		}
	}
	if count != r.records {
		return fmt.Errorf("%d records in a run, its trailer says %d: %w", count, r.records, ErrDamaged)
	}
	return nil
}

// record takes the first record off a block.
func record(b []byte) (token, payload, rest []byte, err error) {
	if len(b) < recordHead {
		return nil, nil, nil, fmt.Errorf("record of %d bytes: %w", len(b), ErrDamaged)
	}
	n := binary.BigEndian.Uint32(b[tokenSize:])
	if uint64(n) > uint64(len(b)-recordHead) {
		return nil, nil, nil, fmt.Errorf("record with a payload of %d bytes in %d: %w", n, len(b)-recordHead, ErrDamaged)
	}
	return b[:tokenSize], b[recordHead:][:n], b[recordHead+int(n):], nil
}

// find gives the payload of a token, nil if the run does not have it; it is valid
// until the next call.
func (r *runReader) find(t *sqlite.Token) ([]byte, error) {
	i := sort.Search(r.blocks(), func(i int) bool { return bytes.Compare(r.entry(i)[:tokenSize], t[:]) > 0 }) - 1
	if i < 0 {
		return nil, nil
	}
	b, err := r.readBlock(i)
	for err == nil && len(b) > 0 {
		var token, payload []byte
		if token, payload, b, err = record(b); err == nil && bytes.Equal(token, t[:]) {
			return payload, nil
		}
	}
	return nil, err
}
