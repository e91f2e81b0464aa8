// Package ppse is the proximity payment system environment 2PAY.SYS.DDF01: the
// directory by which a contactless reader learns which applications a card has,
// in one SELECT (JR/T 0025.12; EMV Contactless Book B, 3.3.1).
//
// A directory is immutable data. It has no files: every command but SELECT is
// refused, and it knows nothing of the applications it names but their names.
package ppse

import (
	"fmt"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Name is the name by which the environment is selected.
const Name = "2PAY.SYS.DDF01"

// ContactName is the name of the environment of the contact side, PSE, which is a
// directory file and no part of this package (JR/T 0025.5; EMV Book 1, 12.2.2).
const ContactName = "1PAY.SYS.DDF01"

// maxFCI is what an answer to SELECT can hold.
const maxFCI = 256

// Entry is one application in the directory.
type Entry struct {
	AID      []byte // 4F, 5 to 16 bytes
	Label    string // 50, 1 to 16 characters
	Priority byte   // 87, 0 for none; 1 is the highest
}

// Directory is the environment of one product.
type Directory struct {
	fci []byte
}

// New makes the answer to SELECT: 6F { 84, A5 { BF0C { 61 { 4F 50 87 } ... } } }.
func New(entries ...Entry) (*Directory, error) {
	var list []byte
	for i, e := range entries {
		if n := len(e.AID); n < 5 || n > 16 {
			return nil, fmt.Errorf("directory entry %d: AID of %d bytes, want 5 to 16", i+1, n)
		}
		if n := len(e.Label); n < 1 || n > 16 {
			return nil, fmt.Errorf("directory entry %d: label of %d characters, want 1 to 16", i+1, n)
		}
		if e.Priority > 15 {
			return nil, fmt.Errorf("directory entry %d: priority %d, want 0 to 15", i+1, e.Priority)
		}
		entry := tlv.Append(nil, tlv.TagADFName, e.AID)
		entry = tlv.Append(entry, tlv.TagApplicationLabel, []byte(e.Label))
		if e.Priority > 0 {
			entry = tlv.Append(entry, tlv.TagApplicationPriority, []byte{e.Priority})
		}
		list = tlv.Append(list, tlv.TagApplicationTemplate, entry)
	}
	discretionary := tlv.Append(nil, tlv.TagFCIIssuerDiscretionary, list)
	body := tlv.Append(nil, tlv.TagDFName, []byte(Name))
	body = tlv.Append(body, tlv.TagFCIProprietary, discretionary)
	fci := tlv.Append(nil, tlv.TagFCITemplate, body)
	if len(fci) > maxFCI {
		return nil, fmt.Errorf("directory of %d applications makes an answer of %d bytes, at most %d are possible", len(entries), len(fci), maxFCI)
	}
	return &Directory{fci: fci}, nil
}

// Select appends the FCI and 9000.
func (d *Directory) Select(dst []byte) []byte {
	return apdu.AppendResponse(dst, d.fci, apdu.SWOK)
}
