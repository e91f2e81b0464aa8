package psam

import (
	"encoding/binary"
	"math"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// purchase is one that INIT_SAM_FOR_PURCHASE has opened.
type purchase struct {
	open    bool
	session epurse.Session
	amount  uint32
}

// authCode is the authentication code of the next purchase.
type authCode struct {
	given bool
	value [codeSize]byte
}

const (
	codeSize = 9
	// The data of INIT_SAM_FOR_PURCHASE before the factors: random number (4),
	// offline counter (2), amount (4), type, date (4), time (3), key index,
	// algorithm.
	purchaseHead = 20
	macSize      = 4
)

// purchaseType tells whether a type of trade is paid under the purchase key.
func purchaseType(t epurse.Type) bool {
	switch t {
	case epurse.Cash, epurse.PurchaseED, epurse.PurchaseEP, epurse.Compound:
		return true
	}
	return false
}

// initPurchase is INIT_SAM_FOR_PURCHASE, 80700000: random number (4), offline
// counter (2), amount (4), type, date (4), time (3), key index, algorithm of the
// card's answer, and the factors, the card's first. It answers the terminal
// transaction number (4) and MAC1 (4). The counter grows before that; a purchase
// that was open is given up.
//
// 9403: there is no purchase key of this index and algorithm; 6700: other factors
// than it has levels; 6A80: the type is no purchase; 6985: the application wants an
// authentication code first; 9402: no number is left; 9303: the application is
// locked.
func (a *App) initPurchase(r *request) (apdu.SW, error) {
	a.purchase = purchase{}
	code := a.code
	if r.P1 != 0 || r.P2 != 0 {
		return apdu.SWWrongP1P2, nil
	}
	if a.locked() {
		return apdu.SWPurseLocked, nil
	}
	list, levels := factors(r.Data[min(purchaseHead, len(r.Data)):])
	if levels < 1 || len(r.Data) != purchaseHead+factorSize*levels {
		return apdu.SWWrongLength, nil
	}
	if sw, ok := r.expects(2 * macSize); !ok {
		return sw, nil
	}
	d := a.current()
	k := d.purchaseKey(r.Data[18], r.Data[19])
	kind := epurse.Type(r.Data[10])
	switch {
	case k == nil:
		return apdu.SWPurseKeyIndex, nil
	case k.Levels != levels:
		return apdu.SWWrongLength, nil
	case !purchaseType(kind):
		return apdu.SWWrongData, nil
	case d.AuthCode && !code.given:
		return apdu.SWConditions, nil
	case a.counter() == math.MaxUint32:
		return apdu.SWPurseCounter, nil
	}
	trade := epurse.Trade{Type: kind, Amount: binary.BigEndian.Uint32(r.Data[6:]), Terminal: a.terminal(),
		Stamp: epurse.Stamp(r.Data[11:18]), TerminalSeq: a.counter() + 1}
	if d.AuthCode {
		trade.AuthCode = code.value[:]
	}
	var next [4]byte
	binary.BigEndian.PutUint32(next[:], trade.TerminalSeq)
	a.code = authCode{}
	if err := a.commit(change{d.row + atCounter, next[:]}); err != nil {
		return 0, err
	}
	dpk := epurse.Diversify(k.Alg, k.Value, list[:levels]...)
	s := epurse.PurchaseSession(k.Alg, dpk, [4]byte(r.Data), binary.BigEndian.Uint16(r.Data[4:]), trade.TerminalSeq)
	a.purchase = purchase{true, s, trade.Amount}
	mac1 := epurse.PurchaseMAC1(s, &trade)
	return r.answer(append(append(a.scratch[:0], next[:]...), mac1[:]...)), nil
}

// terminal is the terminal number, file 16 of the MF.
func (a *App) terminal() epurse.Terminal {
	for _, f := range a.template.dirs[0].files {
		if f.SFI == sfiTerminal {
			return epurse.Terminal(a.view[f.at:])
		}
	}
	panic("psam: the MF was made without a terminal number")
}

// creditPurchase is CREDIT_SAM_FOR_PURCHASE, 80720000 with the card's MAC2. It ends
// the purchase. 6901: none is open; 9302: MAC2 is wrong; 9303: that was the third
// in a row, or there were three before.
func (a *App) creditPurchase(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != 0 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case len(r.Data) != macSize || r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	case a.locked():
		return apdu.SWPurseLocked, nil
	case !a.purchase.open:
		return apdu.SWWrongState, nil
	}
	p := a.purchase
	a.purchase = purchase{}
	if err := a.try(atTries); err != nil {
		return 0, err
	}
	if epurse.Equal(epurse.PurchaseMAC2(p.session, p.amount), r.Data) {
		return apdu.SWOK, a.commit(a.allTries(atTries))
	}
	if a.locked() {
		a.code, a.work = authCode{}, work{}
		return apdu.SWPurseLocked, nil
	}
	return apdu.SWPurseMAC, nil
}

// authMessage is AUTH MESSAGE, 80CA0000 09: the authentication code that the card
// answered to GET AUTH CODE, for the next purchase (City Union). Modules are said
// to answer 6300 to a wrong code; how they know is not public, so any nine bytes
// are taken (our choice): with a wrong code MAC1 is wrong. 6D00: the application
// uses no such code.
func (a *App) authMessage(r *request) (apdu.SW, error) {
	switch {
	case !a.current().AuthCode:
		return apdu.SWUnknownINS, nil
	case r.P1 != 0 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case len(r.Data) != codeSize || r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	case a.locked():
		return apdu.SWPurseLocked, nil
	}
	a.code = authCode{true, [codeSize]byte(r.Data)}
	return apdu.SWOK, nil
}
