package kernel

import (
	"crypto/subtle"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Seen is what a terminal keeps of a card that has paid, to know it again: the
// application, the last record and its 9F69. The zero value knows nothing.
type Seen struct {
	AID       [16]byte
	AIDLen    byte
	SFI, Last byte    // the last record: file and number
	CAD       [8]byte // 9F69
}

// Known says that a card can be recognised by s.
func (s *Seen) Known() bool { return s.AIDLen != 0 }

// Valid reports whether s is zero or what Data.Seen gives.
func (s *Seen) Valid() bool {
	if !s.Known() {
		return *s == Seen{}
	}
	tail := [16]byte{}
	return s.AIDLen >= 5 && int(s.AIDLen) <= len(s.AID) && s.SFI >= 1 && s.SFI <= 30 && s.Last != 0 && s.CAD[0] == 1 &&
		string(s.AID[s.AIDLen:]) == string(tail[s.AIDLen:])
}

// Seen takes what the card can be recognised by: nothing if it gave no 9F69.
func (d *Data) Seen() Seen {
	if d.objects[objCAD] == nil {
		return Seen{}
	}
	s := Seen{AIDLen: byte(len(d.aid)), SFI: d.last.sfi, Last: d.last.number, CAD: d.CAD}
	copy(s.AID[:], d.aid)
	if !s.Valid() {
		return Seen{} // a 9F69 of a form that nobody knows
	}
	return s
}

// Recognise asks the card to repeat the record that it gave when it paid: only that
// card knows its 9F69. Nothing is paid, no counter is used. The answer is
// Ready.Probe, whose OK says that it is the card; counter and balance are not read.
func (m *Machine) Recognise(s Seen) Ready {
	m.clear()
	m.seen = s
	m.probe.asked = asked{aid: s.AID, aidLen: s.AIDLen, sfi: s.SFI, number: s.Last}
	return m.selectAsked()
}

// recognised says that the record is the one that was seen.
func (m *Machine) recognised(data []byte, sw apdu.SW) bool {
	if sw != apdu.SWOK {
		return false
	}
	cad, ok := tlv.Find(data, tlv.TagRecordTemplate, tlv.TagCardAuthenticationData)
	return ok && subtle.ConstantTimeCompare(cad, m.seen.CAD[:]) == 1
}
