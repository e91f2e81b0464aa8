package kernel

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// object numbers the data objects that the kernel keeps.
type object uint8

const (
	objAIP object = iota
	objAFL
	objATC
	objAC
	objIAD
	objTrack2
	objPSN
	objCTQ
	objSDAD
	objPAN
	objExpiry
	objEffective
	objIssuerCountry
	objAUC
	objVersion
	objCAIndex
	objIssuerCert
	objIssuerRemainder
	objIssuerExponent
	objCardCert
	objCardExponent
	objCardRemainder
	objSDATagList
	objCAD
	objServiceCode
	objAvailable
	objProduct
	objHolder
	objAuthCode
	objTrack1
	objectCount
)

// firstInformative begins the objects that a terminal shows, prints or passes on and
// decides nothing by: a card may give them in any form.
const firstInformative = objAvailable

// objectTable gives tag and permitted lengths (JR/T 0025.5; EMV Book 3 annex A). Its
// order is that of stored Data: new objects come last.
var objectTable = [objectCount]struct {
	tag      tlv.Tag
	min, max int
}{
	objAIP: {tlv.TagAIP, 2, 2}, objAFL: {tlv.TagAFL, 4, 252}, objATC: {tlv.TagATC, 2, 2}, objAC: {tlv.TagAC, 8, 8},
	objIAD: {tlv.TagIAD, 8, cryptogram.MaxIADLen}, objTrack2: {tlv.TagTrack2Equivalent, 8, 19}, objPSN: {tlv.TagPANSequence, 1, 1},
	objCTQ: {tlv.TagCTQ, 2, 2}, objSDAD: {tlv.TagSDAD, 1, 252},
	objPAN: {tlv.TagPAN, 6, 10}, objExpiry: {tlv.TagExpirationDate, 3, 3}, objEffective: {tlv.TagEffectiveDate, 3, 3},
	objIssuerCountry: {tlv.TagIssuerCountry, 2, 2}, objAUC: {tlv.TagAUC, 2, 2}, objVersion: {tlv.TagVersionCard, 2, 2},
	objCAIndex: {tlv.TagCAKeyIndex, 1, 1}, objIssuerCert: {tlv.TagIssuerCertificate, 1, 252},
	objIssuerRemainder: {tlv.TagIssuerKeyRemainder, 0, 252}, objIssuerExponent: {tlv.TagIssuerKeyExponent, 1, 3},
	objCardCert: {tlv.TagICCCertificate, 1, 252}, objCardExponent: {tlv.TagICCKeyExponent, 1, 3},
	objCardRemainder: {tlv.TagICCKeyRemainder, 0, 252}, objSDATagList: {tlv.TagSDATagList, 0, 252},
	objCAD: {tlv.TagCardAuthenticationData, 8, 8}, objServiceCode: {tlv.TagServiceCode, 2, 2},
	objAvailable: {tlv.TagAvailableOffline, 6, 6}, objProduct: {tlv.TagProductID, 16, 16}, objHolder: {tlv.TagCardholderName, 2, 26},
	objAuthCode: {tlv.TagECAuthorisationCode, 6, 6}, objTrack1: {tlv.TagTrack1Discretionary, 1, 60},
}

// objectOf finds the number of a tag. The table is short and a card sends some
// thirty objects, so a search in order is quicker than a map.
func objectOf(tag tlv.Tag) (object, bool) {
	for i := range objectTable {
		if objectTable[i].tag == tag {
			return object(i), true
		}
	}
	return 0, false
}

// Data is what a card told, and what it was told. Byte slices belong to the
// Machine until Clone copies them.
type Data struct {
	Card   txn.CardKey              // from 57 and 5F34 of the answer to GET PROCESSING OPTIONS
	ATC    uint16                   // 9F36
	AC     [8]byte                  // 9F26, zero for a TC to DF60 02: the card keeps it
	IAD    cryptogram.IAD           // 9F10, parsed
	AIP    [2]byte                  // 82
	CTQ    [2]byte                  // 9F6C, zero if absent
	CAD    [8]byte                  // 9F69, zero if the card gave none
	Expiry [2]byte                  // YYMM of 5F24, or of track 2 as long as 5F24 is not read
	Sent   cryptogram.TerminalInput // what the card was told, the part that cryptograms cover
	Amount money.Fen                // Sent.Amount
	TTQ    [4]byte                  // 9F66 as sent
	// DF60 is what was asked of the low-value extension (Machine.Trade), Support what the
	// application said of it (DF61, 01 or 02): 0 without it.
	DF60, Support byte

	aid     []byte
	objects [objectCount][]byte
	static  []byte // EMV Book 3, 10.3
	last    recordRef
	time    int64

	version       uint16 // 9F08 of a signed record
	versionSigned bool   // there was one
}

// Get returns the value of a data object that the card gave, nil if it did not
// or if the kernel does not keep that tag.
func (d *Data) Get(tag tlv.Tag) []byte {
	if o, ok := objectOf(tag); ok {
		return d.objects[o]
	}
	return nil
}

// Track2 is the value of tag 57: the digits of track 2, D for the separator, F at the
// end of an odd number. nil before the card gave it.
func (d *Data) Track2() []byte { return d.objects[objTrack2] }

// Available is 9F5D, the available offline spending amount that the card stated: after
// the debit if it answered TC. It is under no MAC.
func (d *Data) Available() (money.Fen, bool) {
	v := d.objects[objAvailable]
	if v == nil {
		return 0, false
	}
	f, err := money.FromN12(v)
	return f, err == nil
}

// AID is the DF name (84) of the selected application.
func (d *Data) AID() []byte { return d.aid }

// StaticData is the signed records (EMV Book 3, 10.3), without the AIP that a tag
// list 9F4A may add.
func (d *Data) StaticData() []byte { return d.static }

// BalanceBefore is the electronic cash balance before this transaction, from the
// MACed discretionary data of 9F10: for a TC they state the balance after the
// debit. ok is false if the card states none, and where the low-value extension
// leaves open what the balance was: after a fare that emptied it and may have taken
// the rest from the deposit, and after a completion, whose amount held is not known.
func (d *Data) BalanceBefore() (balance money.Fen, ok bool) {
	b, ok := d.IAD.Balance()
	if ok && d.IAD.Result() == cryptogram.TC {
		if d.DF60 == df60Complete || d.DF60 == df60Fare && b == 0 && d.Amount > 0 {
			return 0, false
		}
		b += d.Amount
	}
	return b, ok
}

// BalanceAfter is the balance that the card has if it pays this transaction, or that
// it has anyway if it answered no TC: as stated in 9F10, under MAC. ok is false if the
// card states none.
func (d *Data) BalanceAfter() (balance money.Fen, ok bool) { return d.IAD.Balance() }

// CID is tag 9F27 for what the card decided (40 TC, 80 ARQC, 00 AAC; EMV Book 3,
// 6.5.5.4). qPBOC has no 9F27: it is made from the CVR in 9F10.
func (d *Data) CID() byte {
	switch d.IAD.Result() {
	case cryptogram.TC:
		return 0x40
	case cryptogram.ARQC:
		return 0x80
	}
	return 0x00
}

// Clone copies the data out of the Machine, in one piece of memory.
func (d *Data) Clone() *Data {
	c := *d
	size := len(d.aid) + len(d.static)
	for _, v := range d.objects {
		size += len(v)
	}
	buf := make([]byte, 0, size)
	keep := func(v []byte) []byte {
		if v == nil {
			return nil
		}
		start := len(buf)
		buf = append(buf, v...)
		return buf[start:len(buf):len(buf)]
	}
	c.aid, c.static = keep(d.aid), keep(d.static)
	for i, v := range d.objects {
		c.objects[i] = keep(v)
	}
	return &c
}

// putLast stores an object of the last record. The card has paid by then, so only
// what the verdict rests upon may fail: 9F69, 9F4B, 5A and 5F24, and signed objects
// that contradict what was said without a signature.
func (d *Data) putLast(tag tlv.Tag, value []byte, signed bool) Fault {
	f := d.put(tag, value)
	switch {
	case tag == tlv.TagCardAuthenticationData, tag == tlv.TagSDAD, tag == tlv.TagPAN, tag == tlv.TagExpirationDate,
		signed && f.Code == Repeated:
		return f
	}
	return Fault{}
}

// takeFields copies what a row carries of the records.
func (d *Data) takeFields() {
	if e := d.objects[objExpiry]; e != nil {
		copy(d.Expiry[:], e)
	}
	copy(d.CAD[:], d.objects[objCAD])
}

// put stores an object of the card. Objects that the kernel does not use are
// passed over.
func (d *Data) put(tag tlv.Tag, value []byte) Fault {
	o, known := objectOf(tag)
	if !known {
		return Fault{}
	}
	informative := o >= firstInformative
	if n := len(value); n < objectTable[o].min || n > objectTable[o].max {
		if informative {
			return Fault{}
		}
		return Fault{Code: BadValue, Tag: tag}
	}
	if old := d.objects[o]; old != nil {
		if informative || bytes.Equal(old, value) {
			return Fault{}
		}
		return Fault{Code: Repeated, Tag: tag}
	}
	d.objects[o] = value
	return Fault{}
}

// putAll gives the objects of one template to put; repeated objects must agree (EMV
// Book 3, 10.2 forbids them altogether; real cards repeat 57 and 5F34 in a record).
func putAll(it tlv.Iter, template tlv.Tag, put func(tlv.Tag, []byte) Fault) Fault {
	for it.Next() {
		if f := put(it.Tag, it.Value); f.Code != NoFault {
			return f
		}
	}
	if it.Err() != nil {
		return Fault{Code: BadTLV, Tag: template}
	}
	return Fault{}
}
