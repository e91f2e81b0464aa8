package cardview

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	maxApplications = 20
	maxRecords      = 254
)

// payApplications is the beginning of the names of all applications of JR/T 0025:
// the registered provider of UnionPay.
var payApplications = []byte{0xA0, 0x00, 0x00, 0x03, 0x33}

// domains are the names that issuer security domains have (GlobalPlatform Card
// Specification 2.2, annex H; the second on older cards).
var domains = [...][]byte{{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00}, {0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00}}

// purses are electronic purses, which have neither certificates nor the objects of JR/T
// 0025: T-Union (JT/T 978) and City Union.
var purses = [...][]byte{{0xA0, 0x00, 0x00, 0x06, 0x32, 0x01, 0x01, 0x05}, {0xA0, 0x00, 0x00, 0x00, 0x03, 0x86, 0x98, 0x07, 0x01}}

func isPurse(aid []byte) bool {
	for _, name := range purses {
		if bytes.HasPrefix(aid, name) {
			return true
		}
	}
	return false
}

// domain looks for the issuer security domain.
func (d *dialogue) domain() error {
	for _, aid := range domains {
		_, sw, err := d.selectName(aid, false)
		if err != nil {
			return err
		}
		if sw == apdu.SWOK {
			d.view.Domain = fmt.Sprintf("%X", aid)
			return nil
		}
	}
	return nil
}

// found is an application that a directory names.
type found struct {
	Application
	aid []byte
}

// directories finds the applications: those of the PPSE, then those of the PSE,
// else those whose name begins as all do.
func (d *dialogue) directories() ([]found, error) {
	var list []found
	data, sw, err := d.selectName([]byte(ppse.Name), false)
	if err != nil {
		return nil, err
	}
	if sw == apdu.SWOK {
		d.view.Contactless = true
		inside, _ := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary)
		list = d.entries(list, inside, "PPSE", func(a *Application) { a.Contactless = true })
	}
	if _, err := d.card.Reset(d.ctx, reader.Cold); err != nil {
		return nil, err
	}
	if list, err = d.contactDirectory(list); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return d.byName()
	}
	return list, nil
}

// contactDirectory adds what the records of the PSE name (EMV Book 1, 12.3.2).
func (d *dialogue) contactDirectory(list []found) ([]found, error) {
	data, sw, err := d.selectName([]byte(ppse.ContactName), false)
	if err != nil || sw != apdu.SWOK {
		return list, err
	}
	d.view.Contact = true
	sfi, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagSFI)
	if !ok || len(sfi) != 1 || sfi[0] < 1 || sfi[0] > 10 {
		d.note("PSE: its FCI has no usable 88")
		return list, nil
	}
	file := sfi[0]
	for n := byte(1); n <= maxRecords && len(list) < maxApplications; n++ {
		data, sw, err := d.readRecord(file, n)
		if err != nil {
			return nil, err
		}
		if sw != apdu.SWOK {
			break
		}
		inside, _ := tlv.Find(data, tlv.TagRecordTemplate)
		list = d.entries(list, inside, "PSE", func(a *Application) { a.Contact = true })
	}
	return list, nil
}

// entries adds the application templates 61 of a directory, purses excepted.
func (d *dialogue) entries(list []found, b []byte, where string, mark func(*Application)) []found {
	it := tlv.Iterate(b)
	for it.Next() {
		if it.Tag != tlv.TagApplicationTemplate {
			continue
		}
		whole := tlv.Append(nil, it.Tag, it.Value)
		aid, _ := tlv.Find(whole, tlv.TagApplicationTemplate, tlv.TagADFName)
		if len(aid) < 5 || len(aid) > 16 {
			d.note("%s: an entry has a name of %d bytes", where, len(aid))
			continue
		}
		if isPurse(aid) {
			d.note("%s: %X is an electronic purse, which is not read", where, aid)
			continue
		}
		label, _ := tlv.Find(whole, tlv.TagApplicationTemplate, tlv.TagApplicationLabel)
		list = add(list, aid, label, mark)
	}
	if err := it.Err(); err != nil {
		d.note("%s: %v", where, err)
	}
	return list
}

func add(list []found, aid, label []byte, mark func(*Application)) []found {
	for i := range list {
		if bytes.Equal(list[i].aid, aid) {
			mark(&list[i].Application)
			return list
		}
	}
	if len(list) >= maxApplications {
		return list
	}
	f := found{aid: bytes.Clone(aid)}
	f.AID, f.Label = fmt.Sprintf("%X", aid), printable(label)
	mark(&f.Application)
	return append(list, f)
}

// byName goes through the applications of a card without directories.
func (d *dialogue) byName() ([]found, error) {
	var list []found
	for len(list) < maxApplications {
		data, sw, err := d.selectName(payApplications, len(list) > 0)
		if err != nil {
			return nil, err
		}
		if sw != apdu.SWOK && sw != apdu.SWInvalidated {
			break
		}
		aid, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagDFName)
		before := len(list)
		if ok && len(aid) >= 5 && len(aid) <= 16 {
			list = add(list, aid, nil, func(*Application) {})
		}
		if len(list) == before {
			break // the card gives the same one again
		}
	}
	if len(list) == 0 {
		d.note("the card has no PPSE, no PSE and no application of %X", payApplications)
	}
	return list, nil
}
