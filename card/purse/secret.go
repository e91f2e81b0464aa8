package purse

import (
	"bytes"
	"crypto/subtle"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	pinSeparator = 0xFF
	pinReload    = 0x00
	pinChange    = 0x01
	macLength    = 4
)

// met judges a condition of a rule in this session.
func (a *App) met(c cos.Condition) bool {
	if c.IsPIN() {
		return a.pins>>c.Number()&1 != 0
	}
	return a.keys>>c.Number()&1 != 0
}

// attempt lets right judge what was sent. The try at the offset is taken off in
// memory before that and given back after; most 0 does not count. 6983: no try was
// left; 63Cx: wrong, x are left; 6300: wrong, not counted.
func (a *App) attempt(at int, most byte, right func() bool) (apdu.SW, error) {
	if most == 0 {
		if right() {
			return apdu.SWOK, nil
		}
		return apdu.SWFailed, nil
	}
	left := a.m[at]
	if left == 0 {
		return apdu.SWBlocked, nil
	}
	if err := a.commit(at, left-1); err != nil {
		return 0, err
	}
	if !right() {
		return 0x63C0 | apdu.SW(left-1), nil
	}
	return apdu.SWOK, a.commit(at, most)
}

// pin finds a PIN by its number; -1 if there is none.
func (a *App) pin(number byte) (i, at int) {
	for i := range a.t.spec.PINs {
		if a.t.spec.PINs[i].Number == number {
			return i, a.t.pins + i*pinSize
		}
	}
	return -1, 0
}

func (a *App) equalPIN(at int, got []byte) bool {
	var want, x [maxPIN]byte
	n := copy(x[:], got)
	copy(want[:], a.m[at+2:at+pinSize])
	same := subtle.ConstantTimeEq(int32(n), int32(a.m[at+1])) & subtle.ConstantTimeEq(int32(n), int32(len(got)))
	return subtle.ConstantTimeCompare(want[:], x[:])&same == 1
}

// checkPIN compares a PIN with the card's; a wrong one ends what the right one had
// allowed.
func (a *App) checkPIN(i, at int, pin []byte) (apdu.SW, error) {
	bit := uint32(1) << a.t.spec.PINs[i].Number
	a.pins &^= bit
	sw, err := a.attempt(at, a.t.spec.PINs[i].Tries, func() bool { return a.equalPIN(at, pin) })
	if err == nil && sw == apdu.SWOK {
		a.pins |= bit
	}
	return sw, err
}

// verify is VERIFY, 0020 00 number PIN. Without data it answers 9000 if the PIN was
// verified, else the tries that are left.
func (a *App) verify(r *request) (apdu.SW, error) {
	i, at := a.pin(r.P2)
	switch n := len(r.data); {
	case r.P1 != 0:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	case i < 0:
		return apdu.SWDataNotFound, nil
	case n == 0 && a.m[at] == 0:
		return apdu.SWBlocked, nil
	case n == 0 && !a.met(cos.PIN(r.P2)):
		return 0x63C0 | apdu.SW(a.m[at]), nil
	case n == 0:
		return apdu.SWOK, nil
	case n < minPIN || n > maxPIN:
		return apdu.SWWrongLength, nil
	}
	return a.checkPIN(i, at, r.data)
}

// pursePIN is CHANGE PIN, 805E01 number, old FF new, and RELOAD PIN, 805E00 number,
// new PIN and MAC under the reload key.
func (a *App) pursePIN(r *request) (apdu.SW, error) {
	i, at := a.pin(r.P2)
	switch {
	case r.P1 != pinReload && r.P1 != pinChange:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe || len(r.data) < minPIN:
		return apdu.SWWrongLength, nil
	case i < 0:
		return apdu.SWDataNotFound, nil
	case r.P1 == pinReload:
		return a.reloadPIN(r, i, at)
	}
	old, new, ok := bytes.Cut(r.data, []byte{pinSeparator})
	if !ok || len(old) < minPIN || len(old) > maxPIN || !goodPIN(new) {
		return apdu.SWWrongData, nil
	}
	if sw, err := a.checkPIN(i, at, old); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	return a.newPIN(i, at, new)
}

func (a *App) reloadPIN(r *request, i, at int) (apdu.SW, error) {
	k := a.t.spec.key(UseReloadPIN, r.P2)
	if k < 0 {
		k = a.t.spec.anyKey(UseReloadPIN, UseReloadPIN)
	}
	n := len(r.data) - macLength
	switch {
	case k < 0:
		return apdu.SWDataNotFound, nil
	case n < minPIN || n > maxPIN:
		return apdu.SWWrongLength, nil
	case !goodPIN(r.data[:n]):
		return apdu.SWWrongData, nil
	}
	key := &a.t.spec.Keys[k]
	sw, err := a.attempt(atTries+k, key.Tries, func() bool {
		return epurse.Equal(epurse.ReloadMAC(key.Alg, key.Value, r.data[:n]), r.data[n:])
	})
	if err != nil || sw != apdu.SWOK {
		return sw, err
	}
	a.pins &^= 1 << a.t.spec.PINs[i].Number
	return a.newPIN(i, at, r.data[:n])
}

// unblockPIN is PIN UNBLOCK, 8424 number 00: the new PIN, enciphered, under the
// unblock key. The PIN has to be verified afterwards.
func (a *App) unblockPIN(r *request) (apdu.SW, error) {
	i, at := a.pin(r.P1)
	switch {
	case r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	case i < 0:
		return apdu.SWDataNotFound, nil
	}
	k := a.t.spec.key(UseUnblockPIN, r.P1)
	if k < 0 {
		k = a.t.spec.anyKey(UseUnblockPIN, UseUnblockPIN)
	}
	if sw, err := a.uncover(r, k, true); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if !goodPIN(r.data) {
		return apdu.SWWrongData, nil
	}
	a.pins &^= 1 << a.t.spec.PINs[i].Number
	return a.newPIN(i, at, r.data)
}

// newPIN stores a PIN with all its tries.
func (a *App) newPIN(i, at int, pin []byte) (apdu.SW, error) {
	b := encodePIN(a.t.spec.PINs[i].Tries, pin)
	return apdu.SWOK, a.commit(at, b[:]...)
}

// getChallenge is GET CHALLENGE, 00840000 04 or 08. Le 00 gives eight bytes.
func (a *App) getChallenge(r *request) (apdu.SW, error) {
	n := r.Le
	if n == apdu.MaxShortLe {
		n = 8
	}
	switch {
	case r.P1 != 0 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case len(r.data) != 0 || n != 4 && n != 8:
		return apdu.SWWrongLength, nil
	}
	c := challenge{length: n}
	if !a.random(c.bytes()) {
		return apdu.SWUnknown, nil
	}
	a.challenge = c
	r.reply = append(a.out[:0], c.bytes()...)
	return apdu.SWOK, nil
}

// externalAuthenticate is EXTERNAL AUTHENTICATE, 008200 index: the challenge, padded
// with 00 to a block, enciphered under the key. 6984: there is no challenge.
func (a *App) externalAuthenticate(r *request) (apdu.SW, error) {
	k := a.t.spec.key(UseExternal, r.P2)
	switch sw := r.shape(8, 0); {
	case r.P1 != 0:
		return apdu.SWWrongP1P2, nil
	case sw != apdu.SWOK:
		return sw, nil
	case k < 0:
		return apdu.SWDataNotFound, nil
	case r.given.length == 0:
		return apdu.SWDataInvalidated, nil
	}
	key := &a.t.spec.Keys[k]
	a.keys &^= 1 << key.Index
	sw, err := a.attempt(atTries+k, key.Tries, func() bool {
		want := epurse.Authentication(key.Alg, key.Value, r.given.bytes())
		return subtle.ConstantTimeCompare(want[:], r.data) == 1
	})
	if err == nil && sw == apdu.SWOK {
		a.keys |= 1 << key.Index
	}
	return sw, err
}

// internalAuthenticate is INTERNAL AUTHENTICATE, 008800 index: eight bytes enciphered
// under a key made for nothing else.
func (a *App) internalAuthenticate(r *request) (apdu.SW, error) {
	k := a.t.spec.key(UseInternal, r.P2)
	switch sw := r.shape(8, 8); {
	case r.P1 != 0:
		return apdu.SWWrongP1P2, nil
	case sw != apdu.SWOK:
		return sw, nil
	case k < 0:
		return apdu.SWDataNotFound, nil
	}
	x := epurse.Authentication(a.t.spec.Keys[k].Alg, a.t.spec.Keys[k].Value, r.data)
	r.reply = append(a.out[:0], x[:]...)
	return apdu.SWOK, nil
}
