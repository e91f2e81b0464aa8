package gp

import (
	"crypto/subtle"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// Status words of PUT KEY (GP Card Specification 2.2, table 11-71).
const (
	swKeyType  apdu.SW = 0x9484 // algorithm not supported
	swKeyCheck apdu.SW = 0x9485 // invalid key check value
)

const (
	manyKeys  = 0x80 // bit of P2: more than one key
	kcvSize   = 3
	maskKeyID = 0x7F
)

// newKey is a key on its way in.
type newKey struct {
	kind  byte
	value cryptogram.Key
	kcv   [kcvSize]byte
}

// putKey is 80 D8 old-version key-identifier (GP Card Specification 2.2, 11.8;
// Amendment D, 7.2):
//
//	new version (1), then for each key
//	80 | 10 | enciphered (16) | 03 | KCV (3)            triple DES
//	88 | 11 | 10 | enciphered (16) | 03 | KCV (3)       AES-128
//
// P2 = 81 brings ENC, MAC and DEK together; P2 = 01, 02 or 03 one of them. Old
// version 00 adds a set, any other is replaced or, for a single key of the same
// version, changed in that key only. A set that comes key by key waits, usable for
// nothing, until it is whole; only then it takes the place of the one it replaces. The
// sequence counter of a new set starts from 0; it goes on when one key changes, for
// with pseudo-random challenges old sessions could be played again else.
//
// The answer is the new version and the KCVs. 9484: key type not supported; 9485:
// KCV wrong; 6A80: another layout or a version that is taken; 6A84: no room for a
// fifth set; 6A86: P1 or P2; 6A88: there is no old version.
func (a *App) putKey(r *request) (apdu.SW, error) {
	first, many := int(r.P2&maskKeyID)-1, r.P2&manyKeys != 0
	if r.P1 > maxVersion || first < 0 || first >= keyCount || many && first != 0 {
		return apdu.SWWrongP1P2, nil
	}
	if len(r.Data) < 1 {
		return apdu.SWWrongLength, nil
	}
	version := r.Data[0]
	keys, sw := a.newKeys(r.Data[1:])
	defer clear(keys[:])
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case version == 0 || version > maxVersion:
		return apdu.SWWrongData, nil
	case many != (keys[1].kind != 0):
		return apdu.SWWrongData, nil
	}
	set, at, sw := a.merge(r.memory, r.P1, version, first, many, &keys)
	defer clear(set)
	if sw != apdu.SWOK {
		return sw, nil
	}
	old := r.memory.findKeys(set.replaces())
	whole := set.whole()
	if whole {
		set[3] = 0
	}
	if err := a.commit(func() {
		if whole && old >= 0 && old != at {
			a.memory.Put(offKeys+at*keyPlaceSize, make([]byte, keyPlaceSize))
			at = old
		}
		a.memory.Put(offKeys+at*keyPlaceSize, set)
	}); err != nil {
		return 0, err
	}
	r.reply = append(r.reply, version)
	for i := range keys {
		if keys[i].kind != 0 {
			r.reply = append(r.reply, keys[i].kcv[:]...)
		}
	}
	return apdu.SWOK, nil
}

// merge gives the key set as it will be, and its place. keys are in the order in
// which they came; the first of them has the index first in the set.
func (a *App) merge(m memory, old, version byte, first int, many bool, keys *[keyCount]newKey) (keyPlace, int, apdu.SW) {
	set := make(keyPlace, keyPlaceSize)
	at, oldAt := m.findKeys(version), m.findKeys(old)
	there := at >= 0
	whole := there && m.keys(at).whole()
	switch {
	case old != 0 && oldAt < 0:
		return set, 0, apdu.SWDataNotFound
	case whole && old != version, many && there && old != version && old != 0:
		return set, 0, apdu.SWWrongData
	case many && old != 0:
		at = oldAt
	case many:
	case there && !whole && old != version && old != m.keys(at).replaces():
		return set, 0, apdu.SWWrongData
	case there:
		copy(set, m.keys(at))
	case old != 0 && !m.keys(oldAt).whole():
		return set, 0, apdu.SWWrongData
	default:
		set[3] = old
	}
	if at < 0 {
		at = m.freeKeys()
	}
	switch {
	case at < 0:
		return set, 0, apdu.SWNoSpace
	case set.kind() != 0 && set.kind() != keys[0].kind:
		return set, 0, apdu.SWWrongData
	}
	set[0], set[1] = version, keys[0].kind
	for i := range keys {
		if keys[i].kind == 0 {
			break
		}
		set[2] |= 1 << (first + i)
		copy(set.key(first+i), keys[i].value[:])
	}
	return set, at, apdu.SWOK
}

// newKeys reads one key or three, all of one type, and checks their KCVs.
func (a *App) newKeys(b []byte) (keys [keyCount]newKey, sw apdu.SW) {
	for i := range keys {
		if len(b) == 0 {
			break
		}
		k := &keys[i]
		k.kind, b = b[0], b[1:]
		if _, ok := a.domain.channel(k.kind); !ok {
			return keys, swKeyType
		}
		sealed, rest, ok := counted(b)
		if ok && k.kind == keyAES {
			var inner []byte
			sealed, inner, ok = counted(sealed)
			ok = ok && len(inner) == 0
		}
		if !ok || len(sealed) != keySize || k.kind != keys[0].kind {
			return keys, apdu.SWWrongData
		}
		check, rest, ok := counted(rest)
		if !ok || len(check) != kcvSize {
			return keys, apdu.SWWrongData
		}
		value, err := a.channel.DecryptDEK(nil, sealed)
		if err != nil {
			return keys, apdu.SWConditions
		}
		k.value = cryptogram.Key(value)
		clear(value)
		k.kcv = protocolOf(k.kind).KCV(k.value)
		if subtle.ConstantTimeCompare(k.kcv[:], check) != 1 {
			return keys, swKeyCheck
		}
		b = rest
	}
	if keys[0].kind == 0 || len(b) != 0 || keys[1].kind != 0 && keys[2].kind == 0 {
		return keys, apdu.SWWrongData
	}
	return keys, apdu.SWOK
}
