package gp

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/wire/apdu"
)

// P1 of INSTALL (GP Card Specification 2.2, table 11-42).
const (
	forInstall         = 0x04
	forSelectable      = 0x08
	forPersonalisation = 0x20
	forRegistryUpdate  = 0x40
)

// installation is the data field of INSTALL, six fields each with its length.
type installation struct {
	file, module, aid, privileges, params, token []byte
}

// install is 80 E6 P1 00 (GP Card Specification 2.2, 11.5):
//
//	04 for install                 load file | module | AID | privileges | parameters | token
//	08 for make selectable         00 | 00 | AID | privileges | parameters | token
//	0C both
//	20 for personalisation         00 | 00 | AID | 00 | 00 | 00
//	40 for registry update         00 | 00 | AID | privileges | 00 | 00
//
// every field with its length in front. There is no delegated management, so the
// token is empty. 6985: the instance is there already, or not in the right state;
// 6A80: data; 6A81: other purposes, loading and extradition among them; 6A84: no
// memory; 6A88: no such module or instance.
func (a *App) install(r *request) (apdu.SW, error) {
	if r.P2 != 0 {
		return apdu.SWWrongP1P2, nil
	}
	var do func(*request, *installation) (apdu.SW, error)
	switch r.P1 {
	case forInstall, forInstall | forSelectable:
		do = a.makeInstance
	case forSelectable:
		do = a.makeSelectable
	case forPersonalisation:
		do = a.beginPersonalisation
	case forRegistryUpdate:
		do = a.updateRegistry
	default:
		return apdu.SWNotSupported, nil
	}
	in, ok := newInstallation(r.Data)
	if !ok || !isAID(in.aid) || len(in.token) != 0 {
		return apdu.SWWrongData, nil
	}
	if r.P1&forInstall == 0 && len(in.file)+len(in.module) != 0 {
		return apdu.SWWrongData, nil
	}
	sw, err := do(r, in)
	if sw == apdu.SWOK && err == nil {
		sw = r.confirmed()
	}
	return sw, err
}

func newInstallation(b []byte) (*installation, bool) {
	in := &installation{}
	for _, field := range [...]*[]byte{&in.file, &in.module, &in.aid, &in.privileges, &in.params, &in.token} {
		var ok bool
		if *field, b, ok = counted(b); !ok {
			return nil, false
		}
	}
	return in, len(b) == 0
}

// privilege gives the one byte that the register keeps. One or three bytes say
// privileges; only card lock and card terminate can be given, for the rest asks
// something of the domain that it does not have.
func (in *installation) privilege() (byte, bool) {
	p := in.privileges
	if len(p) != 1 && len(p) != 3 || p[0]&^knownPrivileges != 0 || !zero(p[1:]) {
		return 0, false
	}
	return p[0], true
}

// specific gives the value of C9, the parameters for the module; empty for none.
// System parameters EF, quotas of memory, are read over: an instance gets what its
// module asks for.
func (in *installation) specific() (params []byte, ok bool) {
	seen := map[uint16]bool{}
	for b := in.params; len(b) > 0; {
		tag, value, rest, ok := object(b)
		if !ok || seen[tag] || tag != tagParameters && tag != tagSystemParameters {
			return nil, false
		}
		if tag == tagParameters {
			params = value
		}
		seen[tag], b = true, rest
	}
	return params, true
}

// makeInstance writes the memory of a new instance into a part of the heap that is
// noted as nobody's, then in one transaction the place that makes it an instance.
func (a *App) makeInstance(r *request, in *installation) (apdu.SW, error) {
	d, m := a.domain, r.memory
	privileges, known := in.privilege()
	params, sound := in.specific()
	at := d.findModule(in.file, in.module)
	switch {
	case !known || !sound:
		return apdu.SWWrongData, nil
	case at < 0:
		return apdu.SWDataNotFound, nil
	case m.find(in.aid) >= 0 || !d.mayBear(in.aid):
		return apdu.SWConditions, nil
	}
	module := d.profile.Modules[at]
	size, err := module.MemorySize(params)
	if err != nil || size < 0 {
		return apdu.SWWrongData, nil
	}
	if size > len(m.heap()) {
		return apdu.SWNoSpace, nil
	}
	slot, start, ok := m.room(len(params) + size)
	if !ok {
		return apdu.SWNoSpace, nil
	}
	state := byte(stateInstalled)
	if r.P1&forSelectable != 0 {
		state = stateSelectable
	}
	p := newPlace(state, privileges, at, in.aid, start, size, len(params))
	content := module.Format(bytes.Clone(params), in.aid, params)
	defer clear(content)
	if len(content) > p.extent() {
		panic(fmt.Sprintf("gp: module %X formats more memory than it asks for", in.module))
	}
	return apdu.SWOK, a.write(slot, p, content)
}

// write puts an instance into the heap and the register and gives it power.
func (a *App) write(slot int, p place, content []byte) error {
	if err := a.commit(func() { a.noteWipe(p.start(), p.extent()) }); err != nil {
		return err
	}
	if err := a.fill(p.start(), content); err != nil {
		return err
	}
	if err := a.commit(func() {
		a.putPlace(slot, p)
		a.noteWipe(0, 0)
	}); err != nil {
		return err
	}
	b, err := a.memory.Read()
	if err != nil {
		return err
	}
	a.start(memory(b), slot)
	a.list(memory(b))
	return nil
}

// makeSelectable sets the privileges too, as INSTALL brings them.
func (a *App) makeSelectable(r *request, in *installation) (apdu.SW, error) {
	at := r.memory.find(in.aid)
	privileges, known := in.privilege()
	_, sound := in.specific()
	switch {
	case !known || !sound:
		return apdu.SWWrongData, nil
	case at < 0:
		return apdu.SWDataNotFound, nil
	case r.memory.place(at).state() != stateInstalled:
		return apdu.SWConditions, nil
	}
	return apdu.SWOK, a.change(func() { a.putPlace(at, []byte{stateSelectable, privileges}) })
}

// updateRegistry changes the privileges; without any it changes nothing.
func (a *App) updateRegistry(r *request, in *installation) (apdu.SW, error) {
	at := r.memory.find(in.aid)
	privileges, known := in.privilege()
	switch {
	case !known && len(in.privileges) != 0 || len(in.params) != 0:
		return apdu.SWWrongData, nil
	case at < 0:
		return apdu.SWDataNotFound, nil
	case !known:
		return apdu.SWOK, nil
	}
	return apdu.SWOK, a.change(func() { a.putPlace(at, []byte{r.memory.place(at).state(), privileges}) })
}

// beginPersonalisation sends the STORE DATA commands that follow to an instance.
func (a *App) beginPersonalisation(r *request, in *installation) (apdu.SW, error) {
	a.perso.reset()
	at := r.memory.find(in.aid)
	switch {
	case len(in.privileges)+len(in.params) != 0:
		return apdu.SWWrongData, nil
	case at < 0:
		return apdu.SWDataNotFound, nil
	case !r.memory.place(at).selectable() || a.placed[at].instance.Personalised():
		return apdu.SWConditions, nil
	}
	a.perso.begin(at)
	return apdu.SWOK, nil
}
