package gp

import (
	"fmt"

	"github.com/citycard/citycard/card/cos"
)

// CheckMemory fails with cos.ErrMemory if b is not a possible content of the
// memory: states, key sets, places, heap, and the memory of every instance by its
// module.
func (d *Domain) CheckMemory(b []byte) error {
	if err := d.checkMemory(b); err != nil {
		return fmt.Errorf("security domain %X: %w: %w", d.aid, cos.ErrMemory, err)
	}
	return nil
}

func (d *Domain) checkMemory(b []byte) error {
	if len(b) != d.MemorySize() {
		return fmt.Errorf("content of %d bytes, want %d", len(b), d.MemorySize())
	}
	m := memory(b)
	if err := checkHeader(m); err != nil {
		return err
	}
	if err := d.checkKeys(m); err != nil {
		return err
	}
	if err := d.checkPlaces(m); err != nil {
		return err
	}
	return checkFree(m)
}

func checkHeader(m memory) error {
	start, size := m.wipe()
	switch {
	case m[offFormat] != formatByte:
		return fmt.Errorf("format %02X, want %02X", m[offFormat], formatByte)
	case m[offSpare] != 0 || !zero(m[offZero:offKeys]):
		return fmt.Errorf("bytes without meaning are not 00")
	case start+size > len(m.heap()):
		return fmt.Errorf("%d bytes at %d are to be wiped in a heap of %d", size, start, len(m.heap()))
	}
	switch m.life() {
	case OPReady, Initialized, Secured, CardLocked, Terminated:
	default:
		return fmt.Errorf("life cycle %02X", m[offLife])
	}
	for _, at := range [...]int{offIIN, offCIN} {
		if n := int(m[at]); n > maxNumber || !zero(m[at+1+n:at+numberSize]) {
			return fmt.Errorf("issuer or card number of %d bytes", n)
		}
	}
	return nil
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// maxVersion is the highest key version number (GP Card Specification 2.2, 11.8.2.3).
const maxVersion = 0x7F

func (d *Domain) checkKeys(m memory) error {
	for i := range keyPlaces {
		k := m.keys(i)
		if k.version() == 0 {
			if !zero(k) {
				return fmt.Errorf("free key place %d is not empty", i+1)
			}
			continue
		}
		c, known := d.channel(k.kind())
		limit := uint32(0xFFFFFF)
		if k.kind() == keyTDES {
			limit = 0xFFFF
		}
		switch {
		case k.version() > maxVersion:
			return fmt.Errorf("key version %02X, want 01 to %02X", k.version(), maxVersion)
		case !known:
			return fmt.Errorf("key set %02X has keys of type %02X, which no channel uses", k.version(), k.kind())
		case m.findKeys(k.version()) != i:
			return fmt.Errorf("key set %02X is there twice", k.version())
		case k.mask() == 0 || k.mask() > allKeys || k[7] != 0:
			return fmt.Errorf("key set %02X is damaged", k.version())
		case k.sequence() > limit:
			return fmt.Errorf("key set %02X: sequence counter %X is too large for %v", k.version(), k.sequence(), c.Protocol)
		case k.replaces() != 0 && (k.whole() || k.replaces() > maxVersion):
			return fmt.Errorf("key set %02X takes the place of %02X", k.version(), k.replaces())
		}
		for n := range keyCount {
			if k.mask()&(1<<n) == 0 && !zero(k.key(n)) {
				return fmt.Errorf("key set %02X: key %d is not there and has a value", k.version(), n+1)
			}
		}
	}
	if m.defaultKeys() < 0 {
		return fmt.Errorf("there is no whole key set")
	}
	return nil
}

func (d *Domain) checkPlaces(m memory) error {
	for i := range MaxInstances {
		p := m.place(i)
		if p.free() {
			if !zero(p) {
				return fmt.Errorf("free place %d is not empty", i+1)
			}
			continue
		}
		state := p.state() &^ stateLocked
		switch {
		case state != stateInstalled && state != stateSelectable:
			return fmt.Errorf("instance %d has state %02X", i+1, p.state())
		case p.privileges()&^knownPrivileges != 0:
			return fmt.Errorf("instance %d has privileges %02X", i+1, p.privileges())
		case p.module() >= len(d.profile.Modules):
			return fmt.Errorf("instance %d is of module %d, there are %d", i+1, p.module(), len(d.profile.Modules))
		case int(p[3]) > maxAID || !isAID(p.aid()) || !zero(p[4+len(p.aid()):4+maxAID]) || !zero(p[25:]):
			return fmt.Errorf("instance %d has no AID of %d to %d bytes", i+1, minAID, maxAID)
		case m.find(p.aid()) != i || !d.mayBear(p.aid()):
			return fmt.Errorf("instance %d: its name %X is another's", i+1, p.aid())
		case p.start()+p.extent() > len(m.heap()):
			return fmt.Errorf("instance %X has %d bytes at %d in a heap of %d", p.aid(), p.extent(), p.start(), len(m.heap()))
		case d.overlaps(m, i):
			return fmt.Errorf("instance %X lies where another does, or where the heap is to be wiped", p.aid())
		}
		if err := d.checkInstance(m, p); err != nil {
			return err
		}
	}
	return nil
}

// checkInstance lets the module look at the memory.
func (d *Domain) checkInstance(m memory, p place) error {
	module := d.profile.Modules[p.module()]
	block := m.heap()[p.start():][:p.extent()]
	params, content := block[:p.params()], block[p.params():]
	size, err := module.MemorySize(params)
	if err != nil {
		return fmt.Errorf("instance %X: parameters %X: %w", p.aid(), params, err)
	}
	if size != p.size() {
		return fmt.Errorf("instance %X has %d bytes of memory, want %d", p.aid(), p.size(), size)
	}
	if err := module.CheckMemory(params, content); err != nil {
		return fmt.Errorf("instance %X: %w", p.aid(), err)
	}
	return nil
}

// overlaps tells whether an instance's part of the heap is not its own.
func (d *Domain) overlaps(m memory, i int) bool {
	p := m.place(i)
	meets := func(start, size int) bool {
		return p.start() < start+size && start < p.start()+p.extent()
	}
	if start, size := m.wipe(); meets(start, size) {
		return true
	}
	for n := range i {
		if o := m.place(n); !o.free() && meets(o.start(), o.extent()) {
			return true
		}
	}
	return false
}

// checkFree makes sure that nothing is left where no instance lies.
func checkFree(m memory) error {
	wipe, size := m.wipe()
	for at := 0; at < len(m.heap()); {
		next, own := len(m.heap()), wipe <= at && at < wipe+size
		edges := []int{wipe, wipe + size}
		for i := range MaxInstances {
			p := m.place(i)
			if p.free() {
				continue
			}
			own = own || p.start() <= at && at < p.start()+p.extent()
			edges = append(edges, p.start(), p.start()+p.extent())
		}
		for _, e := range edges {
			if e > at {
				next = min(next, e)
			}
		}
		if !own && !zero(m.heap()[at:next]) {
			return fmt.Errorf("the heap holds something at %d that nobody owns", at)
		}
		at = next
	}
	return nil
}
