package pboc

import (
	"io"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// defaultDDOLLen is the length of the DDOL of cards that have none: 9F37.
const defaultDDOLLen = 4

// lenARPC is the length of 91: ARPC(8), ARC(2).
const lenARPC = 10

// internalAuthenticate is INTERNAL AUTHENTICATE, 00880000 Lc values 00 (EMV Book 3,
// 6.5.9): DDA over the values of the DDOL. It answers 80 L 9F4B. 6A86 P1 P2; 6985
// outside a debit/credit or contact electronic cash transaction, or after the last
// cryptogram; 6700 data of another length.
func (a *App) internalAuthenticate(dst []byte, c *apdu.Command) ([]byte, error) {
	want := defaultDDOLLen
	if d := a.card.Product.Contact.DDOL; len(d) > 0 {
		want = d.Len()
	}
	switch {
	case c.P1 != 0 || c.P2 != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	case !a.inTransaction() || a.stage != stageNone:
		return status(dst, apdu.SWConditions), nil
	case len(c.Data) != want || tooShort(c, MaxAnswer):
		return status(dst, apdu.SWWrongLength), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	b := append(a.body[:0], byte(tlv.TagResponseFormat1), 0x81, 0)
	b, err = a.signer().SignDynamic(b, a.rand, s.ATC, c.Data)
	if err != nil {
		return status(dst, apdu.SWUnknown), nil
	}
	b = shortenLength(b, 1)
	if len(b) > MaxAnswer {
		return status(dst, apdu.SWUnknown), nil
	}
	a.dynamicDone = true
	return apdu.AppendResponse(dst, b, apdu.SWOK), nil
}

// inTransaction tells whether debit/credit or electronic cash over the contacts has
// begun.
func (a *App) inTransaction() bool { return a.way == wayDebit || a.way == wayCash }

// getChallenge is GET CHALLENGE, 00840000 00 (EMV Book 3, 6.5.6): eight random
// bytes, good for the very next command.
func (a *App) getChallenge(dst []byte, c *apdu.Command) ([]byte, error) {
	switch {
	case c.P1 != 0 || c.P2 != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	case len(c.Data) != 0 || c.Le == apdu.NoLe:
		return status(dst, apdu.SWWrongLength), nil
	case tooShort(c, len(a.challenge)):
		return append(dst, 0x6C, byte(len(a.challenge))), nil
	}
	if _, err := io.ReadFull(a.rand, a.challenge[:]); err != nil {
		return status(dst, apdu.SWUnknown), nil
	}
	a.hasChallenge = true
	return apdu.AppendResponse(dst, a.challenge[:], apdu.SWOK), nil
}

// externalAuthenticate is EXTERNAL AUTHENTICATE, 00820000 0A ARPC(8) ARC(2) (EMV
// Book 3, 6.5.4; JR/T 0025.5): the card believes the issuer's answer to its ARQC.
// 6300 it does not; 6985 without an ARQC, for a card without issuer authentication
// (82), or again in one transaction, which counts as a failure. A failure is stored
// before it is answered.
func (a *App) externalAuthenticate(dst []byte, c *apdu.Command) ([]byte, error) {
	switch {
	case c.P1 != 0 || c.P2 != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	case a.stage != stageOnline || a.path(a.way).AIP[0]&aipIssuerAuth == 0:
		return status(dst, apdu.SWConditions), nil
	case len(c.Data) != lenARPC || c.Le != apdu.NoLe:
		return status(dst, apdu.SWWrongLength), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	again := a.issuerAuth != authMissing
	sk := cryptogram.DeriveSessionKey(a.alg(), a.keys().AC, s.ATC)
	if cryptogram.VerifyARPC(a.alg(), sk, a.scripts.ac, [2]byte(c.Data[8:]), [8]byte(c.Data)) && !again {
		a.issuerAuth = authGood
		return status(dst, apdu.SWOK), nil
	}
	a.issuerAuth = authFailed
	s.Memory |= IssuerAuthFailed
	if a.scripts.second {
		s.Balance = s.Second
	}
	if err := a.store(&s, nil); err != nil {
		return dst, err
	}
	if again {
		return status(dst, apdu.SWConditions), nil
	}
	return status(dst, apdu.SWFailed), nil
}
