package gp

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/scp"
)

// ErrProfile says that a Profile makes no security domain.
var ErrProfile = errors.New("security domain profile is not usable")

// Names that issuer security domains have in the field.
var (
	// AIDGlobalPlatform is A000000151000000 (GP Card Specification 2.2, annex H).
	AIDGlobalPlatform = []byte{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00}
	// AIDVisa is A000000003000000, the name on older cards.
	AIDVisa = []byte{0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00}
)

// Limits of a profile.
const (
	// MaxModules is how many modules the load files of a domain can have.
	MaxModules = 8
	// MaxHeap is the most memory for instances, in bytes.
	MaxHeap = cos.MaxSize - offHeap - 1

	minAID    = 5
	maxAID    = 16
	maxNumber = 10
)

// Profile describes a security domain as the card's manufacturer hands it over.
type Profile struct {
	// AID of the domain, 5 to 16 bytes; nil gives AIDGlobalPlatform.
	AID []byte
	// IIN and CIN are what GET DATA 42 and 45 give, up to 10 bytes each; empty for
	// none. STORE DATA can set them later.
	IIN, CIN []byte
	// CPLC is the card production life cycle data, GET DATA 9F7F; all zeros for
	// none.
	CPLC [cplcSize]byte
	// Diversification is the key diversification data in the answer to INITIALIZE
	// UPDATE.
	Diversification [10]byte
	// Channels are the secure channel protocols, one of each at most.
	Channels []Channel
	// Keys are the initial key sets, 1 to 4. The first one is the default.
	Keys []Keys
	// Life is the card's first state; 0 gives OPReady.
	Life LifeCycle
	// Heap is how many bytes there are for instances, at most MaxHeap.
	Heap int
	// Modules are the code in the card's load files, at most MaxModules.
	Modules []Module
	// Reserved are the names of the other applications of the image, which no
	// instance may have. GET STATUS gives them as personalised; the domain can
	// neither delete nor lock them.
	Reserved [][]byte
}

// Channel is a secure channel protocol with its options, the parameter i.
type Channel struct {
	Protocol scp.Protocol
	Variant  scp.Variant
}

// Keys is a key set with the protocol that uses it. Set.Version is 01 to 7F.
type Keys struct {
	Protocol scp.Protocol
	Set      scp.KeySet
}

// Domain is a security domain as cards have it when they are issued: a
// cos.Template. It is immutable.
type Domain struct {
	profile Profile
	files   []loadFile
	aid     []byte
}

// loadFile is an executable load file: the modules with one load file AID.
type loadFile struct {
	aid     []byte
	modules []int
}

const withheld = "[security domain, data withheld]"

// Format answers every verb of fmt with a fixed text: a domain holds keys.
func (Domain) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (Domain) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// New makes a domain. The profile's slices must not change afterwards. All errors are ErrProfile and say which field is wrong.
func New(p Profile) (*Domain, error) {
	if p.AID == nil {
		p.AID = AIDGlobalPlatform
	}
	if p.Life == 0 {
		p.Life = OPReady
	}
	d := &Domain{profile: p, aid: bytes.Clone(p.AID)}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("make security domain: %w: %w", ErrProfile, err)
	}
	for i, m := range p.Modules {
		at := d.findFile(m.LoadFileAID())
		if at < 0 {
			at = len(d.files)
			d.files = append(d.files, loadFile{aid: m.LoadFileAID()})
		}
		d.files[at].modules = append(d.files[at].modules, i)
	}
	if err := d.CheckMemory(append(d.Personalise(nil), make([]byte, p.Heap)...)); err != nil {
		return nil, fmt.Errorf("make security domain: %w: %w", ErrProfile, err)
	}
	return d, nil
}

func isAID(b []byte) bool { return len(b) >= minAID && len(b) <= maxAID }

// check looks at what could not be written to memory.
func (d *Domain) check() error {
	p := &d.profile
	switch {
	case !isAID(p.AID):
		return fmt.Errorf("AID has %d bytes, want %d to %d", len(p.AID), minAID, maxAID)
	case len(p.IIN) > maxNumber || len(p.CIN) > maxNumber:
		return fmt.Errorf("IIN has %d bytes and CIN %d, at most %d are possible", len(p.IIN), len(p.CIN), maxNumber)
	case len(p.Keys) < 1 || len(p.Keys) > keyPlaces:
		return fmt.Errorf("%d key sets, want 1 to %d", len(p.Keys), keyPlaces)
	case p.Heap < 0 || p.Heap > MaxHeap:
		return fmt.Errorf("heap of %d bytes, 0 to %d are possible", p.Heap, MaxHeap)
	case len(p.Modules) > MaxModules:
		return fmt.Errorf("%d modules, at most %d are possible", len(p.Modules), MaxModules)
	}
	for i, c := range p.Channels {
		if !c.Protocol.Valid(c.Variant) {
			return fmt.Errorf("%v with i=%02X is not known", c.Protocol, byte(c.Variant))
		}
		for _, o := range p.Channels[:i] {
			if o.Protocol == c.Protocol {
				return fmt.Errorf("%v is there twice", c.Protocol)
			}
		}
	}
	for i, m := range p.Modules {
		if m == nil || !isAID(m.LoadFileAID()) || !isAID(m.ModuleAID()) {
			return fmt.Errorf("module %d: load file AID or module AID has not %d to %d bytes", i+1, minAID, maxAID)
		}
		for _, o := range p.Modules[:i] {
			if bytes.Equal(o.ModuleAID(), m.ModuleAID()) {
				return fmt.Errorf("module %X is there twice", m.ModuleAID())
			}
		}
	}
	return nil
}

// AID is the name of the domain.
func (d *Domain) AID() []byte { return d.aid }

// JournalSize is what the domain and its modules need.
func (d *Domain) JournalSize() int {
	size := cos.JournalSize
	for _, m := range d.profile.Modules {
		size = max(size, m.JournalSize())
	}
	return size
}

// MemorySize is the length of the memory: 560 bytes and the heap.
func (d *Domain) MemorySize() int { return offHeap + d.profile.Heap }

// Personalise appends the memory as the card is handed over: no instances.
func (d *Domain) Personalise(dst []byte) []byte {
	p := &d.profile
	m := make(memory, offHeap)
	m[offFormat], m[offLife] = formatByte, byte(p.Life)
	putNumber(m[offIIN:], p.IIN)
	putNumber(m[offCIN:], p.CIN)
	copy(m[offCPLC:], p.CPLC[:])
	for i, k := range p.Keys {
		s := m.keys(i)
		s[0], s[1], s[2] = k.Set.Version, keyTDES, allKeys
		if k.Protocol == scp.SCP03 {
			s[1] = keyAES
		}
		copy(s.key(0), k.Set.ENC[:])
		copy(s.key(1), k.Set.MAC[:])
		copy(s.key(2), k.Set.DEK[:])
	}
	return append(dst, m...)
}

func putNumber(dst, number []byte) {
	dst[0] = byte(len(number))
	copy(dst[1:numberSize], number)
}

// Place gives the running domain over its memory.
func (d *Domain) Place(p cos.Partition, old cos.Application) cos.Application {
	a, ok := old.(*App)
	if !ok || a.domain != d {
		a = &App{domain: d}
	}
	a.memory = p
	a.PowerOff()
	return a
}

// findFile gives the index of a load file, or -1.
func (d *Domain) findFile(aid []byte) int {
	for i, f := range d.files {
		if bytes.Equal(f.aid, aid) {
			return i
		}
	}
	return -1
}

// findModule gives the index of a module of a load file, or -1.
func (d *Domain) findModule(file, module []byte) int {
	for i, m := range d.profile.Modules {
		if bytes.Equal(m.LoadFileAID(), file) && bytes.Equal(m.ModuleAID(), module) {
			return i
		}
	}
	return -1
}

// mayBear tells whether an instance may have this name: that of the domain, of a
// load file or of another application of the image is not free. An instance may
// have the name of its module, as is usual on Java Cards.
func (d *Domain) mayBear(aid []byte) bool {
	if bytes.Equal(aid, d.aid) || d.findFile(aid) >= 0 {
		return false
	}
	for _, r := range d.profile.Reserved {
		if bytes.Equal(aid, r) {
			return false
		}
	}
	return true
}

// channel gives the protocol that uses keys of a type.
func (d *Domain) channel(keyType byte) (Channel, bool) {
	for _, c := range d.profile.Channels {
		if c.Protocol == scp.SCP02 && keyType == keyTDES || c.Protocol == scp.SCP03 && keyType == keyAES {
			return c, true
		}
	}
	return Channel{}, false
}
