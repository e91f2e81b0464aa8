package pboc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
)

// Names of the finance application's code on a card (our choice): the load file
// under the RID of the bank card association, and the one module in it.
var (
	LoadFileAID = []byte{0xA0, 0x00, 0x00, 0x03, 0x33, 0x43, 0x43, 0x01}
	ModuleAID   = []byte{0xA0, 0x00, 0x00, 0x03, 0x33, 0x43, 0x43, 0x01, 0x01}
)

// Sizes of an instance's memory in bytes, the parameter C9 of INSTALL. A card with
// both sets of algorithms and two logs takes some 4000.
const (
	DefaultInstance = 6144
	minInstance     = 512
	maxInstance     = 16384
)

// Module is the finance application as code on the card, which a security domain
// installs and personalises: its instance starts empty, takes data groupings and
// becomes a Card when the last one came. It has no state of its own.
type Module struct{}

var _ gp.Module = Module{}

// LoadFileAID is the name of the load file.
func (Module) LoadFileAID() []byte { return LoadFileAID }

// ModuleAID is the name of the module.
func (Module) ModuleAID() []byte { return ModuleAID }

// MemorySize takes the parameters of INSTALL: nothing, or the memory of the
// instance in bytes, two bytes, 512 to 16384.
func (Module) MemorySize(params []byte) (int, error) {
	switch len(params) {
	case 0:
		return DefaultInstance, nil
	case 2:
		if n := int(binary.BigEndian.Uint16(params)); n >= minInstance && n <= maxInstance {
			return n, nil
		}
	}
	return 0, fmt.Errorf("install finance application: parameters %X, want none or two bytes %d to %d, the memory it gets", params, minInstance, maxInstance)
}

// Layout of an instance's memory: a head, the groupings, one after the other, each
// identifier(2) length(2) data, and, once it is personalised, the application's
// state. What lies behind is zero.
//
//	0  1 format 01
//	1  1 00 blank, 01 personalised
//	2  2 bytes of groupings
//	4  1 length of the AID
//	5  16 AID
//	21 3 zero
const (
	instFormat       = 1
	instState        = 1
	instUsed         = 2
	instAIDLen       = 4
	instAID          = 5
	instHead         = 24
	instEntry        = 4
	instPersonalised = 1
)

// JournalSize is what the last STORE DATA takes, which makes the card.
func (Module) JournalSize() int { return cos.MaxJournal }

// Format appends the head of an empty instance.
func (Module) Format(dst, aid, _ []byte) []byte {
	var b [instHead]byte
	b[0], b[instAIDLen] = instFormat, byte(len(aid))
	copy(b[instAID:], aid)
	return append(dst, b[:]...)
}

// CheckMemory fails with cos.ErrMemory if b is not an instance's memory.
func (m Module) CheckMemory(params, b []byte) error {
	if n, err := m.MemorySize(params); err != nil || len(b) != n {
		return fmt.Errorf("finance application: memory of %d bytes does not fit its parameters: %w", len(b), cos.ErrMemory)
	}
	v, err := viewStore(b)
	if err != nil {
		return err
	}
	if !v.personalised {
		return nil
	}
	c, state, err := v.card()
	if err != nil {
		return fmt.Errorf("finance application: %w: %w", err, cos.ErrMemory)
	}
	return c.CheckMemory(state)
}

// Place gives the instance over its memory.
func (Module) Place(aid, _ []byte, p cos.Partition, old gp.Instance) gp.Instance {
	a, ok := old.(*Instance)
	if !ok {
		a = &Instance{}
	}
	a.memory, a.aid, a.card = p, bytes.Clone(aid), nil
	a.PowerOff()
	return a
}

// storeView is the memory of an instance, checked.
type storeView struct {
	b            []byte
	aid          []byte
	used         int
	personalised bool
}

func viewStore(b []byte) (storeView, error) {
	v := storeView{b: b, used: int(binary.BigEndian.Uint16(b[instUsed:]))}
	n := int(b[instAIDLen])
	if b[0] != instFormat || b[instState] > instPersonalised || n < 5 || n > 16 || v.used > len(b)-instHead || !zero(b[instAID+n:instHead]) {
		return v, fmt.Errorf("finance application: memory begins with %X: %w", b[:instHead], cos.ErrMemory)
	}
	v.personalised, v.aid = b[instState] == instPersonalised, b[instAID:instAID+n]
	for at := instHead; at < instHead+v.used; {
		end := at + instEntry
		if end <= instHead+v.used {
			end += int(binary.BigEndian.Uint16(b[at+2:]))
		}
		if end > instHead+v.used {
			return v, fmt.Errorf("finance application: a grouping at %d ends outside the %d bytes in use: %w", at, v.used, cos.ErrMemory)
		}
		at = end
	}
	return v, nil
}

// dgis lists the groupings. Their data are parts of the memory.
func (v *storeView) dgis() []DGI {
	var list []DGI
	for at := instHead; at < instHead+v.used; {
		n := int(binary.BigEndian.Uint16(v.b[at+2:]))
		list = append(list, DGI{binary.BigEndian.Uint16(v.b[at:]), v.b[at+instEntry : at+instEntry+n]})
		at += instEntry + n
	}
	return list
}

// find gives the grouping with an identifier that counts, the last, and where its
// data begin; nil if there is none.
func (v *storeView) find(id uint16) (data []byte, at int) {
	for next := instHead; next < instHead+v.used; {
		n := int(binary.BigEndian.Uint16(v.b[next+2:]))
		if binary.BigEndian.Uint16(v.b[next:]) == id {
			at = next + instEntry
			data = v.b[at : at+n]
		}
		next += instEntry + n
	}
	return data, at
}

// card makes the card that the groupings describe and finds its state.
func (v *storeView) card() (*Card, []byte, error) {
	c, err := ParseDGIs(v.aid, v.dgis())
	if err != nil {
		return nil, nil, err
	}
	at := instHead + v.used
	if size := c.MemorySize(); size > len(v.b)-at {
		return nil, nil, fmt.Errorf("%d bytes for groupings and %d for the state: %w", v.used, size, errInstanceFull)
	}
	return c, v.b[at : at+c.MemorySize()], nil
}

var errInstanceFull = errors.New("the instance's memory is too small: install it with a greater parameter C9")
