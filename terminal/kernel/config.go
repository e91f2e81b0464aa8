package kernel

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Bits of the terminal transaction qualifiers, tag 9F66 (JR/T 0025.12). Of the three
// kinds of transaction a card takes full debit/credit first, then qPBOC, then
// magnetic stripe data.
const (
	TTQ1MSD              byte = 0x80 // byte 1: magnetic stripe data (edition of 2010)
	TTQ1Debit            byte = 0x40 // byte 1: full debit/credit over the air
	TTQ1QPBOC            byte = 0x20 // byte 1: contactless qPBOC
	TTQ1Contact          byte = 0x10 // byte 1: the terminal has a contact slot
	TTQ1OfflineOnly      byte = 0x08 // byte 1: the reader can never go online
	TTQ1OnlinePIN        byte = 0x04 // byte 1: online PIN
	TTQ1Signature        byte = 0x02 // byte 1: signature
	TTQ2OnlineCryptogram byte = 0x80 // byte 2: an ARQC is required
	TTQ2CVMRequired      byte = 0x40 // byte 2: cardholder verification is required
	TTQ4FDDA01           byte = 0x80 // byte 4: fDDA version 01
)

// GateTTQ is the 9F66 of gates and bus validators: qPBOC, offline only, fDDA 01.
var GateTTQ = [4]byte{0x28, 0x00, 0x00, 0x80}

// AID is an application that the terminal takes.
type AID struct {
	Name    []byte // 5 to 16 bytes
	Partial bool   // longer names that begin with Name match too
}

// DebitCredit lists the UnionPay applications of JR/T 0025 (RID A000000333):
// debit, credit, quasi-credit and pure electronic cash, all matched partially.
func DebitCredit() []AID {
	rid := []byte{0xA0, 0x00, 0x00, 0x03, 0x33}
	var out []AID
	for _, pix := range [...]byte{1, 2, 3, 6} {
		out = append(out, AID{Name: append(rid[:5:5], 0x01, 0x01, pix), Partial: true})
	}
	return out
}

// Config is what a terminal is set to. It must not change while a Machine uses
// it. The zero value of every limit means that the limit is not checked.
type Config struct {
	TTQ              [4]byte   // 9F66 before pre-processing
	Country          [2]byte   // 9F1A, n3: 0156
	Currency         [2]byte   // 5F2A, n3: 0156
	TerminalType     byte      // 9F35
	Capabilities     [3]byte   // 9F33, for the host; zero: not told
	Serial           [8]byte   // 9F1E serial number of the terminal, for the host; zero: not told
	Merchant         []byte    // 9F4E, up to 20 bytes, for the card's log
	AppVersion       [2]byte   // 9F09, compared with the card's 9F08
	AIDs             []AID     // at least one
	ContactlessLimit money.Fen // from this amount on: other interface (DF20)
	FloorLimit       money.Fen // above this amount: online cryptogram (DF19)
	CVMLimit         money.Fen // from this amount on: cardholder verification (DF21)
	ZeroAmountCheck  bool      // amount 0 asks for an online cryptogram
	StatusCheck      bool      // exactly 1.00 yuan asks for an online cryptogram
	SM               bool      // DF69 = 01: SM2 and SM4 where the card has them

	// RequireFDDA01 refuses cards that do not sign under fDDA version 01. Version 00
	// proves that the card made the signature, not that it was asked to pay: a relay
	// can give the last record itself. It needs TTQ byte 4 bit 8.
	RequireFDDA01 bool

	// Transit says that the host knows the low-value extension (JR/T 0025.14): for an
	// application whose FCI has DF61 (in BF0C) 01 or 02, and whose PDOL asks for DF60,
	// the machine stops at Ready.Transit. All other applications are asked to pay
	// Input.Amount as ever.
	Transit bool

	// Verify checks certificates and signatures; *oda.Verifier does.
	Verify Verifier
	// Denied says whether a card is on the deny list. nil: no list.
	Denied func(txn.CardKey) bool
}

// Input is what one transaction brings.
type Input struct {
	Amount money.Fen // 9F02, 0 at an entry gate; after Ready.Transit that of Trade counts
	UN     [4]byte   // 9F37, fresh random bytes
	Time   int64     // unix seconds; 9A and 9F21 are taken at UTC+8
	Type   byte      // 9C
	// Sequence is 9F41, for the host: 1 to 99999999, 0: not told.
	Sequence uint32
	// ForceOnline is the merchant's wish: an online cryptogram is demanded.
	ForceOnline bool
}

var errConfig = errors.New("unusable kernel configuration")

// Validate reports the first setting with which the kernel could not work.
func (c *Config) Validate() error {
	switch {
	case c.TTQ[0]&(TTQ1QPBOC|TTQ1MSD) == 0:
		return fmt.Errorf("TTQ %X: byte 1 bit 6 (qPBOC) or bit 8 (magnetic stripe data) must be set: %w", c.TTQ, errConfig)
	case c.TTQ[0]&TTQ1QPBOC == 0 && c.TTQ[0]&TTQ1OfflineOnly != 0:
		return fmt.Errorf("TTQ %X: magnetic stripe data needs a terminal that goes online, clear byte 1 bit 4: %w", c.TTQ, errConfig)
	case c.RequireFDDA01 && c.TTQ[3]&TTQ4FDDA01 == 0:
		return fmt.Errorf("RequireFDDA01: TTQ %X must have byte 4 bit 8 (fDDA version 01) set: %w", c.TTQ, errConfig)
	case len(c.AIDs) == 0:
		return fmt.Errorf("AIDs: name at least one application, e.g. A000000333010101: %w", errConfig)
	case c.Verify == nil:
		return fmt.Errorf("Verify: offline data authentication needs a verifier with CA keys: %w", errConfig)
	case len(c.Merchant) > 20:
		return fmt.Errorf("Merchant: %d bytes, at most 20 fit tag 9F4E: %w", len(c.Merchant), errConfig)
	case c.ContactlessLimit < 0 || c.FloorLimit < 0 || c.CVMLimit < 0:
		return fmt.Errorf("limits must not be negative: %w", errConfig)
	}
	for i, a := range c.AIDs {
		if len(a.Name) < 5 || len(a.Name) > 16 {
			return fmt.Errorf("AIDs[%d]: %d bytes, an application identifier has 5 to 16: %w", i, len(a.Name), errConfig)
		}
	}
	return nil
}
