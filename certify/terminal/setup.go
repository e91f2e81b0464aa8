package terminal

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
)

// ActionCodes are the three terminal action codes (EMV Book 3, 10.7), as TVR bits.
type ActionCodes struct{ Denial, Online, Default [5]byte }

// Setup is how the terminal under test is set and what it is able to do. A tester sets
// the terminal so, or tells here how it is set.
type Setup struct {
	Contact     bool // a contact slot is tested
	Contactless bool // a contactless reader is tested

	Country  [2]byte // 9F1A, n3
	Currency [2]byte // 5F2A, n3
	Version  [2]byte // 9F09 for all applications

	FloorLimit       money.Fen // 9F1B over the contacts: amounts of this and more exceed it
	ContactlessFloor money.Fen // DF19: amounts above it ask for an online cryptogram; 0: not set
	CVMLimit         money.Fen // DF21: amounts from it on ask for verification; 0: not set
	ContactlessLimit money.Fen // DF20: amounts from it on go to another interface; 0: not set
	CashLimit        money.Fen // 9F7B: amounts of this and more are no electronic cash; 0: no electronic cash over the contacts
	Actions          ActionCodes
	NoRandom         bool // random selection for online processing is switched off

	SM            bool // SM2 and SM4 (DF69)
	SDA, DDA, CDA bool // offline data authentication over the contacts
	PlainPIN      bool // offline plain PIN
	EncipheredPIN bool // offline enciphered PIN
	OnlinePIN     bool
	Signature     bool
	NoCVM         bool // "no CVM required" is a method of the terminal (9F33 byte 2 b4)
	Load          bool // load of electronic cash
	DebitOverAir  bool // debit/credit over the air (9F66 byte 1 b7)
	Stripe        bool // magnetic stripe data over the air (9F66 byte 1 b8)
	Choice        bool // lets the cardholder choose an application
	Again         bool // finishes a torn contactless transaction when the card comes back

	Host bool // the terminal asks the issuer that the run answers for
	PIN  pin.PIN
	// Bypass and wrong PINs need a person, or a program in his place.
	Person bool
}

// Everything is a terminal that can do everything, set to round limits: what the
// terminals of this module are tested as.
func Everything() Setup {
	code, err := pin.New("123456")
	if err != nil {
		panic("terminal: a constant PIN is refused: " + err.Error())
	}
	unproven := [5]byte{0xCC} // no authentication, or a failed one
	return Setup{
		Actions: ActionCodes{Online: unproven, Default: unproven},
		Contact: true, Contactless: true,
		Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, Version: [2]byte{0x00, 0x30},
		FloorLimit: 500_00, ContactlessFloor: 800_00, CVMLimit: 300_00, ContactlessLimit: 1000_00, CashLimit: 500_00,
		NoRandom: true, SM: true, SDA: true, DDA: true, CDA: true,
		PlainPIN: true, EncipheredPIN: true, OnlinePIN: true, Signature: true, NoCVM: true,
		Load: true, DebitOverAir: true, Stripe: true, Choice: true, Again: true,
		Host: true, PIN: code, Person: true,
	}
}

// RSAKeys sign cards of the RSA family, for 3DES cards, under RID A000000333. The CA key
// has 1408 bits or less, each key is no longer than the one above it.
type RSAKeys struct {
	Index            byte // 8F
	CA, Issuer, Card *oda.RSAPrivate
}

// SM2Keys sign cards of the SM2 family, for SM4 cards, under RID A000000333.
type SM2Keys struct {
	Index            byte // 8F
	CA, Issuer, Card *oda.SM2Private
}

var errOptions = errors.New("unusable options")

// validate names the first setting with which no case can be made.
func (s *Setup) validate() error {
	switch {
	case !s.Contact && !s.Contactless:
		return fmt.Errorf("Setup: neither Contact nor Contactless is set: %w", errOptions)
	case s.FloorLimit < 0 || s.ContactlessFloor < 0 || s.CVMLimit < 0 || s.ContactlessLimit < 0 || s.CashLimit < 0:
		return fmt.Errorf("Setup: a limit is negative: %w", errOptions)
	case s.Contact && s.FloorLimit < 10_00:
		return fmt.Errorf("Setup.FloorLimit: %v, the cases need 10.00 yuan at least: %w", s.FloorLimit, errOptions)
	}
	return nil
}
