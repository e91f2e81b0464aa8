package terminal

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// selectName is SELECT by name, first or next occurrence (EMV Book 1, 11.3).
func (c *Card) selectName(x *exchange) []byte {
	k := x.cmd
	if k.P1 != 0x04 || k.P2 != 0x00 && k.P2 != 0x02 {
		return status(apdu.SWWrongP1P2)
	}
	if k.P2 == 0 {
		c.stage = stNone
	}
	c.extension.forget()
	c.union.forget()
	switch {
	case c.face == Contactless && bytes.Equal(k.Data, namePPSE):
		return c.selectPPSE()
	case c.face == Contact && bytes.Equal(k.Data, namePSE):
		return c.selectPSE()
	}
	from := 0
	if k.P2 == 0x02 && bytes.Equal(c.name, k.Data) {
		from = c.at + 1
	}
	if len(k.Data) < 5 {
		return status(apdu.SWFileNotFound)
	}
	for i := from; i < len(c.entries); i++ {
		e := &c.entries[i]
		if !bytes.HasPrefix(e.aid, k.Data) {
			continue
		}
		c.name, c.at = bytes.Clone(k.Data), i
		if e.status != 0 && e.status != apdu.SWInvalidated {
			return status(e.status)
		}
		c.stage, c.justPicked, x.picked = stSelected, true, e.aid
		sw := apdu.SWOK
		if e.status != 0 {
			sw, c.stage = e.status, stOver
		}
		if c.union != nil && bytes.Equal(e.aid, tunion.aid) {
			c.stage, c.union.selected = stOver, true
			return apdu.AppendResponse(nil, c.union.control(), sw)
		}
		return apdu.AppendResponse(nil, c.control(e), sw)
	}
	return status(apdu.SWFileNotFound)
}

// control is the FCI of an application (EMV Book 1, 11.3.4).
func (c *Card) control(e *entry) []byte {
	if e.fci != nil {
		return e.fci
	}
	inner := objects{{tlv.TagApplicationLabel, []byte(e.label)}}
	if e.priority != 0 {
		inner.set(tlv.TagApplicationPriority, e.priority)
	}
	inner = append(inner, c.fci...)
	outer := objects{{tlv.TagDFName, e.aid}, {tlv.TagFCIProprietary, inner.append(nil)}}
	return outer.wrap(tlv.TagFCITemplate)
}

// template is 61 of an entry.
func (e *entry) template() []byte {
	o := objects{{tlv.TagADFName, e.aid}, {tlv.TagApplicationLabel, []byte(e.label)}}
	if e.priority != 0 {
		o.set(tlv.TagApplicationPriority, e.priority)
	}
	return o.wrap(tlv.TagApplicationTemplate)
}

func (c *Card) selectPPSE() []byte {
	if c.noDirectory != 0 {
		return status(c.noDirectory)
	}
	var list []byte
	for i := range c.entries {
		if e := &c.entries[i]; !e.hidden {
			list = append(list, e.template()...)
		}
	}
	if c.directory != nil {
		list = bytes.Join(c.directory, nil)
	}
	inner := objects{{tlv.TagFCIIssuerDiscretionary, list}}
	outer := objects{{tlv.TagDFName, namePPSE}, {tlv.TagFCIProprietary, inner.append(nil)}}
	return good9000(outer.wrap(tlv.TagFCITemplate))
}

func (c *Card) selectPSE() []byte {
	if c.noDirectory != 0 && c.noDirectory != apdu.SWInvalidated {
		return status(c.noDirectory)
	}
	inner := objects{{tlv.TagSFI, []byte{1}}, {tlv.TagLanguagePreference, []byte("zhen")}, {tlv.TagIssuerCodeTable, []byte{1}}}
	outer := objects{{tlv.TagDFName, namePSE}, {tlv.TagFCIProprietary, inner.append(nil)}}
	if c.noDirectory != 0 {
		return apdu.AppendResponse(nil, outer.wrap(tlv.TagFCITemplate), c.noDirectory)
	}
	c.stage = stPSE
	return good9000(outer.wrap(tlv.TagFCITemplate))
}

// directoryRecord gives a record of the contact directory, one application each.
func (c *Card) directoryRecord(number byte) []byte {
	if c.directory != nil {
		if number == 0 || int(number) > len(c.directory) {
			return status(apdu.SWRecordNotFound)
		}
		return good9000(c.directory[number-1])
	}
	for i := range c.entries {
		if c.entries[i].hidden {
			continue
		}
		if number--; number == 0 {
			return good9000(tlv.Append(nil, tlv.TagRecordTemplate, c.entries[i].template()))
		}
	}
	return status(apdu.SWRecordNotFound)
}
