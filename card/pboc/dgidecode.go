package pboc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// ParseDGIs makes the card that a list of data groupings describes, as the card
// itself does when the last one came; aid is the name of the application. Of two
// groupings with one identifier the later counts. The data are copied. Errors:
// ErrDGIMissing, ErrDGI; both name the grouping.
func ParseDGIs(aid []byte, list []DGI) (*Card, error) {
	d := decoder{data: map[uint16][]byte{}, objects: map[tlv.Tag][]byte{}}
	for _, g := range list {
		if err := g.check(); err != nil {
			return nil, fmt.Errorf("personalise application: %w", err)
		}
		if _, again := d.data[g.ID]; !again {
			d.order = append(d.order, g.ID)
		}
		d.data[g.ID] = bytes.Clone(g.Data)
	}
	c, err := d.card(bytes.Clone(aid))
	if err != nil {
		return nil, fmt.Errorf("personalise application: %w", err)
	}
	return c, nil
}

// decoder keeps the first fault, so that the code which takes the values reads
// like the table of groupings.
type decoder struct {
	data    map[uint16][]byte
	order   []uint16
	objects map[tlv.Tag][]byte // of 0D01 and 0E01
	err     error
}

func (d *decoder) fail(id uint16, format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("grouping %04X: %w", id, fmt.Errorf(format+": %w", append(args, ErrDGI)...))
	}
}

// need gives a grouping that every card has.
func (d *decoder) need(id uint16) []byte {
	b := d.data[id]
	if b == nil && d.err == nil {
		d.err = fmt.Errorf("grouping %04X: %w", id, ErrDGIMissing)
	}
	return b
}

func (d *decoder) card(aid []byte) (*Card, error) {
	p := &Product{AID: aid}
	c := &Card{Product: p}
	d.values(p, c)
	d.qpboc(p)
	d.own(c)
	d.algorithms(c)
	d.pins(c)
	if d.data[dgiFCI] != nil {
		p.Contact = &Contact{}
		d.contact(p.Contact, c)
	}
	if d.err == nil {
		d.extension(c)
		d.records(c)
	}
	if d.err != nil {
		return nil, d.err
	}
	if err := p.Prepare(); err != nil {
		return nil, errors.Join(ErrDGI, err)
	}
	d.stripLast(c)
	if err := c.Check(); err != nil {
		return nil, errors.Join(ErrDGI, err)
	}
	return c, nil
}

// values takes the data objects of 0D01 and 0E01.
func (d *decoder) values(p *Product, c *Card) {
	for _, id := range []uint16{dgiFirst, dgiSecond} {
		it := tlv.Iterate(d.need(id))
		for it.Next() {
			if d.objects[it.Tag] != nil {
				d.fail(id, "%v is there twice", it.Tag)
			}
			d.objects[it.Tag] = it.Value
			if info, known := tlv.Lookup(it.Tag); known && !info.LengthOK(len(it.Value)) {
				d.fail(id, "%d bytes do not fit %v", len(it.Value), it.Tag)
			}
			if answered(it.Tag) {
				p.Data = append(p.Data, DataObject{it.Tag, it.Value})
			}
		}
		if err := it.Err(); err != nil {
			d.fail(id, "%v", err)
		}
	}
	if atc := d.fixed(tlv.TagATC, 2); !zero(atc) {
		d.fail(dgiSecond, "9F36 is %X, a new card counts from 0000", atc)
	}
	l := &p.Limits
	l.Balance, l.Single = d.amount(tlv.TagECBalanceLimit), d.amount(tlv.TagECSingleLimit)
	l.Threshold, l.CVM = d.amount(tlv.TagECResetThreshold), d.amount(tlv.TagCardCVMLimit)
	l.CTTA, l.CTTAUpper = d.amount(tlv.TagCTTAL), d.amount(tlv.TagCTTAUpper)
	l.HasCTTAUpper = d.objects[tlv.TagCTTAUpper] != nil
	l.Foreign = d.fixed(tlv.TagOfflineLimitCurrency, 1)[0]
	p.LogFormat = d.dol(dgiFirst, d.objects[tlv.TagLogFormat])
	p.Options = binary.BigEndian.Uint32(d.fixed(tlv.TagCardAdditionalProcessing, 4))
	p.Qualifiers = [2]byte(d.fixed(tlv.TagCTQ, 2))
	p.Currency = [2]byte(d.fixed(tlv.TagCardCurrency, 2))
	p.LastOnline = binary.BigEndian.Uint16(d.fixed(tlv.TagLastOnlineATC, 2))
	c.PSN = d.fixed(tlv.TagPANSequence, 1)[0]
	c.Opening = d.amount(tlv.TagECBalance)
}

// answered tells which personalised data objects GET DATA gives as they are.
func answered(tag tlv.Tag) bool {
	switch tag {
	case tlv.TagECBalance, tlv.TagCTQ, tlv.TagAvailableOffline, tlv.TagATC, tlv.TagLastOnlineATC, tlv.TagPANSequence,
		tlv.TagSecondECCurrency, tlv.TagSecondECCVMLimit, tlv.TagSecondECResetThreshold, tlv.TagSecondECBalanceLimit,
		tlv.TagSecondECSingleLimit, tlv.TagSecondECBalance, tlv.TagDeductionLimit, tlv.TagDeductionUsed:
		return false
	}
	return true
}

// fixed gives a value of n bytes, zeros if the grouping leaves it out.
func (d *decoder) fixed(tag tlv.Tag, n int) []byte {
	v := d.objects[tag]
	if v == nil {
		return make([]byte, n)
	}
	if len(v) != n {
		d.fail(dgiFirst, "%v has %d bytes, want %d", tag, len(v), n)
		return make([]byte, n)
	}
	return v
}

func (d *decoder) amount(tag tlv.Tag) money.Fen {
	v, err := money.FromN12(d.fixed(tag, 6))
	if err != nil {
		d.fail(dgiFirst, "%v: %v", tag, err)
	}
	return v
}

func (d *decoder) dol(id uint16, b []byte) tlv.DOL {
	if len(b) == 0 {
		return nil
	}
	list, err := tlv.ParseDOL(b)
	if err != nil {
		d.fail(id, "data object list: %v", err)
	}
	return list
}

// qpboc takes what SELECT and GET PROCESSING OPTIONS answer over the air.
func (d *decoder) qpboc(p *Product) {
	d.fci(dgiAirFCI, func(tag tlv.Tag, v []byte) {
		switch {
		case tag == tlv.TagPDOL:
			p.PDOL = d.dol(dgiAirFCI, v)
		case tag == tlv.TagLogEntry && len(v) == 2:
			p.LogSFI, p.LogCount = v[0], v[1]
		case tag == tlv.TagCAPPSupport && len(v) == 1:
			p.Transit = v[0]
		}
	})
	p.FCI = fciOf(p.AID, d.data[dgiAirFCI])
	d.need(dgiQPBOC)
	path, iad := d.path(dgiQPBOC)
	p.AIP, p.AFL = path.AIP, path.AFL
	// 9200 is the same 9F10 for debit/credit; the card keeps one.
	base := iad
	if b := d.data[dgiIAD]; b != nil {
		if v, ok := tlv.Find(b, tlv.TagIAD); !ok || iad != nil && !bytes.Equal(v, iad) {
			d.fail(dgiIAD, "9F10 is missing or not that of 9207")
		} else {
			base = v
		}
	}
	d.iad(p, base)
}

// fci visits the data objects of a proprietary template A5 and of BF0C inside.
func (d *decoder) fci(id uint16, visit func(tag tlv.Tag, v []byte)) {
	b := d.need(id)
	if b == nil {
		return
	}
	it := tlv.Iterate(b)
	if !it.Next() || it.Tag != tlv.TagFCIProprietary || it.ValueOffset()+len(it.Value) != len(b) {
		d.fail(id, "want one template A5")
		return
	}
	in := it.Enter()
	for in.Next() {
		visit(in.Tag, in.Value)
		if in.Tag == tlv.TagFCIIssuerDiscretionary {
			deep := in.Enter()
			for deep.Next() {
				visit(deep.Tag, deep.Value)
			}
			if err := deep.Err(); err != nil {
				d.fail(id, "%v", err)
			}
		}
	}
	if err := in.Err(); err != nil {
		d.fail(id, "%v", err)
	}
}

// path takes AIP, AFL and 9F10 of a grouping; a missing one gives the zero Path.
func (d *decoder) path(id uint16) (p Path, iad []byte) {
	it := tlv.Iterate(d.data[id])
	for it.Next() {
		switch it.Tag {
		case tlv.TagAIP:
			if len(it.Value) != 2 {
				d.fail(id, "82 has %d bytes, want 2", len(it.Value))
				continue
			}
			p.AIP = [2]byte(it.Value)
		case tlv.TagAFL:
			p.AFL = it.Value
		case tlv.TagIAD:
			iad = it.Value
		default:
			d.fail(id, "%v does not belong here", it.Tag)
		}
	}
	if err := it.Err(); err != nil {
		d.fail(id, "%v", err)
	}
	return p, iad
}

// iad takes key index, cryptogram version, algorithm and discretionary data out
// of the personalised 9F10.
func (d *decoder) iad(p *Product, b []byte) {
	ok := len(b) == 8 || len(b) == 10 && b[8] == iddLength(b[9])
	if !ok || b[0] != 7 || b[3] != 3 {
		d.fail(dgiIAD, "9F10 is %X, want 07 key version 03 000000 algorithm [length IDD]", b)
		return
	}
	p.DKI, p.CVN, p.Alg = b[1], cryptogram.CVN(b[2]), cryptogram.Alg(b[7])
	if len(b) == 10 {
		p.IDD = b[9]
	}
	if !p.Alg.Valid() {
		d.fail(dgiIAD, "%v is not known", p.Alg)
	}
}

// own takes the data objects of 9208.
func (d *decoder) own(c *Card) {
	it := tlv.Iterate(d.need(dgiOwn))
	for it.Next() {
		switch it.Tag {
		case tlv.TagTrack2Equivalent:
			c.Track2 = it.Value
		case tlv.TagCardholderName:
			c.Name = it.Value
		case tlv.TagProductID:
			c.Product.ProductInfo = it.Value
		case tagUpdatable:
			if len(it.Value) != updatableSize {
				d.fail(dgiOwn, "C1 has %d bytes, want %d", len(it.Value), updatableSize)
			}
		case tagQuota: // see extension
		default:
			d.fail(dgiOwn, "%v does not belong here", it.Tag)
		}
	}
	if err := it.Err(); err != nil {
		d.fail(dgiOwn, "%v", err)
	}
}

// records takes the records in the order in which they came.
func (d *decoder) records(c *Card) {
	version := d.inRecords(tlv.TagVersionCard)
	c.Product.FDDA01 = len(version) == 2 && version[1] == 0x30
	for _, id := range d.order {
		if r, ok := recordOf(id); ok {
			c.Records = append(c.Records, RecordData{Record: r, Body: d.data[id]})
		}
	}
}

// stripLast takes the template off the records that the card completes itself.
func (d *decoder) stripLast(c *Card) {
	for i := range c.Records {
		if r := &c.Records[i]; c.Product.commits(r.Record) {
			r.Body, _ = tlv.Find(r.Body, tlv.TagRecordTemplate)
		}
	}
}
