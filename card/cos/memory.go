package cos

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// ErrPowerCut says that the power failed during a write, or has failed before
// and PowerOn has not been called since.
var ErrPowerCut = errors.New("the card has lost its power")

// ErrMemory says that a memory image cannot be loaded or is damaged.
var ErrMemory = errors.New("card memory is not usable")

const (
	// PageSize is how many bytes one write can change, within one aligned page.
	PageSize = 32
	// MaxSize is the largest data region; offsets in the journal have two bytes.
	MaxSize = 1 << 16
	// JournalSize is how many bytes one transaction can take in a memory made by
	// Format: three bytes for each 255 bytes put, and the bytes put.
	JournalSize = 248
	// MaxJournal is the most that FormatWith gives.
	MaxJournal = 4096

	// Header of the journal: length(2) CRC-32(4) mark(1), one spare byte.
	headerSize  = 8
	markOffset  = 6
	markSet     = 0xA5
	entryHeader = 3 // offset(2) length(1)
	maxEntry    = 255
)

// Tear is what happens to the write at which the power fails.
type Tear byte

// The ways in which a write can be cut.
const (
	TearNone  Tear = iota // the write does not happen at all
	TearFirst             // only the first half of its bytes is written
	TearLast              // only the last half of its bytes is written
)

// Memory is the non-volatile memory of one chip: a data region and a journal.
// The zero value is an empty memory without power, with room for nothing; Format
// comes first.
// A Memory belongs to one goroutine.
type Memory struct {
	cells   []byte // data region up to a whole page, then the journal
	size    int    // bytes of the data region
	journal int    // where the journal begins, a multiple of PageSize
	room    int    // bytes of entries that the journal takes
	writes  int
	cutAt   int
	tear    Tear
	powered bool
	open    bool
	staged  int // bytes of the open transaction
	stage   []byte
}

// Format makes a memory of size zero bytes, without power, and starts counting
// writes from 0. Space is reused. It fails if size is outside 0 to MaxSize.
func (m *Memory) Format(size int) error { return m.FormatWith(size, JournalSize) }

// FormatWith is Format with a journal of another size, JournalSize to MaxJournal.
func (m *Memory) FormatWith(size, room int) error {
	if size < 0 || size > MaxSize {
		return fmt.Errorf("format %d bytes of card memory, 0 to %d are possible: %w", size, MaxSize, ErrMemory)
	}
	if room < JournalSize || room > MaxJournal {
		return fmt.Errorf("format card memory with a journal of %d bytes, %d to %d are possible: %w", room, JournalSize, MaxJournal, ErrMemory)
	}
	journal := (size + PageSize - 1) / PageSize * PageSize
	total := journal + headerSize + room
	if cap(m.stage) < room {
		m.stage = make([]byte, room)
	}
	m.stage, m.room = m.stage[:room], room
	if cap(m.cells) < total {
		m.cells = make([]byte, total)
	}
	m.cells = m.cells[:total]
	clear(m.cells)
	m.size, m.journal = size, journal
	m.writes, m.cutAt, m.tear = 0, 0, TearNone
	m.powered, m.open, m.staged = false, false, 0
	return nil
}

// Fill sets bytes of an unpowered memory as the factory does: no journal, no
// write is counted. It panics if the bytes do not fit or the power is on.
func (m *Memory) Fill(offset int, b []byte) {
	if m.powered {
		panic("cos: Fill under power; use a transaction")
	}
	if offset < 0 || offset+len(b) > m.size {
		panic(fmt.Sprintf("cos: %d bytes at %d are outside a memory of %d", len(b), offset, m.size))
	}
	copy(m.cells[offset:], b)
}

// Size is the length of the data region in bytes.
func (m *Memory) Size() int { return m.size }

// Writes is how many writes have happened since Format.
func (m *Memory) Writes() int { return m.writes }

// CutAt makes the power fail right before write n, counted from 1 since Format:
// CutAt(m.Writes()+1, TearNone) cuts before the very next write. With another
// Tear half of that write still happens. n = 0 takes the order back. The order
// is spent when it has happened.
func (m *Memory) CutAt(n int, tear Tear) { m.cutAt, m.tear = n, tear }

// PowerOn starts the memory and finishes or drops what the journal holds. The
// power may fail during that too.
func (m *Memory) PowerOn() error {
	m.powered, m.open, m.staged = true, false, 0
	n, ok := m.committed()
	if !ok {
		return nil
	}
	entries := m.cells[m.journal+headerSize:][:n]
	if err := m.checkEntries(entries); err != nil {
		m.powered = false
		return err
	}
	return m.apply(entries)
}

// PowerOff takes the power away between two writes.
func (m *Memory) PowerOff() { m.powered, m.open = false, false }

// Powered tells whether the memory can be used.
func (m *Memory) Powered() bool { return m.powered }

// committed reports the length of the entries of a journal whose mark and CRC
// are in order.
func (m *Memory) committed() (int, bool) {
	h := m.cells[m.journal:]
	if len(h) < headerSize || h[markOffset] != markSet {
		return 0, false
	}
	n := int(binary.BigEndian.Uint16(h))
	if n == 0 || n > m.room {
		return 0, false
	}
	return n, crc32.ChecksumIEEE(h[headerSize:headerSize+n]) == binary.BigEndian.Uint32(h[2:])
}

// checkEntries makes sure that a journal with a right CRC stays in its memory.
func (m *Memory) checkEntries(e []byte) error {
	for len(e) > 0 {
		if len(e) < entryHeader {
			return fmt.Errorf("journal entry is cut short: %w", ErrMemory)
		}
		at, n := int(binary.BigEndian.Uint16(e)), int(e[2])
		if n > len(e)-entryHeader || at+n > m.size {
			return fmt.Errorf("journal entry for %d bytes at %d is outside the memory of %d: %w", n, at, m.size, ErrMemory)
		}
		e = e[entryHeader+n:]
	}
	return nil
}

// apply copies checked entries to their places and clears the mark.
func (m *Memory) apply(e []byte) error {
	for len(e) > 0 {
		at, n := int(binary.BigEndian.Uint16(e)), int(e[2])
		if err := m.write(at, e[entryHeader:entryHeader+n]); err != nil {
			return err
		}
		e = e[entryHeader+n:]
	}
	return m.write(m.journal+markOffset, []byte{0})
}

// write changes cells page by page; every page is one numbered write.
func (m *Memory) write(at int, b []byte) error {
	for len(b) > 0 {
		if !m.powered {
			return ErrPowerCut
		}
		n := min(len(b), PageSize-at%PageSize)
		if m.cutAt == m.writes+1 {
			m.fail(m.cells[at:at+n], b[:n])
			return ErrPowerCut
		}
		m.writes++
		copy(m.cells[at:], b[:n])
		at, b = at+n, b[n:]
	}
	return nil
}

// fail takes the power away at a write, half of which may still happen.
func (m *Memory) fail(dst, src []byte) {
	half := len(src) / 2
	switch m.tear {
	case TearFirst:
		copy(dst[:half], src)
	case TearLast:
		copy(dst[half:], src[half:])
	}
	if m.tear != TearNone {
		m.writes++
	}
	m.cutAt, m.tear = 0, TearNone
	m.powered, m.open = false, false
}
