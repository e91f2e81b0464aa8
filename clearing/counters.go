package clearing

import (
	"encoding/binary"
	"fmt"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/txn"
)

const windowBits = 256

// Counters is the permanent memory of which counters of a card have been
// cleared: a high-water mark, a bitmap of the 256 counters up to it with the hash
// of what the card vouched for, and an exact table below.
type Counters struct {
	high   uint16
	bitmap [windowBits / 8]byte
	hashes []counterHash // ascending by counter, those inside the bitmap
	below  []counterHash // ascending, those that fell out of it
}

type counterHash struct {
	atc  uint16
	hash [8]byte
}

// Seen is what the counters know about one row.
type Seen uint8

// The answers of Counters.Check.
const (
	New      Seen = 0 // counter never cleared
	Same     Seen = 1 // cleared with the same content
	Conflict Seen = 2 // cleared with other content
)

// ContentHash is SM3 over txn.Row.ContentKey, cut to 8 bytes.
func ContentHash(r *txn.Row) [8]byte {
	key := r.ContentKey()
	sum := sm3.Sum(key[:])
	return [8]byte(sum[:8])
}

// Check compares a row's counter and content with what was cleared.
func (c *Counters) Check(atc uint16, hash [8]byte) Seen {
	list := c.hashes
	if c.outside(atc) {
		list = c.below
	} else if atc > c.high || !c.bit(atc) {
		return New
	}
	i, found := find(list, atc)
	switch {
	case !found && c.outside(atc):
		return New
	case !found:
		panic(fmt.Sprintf("clearing: counter %d is in the bitmap without its hash", atc))
	case list[i].hash == hash:
		return Same
	}
	return Conflict
}

// Mark records that a counter has been cleared. Check must have said New.
func (c *Counters) Mark(atc uint16, hash [8]byte) {
	if c.Check(atc, hash) != New {
		panic(fmt.Sprintf("clearing: counter %d cleared twice", atc))
	}
	e := counterHash{atc, hash}
	if c.outside(atc) {
		c.below = insert(c.below, e)
		return
	}
	if atc > c.high {
		c.raise(atc)
	}
	c.bitmap[atc%windowBits/8] |= 1 << (atc % 8)
	c.hashes = insert(c.hashes, e)
}

// outside reports whether atc lies below the bitmap.
func (c *Counters) outside(atc uint16) bool { return int(atc) <= int(c.high)-windowBits }

func (c *Counters) bit(atc uint16) bool { return c.bitmap[atc%windowBits/8]>>(atc%8)&1 == 1 }

// raise moves the high-water mark up; counters that fall out of the bitmap go
// to the exact table.
func (c *Counters) raise(high uint16) {
	if int(high)-int(c.high) >= windowBits {
		c.bitmap = [windowBits / 8]byte{}
	} else {
		for a := c.high + 1; ; a++ {
			c.bitmap[a%windowBits/8] &^= 1 << (a % 8)
			if a == high {
				break
			}
		}
	}
	c.high = high
	for len(c.hashes) > 0 && c.outside(c.hashes[0].atc) {
		c.below = insert(c.below, c.hashes[0])
		c.hashes = c.hashes[1:]
	}
}

func find(list []counterHash, atc uint16) (int, bool) {
	lo, hi := 0, len(list)
	for lo < hi {
		mid := (lo + hi) / 2
		if list[mid].atc < atc {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(list) && list[lo].atc == atc
}

func insert(list []counterHash, e counterHash) []counterHash {
	i, _ := find(list, e.atc)
	list = append(list, counterHash{})
	copy(list[i+1:], list[i:])
	list[i] = e
	return list
}

// append writes high (2), number in the bitmap (2), number below (2), then
// counter (2) and hash (8) of each; the bitmap follows from them.
func (c *Counters) append(dst []byte) []byte {
	be := binary.BigEndian
	dst = be.AppendUint16(dst, c.high)
	dst = be.AppendUint16(dst, uint16(len(c.hashes)))
	dst = be.AppendUint16(dst, uint16(len(c.below)))
	for _, list := range [2][]counterHash{c.hashes, c.below} {
		for _, e := range list {
			dst = append(be.AppendUint16(dst, e.atc), e.hash[:]...)
		}
	}
	return dst
}

func (c *Counters) parse(b []byte) (rest []byte, err error) {
	if len(b) < 6 {
		return nil, fmt.Errorf("%w: counters cut off", errState)
	}
	be := binary.BigEndian
	inside, below := int(be.Uint16(b[2:])), int(be.Uint16(b[4:]))
	*c = Counters{high: be.Uint16(b)}
	b = b[6:]
	if len(b) < 10*(inside+below) || inside > windowBits {
		return nil, fmt.Errorf("%w: %d counters announced in %d bytes", errState, inside+below, len(b))
	}
	last := -1
	for i := range inside + below {
		e := counterHash{be.Uint16(b), [8]byte(b[2:10])}
		b = b[10:]
		if i == inside {
			last = -1
		}
		if int(e.atc) <= last || e.atc > c.high || c.outside(e.atc) != (i >= inside) {
			return nil, fmt.Errorf("%w: counter %d is out of place", errState, e.atc)
		}
		last = int(e.atc)
		if i < inside {
			c.bitmap[e.atc%windowBits/8] |= 1 << (e.atc % 8)
			c.hashes = append(c.hashes, e)
		} else {
			c.below = append(c.below, e)
		}
	}
	return b, nil
}
