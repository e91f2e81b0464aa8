package cos

import (
	"encoding/binary"
	"fmt"
)

// snapshotFormat is the first byte of a snapshot.
const snapshotFormat = 0x01

// Settled appends the data region as the next PowerOn will leave it: with the
// changes of a journal that is committed but not yet applied. It needs no power.
func (m *Memory) Settled(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, m.cells[:m.size]...)
	data := dst[start:]
	if n, ok := m.committed(); ok {
		e := m.cells[m.journal+headerSize:][:n]
		if m.checkEntries(e) != nil {
			return dst
		}
		for len(e) > 0 {
			at, n := int(binary.BigEndian.Uint16(e)), int(e[2])
			copy(data[at:], e[entryHeader:entryHeader+n])
			e = e[entryHeader+n:]
		}
	}
	return dst
}

// Snapshot appends a compact form of Settled: a format byte 01, then the data
// region without its trailing zeros. It is never empty.
func (m *Memory) Snapshot(dst []byte) []byte {
	dst = append(dst, snapshotFormat)
	start := len(dst)
	dst = m.Settled(dst)
	end := len(dst)
	for end > start && dst[end-1] == 0 {
		end--
	}
	return dst[:end]
}

// Restore fills a memory that Format has just made from a Snapshot. It refuses,
// with ErrMemory, another format byte, more data than the memory has, and
// trailing zeros, so that a state has one snapshot only.
func (m *Memory) Restore(snapshot []byte) error {
	if len(snapshot) == 0 || snapshot[0] != snapshotFormat {
		return fmt.Errorf("restore card memory: the snapshot does not begin with %02X: %w", snapshotFormat, ErrMemory)
	}
	data := snapshot[1:]
	if len(data) > m.size {
		return fmt.Errorf("restore card memory: snapshot of %d bytes for a memory of %d: %w", len(data), m.size, ErrMemory)
	}
	if len(data) > 0 && data[len(data)-1] == 0 {
		return fmt.Errorf("restore card memory: the snapshot ends with zeros: %w", ErrMemory)
	}
	clear(m.cells)
	m.Fill(0, data)
	return nil
}
