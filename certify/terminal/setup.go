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

	// A gate or a bus validator instead of a shop's terminal: the cases for shops are
	// skipped.
	Gate      bool      // metro gate: entry and exit
	Bus       bool      // bus validator, one tap a ride
	Alight    bool      // bus with two readers, to board and to alight
	Hold      bool      // entries hold an amount (DF60 02) where the card can
	Purse     bool      // takes city purses too
	Remembers bool      // torn cards are remembered from one tap to the next
	Serial    bool      // the serial number in a journey record is compared with the card's account number
	Fare      money.Fen // of the journey between the two gates of the run; 0: not told

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

// journeys tells whether the terminal is a gate or a bus, and no shop's.
func (s *Setup) journeys() bool { return s.Gate || s.Bus || s.Alight }

// Gates is a terminal that is a metro gate and a bus validator, and remembers what it
// has seen: what the gates of this module are tested as.
func Gates() Setup {
	s := Everything()
	return Setup{
		Contactless: true, Country: s.Country, Currency: s.Currency, Version: s.Version, NoRandom: true, SM: true, Again: true, PIN: s.PIN,
		Gate: true, Bus: true, Alight: true, Hold: true, Purse: true, Remembers: true, Serial: true,
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
	case s.FloorLimit < 0 || s.ContactlessFloor < 0 || s.CVMLimit < 0 || s.ContactlessLimit < 0 || s.CashLimit < 0 || s.Fare < 0:
		return fmt.Errorf("Setup: a limit is negative: %w", errOptions)
	case s.journeys() && !s.Contactless:
		return fmt.Errorf("Setup: Gate, Bus or Alight without Contactless: %w", errOptions)
	case s.Contact && !s.journeys() && s.FloorLimit < 10_00:
		return fmt.Errorf("Setup.FloorLimit: %v, the cases need 10.00 yuan at least: %w", s.FloorLimit, errOptions)
	}
	return nil
}
