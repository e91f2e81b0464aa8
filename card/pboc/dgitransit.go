package pboc

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/tlv"
)

// maxJourneys is how many journey records can be personalised: groupings 8021 to 8028.
const maxJourneys = 8

// Lengths of a journey record's grouping: SFI(1), management key(16), record, padding
// to a whole block.
const (
	journeyHead = 1 + capp.KeyLen
	minJourney  = 32
	maxJourney  = 288
)

// extension takes the low-value extension, if there is one.
func (d *decoder) extension(c *Card) {
	used, quota := d.amount(tlv.TagDeductionUsed), d.quota()
	if d.data[dgiFiles] == nil {
		for id := range d.data {
			if id == dgiOpening || id == dgiOpeningKCV || journeyDGI(id) {
				d.fail(id, "part of the extension, of which there is no %04X", dgiFiles)
			}
		}
		if quota {
			d.fail(dgiOwn, "C2 makes a quota of a card without the extension")
		}
		return
	}
	list, err := capp.ParseFiles(d.data[dgiFiles])
	if err != nil {
		d.fail(dgiFiles, "%v", err)
		return
	}
	if used != 0 {
		d.fail(dgiSecond, "DF63 is not zero on a new card")
	}
	c.Product.Extension = &Extension{Files: list, Deposit: d.amount(tlv.TagDeductionLimit), Quota: quota}
	c.Transit = &TransitData{}
	opening := d.need(dgiOpening)
	d.checkKCV(dgiOpening, dgiOpeningKCV, c.Product.Alg)
	if len(opening) != len(list)*capp.KeyLen {
		d.fail(dgiOpening, "%d bytes for the opening keys of %d files", len(opening), len(list))
		return
	}
	for ; len(opening) > 0; opening = opening[capp.KeyLen:] {
		c.Transit.Opening = append(c.Transit.Opening, cryptogram.Key(opening))
	}
	for id := uint16(dgiJourney); journeyDGI(id); id++ {
		if b := d.data[id]; b != nil {
			d.journey(c, id, b)
		}
	}
}

// quota takes C2 of 9208.
func (d *decoder) quota() bool {
	v, ok := tlv.Find(d.data[dgiOwn], tagQuota)
	if ok && !bytes.Equal(v, []byte{1}) {
		d.fail(dgiOwn, "C2 is %X, want 01 or nothing", v)
	}
	return ok
}

func (d *decoder) journey(c *Card, id uint16, b []byte) {
	plain, ok := unpad80(b)
	if !ok || len(plain) <= journeyHead {
		d.fail(id, "want SFI, management key, record and padding 80 00..")
		return
	}
	c.Transit.Records = append(c.Transit.Records, capp.Record{SFI: plain[0], Key: cryptogram.Key(plain[1:]), Data: plain[journeyHead:]})
}

func journeyDGI(id uint16) bool { return id >= dgiJourney && id < dgiJourney+maxJourneys }

// extension puts the groupings of the low-value extension.
func (e *encoder) extension() error {
	x := e.card.Product.Extension
	if x == nil {
		return nil
	}
	if len(e.card.Transit.Records) > maxJourneys {
		return fmt.Errorf("%d journey records, groupings carry %d", len(e.card.Transit.Records), maxJourneys)
	}
	var keys []byte
	for _, k := range e.card.Transit.Opening {
		keys = append(keys, k[:]...)
	}
	e.put(dgiFiles, capp.AppendFiles(nil, x.Files))
	e.put(dgiOpening, keys)
	e.put(dgiOpeningKCV, checkValues(e.card.Product.Alg, keys))
	for i := range e.card.Transit.Records {
		r := &e.card.Transit.Records[i]
		b := append(append([]byte{r.SFI}, r.Key[:]...), r.Data...)
		e.put(dgiJourney+uint16(i), pad80(b, 16))
	}
	return nil
}
