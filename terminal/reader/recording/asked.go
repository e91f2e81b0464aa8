package recording

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Values are the data objects of the terminal that a command carried.
type Values map[tlv.Tag][]byte

// Terminal is what the terminal of a recording put into its commands. Who drives a
// kernel with the same values gets the same commands.
type Terminal struct {
	// Names are the applications that were selected, directories left out.
	Names [][]byte
	// Options are the values of GET PROCESSING OPTIONS, by the PDOL; First and Second
	// of the two GENERATE AC, by CDOL1 and CDOL2; Dynamic of INTERNAL AUTHENTICATE, by
	// the DDOL. nil where the recording has no such command.
	Options, First, Second, Dynamic Values
	// Control are the reference control parameters P1 of the GENERATE AC in order.
	Control []byte
}

// Command codes.
const (
	insSelect     = 0xA4
	insGPO        = 0xA8
	insReadRecord = 0xB2
	insGenerateAC = 0xAE
	insInternal   = 0x88

	byName = 0x04 // P1 of SELECT
)

// defaultDDOL is 9F3704 (JR/T 0025.5).
var defaultDDOL = []byte{0x9F, 0x37, 0x04}

// Terminal finds what the terminal put into its commands. What does not fit the
// card's lists is left out.
func (s *Session) Terminal() Terminal {
	var t Terminal
	var pdol []byte
	lists := map[tlv.Tag][]byte{tlv.TagDDOL: defaultDDOL}
	for i := range s.Exchanges {
		x := &s.Exchanges[i]
		c, err := apdu.ParseCommand(x.Command)
		if err != nil {
			continue
		}
		data := body(x.Response)
		switch c.INS {
		case insSelect:
			if c.P1 == byName && !bytes.HasSuffix(c.Data, []byte("PAY.SYS.DDF01")) {
				t.Names = append(t.Names, c.Data)
			}
			pdol, _ = tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagPDOL)
		case insReadRecord:
			for _, tag := range []tlv.Tag{tlv.TagCDOL1, tlv.TagCDOL2, tlv.TagDDOL} {
				if v, ok := tlv.Find(data, tlv.TagRecordTemplate, tag); ok {
					lists[tag] = v
				}
			}
		case insGPO:
			if v, ok := tlv.Find(c.Data, tlv.TagCommandTemplate); ok {
				t.Options = split(pdol, v)
			}
		case insInternal:
			t.Dynamic = split(lists[tlv.TagDDOL], c.Data)
		case insGenerateAC:
			t.Control = append(t.Control, c.P1)
			if t.First == nil {
				t.First = split(lists[tlv.TagCDOL1], c.Data)
			} else {
				t.Second = split(lists[tlv.TagCDOL2], c.Data)
			}
		}
	}
	return t
}

// split cuts values by a data object list; nil if they do not fit it.
func split(list, values []byte) Values {
	dol, err := tlv.ParseDOL(list)
	if err != nil || dol.Len() != len(values) {
		return nil
	}
	v := Values{}
	for _, e := range dol {
		v[e.Tag], values = values[:e.Len:e.Len], values[e.Len:]
	}
	return v
}
