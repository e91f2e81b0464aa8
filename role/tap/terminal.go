package tap

import (
	"fmt"
	"slices"
	"time"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
)

// Setup is what may be chosen about a shop's terminal; the rest is Shop's.
type Setup struct {
	Mode pos.Mode // of purchases over the air
	// SM offers SM2 and SM4 (DF69 = 01) to cards that have them.
	SM bool
	// ForceOnline asks every card for an online cryptogram over the air (9F66 byte 2 b8);
	// elsewhere the sale itself says so.
	ForceOnline bool
	// CAKeys are trusted besides those of development, or in place of one with the same
	// index.
	CAKeys []oda.CAKey
	// Retap is how long a torn sale waits for its card; 0 is the till's own choice.
	Retap time.Duration
}

// Terminal is the number of the terminal that Shop sets up.
const Terminal txn.TerminalID = 1

// Limits of the shop, in fen: our choice.
const (
	floorLimit money.Fen = 50_000  // 9F1B, debit/credit
	cashLimit  money.Fen = 100_000 // 9F7B, electronic cash over the contacts
)

// issuerCache is how many issuer certificates the terminal remembers.
const issuerCache = 16

// shopTTQ is 9F66 of the shop: contact slot, online PIN, signature, fDDA version 01;
// the till adds the bit of its mode.
var shopTTQ = [4]byte{kernel.TTQ1QPBOC | kernel.TTQ1Contact | kernel.TTQ1OnlinePIN | kernel.TTQ1Signature, 0, 0, kernel.TTQ4FDDA01}

// shopActions are the terminal action codes that UnionPay terminals commonly have, and
// CDA that failed (byte 1 b3), which every till asks the issuer about.
var shopActions = emv.ActionCodes{
	Denial:  [5]byte{0x00, 0x10, 0x00, 0x00, 0x00},
	Online:  [5]byte{0xDC, 0x40, 0x04, 0xF8, 0x00},
	Default: [5]byte{0xDC, 0x40, 0x00, 0xA8, 0x00},
}

var yuan = [2]byte{0x01, 0x56}

// Shop is the configuration of a shop's till with development keys: attended, both
// interfaces, all methods of cardholder verification and of offline authentication.
// It fails if a CA key cannot be used or comes twice.
func Shop(s Setup) (pos.Config, error) {
	keys, err := devkeys.CAKeys()
	if err != nil {
		return pos.Config{}, fmt.Errorf("development CA keys: %w", err)
	}
	keys = slices.DeleteFunc(keys, func(k oda.CAKey) bool {
		return slices.ContainsFunc(s.CAKeys, func(other oda.CAKey) bool { return other.RID == k.RID && other.Index == k.Index })
	})
	verifier, err := oda.NewVerifier(append(keys, s.CAKeys...), issuerCache)
	if err != nil {
		return pos.Config{}, fmt.Errorf("CA keys: %w", err)
	}
	version, ttq := [2]byte{0x00, 0x30}, shopTTQ
	if s.ForceOnline {
		ttq[1] |= kernel.TTQ2OnlineCryptogram
	}
	c := pos.Config{
		Terminal: Terminal, Mode: s.Mode, RetapWindow: s.Retap,
		Stripe: pos.Swiping{ChipReader: true, Fallback: true, PINPad: true, TestCards: true},
		Kernel: kernel.Config{
			TTQ: ttq, Country: yuan, Currency: yuan, TerminalType: shopType, Merchant: []byte(shopName),
			AppVersion: version, AIDs: kernel.DebitCredit(), SM: s.SM, Verify: verifier,
		},
		EMV: emv.Config{
			Country: yuan, Currency: yuan, Exponent: 2, Type: shopType,
			Capabilities: [3]byte{0xE0, 0xF8, 0xC8}, Additional: [5]byte{0x60, 0x00, 0xF0, 0xB0, 0x01},
			Merchant: []byte(shopName), MerchantID: [15]byte([]byte("CITYCARD0000001")), TerminalID: [8]byte([]byte("00000001")),
			Category: [2]byte{0x54, 0x11}, Acquirer: [6]byte{0x00, 0x00, 0x01, 0x05, 0x00, 0x00}, TTQ: ttq,
			ElectronicCash: true, SM: s.SM, Directory: true, Authenticate: verifier,
		},
	}
	for _, a := range kernel.DebitCredit() {
		c.EMV.Applications = append(c.EMV.Applications, emv.Application{
			Name: a.Name, Partial: a.Partial, Version: version, FloorLimit: floorLimit, Actions: shopActions, CashLimit: cashLimit,
		})
	}
	return c, nil
}

// What the shop is (9F35 attended, offline with online capability; 9F4E).
const (
	shopType = 0x22
	shopName = "CITYCARD SHOP"
)
