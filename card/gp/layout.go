package gp

import "encoding/binary"

// Where everything lies in the memory; the package comment has the same as a table.
const (
	formatByte = 0x01

	offFormat = 0
	offLife   = 1
	offFailed = 2
	offSpare  = 3
	offWipe   = 4
	offIIN    = 8
	offCIN    = 19
	offCPLC   = 30
	offZero   = 72
	offKeys   = 80
	offPlaces = offKeys + keyPlaces*keyPlaceSize
	offHeap   = offPlaces + MaxInstances*placeSize

	keyPlaces    = 4
	keyPlaceSize = 56
	placeSize    = 32
	numberSize   = 11 // IIN or CIN: length and ten bytes
	cplcSize     = 42
)

// MaxInstances is how many instances a domain can hold.
const MaxInstances = 8

// LifeCycle is the life cycle state of the card, which is that of its issuer
// security domain (GP Card Specification 2.2, 5.1 and 11.1.1).
type LifeCycle byte

// The states in their order. A card goes forward only, but for SECURED and
// CARD_LOCKED, which can follow each other.
const (
	OPReady     LifeCycle = 0x01 // ready for first use
	Initialized LifeCycle = 0x07 // some issuer data are there
	Secured     LifeCycle = 0x0F // as the holder gets it
	CardLocked  LifeCycle = 0x7F // nothing but the domain can be selected
	Terminated  LifeCycle = 0xFF // for good; only GET DATA is left
)

// String gives the specification's name.
func (l LifeCycle) String() string {
	switch l {
	case OPReady:
		return "OP_READY"
	case Initialized:
		return "INITIALIZED"
	case Secured:
		return "SECURED"
	case CardLocked:
		return "CARD_LOCKED"
	case Terminated:
		return "TERMINATED"
	}
	return "unknown life cycle state"
}

// memory is the content of a domain's memory, read only.
type memory []byte

func (m memory) life() LifeCycle { return LifeCycle(m[offLife]) }

// wipe is the part of the heap that may hold something that nobody owns.
func (m memory) wipe() (start, size int) {
	return int(binary.BigEndian.Uint16(m[offWipe:])), int(binary.BigEndian.Uint16(m[offWipe+2:]))
}

// number is the IIN or CIN that stands at an offset.
func (m memory) number(at int) []byte { return m[at+1 : at+1+int(m[at])] }

func (m memory) cplc() []byte { return m[offCPLC : offCPLC+cplcSize] }

func (m memory) heap() []byte { return m[offHeap:] }

// key type bytes of PUT KEY (GP Card Specification 2.2, table 11-16).
const (
	keyTDES = 0x80
	keyAES  = 0x88
)

const (
	keySize  = 16
	allKeys  = 0x07 // mask of a set that is whole
	keyCount = 3    // ENC, MAC, DEK with the identifiers 1 to 3
)

// keyPlace is a place for a key set:
//
//	version (1) | type (1) | mask of the keys that are there (1) | version that
//	the set takes the place of when it is whole (1) | sequence counter (3) | 00 |
//	ENC (16) | MAC (16) | DEK (16)
//
// Version 0 is a free place. Only a whole set opens sessions.
type keyPlace []byte

func (m memory) keys(i int) keyPlace { return keyPlace(m[offKeys+i*keyPlaceSize:][:keyPlaceSize]) }

func (k keyPlace) version() byte    { return k[0] }
func (k keyPlace) kind() byte       { return k[1] }
func (k keyPlace) mask() byte       { return k[2] }
func (k keyPlace) replaces() byte   { return k[3] }
func (k keyPlace) whole() bool      { return k[0] != 0 && k[2] == allKeys }
func (k keyPlace) sequence() uint32 { return uint32(k[4])<<16 | uint32(k[5])<<8 | uint32(k[6]) }
func (k keyPlace) key(i int) []byte { return k[8+i*keySize:][:keySize] }

// findKeys gives the place of a version, whole or not, or -1.
func (m memory) findKeys(version byte) int {
	for i := range keyPlaces {
		if version != 0 && m.keys(i).version() == version {
			return i
		}
	}
	return -1
}

// defaultKeys is the first whole set; there always is one.
func (m memory) defaultKeys() int {
	for i := range keyPlaces {
		if m.keys(i).whole() {
			return i
		}
	}
	return -1
}

// freeKeys is the first free place, or -1.
func (m memory) freeKeys() int {
	for i := range keyPlaces {
		if m.keys(i).version() == 0 {
			return i
		}
	}
	return -1
}

// Life cycle states of an instance (GP Card Specification 2.2, 11.1.1).
const (
	stateInstalled    = 0x03
	stateSelectable   = 0x07
	statePersonalised = 0x0F // only ever said, never stored: the instance knows
	stateLocked       = 0x80
)

// place is a place for an instance:
//
//	state (1) | privileges (1) | module (1) | length of AID (1) | AID (16) |
//	start in the heap (2) | bytes of memory (2) | bytes of parameters (1) | 00 (7)
//
// State 0 is a free place. The state has bit 8 when the instance is locked. In the
// heap the parameters stand before the memory.
type place []byte

func (m memory) place(i int) place { return place(m[offPlaces+i*placeSize:][:placeSize]) }

func (p place) free() bool       { return p[0] == 0 }
func (p place) state() byte      { return p[0] }
func (p place) privileges() byte { return p[1] }
func (p place) module() int      { return int(p[2]) }
func (p place) aid() []byte      { return p[4 : 4+min(int(p[3]), maxAID)] }
func (p place) start() int       { return int(binary.BigEndian.Uint16(p[20:])) }
func (p place) size() int        { return int(binary.BigEndian.Uint16(p[22:])) }
func (p place) params() int      { return int(p[24]) }
func (p place) extent() int      { return p.params() + p.size() }
func (p place) selectable() bool { return p.state() == stateSelectable }

// newPlace makes the bytes of a place.
func newPlace(state, privileges byte, module int, aid []byte, start, size, params int) place {
	p := make(place, placeSize)
	p[0], p[1], p[2], p[3] = state, privileges, byte(module), byte(len(aid))
	copy(p[4:], aid)
	binary.BigEndian.PutUint16(p[20:], uint16(start))
	binary.BigEndian.PutUint16(p[22:], uint16(size))
	p[24] = byte(params)
	return p
}

// find gives the place of an instance, or -1.
func (m memory) find(aid []byte) int {
	for i := range MaxInstances {
		if p := m.place(i); !p.free() && string(p.aid()) == string(aid) {
			return i
		}
	}
	return -1
}

// room looks for size free bytes in the heap, the first that fit, and for a free
// place.
func (m memory) room(size int) (place, start int, ok bool) {
	place = -1
	for i := MaxInstances - 1; i >= 0; i-- {
		if m.place(i).free() {
			place = i
		}
	}
	if place < 0 {
		return 0, 0, false
	}
	for again := true; again; {
		again = false
		for i := range MaxInstances {
			p := m.place(i)
			if !p.free() && start < p.start()+p.extent() && p.start() < start+max(size, 1) {
				start, again = p.start()+p.extent(), true
			}
		}
	}
	return place, start, start+size <= len(m.heap())
}
