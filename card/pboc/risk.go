package pboc

import (
	"math/bits"

	"github.com/citycard/citycard/money"
)

// Bits of the CVR beside those of qPBOC (JR/T 0025.5, card verification results).
const (
	cvr1IssuerAuthFailed = 1 << 3
	cvr1PINDone          = 1 << 2
	cvr1PINFailed        = 1 << 1
	cvr1UnableOnline     = 1 << 0

	cvrOnlineOpen        = 1 << 7
	cvrLastAuthFailed    = 1 << 3
	cvrIssuerAuthMissing = 1 << 2
	cvrBlockedByPIN      = 1 << 1
	cvrStaticFailed      = 1 << 0

	cvr3ScriptFailed  = 1 << 3
	cvr3DynamicFailed = 1 << 2
	cvr3DynamicDone   = 1 << 1
)

// Bits of 95, terminal verification results, byte 1 (EMV Book 3, annex C5).
const (
	tvr1StaticFailed   = 1 << 6
	tvr1DynamicFailed  = 1 << 3
	tvr1CombinedFailed = 1 << 2
)

// analyse decides the first GENERATE AC (JR/T 0025.5, card action analysis).
func (a *App) analyse(g *generation) {
	if a.way == wayCash {
		a.analyseCash(g)
	} else {
		a.analyseDebit(g)
	}
	if g.outcome == online {
		g.after.Memory |= OnlineOpen
	}
	if g.outcome == decline {
		a.declined(g, true)
	}
	g.cvr[0] = 0x80 | byte(g.outcome)<<4 | a.pinBits()
	if a.dynamicDone {
		g.cvr[2] |= cvr3DynamicDone
	}
	if g.before.Memory&BlockedByPIN != 0 {
		g.cvr[1] |= cvrBlockedByPIN
	}
}

func (a *App) pinBits() (b byte) {
	if a.pinDone {
		b |= cvr1PINDone
	}
	if a.pinFailed {
		b |= cvr1PINFailed
	}
	return b
}

// analyseDebit is card risk management, in the order of JR/T 0025.5. Every check
// leaves its mark in the CVR, whatever the others say.
func (a *App) analyseDebit(g *generation) {
	goOnline := a.lastTransaction(g)
	if a.velocity(g) {
		goOnline = true
	}
	k := a.card.Product.Contact
	if g.before.LastOnlineATC == 0 {
		g.cvr[1] |= cvrNewCard
		goOnline = goOnline || k.action(ADANewCardOnline)
	}
	refuse := false
	if a.pinUsedUp(g) {
		g.cvr[1] |= cvrPINExceeded
		if !a.pinExhausted {
			goOnline = goOnline || k.action(ADAPINExceededOnline)
			refuse = k.action(ADAPINExceededDecline) || k.action(ADAPINExceededDeclineAndLock)
			if k.action(ADAPINExceededDeclineAndLock) {
				g.after.Invalidated = true
				g.after.Memory |= BlockedByPIN
			}
		}
	}
	switch {
	case g.asked == decline || g.before.Invalidated || refuse:
		g.outcome = decline
	case g.asked == online || goOnline:
		g.outcome = online
	default:
		g.outcome = approve
		a.count(g)
	}
}

// lastTransaction sets what the CVR says of earlier transactions and tells whether
// one of them makes this one go online.
func (a *App) lastTransaction(g *generation) (goOnline bool) {
	k := a.card.Product.Contact
	s := &g.before
	if s.Memory&OnlineOpen != 0 {
		g.cvr[1] |= cvrOnlineOpen
		goOnline = true
	}
	if s.Memory&IssuerAuthFailed != 0 {
		g.cvr[1] |= cvrLastAuthFailed
		goOnline = goOnline || k.action(ADAIssuerAuthFailedOnline)
	}
	if s.Memory&IssuerAuthMissing != 0 {
		g.cvr[1] |= cvrIssuerAuthMissing
	}
	if s.Memory&StaticFailed != 0 {
		g.cvr[1] |= cvrStaticFailed
	}
	if s.Memory&DynamicFailed != 0 {
		g.cvr[2] |= cvr3DynamicFailed
	}
	g.cvr[2] |= s.Scripts << 4
	if s.Memory&ScriptFailed != 0 {
		g.cvr[2] |= cvr3ScriptFailed
		goOnline = goOnline || k.action(ADAScriptFailedOnline)
	}
	return goOnline
}

// velocity checks how much was done since the card was last online: transactions
// (9F58), those in other currencies (9F53) and countries (9F72), and the amounts
// (9F54, and 9F75 with the second currency of 9F76).
func (a *App) velocity(g *generation) (exceeded bool) {
	s, l := &g.before, g.limits
	own, foreign := a.kindOfCurrency()
	over := s.ATC-s.LastOnlineATC > uint16(l.LCOL) ||
		foreign && int(s.Foreign)+1 > int(l.Foreign) ||
		a.foreignCountry() && int(s.ForeignCountry)+1 > int(l.ForeignCountry) ||
		own && s.CTTA+g.amount > l.CTTA
	if a.countsDual() && s.CTTADual+a.dualAmount(g) > l.CTTADual {
		over = true
	}
	if over {
		g.cvr[1] |= cvrVelocity
	}
	return over
}

// count takes an offline payment into the counters. They stop at their ends.
func (a *App) count(g *generation) {
	s := &g.after
	own, foreign := a.kindOfCurrency()
	if own {
		s.CTTA = min(s.CTTA+g.amount, money.MaxN12)
	}
	if foreign && s.Foreign < 0xFF {
		s.Foreign++
	}
	if a.foreignCountry() && s.ForeignCountry < 0xFF {
		s.ForeignCountry++
	}
	if a.countsDual() {
		s.CTTADual = min(s.CTTADual+a.dualAmount(g), money.MaxN12)
	}
}

// kindOfCurrency tells whether the transaction is in the card's currency, or in one
// that is neither that nor the one of 9F76.
func (a *App) kindOfCurrency() (own, foreign bool) {
	p := a.card.Product
	own = a.values.Currency == p.Currency
	return own, !own && (p.Contact.DualCurrency == [2]byte{} || a.values.Currency != p.Contact.DualCurrency)
}

func (a *App) foreignCountry() bool { return a.values.Country != a.card.Product.Contact.Country }

// countsDual tells whether the transaction enters the dual currency amount.
func (a *App) countsDual() bool {
	own, foreign := a.kindOfCurrency()
	return a.card.Product.Contact.DualCurrency != [2]byte{} && (own || !foreign)
}

// dualAmount is the amount in the card's currency: an amount in the currency of
// 9F76 times the factor of 9F73 (first digit: decimals of the factor, then seven
// digits), cut to whole units. It stops at the end of its range.
func (a *App) dualAmount(g *generation) money.Fen {
	if a.values.Currency == a.card.Product.Currency {
		return g.amount
	}
	return convert(g.amount, g.limits.CurrencyFactor)
}

func convert(amount money.Fen, factor [4]byte) money.Fen {
	times, divide := uint64(factor[0]&15), uint64(1)
	for _, b := range factor[1:] {
		times = times*100 + uint64(b>>4)*10 + uint64(b&15)
	}
	for range factor[0] >> 4 {
		divide *= 10
	}
	hi, lo := bits.Mul64(uint64(amount), times)
	if hi >= divide {
		return money.MaxN12
	}
	q, _ := bits.Div64(hi, lo, divide)
	return money.Fen(min(q, uint64(money.MaxN12)))
}

// pinUsedUp tells whether the card has a PIN and no more tries for it.
func (a *App) pinUsedUp(g *generation) bool {
	return g.before.PINTries == 0 && a.card.PIN != [8]byte{}
}

// declined keeps what the CVR of the next transaction must say of this one, and
// asks for an advice of an offline decline if 9F52 wants it.
func (a *App) declined(g *generation, offline bool) {
	if g.tvr[0]&tvr1StaticFailed != 0 {
		g.after.Memory |= StaticFailed
	}
	if g.tvr[0]&(tvr1DynamicFailed|tvr1CombinedFailed) != 0 {
		g.after.Memory |= DynamicFailed
	}
	k := a.card.Product.Contact
	if a.pinExhausted && k.action(ADAPINLimitAdvice) {
		g.advice = cidAdvice | cidPINTries
	}
	if offline && k.action(ADADeclinedAdvice) {
		g.advice |= cidAdvice
	}
}
