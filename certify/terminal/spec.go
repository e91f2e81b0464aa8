package terminal

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Card keys of all test cards. They protect nothing.
var (
	keyAC  = cryptogram.Key{0xA0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	keyMAC = cryptogram.Key{0xB0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
)

// Names of applications and directories.
var (
	namePSE  = []byte("1PAY.SYS.DDF01")
	namePPSE = []byte("2PAY.SYS.DDF01")
	debit    = []byte{0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01}
	credit   = []byte{0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x02}
	quasi    = []byte{0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x03}
	foreign  = []byte{0xA0, 0x00, 0x00, 0x99, 0x99, 0x01, 0x01}
)

// entry is an application of a card, as directory and SELECT show it.
type entry struct {
	aid      []byte
	label    string
	priority byte    // 87; 0: the object is left out
	hidden   bool    // not in the directory
	status   apdu.SW // of SELECT; 0: 9000
	// fci, if not nil, is the whole answer to SELECT without its status word.
	fci []byte
}

// spec is everything about a card. A case gets that of a good one and changes it.
type spec struct {
	face Interface
	sm   bool
	pan  [10]byte
	psn  byte

	entries []entry
	// noDirectory: SELECT of the directory answers this status; 0: there is one.
	noDirectory apdu.SW
	directory   [][]byte // replaces the directory: PSE records, or the PPSE's content of BF0C

	fci     objects // inside A5, behind the objects of the entry
	aip     [2]byte
	records []record
	afl     []byte  // replaces the locator of the records
	data    objects // what GET DATA gives, besides counters and balance
	format2 bool    // contact GPO and GENERATE AC answer with template 77
	stripe  bool    // magnetic stripe data: a cryptogram at once, or with byTrack
	byTrack bool    // track 2 with a dynamic value in a record
	debit   bool    // over the air, the card does full debit/credit

	extension *extension       // low-value extension, if the card has it
	journeys  func(*extension) // changes what its files hold when it is issued

	union   *unionPurse       // purse of JT/T 978, if the card has one
	purse   func(*unionPurse) // changes the purse when it is issued
	forgets bool              // over the air, the last record is not repeated behind SELECT

	cash      bool // electronic cash over the contacts
	balance   money.Fen
	threshold money.Fen
	atc       uint16
	tries     int
	ctq       [2]byte
	decide    cryptogram.Result // qPBOC: what the card decides
	refuse    apdu.SW           // GPO answers this; 0: it works

	options func(*objects) // changes the objects of a qPBOC answer
	first   int            // CID of the first GENERATE AC; -1: as asked
	second  int            // CID of the second

	// What the certificates say, if not the truth.
	certPAN            [10]byte
	cardEnd, issuerEnd [2]byte // MMYY
	issuerID           [4]byte
	index              byte // 8F; 0: that of the keys
	staticDAC          [2]byte
	fdda               byte        // version of the dynamic signature over the air
	signATC            int         // added to the ATC inside the dynamic signature
	spoil              func(*spec) // after everything was signed
	edits              []*edit
	chain              signer
	keyAC, keyMAC      cryptogram.Key
	alg                cryptogram.Alg
}

// signer makes dynamic signatures and opens PINs.
type signer interface {
	oda.DynamicSigner
	oda.CombinedSigner
	oda.PINDecipherer
}

// cdol1 is what a good card asks for: what its cryptogram covers, and what a judge
// wants to see.
var cdol1 = dol(0x9F02, 6, 0x9F03, 6, 0x9F1A, 2, 0x95, 5, 0x5F2A, 2, 0x9A, 3, 0x9C, 1, 0x9F37, 4,
	0x9F35, 1, 0x9F45, 2, 0x9F4C, 8, 0x9F34, 3, 0x9F33, 3, 0x9F21, 3, 0x9F4E, 20)

var cdol2 = dol(0x8A, 2, 0x9F02, 6, 0x9F03, 6, 0x9F1A, 2, 0x95, 5, 0x5F2A, 2, 0x9A, 3, 0x9C, 1, 0x9F37, 4, 0x9B, 2, 0x9F34, 3)

var pdolAir = dol(0x9F66, 4, 0x9F02, 6, 0x9F03, 6, 0x9F1A, 2, 0x95, 5, 0x5F2A, 2, 0x9A, 3, 0x9C, 1, 0x9F37, 4, 0xDF69, 1)

var pdolContact = dol(0x9F1A, 2, 0x9F7A, 1, 0x9F02, 6, 0x5F2A, 2, 0xDF69, 1)

// Bits of the application interchange profile, 82 byte 1 (EMV Book 3, annex C1).
const (
	aipSDA        = 0x40
	aipDDA        = 0x20
	aipCVM        = 0x10
	aipRisk       = 0x08
	aipIssuerAuth = 0x04
	aipCDA        = 0x01
)

// good is a card with nothing wrong: over the air it approves offline, over the contacts
// it gives the cryptogram that it is asked for. number makes the account number.
func good(face Interface, number int) *spec {
	s := &spec{
		face: face, pan: accountNumber(number), psn: 1,
		entries: []entry{{aid: debit, label: "PBOC DEBIT", priority: 1}},
		aip:     [2]byte{aipSDA | aipDDA | aipCVM | aipRisk | aipIssuerAuth, 0},
		balance: 2000_00, threshold: 0, atc: 0x0041, tries: 3,
		decide: cryptogram.TC, first: -1, second: -1, fdda: 1,
		cardEnd: [2]byte{0x12, 0x49}, issuerEnd: [2]byte{0x12, 0x49},
		staticDAC: [2]byte{0xDA, 0xC1},
	}
	s.certPAN = s.pan
	s.issuerID = [4]byte{s.pan[0], s.pan[1], s.pan[2], 0xFF}
	s.fci.set(tlv.TagLanguagePreference, []byte("zhen")...)
	if face == Contactless {
		s.air()
	} else {
		s.slot()
	}
	return s
}

// personal are the signed objects that both sides of a card have.
func (s *spec) personal() objects {
	var o objects
	n := len(panDigits(s.pan))
	o.set(tlv.TagPAN, s.pan[:(n+1)/2]...)
	o.set(tlv.TagPANSequence, s.psn)
	o.set(tlv.TagExpirationDate, 0x49, 0x12, 0x31)
	o.set(tlv.TagEffectiveDate, 0x20, 0x01, 0x01)
	o.set(tlv.TagIssuerCountry, 0x01, 0x56)
	o.set(tlv.TagAUC, 0xFF, 0xC0)
	o.set(tlv.TagVersionCard, 0x00, 0x30)
	o.set(tlv.TagSDATagList, 0x82)
	return o
}

func (s *spec) air() {
	s.fci.set(tlv.TagPDOL, pdolAir...)
	s.records = []record{
		{sfi: 1, number: 1, signed: true, objects: s.personal()},
		{sfi: 2, number: 1}, {sfi: 2, number: 2},
		{sfi: 1, number: 2, objects: objects{{tlv.TagECAuthorisationCode, []byte("ECC001")}}},
	}
}

func (s *spec) slot() {
	s.fci.set(tlv.TagPDOL, pdolContact...)
	o := s.personal()
	o.set(tlv.TagCDOL1, cdol1...)
	o.set(tlv.TagCDOL2, cdol2...)
	o.set(tlv.TagCVMList, cvmList(cvmNone, always)...)
	o.set(tlv.TagIACDefault, 0, 0, 0, 0, 0)
	o.set(tlv.TagIACDenial, 0, 0, 0, 0, 0)
	o.set(tlv.TagIACOnline, 0, 0, 0, 0, 0)
	o.set(tlv.TagApplicationCurrency, 0x01, 0x56)
	var p objects
	p.set(tlv.TagTrack2Equivalent, s.track2()...)
	p.set(tlv.TagCardholderName, []byte("TEST/CARD")...)
	s.records = []record{
		{sfi: 1, number: 1, signed: true, objects: o}, {sfi: 1, number: 2, objects: p},
		{sfi: 2, number: 1}, {sfi: 2, number: 2},
	}
}

// change sets an object wherever it is, or adds it to the first record.
func (s *spec) change(tag tlv.Tag, value ...byte) {
	for i := range s.records {
		if s.records[i].objects.get(tag) != nil {
			s.records[i].objects.set(tag, value...)
			return
		}
	}
	s.records[0].objects.set(tag, value...)
}

// drop takes an object out of every record.
func (s *spec) drop(tag tlv.Tag) {
	for i := range s.records {
		s.records[i].objects.remove(tag)
	}
}

// flip inverts the last bit of an object that is in a record.
func (s *spec) flip(tag tlv.Tag) {
	for i := range s.records {
		if v := s.records[i].objects.get(tag); len(v) > 0 {
			v = append([]byte(nil), v...)
			v[len(v)/2] ^= 1
			s.records[i].objects.set(tag, v...)
		}
	}
}

func (s *spec) track2() []byte {
	return packed(panDigits(s.pan) + "D4912" + "201" + "0000000000")
}

// packed packs digits and D, filled up with F.
func packed(s string) []byte {
	if len(s)%2 != 0 {
		s += "F"
	}
	out := make([]byte, len(s)/2)
	for i := range s {
		n := s[i] - '0'
		if s[i] > '9' {
			n = s[i] - 'A' + 10
		}
		out[i/2] |= n << (4 * (1 - i%2))
	}
	return out
}

// accountNumber is a UnionPay number with its check digit (ISO/IEC 7812-1, annex B).
func accountNumber(n int) [10]byte {
	digits := []byte("622800010000000")
	for i := len(digits) - 1; n > 0 && i > 7; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (len(digits)-i)%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	digits = append(digits, byte('0'+(10-sum%10)%10))
	pan := [10]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	copy(pan[:], packed(string(digits)))
	return pan
}

func panDigits(pan [10]byte) string { return txn.PAN(pan).Digits() }
