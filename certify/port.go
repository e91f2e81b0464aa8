package certify

import (
	"io"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Card is a card in a reader, powered and ready.
type Card interface {
	// ATR is the answer to the last reset.
	ATR() []byte
	// Reset resets the card and gives the new answer to reset.
	Reset() ([]byte, error)
	// Transmit sends one command APDU and appends the response APDU, status word
	// included, to dst. A status word of any value is an answer; an error means
	// that no answer came.
	Transmit(dst, cmd []byte) ([]byte, error)
}

// CardKeys are one card's own keys, derived from the issuer's masters with its PAN.
// A zero key is one that is not known.
type CardKeys struct {
	AC   cryptogram.Key // application cryptograms and ARPC
	MAC  cryptogram.Key // balance MAC in 9F10, issuer scripts
	ENC  cryptogram.Key // PIN change
	DCVN cryptogram.Key // dynamic verification value of the magnetic stripe path
}

// KeySource gives the keys of a card for one algorithm, and false if it has none.
type KeySource func(alg cryptogram.Alg, pan txn.PAN, psn byte) (CardKeys, bool)

// Secret is a key beside those of the finance application.
type Secret struct {
	Value cryptogram.Key
	// Own: the card's own key. Otherwise it is a master that the card's factors
	// diversify.
	Own bool
}

// SecretSource gives a key by its algorithm and name, and false if it has none. XX is
// a number in two hexadecimal digits.
//
//	record-XX opening-XX    file XX of the low-value extension: management key of its
//	                        records, key that opens them; masters by account number
//	purse-USE-XX            purse key XX; USE is purchase, load, tac, unload,
//	                        overdraft, maintenance, external, block or unblock; masters
//	                        by bytes 0 to 7 and 12 to 19 of file 15
//	module-DIR-TYPE-XX      key XX of a security module in directory DIR (8011, 1001,
//	                        DF90 or DF14); TYPE is purchase, mac, encipher or both
//	PARTITION-XX            key XX for EXTERNAL AUTHENTICATE of social-security,
//	                        beijing-tong, civil-affairs or disabled-persons
//	PARTITION-line          its key for line protection
type SecretSource func(alg cryptogram.Alg, name string) (Secret, bool)

// DefaultMaxSpend is how much electronic cash a run may use up, in fen.
const DefaultMaxSpend money.Fen = 200

// Options say what is known about the card and what may be done to it.
type Options struct {
	// Profile is a name for the kind of card; it is only shown.
	Profile string
	// AID of the application to be tested; nil takes the PBOC application with the
	// highest priority in the PPSE, else the first well-known one that is there.
	AID []byte
	// CAKeys are the certification authorities that are trusted.
	CAKeys []oda.CAKey
	// Keys gives the secrets of the issuer; nil if they are not known.
	Keys KeySource
	// PIN of the card; the zero value if it is not known.
	PIN pin.PIN
	// Secrets gives the keys of journey records, purse, security module and public
	// service applications; nil if they are not known.
	Secrets SecretSource
	// CityPIN is the PIN of purse and public service applications.
	CityPIN pin.PIN
	// Quota says that the balance may only be spent on fares. Without it a card is
	// taken for one that sends even a gate to its issuer.
	Quota bool
	// Sacrifice allows cases that leave an application of the card locked for good.
	Sacrifice bool
	// Destructive allows issuer scripts, blocking and PIN changes.
	Destructive bool
	// MaxSpend bounds the electronic cash that is used up, and apart from it what is
	// spent of a purse; 0 means DefaultMaxSpend, a negative amount that none may be
	// spent.
	MaxSpend money.Fen
	// Only runs the cases or groups whose identifiers are listed; nil runs all.
	Only []string
	// At is the time of the run at the terminal's place: transaction date, time
	// and the month in which certificates must be valid.
	At time.Time
	// Rand gives unpredictable numbers and challenges.
	Rand io.Reader
	// Progress is told after each case; nil if nobody wants to know.
	Progress func(done, total int, c *CaseResult)
	// Stop is asked before each case whether the run is to end there; nil for no. A
	// case that runs is never cut off: what it changed on the card is put back first.
	Stop func() bool
}
