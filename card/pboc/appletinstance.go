package pboc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Instance is the finance application that was installed from Module. Before its
// personalisation it answers SELECT with an FCI that has its name only, and every
// other command with 6985.
//
// A personalisation that breaks off is taken up again with INSTALL [for
// personalisation], from wherever the host likes: a grouping that comes again with
// the same data changes nothing, one with other data takes the place of the old.
// With another length the old one's bytes are lost until the instance is deleted.
type Instance struct {
	memory cos.Partition
	aid    []byte
	rand   io.Reader
	card   *Card // nil until it is needed, and before personalisation
	app    App
}

var (
	_ gp.Instance = (*Instance)(nil)
	_ cos.Guard   = (*Instance)(nil)
)

// Format answers every verb of fmt with a fixed text.
func (Instance) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// view reads the memory; what was there when the power came was checked and only
// this instance has changed it since.
func (a *Instance) view() (storeView, error) {
	b, err := a.memory.Read()
	if err != nil {
		return storeView{}, err
	}
	v, err := viewStore(b)
	if err != nil {
		panic("pboc: a committed instance is damaged: " + err.Error())
	}
	return v, nil
}

// ready makes the application run if the instance is personalised.
func (a *Instance) ready() (bool, error) {
	v, err := a.view()
	if err != nil || !v.personalised {
		return false, err
	}
	if a.card != nil {
		return true, nil
	}
	c, _, err := v.card()
	if err != nil {
		panic("pboc: a personalised instance is damaged: " + err.Error())
	}
	a.card = c
	a.app.Insert(c, a.memory.Sub(instHead+v.used, c.MemorySize()))
	a.app.PowerOn(a.rand)
	return true, nil
}

// AID is the name of the instance.
func (a *Instance) AID() []byte { return a.aid }

// Select starts a session; see Instance for a blank one.
func (a *Instance) Select(dst []byte, s cos.Selection) ([]byte, error) {
	ok, err := a.ready()
	if err != nil {
		return dst, err
	}
	if !ok {
		fci := fciOf(a.aid, tlv.Append(nil, tlv.TagFCIProprietary, nil))
		return apdu.AppendResponse(dst, fci, apdu.SWOK), nil
	}
	return a.app.Select(dst, s)
}

// Do carries out a command of the personalised application.
func (a *Instance) Do(dst []byte, c *apdu.Command) ([]byte, error) {
	ok, err := a.ready()
	if err != nil {
		return dst, err
	}
	if !ok {
		return status(dst, apdu.SWConditions), nil
	}
	return a.app.Do(dst, c)
}

// Deselect ends the session.
func (a *Instance) Deselect() {
	if a.card != nil {
		a.app.Deselect()
	}
}

// PowerOn gives the instance its random source.
func (a *Instance) PowerOn(rand io.Reader) {
	a.rand = rand
	if a.card != nil {
		a.app.PowerOn(rand)
	}
}

// PowerOff forgets what is in RAM.
func (a *Instance) PowerOff() {
	a.rand = nil
	if a.card != nil {
		a.app.PowerOff()
	}
}

// Blocks tells whether the application has blocked the card.
func (a *Instance) Blocks(other cos.Application) (bool, error) {
	ok, err := a.ready()
	if err != nil || !ok {
		return false, err
	}
	return a.app.Blocks(other)
}

// Personalised tells whether the instance is a card.
func (a *Instance) Personalised() bool {
	v, err := a.view()
	return err == nil && v.personalised
}

// StoreData keeps one grouping. It answers 6A88 for one that is not known, 6A80
// for a wrong length, a record without template 70, or check values that are not
// those of keys that came before; 6A84 if the memory is full, 6985 after
// personalisation.
func (a *Instance) StoreData(id uint16, data []byte) (apdu.SW, error) {
	v, err := a.view()
	if err != nil {
		return 0, err
	}
	if v.personalised {
		return apdu.SWConditions, nil
	}
	if err := (DGI{id, data}).check(); err != nil {
		if errors.Is(err, errDGIUnknown) {
			return apdu.SWDataNotFound, nil
		}
		return apdu.SWWrongData, nil
	}
	if keys, alg, ok := kcvOf(id); ok {
		if stored, _ := v.find(keys); stored != nil && !bytes.Equal(checkValues(alg, stored), data) {
			return apdu.SWWrongData, nil
		}
	}
	old, at := v.find(id)
	if old != nil && bytes.Equal(old, data) {
		return apdu.SWOK, nil
	}
	if len(old) == len(data) {
		return a.change(func() { a.memory.Put(at, data) })
	}
	at = instHead + v.used
	if at+instEntry+len(data) > len(v.b) {
		return apdu.SWNoSpace, nil
	}
	used := binary.BigEndian.AppendUint16(nil, uint16(v.used+instEntry+len(data)))
	entry := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, id), uint16(len(data)))
	return a.change(func() {
		a.memory.Put(at, append(entry, data...))
		a.memory.Put(instUsed, used)
	})
}

// change carries out one transaction.
func (a *Instance) change(puts func()) (apdu.SW, error) {
	if err := a.memory.Begin(); err != nil {
		return 0, err
	}
	puts()
	if err := a.memory.Commit(); err != nil {
		return 0, err
	}
	return apdu.SWOK, nil
}

// Complete makes the instance a card: in one transaction its state is written and
// the mark set. It answers 6A88 if a grouping is missing, 6A84 if there is no room
// for the state, 6A80 if the groupings make no card.
func (a *Instance) Complete() (apdu.SW, error) {
	v, err := a.view()
	if err != nil {
		return 0, err
	}
	if v.personalised {
		return apdu.SWConditions, nil
	}
	c, _, err := v.card()
	switch {
	case errors.Is(err, ErrDGIMissing):
		return apdu.SWDataNotFound, nil
	case errors.Is(err, errInstanceFull):
		return apdu.SWNoSpace, nil
	case err != nil:
		return apdu.SWWrongData, nil
	}
	content := c.Personalise(nil)
	return a.change(func() {
		// The state's memory is zero: its zero pieces need no journal.
		const piece = 32
		for at := 0; at < len(content); at += piece {
			if part := content[at:min(at+piece, len(content))]; !zero(part) {
				a.memory.Put(instHead+v.used+at, part)
			}
		}
		a.memory.Put(instState, []byte{instPersonalised})
	})
}
