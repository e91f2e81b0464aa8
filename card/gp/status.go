package gp

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// P1 of GET STATUS and SET STATUS: what is meant.
const (
	statusDomain       = 0x80
	statusApplications = 0x40
	statusFiles        = 0x20
	statusModules      = 0x10
)

// P2 of GET STATUS.
const (
	listNext   = 0x01 // go on where the last answer ended
	listTagged = 0x02 // entries as TLV
)

// Privileges (GP Card Specification 2.2, table 11-7). Of an instance only those of
// the first byte that ask nothing of the domain are known.
const (
	privilegeCardLock      = 0x10
	privilegeCardTerminate = 0x08
	knownPrivileges        = privilegeCardLock | privilegeCardTerminate
)

// domainPrivileges: security domain, card lock, card terminate; authorised
// management, global delete, global lock, global registry.
var domainPrivileges = []byte{0x98, 0x5C, 0x00}

// loadFileLoaded is the only state of a load file.
const loadFileLoaded = 0x01

// listing is where GET STATUS goes on.
type listing struct {
	p1, p2 byte // of the command, without listNext; P1 0 for none
	prefix []byte
	tags   []byte
	next   int
}

// row is one entry of the register as GET STATUS gives it.
type row struct {
	aid        []byte
	state      byte
	privileges []byte // nil for load files
	file       []byte // load file of an instance
	modules    [][]byte
	listed     bool // the modules are asked for
}

// getStatus is 80 F2 P1 P2 (GP Card Specification 2.2, 11.4). P1: 80 the domain,
// 40 instances, 20 load files, 10 load files with their modules. P2: 00 first, 01
// next; with 02 entries are objects E3. The data are 4F with the beginning of an
// AID, empty for all, and maybe a list of tags 5C. Entries:
//
//	length | AID | state | privileges (1, 00 for files) [ | modules (1) | length | AID ... ]
//	E3 { 4F AID, 9F70 state, C5 privileges (3), C4 load file, CC domain, 84 module ... }
//
// 6310: more entries follow; 6A88: there are none; 6A80: data; 6A86: P1 or P2;
// 6985: there is nothing to go on with.
func (a *App) getStatus(r *request) (apdu.SW, error) {
	was := a.listing
	a.listing = listing{}
	switch r.P1 {
	case statusDomain, statusApplications, statusFiles, statusModules:
	default:
		return apdu.SWWrongP1P2, nil
	}
	if r.P2&^(listNext|listTagged) != 0 {
		return apdu.SWWrongP1P2, nil
	}
	l, ok := newListing(r)
	switch {
	case !ok:
		return apdu.SWWrongData, nil
	case r.P2&listNext != 0 && (was.p1 != l.p1 || was.p2 != l.p2 || !bytes.Equal(was.prefix, l.prefix) || !bytes.Equal(was.tags, l.tags)):
		return apdu.SWConditions, nil
	case r.P2&listNext != 0:
		l.next = was.next
	}
	return a.goOn(r, l), nil
}

// newListing reads the data of GET STATUS.
func newListing(r *request) (listing, bool) {
	l := listing{p1: r.P1, p2: r.P2 &^ listNext}
	tag, aid, rest, ok := object(r.Data)
	if !ok || tag != tagAID || len(aid) > maxAID {
		return l, false
	}
	l.prefix = bytes.Clone(aid)
	if len(rest) == 0 {
		return l, true
	}
	tag, tags, rest, ok := object(rest)
	l.tags = bytes.Clone(tags)
	return l, ok && tag == tagTagList && len(rest) == 0 && len(tags) > 0
}

// goOn appends as many entries as fit.
func (a *App) goOn(r *request, l listing) apdu.SW {
	rows := a.rows(r.memory, l.p1)
	found := false
	for i := l.next; i < len(rows); i++ {
		if !bytes.HasPrefix(rows[i].aid, l.prefix) {
			continue
		}
		found = true
		before := len(r.reply)
		r.reply = a.appendRow(r.reply, &rows[i], &l)
		if len(r.reply) > a.room() {
			r.reply = r.reply[:before]
			l.next = i
			a.listing = l
			return swMore
		}
	}
	if !found {
		return apdu.SWDataNotFound
	}
	return apdu.SWOK
}

// rows are the entries of one kind.
func (a *App) rows(m memory, kind byte) []row {
	d := a.domain
	switch kind {
	case statusDomain:
		return []row{{aid: d.aid, state: byte(m.life()), privileges: domainPrivileges}}
	case statusApplications:
		var rows []row
		for i := range MaxInstances {
			p := m.place(i)
			if p.free() {
				continue
			}
			rows = append(rows, row{
				aid: p.aid(), state: a.said(p, i), privileges: []byte{p.privileges(), 0, 0},
				file: d.profile.Modules[p.module()].LoadFileAID(),
			})
		}
		for _, aid := range d.profile.Reserved {
			rows = append(rows, row{aid: aid, state: statePersonalised, privileges: []byte{0, 0, 0}})
		}
		return rows
	}
	rows := make([]row, len(d.files))
	for i, f := range d.files {
		rows[i] = row{aid: f.aid, state: loadFileLoaded}
		if kind == statusModules {
			rows[i].listed = true
			for _, n := range f.modules {
				rows[i].modules = append(rows[i].modules, d.profile.Modules[n].ModuleAID())
			}
		}
	}
	return rows
}

// said is the state of an instance as GET STATUS says it: a personalised one says
// so itself.
func (a *App) said(p place, i int) byte {
	if s := p.state(); s&^stateLocked == stateSelectable && a.placed[i].instance.Personalised() {
		return s&stateLocked | statePersonalised
	}
	return p.state()
}

func (a *App) appendRow(dst []byte, w *row, l *listing) []byte {
	if l.p2&listTagged == 0 {
		privileges := byte(0)
		if w.privileges != nil {
			privileges = w.privileges[0]
		}
		dst = append(append(dst, byte(len(w.aid))), w.aid...)
		dst = append(dst, w.state, privileges)
		if w.listed {
			dst = append(dst, byte(len(w.modules)))
		}
		for _, m := range w.modules {
			dst = append(append(dst, byte(len(m))), m...)
		}
		return dst
	}
	b := tlv.Append(nil, tagAID, w.aid)
	add := func(tag tlv.Tag, value []byte) {
		if value != nil && asked(l.tags, uint16(tag)) {
			b = tlv.Append(b, tag, value)
		}
	}
	add(tagState, []byte{w.state})
	add(tagPrivileges, w.privileges)
	add(tagLoadFile, w.file)
	if l.p1 != statusDomain {
		add(tagDomain, a.domain.aid)
	}
	for _, m := range w.modules {
		add(tagName, m)
	}
	return tlv.Append(dst, tagRegistry, b)
}

// asked tells whether a tag is in a list of tags; an empty list asks for all.
func asked(list []byte, tag uint16) bool {
	if len(list) == 0 {
		return true
	}
	for len(list) > 0 {
		t := uint16(list[0])
		list = list[1:]
		if t&0x1F == 0x1F && len(list) > 0 {
			t, list = t<<8|uint16(list[0]), list[1:]
		}
		if t == tag {
			return true
		}
	}
	return false
}

// setStatus is 80 F0 P1 P2 (GP Card Specification 2.2, 11.10). P1 80: P2 is the
// next life cycle state of the card, the data are empty or the domain's AID. P1 40:
// the data are an instance's AID and bit 8 of P2 locks or unlocks it. 6985: the
// state does not follow on the present one; 6A80: P2 is no state; 6A86: P1; 6A88:
// no such instance.
func (a *App) setStatus(r *request) (apdu.SW, error) {
	switch r.P1 {
	case statusDomain:
		return a.setLife(r)
	case statusApplications:
		return a.setLock(r)
	}
	return apdu.SWWrongP1P2, nil
}

func (a *App) setLife(r *request) (apdu.SW, error) {
	next := LifeCycle(r.P2)
	switch {
	case len(r.Data) != 0 && !bytes.Equal(r.Data, a.domain.aid):
		return apdu.SWDataNotFound, nil
	case next.String() == LifeCycle(0).String():
		return apdu.SWWrongData, nil
	case !r.memory.life().leadsTo(next):
		return apdu.SWConditions, nil
	}
	a.ends = next == Terminated
	return apdu.SWOK, a.commit(func() { a.memory.Put(offLife, []byte{byte(next)}) })
}

// leadsTo tells whether a card may go from l to next (GP Card Specification 2.2,
// figure 5-1).
func (l LifeCycle) leadsTo(next LifeCycle) bool {
	switch next {
	case Initialized:
		return l == OPReady
	case Secured:
		return l == Initialized || l == CardLocked
	case CardLocked:
		return l == Secured
	case Terminated:
		return l != Terminated
	}
	return false
}

func (a *App) setLock(r *request) (apdu.SW, error) {
	at := r.memory.find(r.Data)
	if at < 0 {
		return apdu.SWDataNotFound, nil
	}
	state := r.memory.place(at).state()
	if state&stateLocked == r.P2&stateLocked {
		return apdu.SWConditions, nil
	}
	if a.perso.target == at {
		a.perso.reset()
	}
	return apdu.SWOK, a.change(func() { a.putPlace(at, []byte{state ^ stateLocked}) })
}

// putPlace stages the first bytes of a place.
func (a *App) putPlace(at int, b []byte) { a.memory.Put(offPlaces+at*placeSize, b) }

// change is commit for what changes the list of what can be selected.
func (a *App) change(put func()) error {
	if err := a.commit(put); err != nil {
		return err
	}
	b, err := a.memory.Read()
	if err != nil {
		return err
	}
	a.list(memory(b))
	return nil
}
