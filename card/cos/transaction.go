package cos

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Begin opens a transaction. Only one can be open: a second Begin panics, for
// it would be two applications running at once.
func (m *Memory) Begin() error {
	if !m.powered {
		return ErrPowerCut
	}
	if m.open {
		panic("cos: a transaction is open already")
	}
	m.open, m.staged = true, 0
	return nil
}

// put stages bytes for their place; nothing is written before Commit.
func (m *Memory) put(at int, b []byte) {
	if !m.open {
		panic("cos: Put without Begin")
	}
	for len(b) > 0 {
		n := min(len(b), maxEntry)
		if m.staged+entryHeader+n > m.room {
			panic(fmt.Sprintf("cos: a transaction of %d bytes and %d more does not fit the journal", m.staged, len(b)))
		}
		s := m.stage[m.staged:]
		binary.BigEndian.PutUint16(s, uint16(at))
		s[2] = byte(n)
		copy(s[entryHeader:], b[:n])
		m.staged += entryHeader + n
		at, b = at+n, b[n:]
	}
}

// Commit makes all staged bytes take effect, or none of them if the power fails
// before the commit mark is whole: then, and also when it fails later, it gives
// ErrPowerCut, and only the next PowerOn shows which. An empty transaction
// writes nothing.
func (m *Memory) Commit() error {
	if !m.powered {
		return ErrPowerCut
	}
	if !m.open {
		panic("cos: Commit without Begin")
	}
	m.open = false
	if m.staged == 0 {
		return nil
	}
	entries := m.stage[:m.staged]
	if err := m.write(m.journal+headerSize, entries); err != nil {
		return err
	}
	var h [markOffset + 1]byte
	binary.BigEndian.PutUint16(h[:], uint16(len(entries)))
	binary.BigEndian.PutUint32(h[2:], crc32.ChecksumIEEE(entries))
	h[markOffset] = markSet
	if err := m.write(m.journal, h[:]); err != nil {
		return err
	}
	return m.apply(entries)
}

// Partition is the part of a memory that one application owns. Offsets count
// from its own start and every access outside it panics, so no application can
// name another's bytes.
type Partition struct {
	memory *Memory
	start  int
	size   int
}

// Partition hands out size bytes from start. It panics if they are not all
// inside the memory.
func (m *Memory) Partition(start, size int) Partition {
	if start < 0 || size < 0 || start+size > m.size {
		panic(fmt.Sprintf("cos: no partition of %d bytes at %d in a memory of %d", size, start, m.size))
	}
	return Partition{m, start, size}
}

// Read gives the partition's bytes as they are now, without the staged ones of
// an open transaction. They must not be changed and are valid until the next
// Commit.
func (p Partition) Read() ([]byte, error) {
	if !p.memory.powered {
		return nil, ErrPowerCut
	}
	return p.memory.cells[p.start : p.start+p.size : p.start+p.size], nil
}

// Put stages b for offset in the memory's open transaction.
func (p Partition) Put(offset int, b []byte) {
	if offset < 0 || offset+len(b) > p.size {
		panic(fmt.Sprintf("cos: %d bytes at %d are outside a partition of %d", len(b), offset, p.size))
	}
	p.memory.put(p.start+offset, b)
}

// Sub is the part of size bytes from start of the partition, for an application
// that hosts others. It panics if they are not all inside.
func (p Partition) Sub(start, size int) Partition {
	if start < 0 || size < 0 || start+size > p.size {
		panic(fmt.Sprintf("cos: no part of %d bytes at %d in a partition of %d", size, start, p.size))
	}
	return Partition{p.memory, p.start + start, size}
}

// Size is the length of the partition in bytes.
func (p Partition) Size() int { return p.size }

// Begin opens a transaction of the memory; see Memory.Begin.
func (p Partition) Begin() error { return p.memory.Begin() }

// Commit makes the transaction take effect; see Memory.Commit.
func (p Partition) Commit() error { return p.memory.Commit() }
