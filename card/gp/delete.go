package gp

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
)

// deleteRelated is the bit of P2 that asks for everything related too.
const deleteRelated = 0x80

// delete is 80 E4 00 P2 (GP Card Specification 2.2, 11.2): 4F AID takes an instance
// and its memory off the card, D2 01 version a key set. 6985: load files and the
// domain stay, and so does the last whole key set; single keys are not deleted.
// 6A80: data; 6A86: P1 or P2; 6A88: nothing of that name.
func (a *App) delete(r *request) (apdu.SW, error) {
	if r.P1 != 0 || r.P2&^deleteRelated != 0 {
		return apdu.SWWrongP1P2, nil
	}
	tag, value, rest, ok := object(r.Data)
	if !ok {
		return apdu.SWWrongData, nil
	}
	var sw apdu.SW
	var err error
	switch {
	case tag == tagAID && isAID(value) && len(rest) == 0:
		sw, err = a.deleteInstance(r.memory, value)
	case tag == tagKeyVersion && len(value) == 1 && len(rest) == 0:
		sw, err = a.deleteKeys(r.memory, value[0])
	case tag == tagKey && len(value) == 1:
		sw = apdu.SWConditions
	default:
		sw = apdu.SWWrongData
	}
	if sw == apdu.SWOK && err == nil {
		sw = r.confirmed()
	}
	return sw, err
}

func (a *App) deleteInstance(m memory, aid []byte) (apdu.SW, error) {
	at := m.find(aid)
	if at < 0 {
		if bytes.Equal(aid, a.domain.aid) || a.domain.findFile(aid) >= 0 {
			return apdu.SWConditions, nil
		}
		return apdu.SWDataNotFound, nil
	}
	p := m.place(at)
	start, size := p.start(), p.extent()
	if a.perso.target == at {
		a.perso.reset()
	}
	if err := a.change(func() {
		a.putPlace(at, make([]byte, placeSize))
		a.noteWipe(start, size)
	}); err != nil {
		return 0, err
	}
	a.stop(at)
	return apdu.SWOK, a.wipe()
}

func (a *App) deleteKeys(m memory, version byte) (apdu.SW, error) {
	at := m.findKeys(version)
	if at < 0 {
		return apdu.SWDataNotFound, nil
	}
	if m.keys(at).whole() {
		whole := 0
		for i := range keyPlaces {
			if m.keys(i).whole() {
				whole++
			}
		}
		if whole == 1 {
			return apdu.SWConditions, nil
		}
	}
	return apdu.SWOK, a.commit(func() { a.memory.Put(offKeys+at*keyPlaceSize, make([]byte, keyPlaceSize)) })
}
