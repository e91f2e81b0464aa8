package gp

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

// App is the security domain in a powered chip. Domain.Place makes it. It is a
// cos.Application, a cos.Host of its instances and a cos.Guard.
type App struct {
	domain *Domain
	memory cos.Partition
	placed [MaxInstances]placed
	hosted []cos.Application

	// What is kept in RAM.
	rand    io.Reader // nil without power
	channel scp.Card
	version byte // of the key set that the channel uses
	ends    bool // the answer under way is the last of the channel
	listing listing
	perso   personalisation

	plain [apdu.MaxShortData + 1]byte // data of a command without protection
	reply []byte                      // data of an answer without protection
}

// placed is an instance and where it came from. It stays, without power, after
// DELETE for the next instance of the same module.
type placed struct {
	running  bool
	module   int
	instance Instance
}

// Format answers every verb of fmt with a fixed text: a domain holds keys.
func (App) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (App) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// AID is the domain's name.
func (a *App) AID() []byte { return a.domain.aid }

// PowerOn gives the domain and its instances their random source and reads the
// register.
func (a *App) PowerOn(rand io.Reader) {
	a.PowerOff()
	b, err := a.memory.Read()
	if err != nil {
		return
	}
	a.rand = rand
	m := memory(b)
	for i := range MaxInstances {
		if !m.place(i).free() {
			a.start(m, i)
		}
	}
	a.list(m)
}

// PowerOff forgets everything that is in RAM, and lets the instances do so.
func (a *App) PowerOff() {
	a.Deselect()
	for i := range a.placed {
		a.stop(i)
	}
	a.rand, a.hosted = nil, a.hosted[:0]
}

// Deselect ends the session.
func (a *App) Deselect() {
	a.closeChannel()
	a.listing = listing{}
	clear(a.plain[:])
}

// closeChannel ends the secure channel and all that hangs on it.
func (a *App) closeChannel() {
	a.channel.Close()
	a.ends = false
	a.perso.reset()
}

// start gives power to the instance in a place.
func (a *App) start(m memory, i int) {
	p, at := m.place(i), &a.placed[i]
	var old Instance
	if at.module == p.module() {
		old = at.instance
	}
	start := offHeap + p.start()
	aid, params := append([]byte(nil), p.aid()...), append([]byte(nil), m[start:start+p.params()]...)
	own := a.memory.Sub(start+p.params(), p.size())
	*at = placed{true, p.module(), a.domain.profile.Modules[p.module()].Place(aid, params, own, old)}
	at.instance.PowerOn(a.rand)
}

// stop takes the power from the instance in a place.
func (a *App) stop(i int) {
	if at := &a.placed[i]; at.running {
		at.instance.PowerOff()
		at.running = false
	}
}

// list makes the list of what SELECT can find.
func (a *App) list(m memory) {
	a.hosted = a.hosted[:0]
	for i := range MaxInstances {
		if m.place(i).selectable() {
			a.hosted = append(a.hosted, a.placed[i].instance)
		}
	}
}

// Hosted gives the instances that can be selected: neither locked nor merely
// installed ones (GP Card Specification 2.2, 6.4.2).
func (a *App) Hosted() []cos.Application { return a.hosted }

// Blocks closes the card for all but the domain when it is locked or terminated
// (GP Card Specification 2.2, 5.1.1.4 and 5.1.1.5), and for what an instance closes
// it that is a guard itself.
func (a *App) Blocks(other cos.Application) (bool, error) {
	b, err := a.memory.Read()
	if err != nil {
		return false, err
	}
	life := memory(b).life()
	if other != cos.Application(a) && (life == CardLocked || life == Terminated) {
		return true, nil
	}
	for i := range a.placed {
		g, ok := a.placed[i].instance.(cos.Guard)
		if !ok || !a.placed[i].running {
			continue
		}
		if blocked, err := g.Blocks(other); err != nil || blocked {
			return blocked, err
		}
	}
	return false, nil
}

const (
	swTerminated apdu.SW = 0x6285 // selected file is in termination state
	swCardLocked apdu.SW = 0x6283 // the card is locked
	swMore       apdu.SW = 0x6310 // more data are there
	swChannel    apdu.SW = 0x6881 // logical channels are not supported
)

// Select starts a session and appends the FCI (GP Card Specification 2.2, 11.9.3.1):
//
//	6F { 84 AID, A5 { 73 card recognition data, 9F65 FF } }
//
// with 9000; 6283 when the card is locked, 6285 when it is terminated. The only
// error is cos.ErrPowerCut.
func (a *App) Select(dst []byte, _ cos.Selection) ([]byte, error) {
	a.Deselect()
	b, err := a.settled()
	if err != nil {
		return dst, err
	}
	sw := apdu.SWOK
	switch b.life() {
	case CardLocked:
		sw = swCardLocked
	case Terminated:
		sw = swTerminated
	}
	return apdu.AppendResponse(dst, a.domain.control(), sw), nil
}

// settled reads the memory, after wiping what a power cut has left to be wiped.
func (a *App) settled() (memory, error) {
	b, err := a.memory.Read()
	if err != nil {
		return nil, err
	}
	if _, size := memory(b).wipe(); size != 0 {
		if err := a.wipe(); err != nil {
			return nil, err
		}
		b, err = a.memory.Read()
	}
	return memory(b), err
}

// chunk is how many bytes of the heap one transaction writes.
const chunk = 192

// wipe writes zeros over the part of the heap that nobody owns any more, then
// takes the note of it away.
func (a *App) wipe() error {
	b, err := a.memory.Read()
	if err != nil {
		return err
	}
	start, size := memory(b).wipe()
	if err := a.fill(start, make([]byte, size)); err != nil {
		return err
	}
	return a.commit(func() { a.memory.Put(offWipe, []byte{0, 0, 0, 0}) })
}

// fill writes to the heap in as many transactions as it takes.
func (a *App) fill(start int, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), chunk)
		if err := a.commit(func() { a.memory.Put(offHeap+start, b[:n]) }); err != nil {
			return err
		}
		start, b = start+n, b[n:]
	}
	return nil
}

// noteWipe stages which part of the heap belongs to nobody.
func (a *App) noteWipe(start, size int) {
	var note [4]byte
	binary.BigEndian.PutUint16(note[:], uint16(start))
	binary.BigEndian.PutUint16(note[2:], uint16(size))
	a.memory.Put(offWipe, note[:])
}

// commit makes what put stages take effect in one transaction.
func (a *App) commit(put func()) error {
	if err := a.memory.Begin(); err != nil {
		return err
	}
	put()
	return a.memory.Commit()
}
