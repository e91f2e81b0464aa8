package pboc

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// Path is one way through the application: what GET PROCESSING OPTIONS answers.
type Path struct {
	AIP [2]byte // 82
	AFL []byte  // 94; empty: the card does not go this way
}

// Suite is a second set of algorithms, which the reader chooses with DF69 (JR/T
// 0025.17). Its records lie beside the others and are named by its own AFLs.
type Suite struct {
	Alg         cryptogram.Alg
	Contactless Path // qPBOC
	Debit       Path // debit/credit; used if the product has a contact side
	Cash        Path // electronic cash over the contacts
}

// Secrets are the keys of a card for the second set of algorithms.
type Secrets struct {
	Keys   Keys
	Signer oda.DynamicSigner
}

// Contact is what a product has beside qPBOC: the debit/credit application of
// JR/T 0025.5 and electronic cash over the contacts of JR/T 0025.13.
type Contact struct {
	FCI   []byte  // whole answer to SELECT over the contacts, template 6F (DGI 9102)
	PDOL  tlv.DOL // its 9F38, may be empty
	Debit Path    // debit/credit, over the contacts and over the air (DGI 9104)
	Cash  Path    // electronic cash over the contacts (DGI 9203), may be empty
	CDOL1 tlv.DOL // 8C, as the records give it
	CDOL2 tlv.DOL // 8D
	DDOL  tlv.DOL // 9F49

	ADA                  [2]byte // 9F52 application default action, bits ADA...
	IssuerAuthentication byte    // 9F56; b8: issuer authentication is mandatory
	Country              [2]byte // 9F57 issuer country code, n3
	DualCurrency         [2]byte // 9F76 currency that counts after conversion with 9F73, 0000 for none

	PINLimit byte // PIN tries after an unblock, 1 to 15

	LoadLogSFI    byte    // DF4D byte 1, 11 to 30, 0 for no load log
	LoadLogCount  byte    // DF4D byte 2
	LoadLogFormat tlv.DOL // DF4F
	Second        *SecondCurrency
	MSD           *MSD
	Updatable     int // bytes of memory for records that UPDATE RECORD changes

	pdol, cdol1, cdol2 dolLayout
}

// SecondCurrency is a second electronic cash in another currency (JR/T 0025.15).
// Amounts are in hundredths of that currency.
type SecondCurrency struct {
	Currency  [2]byte   // DF71
	Balance   money.Fen // DF77 balance limit
	Single    money.Fen // DF78 limit of one payment
	Threshold money.Fen // DF76 reset threshold
	CVM       money.Fen // DF72 above this amount a CVM is needed
}

// MSD is magnetic stripe data over the air (JR/T 0025.12, edition of 2010), the
// answer of DGI 9206.
type MSD struct {
	// Path of the flow without a cryptogram: AIP and AFL are answered and the
	// record of the AFL holds track 2 with the dynamic check value. If the AFL is
	// empty the card knows only the flow with a cryptogram.
	Path Path
}

// Bits of 9F52, application default action (JR/T 0025.5), as one 16-bit number.
const (
	ADAIssuerAuthFailedOnline    = 1 << 15 // issuer authentication failed: next time online
	ADAIssuerAuthFailedDecline   = 1 << 14 // issuer authentication failed: decline
	ADAIssuerAuthMissingDecline  = 1 << 13 // mandatory and there was no ARPC: decline
	ADADeclinedAdvice            = 1 << 12 // advice when declined offline
	ADAPINLimitAdvice            = 1 << 11 // advice when the PIN limit is reached now and declined
	ADAIssuerAuthAdvice          = 1 << 10 // advice when issuer authentication failed or is missing
	ADANewCardOnline             = 1 << 9  // a new card goes online
	ADANewCardDecline            = 1 << 8  // a new card that cannot go online is declined
	ADAPINLimitBlock             = 1 << 7  // PIN limit reached in this transaction: block the application
	ADAPINExceededDecline        = 1 << 6  // PIN limit reached earlier: decline
	ADAPINExceededOnline         = 1 << 5  // PIN limit reached earlier: go online
	ADAPINExceededUnableOnline   = 1 << 4  // PIN limit reached earlier and cannot go online: decline
	ADAScriptFailedOnline        = 1 << 3  // a script failed in an earlier transaction: go online
	ADAPINExceededDeclineAndLock = 1 << 2  // PIN limit reached earlier: decline and block the application
)

// IssuerAuthenticationMandatory is the bit of Contact.IssuerAuthentication (9F56).
const IssuerAuthenticationMandatory = 1 << 7

// action tells whether a bit of 9F52 is set.
func (c *Contact) action(bit uint16) bool {
	return (uint16(c.ADA[0])<<8|uint16(c.ADA[1]))&bit != 0
}
