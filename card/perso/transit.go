package perso

import (
	"fmt"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/internal/strictyaml"
	"github.com/citycard/citycard/money"
)

// maxJourneys is how many journey records a profile can have.
const maxJourneys = 8

// TransitKeys are the keys of one card for the files of the low-value extension.
type TransitKeys struct {
	Opening []cryptogram.Key // opening keys, in the order of Product().Extension.Files
	Records []cryptogram.Key // management keys, in the order of Profile.Journeys
}

// Journey describes a journey record with which the profile's cards are issued.
type Journey struct {
	SFI byte   // file 15 to 1E
	ID  uint16 // of a trade and region; 0 in file 1E, whose records have none
	// Body is what stands behind identifier and length; in file 1E the whole record.
	Body []byte
	// Factor is where in Body the card factor stands, eight bytes, by which a
	// terminal's security module diversifies the management key; -1 if it does not.
	Factor int
}

// Journeys are the journey records of the profile, none without the extension.
func (p *Profile) Journeys() []Journey { return p.journeys }

// factorLen is the length of a card factor in bytes.
const factorLen = 8

// CardFactor is by what keys of trades are diversified for a card: the rightmost
// fourteen digits of its number, zeros on the left, and the two of 5F34. It is the
// same as for the issuer's keys (EMV Book 2, A1.4.1; our choice).
func CardFactor(id Identity) (f [factorLen]byte) {
	n := id.PAN.Len()
	for i := range 2 * (factorLen - 1) {
		at := n - 2*(factorLen-1) + i
		if at < 0 {
			continue
		}
		d := id.PAN[at/2] >> (4 * (1 - at%2)) & 0x0F
		f[i/2] |= d << (4 * (1 - i%2))
	}
	f[factorLen-1] = id.PSN
	return f
}

// readTransit takes the section "transit": the low-value extension (JR/T 0025.14).
func (p *Profile) readTransit(top *strictyaml.Section) {
	if top.Node("transit") == nil {
		return
	}
	s := top.Reader.Mapping(top.Node("transit"), "transit", "support", "quota", "deposit", "files", "records")
	x := &pboc.Extension{Quota: s.Flag("quota"), Deposit: money.Fen(s.Number("deposit", 0, int64(money.MaxN12), 0))}
	p.product.Transit = byte(s.Number("support", pboc.TransitSection, pboc.TransitHold, pboc.TransitSection))
	p.product.Extension = x
	for _, n := range s.List("files", capp.MaxFiles) {
		f := top.Reader.Mapping(n, "transit.files", "file", "record", "size", "count")
		x.Files = append(x.Files, capp.File{
			SFI: byte(f.Number("file", capp.FirstSFI, capp.CyclicSFI, 0)), MaxRecord: int(f.Number("record", 1, capp.MaxRecord, 0)),
			Size: int(f.Number("size", 1, 0xFFFF, 0)), Count: int(f.Number("count", 1, 255, 0)),
		})
	}
	if err := capp.Check(x.Files); err != nil {
		s.FailAt("files", "%v", err)
	}
	for _, n := range s.List("records", maxJourneys) {
		r := top.Reader.Mapping(n, "transit.records", "file", "id", "length", "body", "factor")
		p.readJourney(&r, x)
	}
}

// readJourney takes one journey record: its body is filled up with zeros.
func (p *Profile) readJourney(r *strictyaml.Section, x *pboc.Extension) {
	j := Journey{SFI: byte(r.Number("file", capp.FirstSFI, capp.CyclicSFI, 0)), Factor: int(r.Number("factor", 0, capp.MaxRecord, -1))}
	n, _, ok := capp.Find(x.Files, j.SFI)
	if !ok {
		r.FailAt("file", "is not among transit.files")
		return
	}
	if id := r.Bytes("id", 2, 2, j.SFI != capp.CyclicSFI); id != nil {
		j.ID = uint16(id[0])<<8 | uint16(id[1])
	}
	most := x.Files[n].MaxRecord
	if j.SFI != capp.CyclicSFI {
		most -= capp.HeadLen
	}
	head := r.Bytes("body", 1, capp.MaxRecord, false)
	length := int(r.Number("length", 1, int64(most), int64(len(head))))
	if length < len(head) || length == 0 {
		r.FailAt("length", "is %d, want at least the %d bytes of body, and one", length, len(head))
		return
	}
	if j.Factor >= 0 && j.Factor+factorLen > length {
		r.FailAt("factor", "eight bytes at %d do not fit a body of %d", j.Factor, length)
		return
	}
	j.Body = append(head, make([]byte, length-len(head))...)
	p.journeys = append(p.journeys, j)
}

// setTransit gives the card its keys and journey records.
func (p *Profile) setTransit(c *pboc.Card, in *Issue) error {
	x := p.product.Extension
	if x == nil {
		return nil
	}
	k := in.Transit
	if k == nil || len(k.Opening) != len(x.Files) || len(k.Records) != len(p.journeys) {
		return fmt.Errorf("the profile has %d files of the extension with %d journey records; Issue.Transit must hold a key for each", len(x.Files), len(p.journeys))
	}
	c.Transit = &pboc.TransitData{Opening: k.Opening}
	factor := CardFactor(in.Identity)
	for i := range p.journeys {
		j := &p.journeys[i]
		var data []byte
		if j.SFI != capp.CyclicSFI {
			data = []byte{byte(j.ID >> 8), byte(j.ID), byte(len(j.Body))}
		}
		at := len(data) + j.Factor
		data = append(data, j.Body...)
		if j.Factor >= 0 {
			copy(data[at:], factor[:])
		}
		c.Transit.Records = append(c.Transit.Records, capp.Record{SFI: j.SFI, Key: k.Records[i], Data: data})
	}
	return nil
}
