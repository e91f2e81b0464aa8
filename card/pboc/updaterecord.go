package pboc

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// The memory for changed records: how many bytes are in use(2), then for each
// record SFI(1) number(1) length(1) body.
const (
	updatedHead   = 2
	updatedHeader = 3
)

// MaxUpdatable is the most memory for changed records that a product can have: all
// of it moves in one transaction when a record grows.
const MaxUpdatable = 2048

// workingTags are the data objects of records by which the card itself reads the
// reader's data.
var workingTags = [...]tlv.Tag{tlv.TagCDOL1, tlv.TagCDOL2, tlv.TagDDOL}

// updateRecord stages UPDATE RECORD, 04DC number (SFI shifted left by three, or 4)
// body (JR/T 0025.5): READ RECORD gives the new body from then on, and a reader
// takes it for static data. 6A86 a P2 that names no record; 6A82 no such file, 6A83
// no such record; 6981 a log or a file of the extension; 6985 the record that commits a payment and that of the
// magnetic stripe data, which the card makes anew each time; 6A80 a body that is not
// one whole template 70 in the files that have it, or that changes what the card
// reads the terminal's data by (8C, 8D, 9F49); 6A84 no more memory.
func (a *App) updateRecord(c *apdu.Command, body, m []byte) apdu.SW {
	want := Record{SFI: c.P2 >> 3, Number: c.P1}
	p := a.card.Product
	switch {
	case c.P2&7 != 4 || c.P1 == 0 || want.SFI == 0 || want.SFI > 30:
		return apdu.SWWrongP1P2
	case want.SFI == p.LogSFI || want.SFI == p.Contact.LoadLogSFI || p.hasFile(want.SFI):
		return apdu.SWFileType
	}
	r, fileKnown := a.card.record(want)
	switch {
	case p.commits(want) || p.isMSDRecord(want):
		return apdu.SWConditions
	case r == nil && !fileKnown:
		return apdu.SWFileNotFound
	case r == nil:
		return apdu.SWRecordNotFound
	}
	old := r.Body
	if now := p.updated(m, want); now != nil {
		old = now
	}
	if want.SFI <= 10 && !wholeTemplate(body) || changesWorkingTags(old, body) {
		return apdu.SWWrongData
	}
	return a.keepRecord(want, body, m)
}

// wholeTemplate tells whether b is one template 70, nothing before or behind it, and
// holds data objects (EMV Book 3, 5.3.2.2 and 7.1).
func wholeTemplate(b []byte) bool {
	it := tlv.Iterate(b)
	if !it.Next() || b[0] != byte(tlv.TagRecordTemplate) || it.ValueOffset()+len(it.Value) != len(b) {
		return false
	}
	in := it.Enter()
	for in.Next() {
		continue
	}
	return in.Err() == nil
}

func changesWorkingTags(old, body []byte) bool {
	for _, tag := range workingTags {
		before, had := tlv.Find(old, tlv.TagRecordTemplate, tag)
		after, has := tlv.Find(body, tlv.TagRecordTemplate, tag)
		if had != has || !bytes.Equal(before, after) {
			return true
		}
	}
	return false
}

// keepRecord stages the record's new body: over the old one if it is as long, else
// behind all others.
func (a *App) keepRecord(r Record, body, m []byte) apdu.SW {
	p := a.card.Product
	start := p.updatable()
	region := m[start : start+p.Contact.Updatable]
	if len(region) < updatedHead {
		return apdu.SWNoSpace
	}
	end := updatedHead + int(binary.BigEndian.Uint16(region))
	at, n := findUpdated(region, r)
	next := make([]byte, updatedHead, end+updatedHeader+len(body))
	switch {
	case at >= 0 && n == len(body):
		a.memory.Put(start+at+updatedHeader, body)
		return apdu.SWOK
	case at >= 0:
		next = append(next, region[updatedHead:at]...)
		next = append(next, region[at+updatedHeader+n:end]...)
	default:
		next = append(next, region[updatedHead:end]...)
	}
	next = append(next, r.SFI, r.Number, byte(len(body)))
	next = append(next, body...)
	if len(next) > len(region) {
		return apdu.SWNoSpace
	}
	binary.BigEndian.PutUint16(next, uint16(len(next)-updatedHead))
	a.memory.Put(start, next)
	return apdu.SWOK
}

// findUpdated finds a changed record in its region: where its header stands and how
// long its body is, or -1.
func findUpdated(region []byte, want Record) (at, n int) {
	if len(region) < updatedHead {
		return -1, 0
	}
	end := updatedHead + int(binary.BigEndian.Uint16(region))
	for at = updatedHead; at < end; at += updatedHeader + n {
		n = int(region[at+2])
		if region[at] == want.SFI && region[at+1] == want.Number {
			return at, n
		}
	}
	return -1, 0
}

// updated gives the body of a record that UPDATE RECORD has changed, else nil. m is
// the whole memory of the application.
func (p *Product) updated(m []byte, r Record) []byte {
	if p.Contact == nil || p.Contact.Updatable == 0 {
		return nil
	}
	region := m[p.updatable() : p.updatable()+p.Contact.Updatable]
	at, n := findUpdated(region, r)
	if at < 0 {
		return nil
	}
	return region[at+updatedHeader : at+updatedHeader+n]
}

// checkUpdated fails with cos.ErrMemory if b cannot be the memory for changed
// records.
func checkUpdated(b []byte) error {
	if len(b) < updatedHead {
		return nil
	}
	used := int(binary.BigEndian.Uint16(b))
	rest := b[updatedHead:]
	if used > len(rest) {
		return fmt.Errorf("card state says %d bytes of changed records, there is room for %d: %w", used, len(rest), cos.ErrMemory)
	}
	for rest = rest[:used]; len(rest) > 0; {
		if len(rest) < updatedHeader || len(rest) < updatedHeader+int(rest[2]) {
			return fmt.Errorf("card state, a changed record is cut short: %w", cos.ErrMemory)
		}
		rest = rest[updatedHeader+int(rest[2]):]
	}
	return nil
}
