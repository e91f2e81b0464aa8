package emv

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// maxObjects bounds the data objects that are kept of one card; real cards give
// some forty.
const maxObjects = 256

// object is one data object of the card.
type object struct {
	tag   tlv.Tag
	value []byte
}

// Data is what a card told, what it was told and what the terminal found. It
// belongs to the Machine, like all slices that its methods give.
type Data struct {
	Card   txn.CardKey // from 5A and 5F34 of the records
	Expiry [2]byte     // YYMM of 5F24
	AIP    [2]byte     // 82
	// ATC, AC, CID and IAD are 9F36, 9F26, 9F27 and 9F10 of the last answer to GENERATE
	// AC. ATC alone may come earlier, from GET DATA. IAD is nil if the card gave none.
	ATC uint16
	AC  [8]byte
	CID byte
	IAD []byte
	// TVR, TSI and CVMResults are tags 95, 9B and 9F34 as they stand now.
	TVR        [5]byte
	TSI        [2]byte
	CVMResults [3]byte
	// ARC is tag 8A: the issuer's answer, or Y1 Z1 Y3 Z3 of the terminal; zero before
	// there is one.
	ARC [2]byte
	// Sent is what the last GENERATE AC told the card, the part that cryptograms cover.
	Sent   cryptogram.TerminalInput
	Amount money.Fen // 9F02
	// Cash says that the card went the way of electronic cash (JR/T 0025.13).
	Cash bool

	aid       []byte
	app       *Application
	objects   []object
	static    []byte
	staticBad bool // a signed record is not a template 70 (EMV Book 3, 10.3)
	atcKnown  bool
	balance   money.Fen
	balanceOK bool // the card told it
	value     func(tlv.Tag) []byte
	scripts   []ScriptResult
}

// Get returns the value of a data object that the card gave, nil if it did not. A
// value of length 0 is not nil.
func (d *Data) Get(tag tlv.Tag) []byte {
	for i := range d.objects {
		if d.objects[i].tag == tag {
			return d.objects[i].value
		}
	}
	return nil
}

// AID is the DF name (84) of the selected application, nil before the selection.
func (d *Data) AID() []byte { return d.aid }

// Application is the terminal's entry for the selected application, nil before the
// selection.
func (d *Data) Application() *Application { return d.app }

// ATCKnown says that the card has told its transaction counter.
func (d *Data) ATCKnown() bool { return d.atcKnown }

// StaticData is the signed records (EMV Book 3, 10.3), without the AIP that a tag
// list 9F4A may add.
func (d *Data) StaticData() []byte { return d.static }

// BalanceBefore is the electronic cash balance that GET DATA 9F79 gave before the
// cryptogram; ok is false if the card was not asked or did not say.
func (d *Data) BalanceBefore() (balance money.Fen, ok bool) { return d.balance, d.balanceOK }

// BalanceAfter is the balance that the discretionary data of the last 9F10 state.
func (d *Data) BalanceAfter() (balance money.Fen, ok bool) {
	iad, err := cryptogram.ParseIAD(d.IAD)
	if err != nil {
		return 0, false
	}
	return iad.Balance()
}

// fault shortens the construction of a kernel.Fault.
func fault(code kernel.FaultCode, tag tlv.Tag) kernel.Fault {
	return kernel.Fault{Code: code, Tag: tag}
}

// known are the lengths of the objects without which there is no transaction (EMV
// Book 3, annex A; JR/T 0025.5). Others are kept as they come: whoever uses them looks
// at their length, and says what a wrong one means.
var known = map[tlv.Tag][2]int{
	tlv.TagAIP: {2, 2}, tlv.TagAFL: {4, 252}, tlv.TagPAN: {1, 10}, tlv.TagPANSequence: {1, 1}, tlv.TagExpirationDate: {3, 3},
	tlv.TagTrack2Equivalent: {8, 19}, tlv.TagCDOL1: {1, 252}, tlv.TagCDOL2: {1, 252}, tlv.TagATC: {2, 2}, tlv.TagAC: {8, 8}, tlv.TagCID: {1, 1}, tlv.TagIAD: {1, 32},
}

// put keeps an object of the card. A primitive object that comes twice ends the
// transaction (EMV Book 3, 7.5).
func (d *Data) put(tag tlv.Tag, value []byte) kernel.Fault {
	if l, ok := known[tag]; ok && (len(value) < l[0] || len(value) > l[1]) {
		return fault(kernel.BadValue, tag)
	}
	if d.Get(tag) != nil {
		return fault(kernel.Repeated, tag)
	}
	if len(d.objects) == maxObjects {
		return fault(kernel.TooMuchData, tag)
	}
	d.objects = append(d.objects, object{tag, value})
	return kernel.Fault{}
}

// putAll keeps the primitive objects of one template.
func (d *Data) putAll(it tlv.Iter, template tlv.Tag) kernel.Fault {
	for it.Next() {
		if it.Tag.Constructed() {
			continue
		}
		if f := d.put(it.Tag, it.Value); f.Code != kernel.NoFault {
			return f
		}
	}
	if it.Err() != nil {
		return fault(kernel.BadTLV, template)
	}
	return kernel.Fault{}
}

// replace keeps an object whose value changes during a transaction. There are few of
// them, so they have room beside maxObjects: no card can fill the space of its own
// cryptogram.
func (d *Data) replace(tag tlv.Tag, value []byte) {
	for i := range d.objects {
		if d.objects[i].tag == tag {
			d.objects[i].value = value
			return
		}
	}
	d.objects = append(d.objects, object{tag, value})
}

// Track2 appends the digits of tag 57 in ASCII, with D between account number and
// expiry and without the padding F. It appends nothing if the card gave no 57 or one
// that is not track 2.
func (d *Data) Track2(dst []byte) []byte {
	at, separators, padded := len(dst), 0, false
	for _, b := range d.Get(tlv.TagTrack2Equivalent) {
		for _, n := range [...]byte{b >> 4, b & 15} {
			switch {
			case n == 0x0F:
				padded = true
			case padded:
				return dst[:at]
			case n <= 9:
				dst = append(dst, '0'+n)
			case n == 0x0D:
				dst = append(dst, 'D')
				separators++
			default:
				return dst[:at]
			}
		}
	}
	if separators != 1 {
		return dst[:at]
	}
	return dst
}

// onlineTags are the objects of field 55 in their order (GB/T 15150 field 55; JR/T
// 0025.5 names them as the data that an authorisation request carries).
var onlineTags = [...]tlv.Tag{
	tlv.TagAC, tlv.TagCID, tlv.TagIAD, tlv.TagUN, tlv.TagATC, tlv.TagTVR, tlv.TagTransactionDate, tlv.TagTransactionType,
	tlv.TagAmountAuthorised, tlv.TagTransactionCurrency, tlv.TagAIP, tlv.TagTerminalCountry, tlv.TagAmountOther,
	tlv.TagTerminalCapabilities, tlv.TagCVMResults, tlv.TagTerminalType, tlv.TagIFDSerial, tlv.TagDFName, tlv.TagVersionTerminal,
	tlv.TagTransactionSequence, tlv.TagPANSequence, tlv.TagProductID, tlv.TagECAuthorisationCode, tlv.TagIssuerScriptResult,
}

// ICC appends field 55: the data objects that describe the transaction to the
// issuer, as TLV. Objects that neither card nor terminal has are left out; DF31 is
// there once a script has run. 95, 9F10, 9F26 and 9F36 are those of the last
// cryptogram.
func (d *Data) ICC(dst []byte) []byte {
	for _, tag := range onlineTags {
		var v []byte
		switch tag {
		case tlv.TagDFName:
			v = d.aid
		case tlv.TagTVR:
			v = d.Sent.TVR[:]
		case tlv.TagIssuerScriptResult:
			for i := range d.scripts {
				v = d.scripts[i].Append(v)
			}
		default:
			v = d.value(tag)
		}
		if len(v) > 0 {
			dst = tlv.Append(dst, tag, v)
		}
	}
	return dst
}

// Append writes the five bytes of one result in tag DF31 (EMV Book 4, annex A5):
// outcome and number of the command, half a byte each, then the script identifier.
func (r ScriptResult) Append(dst []byte) []byte {
	dst = append(dst, r.Outcome<<4|r.Number&15)
	return append(dst, r.ID[:]...)
}
