package emv

import (
	"io"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Config is what a terminal is set to. It must not change while a Machine uses it.
type Config struct {
	Country      [2]byte  // 9F1A, n3: 0156
	Currency     [2]byte  // 5F2A, n3: 0156
	Exponent     byte     // 5F36: 2
	Type         byte     // 9F35 terminal type (EMV Book 4, annex A1): 21 attended online only, 22 attended offline with online capability ...
	Capabilities [3]byte  // 9F33 (EMV Book 4, annex A2)
	Additional   [5]byte  // 9F40 (EMV Book 4, annex A3)
	Merchant     []byte   // 9F4E, up to 20 bytes
	MerchantID   [15]byte // 9F16
	TerminalID   [8]byte  // 9F1C
	Category     [2]byte  // 9F15 merchant category code
	Acquirer     [6]byte  // 9F01
	Serial       [8]byte  // 9F1E interface device serial number
	TTQ          [4]byte  // 9F66, for debit/credit over the air: byte 1 b7

	Applications []Application // at least one
	// ElectronicCash offers electronic cash over the contacts (9F7A = 01) up to Application.CashLimit.
	ElectronicCash bool
	// SM offers SM2 and SM4 (DF69 = 01) to cards that have them.
	SM bool
	// Directory asks for the payment directory (PSE, PPSE) before the list of Applications.
	Directory bool

	// Authenticate checks certificates and signatures; *oda.Verifier does.
	Authenticate Authenticator
	// Exception says whether a card is on the exception file (EMV Book 3, 10.6). nil: no file.
	Exception func(txn.CardKey) bool
	// Logged is the sum of the earlier transactions of a card in the terminal's log, for the floor limit (EMV Book 3, 10.6.1). nil: no log.
	Logged func(txn.CardKey) money.Fen
}

// Application is an application that the terminal takes, with its parameters.
type Application struct {
	Name    []byte  // 5 to 16 bytes
	Partial bool    // longer names that begin with Name match too
	Version [2]byte // 9F09

	FloorLimit money.Fen // 9F1B; amounts of this and more exceed it. 0: every amount does
	Random     RandomSelection
	Actions    ActionCodes // TAC
	CashLimit  money.Fen   // 9F7B electronic cash limit; amounts of this and more are no electronic cash. 0: none
	DDOL       []byte      // default DDOL; empty: 9F3704
	TDOL       []byte      // default TDOL; empty: none
}

// RandomSelection sends some transactions below the floor limit online (EMV Book 3, 10.6.2).
type RandomSelection struct {
	Threshold money.Fen // amounts below are chosen with Target
	Target    byte      // per cent, 0 to 99
	Max       byte      // per cent just below the floor limit, at least Target
}

// ActionCodes are three sets of TVR bits: those of the terminal (TAC) or of the issuer (IAC, 9F0E 9F0F 9F0D).
type ActionCodes struct {
	Denial, Online, Default [5]byte
}

// Input is what one transaction brings.
type Input struct {
	Amount money.Fen // 9F02
	Other  money.Fen // 9F03
	Type   byte      // 9C: 00 purchase, 60 load from the linked account ...
	Time   int64     // unix seconds; 9A and 9F21 are taken at UTC+8
	// UN is 9F37 of GENERATE AC and of GET PROCESSING OPTIONS.
	UN [4]byte
	// CardUN is 9F37 of INTERNAL AUTHENTICATE. Fresh, like UN.
	CardUN   [4]byte
	Sequence uint32 // 9F41 transaction sequence counter, 1 to 99999999
	// Percent is a fresh random number from 0 to 99, for random selection.
	Percent byte
	// ForceOnline is the merchant's wish (TVR byte 4 b4).
	ForceOnline bool
	// Contactless runs the transaction over the air: PPSE, 9F66, no offline PIN.
	Contactless bool
	// Rand is read for the padding of an enciphered PIN only.
	Rand io.Reader
}

// Values of tag 9C that this kernel treats in a way of their own.
const (
	TypePurchase  byte = 0x00
	TypeInquiry   byte = 0x31 // balance of the account (ISO 8583 processing code)
	TypeLoad      byte = 0x60 // electronic cash from the linked account
	TypeUnload    byte = 0x61 // electronic cash back to the account (our choice of number)
	TypeLoadOther byte = 0x62 // electronic cash from another account
	TypeLoadCash  byte = 0x63 // electronic cash against bank notes
)
