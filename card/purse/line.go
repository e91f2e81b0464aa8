package purse

import (
	"errors"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// uncover checks a protected command under a key, given by its place in the list or
// -1, and leaves its data in r. 6A88: there is no such key; 6984: no challenge was
// taken; 6987, 6988: no MAC, a wrong one; 9303: that was the last try of the key,
// and the purse is locked.
func (a *App) uncover(r *request, k int, enciphered bool) (apdu.SW, error) {
	switch {
	case k < 0:
		return apdu.SWDataNotFound, nil
	case r.given.length == 0:
		return apdu.SWDataInvalidated, nil
	case len(r.Data) < macLength:
		return apdu.SWMACMissing, nil
	}
	key := &a.t.spec.Keys[k]
	r.line = epurse.NewLine(key.Alg, key.Value, r.given.bytes())
	sw, err := a.attempt(atTries+k, key.Tries, func() bool {
		var err error
		r.data, err = r.line.Open(epurse.Header{r.CLA, r.INS, r.P1, r.P2}, r.Data, enciphered)
		return !errors.Is(err, epurse.ErrLine)
	})
	switch {
	case err != nil:
		return 0, err
	case sw == 0x63C0, sw == apdu.SWBlocked:
		return apdu.SWPurseLocked, a.commit(atState, stateLocked)
	case sw != apdu.SWOK:
		return apdu.SWMACWrong, nil
	}
	r.protected, r.encipher = true, enciphered
	return apdu.SWOK, nil
}

// permit decides whether a command may do something with a file under a rule and
// takes off its protection. 6982: the rule is not satisfied; 6900: the class says
// plain and the rule wants protection.
func (a *App) permit(r *request, f *File, rule cos.Access) (apdu.SW, error) {
	if !rule.Allows(a.met) {
		return apdu.SWSecurity, nil
	}
	if r.guarded() {
		return a.uncover(r, a.t.spec.key(UseMaintenance, f.Line), rule.Protection() == cos.Enciphered)
	}
	if rule.Protection() != cos.Plain {
		return apdu.SWClassLine, nil
	}
	return apdu.SWOK, nil
}

// answer sends data of a file, protected if the command was. Le must be 00 or the
// length of what is sent, else 6Cxx says it.
func (a *App) answer(r *request, data []byte) apdu.SW {
	n := len(data)
	if r.protected {
		n = r.line.Length(n, r.encipher)
	}
	switch {
	case n > maxAnswer:
		return apdu.SWWrongLength
	case r.Le != apdu.NoLe && r.Le != apdu.MaxShortLe && r.Le != n:
		return correctLe(n)
	case r.protected:
		r.reply = r.line.ProtectAnswer(a.out[:0], data, r.encipher)
	default:
		r.reply = data
	}
	return apdu.SWOK
}

// block is APPLICATION BLOCK, 841E00: P2 00 until unblocked, 01 for good.
func (a *App) block(r *request) (apdu.SW, error) {
	if r.P1 != 0 || r.P2 > 1 {
		return apdu.SWWrongP1P2, nil
	}
	state := byte(stateBlocked)
	if r.P2 == 1 {
		state = stateLocked
	}
	return a.manage(r, a.t.spec.anyKey(UseBlock, UseMaintenance), state)
}

// unblock is APPLICATION UNBLOCK, 84180000. 6985: the purse is not blocked.
func (a *App) unblock(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != 0 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case a.m[atState] != stateBlocked:
		return apdu.SWConditions, nil
	}
	return a.manage(r, a.t.spec.anyKey(UseUnblock, UseMaintenance), stateUsed)
}

// blockCard is CARD BLOCK, 84160000: nothing on the card can be selected any more.
func (a *App) blockCard(r *request) (apdu.SW, error) {
	if r.P1 != 0 || r.P2 != 0 {
		return apdu.SWWrongP1P2, nil
	}
	return a.manage(r, a.t.spec.anyKey(UseCardBlock, UseCardBlock), a.m[atState]|stateCardBlocked)
}

// manage gives the purse another state under a MAC without data.
func (a *App) manage(r *request, k int, state byte) (apdu.SW, error) {
	if r.Le != apdu.NoLe {
		return apdu.SWWrongLength, nil
	}
	if sw, err := a.uncover(r, k, false); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if len(r.data) != 0 {
		return apdu.SWWrongLength, nil
	}
	return apdu.SWOK, a.commit(atState, state)
}
