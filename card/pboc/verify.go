package pboc

import (
	"crypto/subtle"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/apdu"
)

// P2 of VERIFY (EMV Book 3, 6.5.12, table 23).
const (
	verifyPlain      = 0x80
	verifyEnciphered = 0x88
)

// verify is VERIFY, 002000 80 08 PIN block, or 002000 88 Lc enciphered PIN (EMV Book
// 3, 6.5.12; EMV Book 2, 7.2). The counter of tries falls in the memory before the
// PIN is looked at and rises again after a right one, so that no cut of the power
// gives a try for nothing.
//
// 63Cx a wrong PIN, x tries are left; 6983 the tries ended in this session, 6984
// earlier, or there is no PIN; 6A86 P1, or a P2 that the card does not have; 6985
// outside a transaction, after the first GENERATE AC, or an enciphered PIN without
// GET CHALLENGE just before; 6700 another length. Whatever is wrong with an
// enciphered PIN counts as a wrong PIN.
func (a *App) verify(dst []byte, c *apdu.Command) ([]byte, error) {
	key := a.pinKey()
	enciphered := c.P2 == verifyEnciphered && key != nil
	fresh := a.hasChallenge
	a.hasChallenge = false
	switch {
	case c.P1 != 0 || c.P2 != verifyPlain && !enciphered:
		return status(dst, apdu.SWWrongP1P2), nil
	case !a.inTransaction() || a.stage != stageNone || enciphered && !fresh:
		return status(dst, apdu.SWConditions), nil
	case c.Le != apdu.NoLe || len(c.Data) == 0 || !enciphered && len(c.Data) != 8:
		return status(dst, apdu.SWWrongLength), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	at := a.card.Product.extended() + extPIN
	want := oda.PINBlock(m[at : at+8])
	tries := m[atPINTries]
	switch {
	case tries == 0 && a.pinExhausted:
		return status(dst, apdu.SWBlocked), nil
	case tries == 0 || want == oda.PINBlock{}:
		return status(dst, apdu.SWDataInvalidated), nil
	}
	a.pinDone, a.pinFailed = true, true
	if err := a.putTries(tries-1, false); err != nil {
		return dst, err
	}
	var got oda.PINBlock
	ok := true
	if enciphered {
		got, ok = key.DecipherPIN(a.rand, c.Data, a.challenge)
	} else {
		copy(got[:], c.Data)
	}
	if subtle.ConstantTimeCompare(got[:], want[:]) == 1 && ok {
		if err := a.putTries(a.card.Product.Contact.PINLimit, false); err != nil {
			return dst, err
		}
		a.pinFailed = false
		return status(dst, apdu.SWOK), nil
	}
	if tries == 1 {
		a.pinExhausted = true
		if a.card.Product.Contact.action(ADAPINLimitBlock) {
			if err := a.putTries(0, true); err != nil {
				return dst, err
			}
		}
	}
	return append(dst, 0x63, 0xC0|tries-1), nil
}

// pinKey opens enciphered PINs with the algorithms in use, nil for none.
func (a *App) pinKey() oda.PINDecipherer {
	if a.card.PINSigner == nil || !a.alternative {
		return a.card.PINSigner
	}
	key, _ := a.card.Alternative.Signer.(oda.PINDecipherer)
	return key
}

// putTries stores the counter of PIN tries, and if lock that the PIN has blocked the
// application.
func (a *App) putTries(n byte, lock bool) error {
	m, err := a.memory.Read()
	if err != nil {
		return err
	}
	if err := a.memory.Begin(); err != nil {
		return err
	}
	a.memory.Put(atPINTries, []byte{n})
	if lock {
		at := a.card.Product.extended()
		memory := Memory(m[at+extMemory])<<8 | Memory(m[at+extMemory+1]) | BlockedByPIN
		a.memory.Put(at+extStatus, []byte{m[at+extStatus] | statusInvalidated, byte(memory >> 8), byte(memory)})
	}
	return a.memory.Commit()
}
