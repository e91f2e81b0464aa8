package files

import (
	"bytes"
	"crypto/subtle"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// Limits of what a PIN can be: up to sixteen bytes. A PIN in BCD has no FF in it.
const (
	minPIN       = 2
	maxPIN       = 16
	pinSeparator = 0xFF

	resetWithPIN = 0x02
	resetOnly    = 0x03
	purseReload  = 0x00
	purseChange  = 0x01
)

// reference reads P2: the number of a PIN or key in its lower five bits. Bit 8 set
// means that of the current DF alone; else the MF's serves if the DF has none.
// 6A86: other bits are set; 6A88: there is none.
func (a *App) reference(p2 byte, usage cos.KeyUsage) (cos.KeyEntry, apdu.SW) {
	number := p2 & cos.MaxReference
	if p2&^0x80 != number {
		return cos.KeyEntry{}, apdu.SWWrongP1P2
	}
	k, ok := a.view.Key(a.df, usage, number)
	if p2&0x80 != 0 {
		k, ok = a.view.OwnKey(a.df, usage, number)
	}
	if !ok {
		return k, apdu.SWDataNotFound
	}
	return k, apdu.SWOK
}

// usable finds a PIN or key whose rule of use is satisfied in a DF in use.
func (a *App) usable(p2 byte, usage cos.KeyUsage) (cos.KeyEntry, apdu.SW) {
	k, sw := a.reference(p2, usage)
	if sw != apdu.SWOK {
		return k, sw
	}
	df, _ := a.view.File(a.df)
	switch {
	case !a.view.Usable(df):
		return k, apdu.SWConditions
	case !k.Use.Allows(a.met(k.DF)):
		return k, apdu.SWSecurity
	}
	return k, apdu.SWOK
}

// uncover takes protection, always enciphered, off a command that names no file,
// under the line protection key of the current DF.
func (a *App) uncover(r *request) (apdu.SW, error) {
	if !r.protected() {
		return apdu.SWOK, nil
	}
	df, _ := a.view.File(a.df)
	return a.unprotect(r, a.df, cos.UseLine, df.LineKey, true)
}

// equalPIN compares in constant time, whatever the lengths.
func equalPIN(x, y []byte) bool {
	var a, b [maxPIN]byte
	copy(a[:], x)
	copy(b[:], y)
	same := subtle.ConstantTimeEq(int32(len(x)), int32(len(y)))
	return subtle.ConstantTimeCompare(a[:], b[:])&same == 1
}

// verify is VERIFY, 20 00 reference PIN (ISO/IEC 7816-4, 7.5.6). Without data it
// answers whether the PIN was verified, 9000, or how many tries are left. A wrong
// PIN ends what the right one had allowed.
func (a *App) verify(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != 0:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	}
	k, sw := a.usable(r.P2, cos.UsePIN)
	if sw != apdu.SWOK {
		return sw, nil
	}
	if len(r.Data) == 0 && !r.protected() {
		switch {
		case a.met(a.df)(condition(&k)) && !k.Blocked():
			return apdu.SWOK, nil
		case k.Blocked():
			return apdu.SWBlocked, nil
		}
		return triesLeft(k.TriesLeft), nil
	}
	if sw, err := a.uncover(r); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if n := len(r.data); n < minPIN || n > maxPIN {
		return apdu.SWWrongLength, nil
	}
	return a.checkPIN(k, r.data)
}

// checkPIN compares a PIN with the card's and changes the security status.
func (a *App) checkPIN(k cos.KeyEntry, pin []byte) (apdu.SW, error) {
	a.revoke(&k)
	sw, err := a.attempt(k, func() bool { return equalPIN(k.Value, pin) })
	if err == nil && sw == apdu.SWOK {
		a.allow(&k)
	}
	return sw, err
}

// changeReference is CHANGE REFERENCE DATA, 24 00 reference, old PIN FF new PIN
// (ISO/IEC 7816-4, 7.5.7; the FF is that of the purse's CHANGE PIN, for the card
// must not give away how long the old PIN is).
func (a *App) changeReference(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != 0:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe || len(r.Data) == 0:
		return apdu.SWWrongLength, nil
	}
	k, sw := a.usable(r.P2, cos.UsePIN)
	if sw != apdu.SWOK {
		return sw, nil
	}
	if sw, err := a.uncover(r); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	return a.changePIN(k, r.data)
}

func (a *App) changePIN(k cos.KeyEntry, data []byte) (apdu.SW, error) {
	old, new, ok := bytes.Cut(data, []byte{pinSeparator})
	if !ok || len(old) < minPIN || len(old) > maxPIN || !goodPIN(new) {
		return apdu.SWWrongData, nil
	}
	if sw, err := a.checkPIN(k, old); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	return a.newPIN(k, new)
}

// goodPIN tells whether a new PIN can be one.
func goodPIN(pin []byte) bool {
	return len(pin) >= minPIN && len(pin) <= maxPIN && !bytes.Contains(pin, []byte{pinSeparator})
}

// newPIN stores a PIN that goodPIN has accepted, with all its tries.
func (a *App) newPIN(k cos.KeyEntry, pin []byte) (apdu.SW, error) {
	return apdu.SWOK, a.changed(a.fs.SetValue(k, bytes.Clone(pin)))
}

// resetRetryCounter is RESET RETRY COUNTER, 2C (ISO/IEC 7816-4, 7.5.10), always
// protected, under the unblock key of the PIN's number: P1 02 with a new PIN,
// enciphered; P1 03 without data. The PIN has to be verified afterwards.
func (a *App) resetRetryCounter(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != resetWithPIN && r.P1 != resetOnly:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	}
	k, sw := a.usable(r.P2, cos.UsePIN)
	if sw != apdu.SWOK {
		return sw, nil
	}
	if sw, err := a.unprotect(r, k.DF, cos.UseUnblock, k.Number, true); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	a.revoke(&k)
	if r.P1 == resetOnly {
		if len(r.data) != 0 {
			return apdu.SWWrongLength, nil
		}
		return apdu.SWOK, a.changed(a.fs.SetTries(k, k.Tries))
	}
	if !goodPIN(r.data) {
		return apdu.SWWrongData, nil
	}
	return a.newPIN(k, r.data)
}

// pursePIN is CHANGE PIN, 805E01 reference, old FF new, and RELOAD PIN, 805E00
// reference, new PIN and MAC, of the electronic purse. The MAC is over the new PIN
// alone under the two halves of the reload key added together, zero initial value:
// single DES, or for SM4 the MAC under the key itself (our choice).
func (a *App) pursePIN(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != purseReload && r.P1 != purseChange:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe || len(r.data) < minPIN:
		return apdu.SWWrongLength, nil
	}
	k, sw := a.usable(r.P2, cos.UsePIN)
	if sw != apdu.SWOK {
		return sw, nil
	}
	if r.P1 == purseChange {
		return a.changePIN(k, r.data)
	}
	reload, ok := a.view.Key(k.DF, cos.UseReload, k.Number)
	n := len(r.data) - lineMAC
	switch {
	case !ok:
		return apdu.SWDataNotFound, nil
	case !reload.Use.Allows(a.met(reload.DF)):
		return apdu.SWSecurity, nil
	case n < minPIN || n > maxPIN:
		return apdu.SWWrongLength, nil
	case !goodPIN(r.data[:n]):
		return apdu.SWWrongData, nil
	}
	l := line{alg: reload.Alg, key: folded(reload.Alg, cryptogram.Key(reload.Value))}
	sw, err := a.attempt(reload, func() bool {
		want := l.mac(r.data[:n])
		return subtle.ConstantTimeCompare(want[:], r.data[n:]) == 1
	})
	if err != nil || sw != apdu.SWOK {
		return sw, err
	}
	a.revoke(&k)
	return a.newPIN(k, r.data[:n])
}

// folded is a triple DES key whose halves are both the sum of the given ones: the
// cipher becomes single DES under that sum.
func folded(alg cryptogram.Alg, key cryptogram.Key) cryptogram.Key {
	if alg != cryptogram.TDES {
		return key
	}
	subtle.XORBytes(key[:8], key[:8], key[8:])
	copy(key[8:], key[:8])
	return key
}
