package pboc

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// way is what GET PROCESSING OPTIONS has begun.
type way byte

const (
	wayNone  way = iota // nothing yet
	wayQuick            // qPBOC
	wayDebit            // debit/credit, over the contacts or over the air
	wayCash             // electronic cash over the contacts
	wayMSD              // magnetic stripe data
)

// stage is how far GENERATE AC is.
type stage byte

const (
	stageNone   stage = iota // no cryptogram yet
	stageOnline              // the first was an ARQC: the second may come
	stageDone                // the last cryptogram was given
)

// authentication is how EXTERNAL AUTHENTICATE went.
type authentication byte

const (
	authMissing authentication = iota
	authGood
	authFailed
)

// session is what the application keeps in RAM from SELECT to the next one.
type session struct {
	contactless bool
	alternative bool // the second set of algorithms is used
	way         way
	stage       stage
	firstCVR    [3]byte   // of the first GENERATE AC; the second goes on with it
	scripts     scripting // what the issuer's script commands need to know of it

	issuerAuth   authentication
	dynamicDone  bool // INTERNAL AUTHENTICATE was answered
	pinDone      bool // VERIFY was tried
	pinFailed    bool // and the last try was wrong
	pinExhausted bool // and the tries came to an end in this session
	hasChallenge bool // the last command was GET CHALLENGE
	challenge    [8]byte

	// How many bytes of App.seen are values of the PDOL, of CDOL1 and of CDOL2.
	pdol, cdol1, cdol2 int
}

// maxSeen is how much CDA covers: the values of PDOL, CDOL1 and CDOL2 and the
// objects of the answer.
const maxSeen = 3*tlv.MaxDOLData + MaxAnswer

func (a *App) alg() cryptogram.Alg {
	if a.alternative {
		return a.card.Product.Alternative.Alg
	}
	return a.card.Product.Alg
}

func (a *App) keys() *Keys {
	if a.alternative {
		return &a.card.Alternative.Keys
	}
	return &a.card.Keys
}

func (a *App) signer() oda.DynamicSigner {
	if a.alternative {
		return a.card.Alternative.Signer
	}
	return a.card.Signer
}

// path is the way that GET PROCESSING OPTIONS answers, by the algorithms chosen.
func (a *App) path(w way) Path {
	p := a.card.Product
	alt := a.alternative
	switch {
	case w == wayDebit && alt:
		return p.Alternative.Debit
	case w == wayDebit:
		return p.Contact.Debit
	case w == wayCash && alt:
		return p.Alternative.Cash
	case w == wayCash:
		return p.Contact.Cash
	case w == wayMSD:
		return p.Contact.MSD.Path
	case alt:
		return p.Alternative.Contactless
	}
	return Path{AIP: p.AIP, AFL: p.AFL}
}

// choose takes the set of algorithms that the reader asks for (DF69; nil if the
// card does not ask) and fails if the card does not have it. SM is preferred when
// both sides have it.
func (a *App) choose(sm []byte) bool {
	p := a.card.Product
	a.alternative = false
	if sm == nil {
		return true
	}
	wanted := cryptogram.TDES
	if sm[0] == 1 {
		wanted = cryptogram.SM4
	}
	switch {
	case p.Alg == wanted:
	case p.Alternative != nil && p.Alternative.Alg == wanted:
		a.alternative = true
	default:
		// A card of 3DES alone serves readers that could do SM.
		return p.Alg == cryptogram.TDES
	}
	return true
}

// ownCurrency tells whether the card pays in a currency: its own, or with the
// check of the electronic cash its second one (JR/T 0025.15).
func (a *App) ownCurrency(code [2]byte) bool {
	p := a.card.Product
	a.scripts.second = false
	if code == p.Currency {
		return true
	}
	if p.Contact != nil && p.Contact.Second != nil && p.has(OptECCheck) {
		a.scripts.second = code == p.Contact.Second.Currency
	}
	return a.scripts.second
}

// balanceAt is where the balance of the session's currency lies in memory.
func (a *App) balanceAt() int {
	if a.scripts.second {
		return a.card.Product.extended() + extSecond
	}
	return atBalance
}

// limits are the amounts and counts as they are now; m is the application's
// memory. The answer holds until the next call.
func (a *App) limits(m []byte) *Limits {
	p := a.card.Product
	if p.Contact == nil {
		return &p.Limits
	}
	p.overlay(&a.now, m[p.extended()+extParams:][:paramsSize], a.scripts.second)
	return &a.now
}

// overContacts tells whether the contact side answers. A product without one
// answers over the contacts as over the air.
func (a *App) overContacts() bool { return !a.contactless && a.card.Product.Contact != nil }
