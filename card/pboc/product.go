package pboc

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// Bits of 9F68, card additional processing (JR/T 0025.12), as one 32-bit number.
const (
	OptECCheck        = 1 << 31 // funds test: electronic cash
	OptECAndCTTA      = 1 << 30 // funds test: electronic cash and CTTA
	OptECOrCTTA       = 1 << 29 // funds test: electronic cash or CTTA
	OptNewCard        = 1 << 28 // a new card goes online
	OptPINTries       = 1 << 27 // no PIN tries left: online, or refused offline
	OptForeignOffline = 1 << 26 // other currencies are allowed offline
	OptPreferContact  = 1 << 25 // instead of online, use the contact interface
	OptShowAvailable  = 1 << 24 // return 9F5D
	OptPrepay         = 1 << 23 // deduct at once when going online
	OptRefuseForeign  = 1 << 22 // refuse other currencies
	OptRefuseNewCard  = 1 << 21 // a new card is refused by offline readers
	OptLogOffline     = 1 << 20 // log approved payments; always done, as since PBOC 3.0
	OptOnlinePIN      = 1 << 15 // online PIN in the card's currency
	OptForeignPIN     = 1 << 14 // online PIN in other currencies
	OptForeignCVM     = 1 << 13 // other currencies need a CVM
	OptSignature      = 1 << 12 // signature supported

	fundsTests = OptECCheck | OptECAndCTTA | OptECOrCTTA
)

// Limits on what a Product may hold.
const (
	MaxAFL       = 32  // bytes: eight entries
	MaxLog       = 30  // records in the transaction log
	MaxLogRecord = 128 // bytes of one
	MaxAnswer    = 256 // bytes of data in an answer (short Le)
	MaxSDAD      = 128 // bytes of 9F4B that fit into the GPO answer: RSA 1024
)

// Limits are the amounts and counts of card risk management. Amounts are fen.
type Limits struct {
	Balance      money.Fen // 9F77 electronic cash balance limit
	Single       money.Fen // 9F78 limit of one payment
	Threshold    money.Fen // 9F6D below this rest an online-capable reader goes online
	CVM          money.Fen // 9F6B above this amount a CVM is needed
	CTTA         money.Fen // 9F54 cumulative total transaction amount limit
	CTTAUpper    money.Fen // 9F5C upper limit, used instead of 9F54 if HasCTTAUpper
	HasCTTAUpper bool
	Foreign      byte // 9F53 how many payments in other currencies stay offline

	// The rest is used by the debit/credit application.

	LCOL           byte      // 9F58 lower consecutive offline limit
	UCOL           byte      // 9F59 upper consecutive offline limit
	ForeignCountry byte      // 9F72 how many payments in other countries stay offline
	CTTADual       money.Fen // 9F75 CTTA limit with the second currency counted in
	CurrencyFactor [4]byte   // 9F73: number of decimals, then a factor of 7 digits
}

// DataObject is a data object that GET DATA answers as it was personalised.
type DataObject struct {
	Tag   tlv.Tag
	Value []byte
}

// Record names a record of a file with a short identifier.
type Record struct {
	SFI    byte // 1 to 30
	Number byte // 1 to 254
}

// Product is what all cards of one kind share. It is immutable after Prepare
// and may be shared by any number of cards and goroutines.
type Product struct {
	AID         []byte         // 84, the application's name, 5 to 16 bytes
	FCI         []byte         // whole answer to SELECT, template 6F
	PDOL        tlv.DOL        // 9F38, as in the FCI
	AIP         [2]byte        // 82
	AFL         []byte         // 94
	Options     uint32         // 9F68, bits Opt...
	Qualifiers  [2]byte        // 9F6C before a transaction sets its bits
	Currency    [2]byte        // 9F51
	Limits      Limits         // amounts and counts
	Alg         cryptogram.Alg // cipher of all cryptograms
	CVN         cryptogram.CVN // version of the application cryptogram
	DKI         byte           // key index in 9F10
	IDD         byte           // issuer discretionary data in 9F10, 0 to 5
	FDDA01      bool           // fDDA version 01: 9F08 is 0030 and 9F69 is given
	Transit     byte           // DF61 when issued, 00 without the low-value extension
	ProductInfo []byte         // 9F63, empty or 16 bytes
	LogSFI      byte           // 9F4D byte 1, 11 to 30, 0 for no log
	LogCount    byte           // 9F4D byte 2
	LogFormat   tlv.DOL        // 9F4F
	Data        []DataObject   // for GET DATA, without what the card computes
	PINTries    byte           // 9F17 when issued
	LastOnline  uint16         // 9F13 when issued
	Contact     *Contact       // nil: the card knows qPBOC only
	Alternative *Suite         // second set of algorithms, nil for none
	Extension   *Extension     // low-value extension, nil for none

	last   [2]Record // last record of the AFL, and of the second set's
	pdol   dolLayout
	log    []logField
	logLen int
}

// Prepare checks the product and computes what running cards need. It must be
// called once, before the product is used.
func (p *Product) Prepare() error {
	if n := len(p.AID); n < 5 || n > 16 {
		return fmt.Errorf("AID of %d bytes, EMV Book 1, 12.2 wants 5 to 16", n)
	}
	if !p.Alg.Valid() || !p.CVN.Valid() {
		return fmt.Errorf("%v with %v: one of them is not known", p.Alg, p.CVN)
	}
	if p.IDD > cryptogram.IDDAvailable {
		return fmt.Errorf("issuer discretionary data %d, want 0 to 5", p.IDD)
	}
	if n := len(p.FCI); n == 0 || n > MaxAnswer {
		return fmt.Errorf("FCI of %d bytes, want 1 to %d", n, MaxAnswer)
	}
	if n := len(p.ProductInfo); n != 0 && n != 16 {
		return fmt.Errorf("9F63 of %d bytes, want none or 16", n)
	}
	if f := p.Options & fundsTests; f&(f-1) != 0 {
		return fmt.Errorf("9F68 %08X asks for more than one funds test (byte 1, b8 to b6)", p.Options)
	}
	if err := p.Limits.check(); err != nil {
		return err
	}
	if err := p.checkStated(tlv.TagECBalanceLimit, p.Limits.Balance); err != nil {
		return err
	}
	if err := p.prepareAFL(); err != nil {
		return err
	}
	if err := p.preparePDOL(); err != nil {
		return err
	}
	if err := p.prepareLog(); err != nil {
		return err
	}
	if err := p.prepareAlternative(); err != nil {
		return err
	}
	if err := p.prepareContact(); err != nil {
		return err
	}
	return p.prepareExtension()
}

func (l *Limits) check() error {
	for _, a := range [...]struct {
		tag   string
		value money.Fen
	}{{"9F77", l.Balance}, {"9F78", l.Single}, {"9F6D", l.Threshold}, {"9F6B", l.CVM}, {"9F54", l.CTTA}, {"9F5C", l.CTTAUpper}, {"9F75", l.CTTADual}} {
		if a.value < 0 || a.value > money.MaxN12 {
			return fmt.Errorf("%s is %v yuan, want 0 to %v", a.tag, a.value, money.MaxN12)
		}
	}
	return nil
}

// checkStated refuses a balance limit that lets the balance outgrow the ten digits
// in which the product's 9F10 states it (JR/T 0025.12 annex D).
func (p *Product) checkStated(tag tlv.Tag, limit money.Fen) error {
	if limit > maxN10 && p.statesBalance() {
		return fmt.Errorf("%v is %v yuan; issuer discretionary data %d in 9F10 state the balance in ten digits, at most %v", tag, limit, p.IDD, maxN10)
	}
	return nil
}

// ctta is the limit that the CTTA is tested against.
func (l *Limits) ctta() money.Fen {
	if l.HasCTTAUpper {
		return l.CTTAUpper
	}
	return l.CTTA
}

// prepareAFL checks the AFL and finds the record at which a payment is committed.
func (p *Product) prepareAFL() error {
	var err error
	p.last = [2]Record{}
	p.last[0], err = checkAFL(p.AFL)
	return err
}

// checkAFL checks an AFL (EMV Book 3, 10.2) and gives its last record.
func checkAFL(afl []byte) (last Record, err error) {
	n := len(afl)
	if n == 0 || n%4 != 0 || n > MaxAFL {
		return last, fmt.Errorf("AFL of %d bytes, want 4 to %d in fours", n, MaxAFL)
	}
	for i := 0; i < n; i += 4 {
		e := afl[i : i+4]
		if sfi := e[0] >> 3; e[0]&7 != 0 || sfi == 0 || sfi > 30 || e[1] == 0 || e[2] < e[1] || e[3] > e[2]-e[1]+1 {
			return last, fmt.Errorf("AFL entry %d is %X: SFI, first, last record and number signed do not fit", i/4+1, e)
		}
		last = Record{SFI: e[0] >> 3, Number: e[2]}
	}
	return last, nil
}

// LastRecord is the record of the AFL at which a payment takes effect.
func (p *Product) LastRecord() Record { return p.last[0] }

// lastOf is LastRecord, of the second set of algorithms if second.
func (p *Product) lastOf(second bool) Record {
	if second {
		return p.last[1]
	}
	return p.last[0]
}

// commits tells whether a payment can take effect at a record.
func (p *Product) commits(r Record) bool {
	return r == p.last[0] || p.Alternative != nil && r == p.last[1]
}

// has tells whether a bit of 9F68 is set.
func (p *Product) has(option uint32) bool { return p.Options&option != 0 }
