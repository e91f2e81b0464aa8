package pboc

import (
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// P1 of GENERATE AC (EMV Book 3, 6.5.5): what the terminal asks for.
const (
	askAAC  = 0x00
	askTC   = 0x40
	askARQC = 0x80
	askCDA  = 0x10 // and with a combined signature
)

// Bits of 9F27, cryptogram information data (EMV Book 3, 6.5.5.4).
const (
	cidAdvice     = 1 << 3
	cidPINTries   = 2 // reason of an advice: PIN tries exceeded
	cidIssuerAuth = 3 // reason of an advice: issuer authentication failed
)

// Bits of 82, application interchange profile, byte 1 (EMV Book 3, annex C1).
const (
	aipIssuerAuth = 1 << 2
	aipCDA        = 1 << 0
)

// generation is one GENERATE AC on its way to an answer.
type generation struct {
	asked    outcome
	combined bool
	amount   money.Fen
	arc      [2]byte // 8A, of the second
	tvr      [5]byte
	limits   *Limits
	before   State
	after    State // what is stored before the answer
	outcome  outcome
	cvr      [3]byte
	advice   byte // low bits of 9F27
}

// generateAC is GENERATE AC, 80AE type 00 Lc values 00 (EMV Book 3, 6.5.5; JR/T
// 0025.5): the first with the values of CDOL1, after an ARQC a second with those of
// CDOL2. It answers 80 L 9F27 9F36 9F26 9F10, or with a combined signature template
// 77 with 9F27 9F36 9F4B 9F10. What it changes is stored before the answer.
//
// 6A86 a type that does not exist; 6985 outside a debit/credit or contact
// electronic cash transaction, after the last cryptogram, or for a second ARQC;
// 6700 data that do not have the list's length, or an Le that is not 00; 6A80 an
// amount that is not decimal.
func (a *App) generateAC(dst []byte, c *apdu.Command) ([]byte, error) {
	k := a.card.Product.Contact
	layout := &k.cdol1
	second := a.stage == stageOnline
	if second {
		layout = &k.cdol2
	}
	asked, known := askedFor(c.P1)
	switch {
	case !known || c.P2 != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	case a.way != wayDebit && a.way != wayCash || a.stage == stageDone || second && asked == online:
		return status(dst, apdu.SWConditions), nil
	case len(c.Data) != layout.length || tooShort(c, MaxAnswer):
		return status(dst, apdu.SWWrongLength), nil
	}
	g := generation{asked: asked, combined: c.P1&askCDA != 0}
	var err error
	if g.amount, err = money.FromN12(layout.get(c.Data, inAmount)); err != nil {
		return status(dst, apdu.SWWrongData), nil
	}
	if g.before, err = a.state(); err != nil {
		return dst, err
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	if a.scripts.second {
		g.before.Balance = g.before.Second
	}
	g.after, g.limits = g.before, a.limits(m)
	a.values = layout.terminalInput(c.Data)
	g.tvr = a.values.TVR
	if second {
		g.arc = [2]byte(layout.get(c.Data, inARC))
		a.cdol2 = copy(a.seen[a.pdol+a.cdol1:], c.Data)
		a.complete(&g)
	} else {
		a.cdol1 = copy(a.seen[a.pdol:], c.Data)
		a.analyse(&g)
	}
	return a.giveAC(dst, &g, second)
}

// askedFor reads P1 of GENERATE AC.
func askedFor(p1 byte) (outcome, bool) {
	switch p1 &^ askCDA {
	case askAAC:
		return decline, true
	case askTC:
		return approve, true
	case askARQC:
		return online, true
	}
	return decline, false
}

// giveAC makes the cryptogram, stores what the transaction changes and answers.
func (a *App) giveAC(dst []byte, g *generation, second bool) ([]byte, error) {
	path := a.path(a.way)
	ac, iad := a.cryptograms(path.AIP, g.cvr, g.limits, &g.after)
	cid := byte(g.outcome)<<6 | g.advice
	var b []byte
	var err error
	if g.combined && g.outcome != decline && path.AIP[0]&aipCDA != 0 {
		b, err = a.combinedAnswer(cid, g.after.ATC, ac, appendIAD(a.input[:0], &iad))
	} else {
		var room [64]byte
		v := append(room[:0], cid, byte(g.after.ATC>>8), byte(g.after.ATC))
		v = append(v, ac[:]...)
		v = iad.Append(v)
		b = tlv.Append(a.body[:0], tlv.TagResponseFormat1, v)
	}
	if err != nil || len(b) > MaxAnswer {
		// No random numbers, or a signature that Check could not foresee.
		a.stage = stageDone
		return status(dst, apdu.SWUnknown), nil
	}
	var log []byte
	if g.outcome == approve && a.card.Product.logLen > 0 {
		log = a.appendTransactionLog(a.pending.log[:0], g.after.ATC)
	}
	if err := a.store(&g.after, log); err != nil {
		return dst, err
	}
	a.stage = stageDone
	a.scripts.counted = second
	if !second {
		a.scripts.open, a.scripts.ac, a.firstCVR = true, ac, g.cvr
		if g.outcome == online {
			a.stage = stageOnline
		}
	}
	return apdu.AppendResponse(dst, b, apdu.SWOK), nil
}

// combinedAnswer makes template 77 with a combined signature (EMV Book 2, 6.6). It
// covers what the reader sent and all objects of the answer but the signature.
func (a *App) combinedAnswer(cid byte, atc uint16, ac [8]byte, iad []byte) ([]byte, error) {
	signer, ok := a.signer().(oda.CombinedSigner)
	if !ok {
		panic("pboc: the AIP of a checked card promises CDA and its key cannot")
	}
	b := a.body[template77:template77]
	b = append(b, 0x9F, 0x27, 1, cid)
	b = append(b, 0x9F, 0x36, 2, byte(atc>>8), byte(atc))
	covered := append(a.seen[:a.pdol+a.cdol1+a.cdol2], b...)
	covered = append(covered, iad...)
	at := len(b)
	b = append(b, 0x9F, 0x4B, 0x81, 0)
	b, err := signer.SignCombined(b, a.rand, oda.Combined{ATC: atc, CID: cid, AC: ac, UN: a.values.UN, Transaction: covered})
	if err != nil {
		return nil, err
	}
	b = shortenLength(b, at+2)
	return a.wrap77(append(b, iad...)), nil
}
