package pboc

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// contactOptions begins a debit/credit transaction, or one of electronic cash over
// the contacts if the reader and the card's state allow it (JR/T 0025.13), and
// answers 80 L AIP AFL.
func (a *App) contactOptions(dst []byte, layout *dolLayout, values []byte, s *State) ([]byte, error) {
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	amount := money.Fen(0)
	if b := layout.get(values, inAmount); b != nil {
		if amount, err = money.FromN12(b); err != nil {
			return status(dst, apdu.SWWrongData), nil
		}
	}
	w := wayDebit
	if a.overContacts() && a.cashPossible(layout, values, amount, s, m) {
		w = wayCash
	}
	if err := a.countUp(s, w); err != nil {
		return dst, err
	}
	if s.Blocked {
		return status(dst, apdu.SWConditions), nil
	}
	a.pdol = copy(a.seen[:], values)
	path := a.path(w)
	b := tlv.AppendHeader(a.body[:0], tlv.TagResponseFormat1, 2+len(path.AFL))
	b = append(b, path.AIP[:]...)
	b = append(b, path.AFL...)
	return apdu.AppendResponse(dst, b, apdu.SWOK), nil
}

// cashPossible looks at the conditions of electronic cash over the contacts. A card
// without a PIN has no tries that could be used up.
func (a *App) cashPossible(layout *dolLayout, values []byte, amount money.Fen, s *State, m []byte) bool {
	b, code := layout.get(values, inECSupport), layout.get(values, inCurrency)
	if len(a.path(wayCash).AFL) == 0 || b == nil || code == nil || b[0] != 1 || layout.at[inAmount] < 0 {
		return false
	}
	if !a.ownCurrency([2]byte(code)) {
		return false
	}
	balance := s.Balance
	if a.scripts.second {
		balance = s.Second
	}
	possible := amount <= balance && amount <= a.limits(m).Single &&
		s.Memory&(IssuerAuthFailed|ScriptFailed) == 0 && (s.PINTries > 0 || a.card.PIN == ([8]byte{}))
	if !possible {
		a.scripts.second = false
	}
	return possible
}

// stripe begins a transaction with magnetic stripe data.
func (a *App) stripe(dst, values []byte, s *State) ([]byte, error) {
	if s.Invalidated {
		return status(dst, apdu.SWConditions), nil
	}
	if err := a.countUp(s, wayMSD); err != nil {
		return dst, err
	}
	if s.Blocked {
		return status(dst, apdu.SWConditions), nil
	}
	p := a.card.Product
	a.values = p.pdol.terminalInput(values)
	return a.msdOptions(dst, [4]byte(p.pdol.get(values, inTTQ)), s)
}
