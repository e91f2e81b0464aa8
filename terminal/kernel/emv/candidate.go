package emv

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Bits of tag 9F40 (EMV Book 4, annex A3) that let a cardholder choose.
const (
	additional3Keys    = 0xB0 // numeric, command or function keys
	additional4Display = 0x10 // display for the cardholder
)

// noPriority sorts behind every priority of tag 87.
const noPriority = 16

// applicationOf finds the terminal's entry for a DF name, the longest that fits.
func (m *Machine) applicationOf(aid []byte) *Application {
	var best *Application
	for i := range m.cfg.Applications {
		a := &m.cfg.Applications[i]
		fits := bytes.Equal(aid, a.Name) || a.Partial && bytes.HasPrefix(aid, a.Name)
		if fits && (best == nil || len(a.Name) > len(best.Name)) {
			best = a
		}
	}
	return best
}

// addCandidate keeps an application of the card if the terminal takes it, ordered by
// the card's priority (87) and then as listed (EMV Book 1, 12.4). about holds its
// 50, 87, 9F11 and 9F12.
func (m *Machine) addCandidate(aid, about []byte) {
	s := &m.sel
	if !nameOK(aid) || len(s.candidates) == maxCandidates || m.applicationOf(aid) == nil {
		return
	}
	for i := range s.candidates {
		if bytes.Equal(s.candidates[i].aid, aid) {
			return
		}
	}
	c := candidate{aid: aid, priority: noPriority}
	if p, ok := tlv.Find(about, tlv.TagApplicationPriority); ok && len(p) == 1 {
		c.confirm = p[0]&0x80 != 0
		if p[0]&15 != 0 {
			c.priority = p[0] & 15
		}
	}
	c.label, _ = tlv.Find(about, tlv.TagApplicationLabel)
	if table, ok := tlv.Find(about, tlv.TagIssuerCodeTable); ok && len(table) == 1 && m.hasCodeTable(table[0]) {
		c.preferred, _ = tlv.Find(about, tlv.TagPreferredName)
		c.latin1 = table[0] == 1
	}
	at := len(s.candidates)
	for at > 0 && s.candidates[at-1].priority > c.priority {
		at--
	}
	s.candidates = slices.Insert(s.candidates, at, c)
}

// hasCodeTable says whether the terminal shows text of a part of ISO/IEC 8859, as
// 9F11 names it: tables 1 to 8 are byte 5 of 9F40 from b1 on, 9 and 10 byte 4 b1 and
// b2.
func (m *Machine) hasCodeTable(table byte) bool {
	a := &m.cfg.Additional
	switch {
	case table >= 1 && table <= 8:
		return a[4]&(1<<(table-1)) != 0
	case table == 9 || table == 10:
		return a[3]&(1<<(table-9)) != 0
	}
	return false
}

// canChoose says that the cardholder can see the applications and pick one. Over the
// air the card's priority decides (EMV Book B).
func (m *Machine) canChoose() bool {
	a := &m.cfg.Additional
	return !m.in.Contactless && a[2]&additional3Keys != 0 && a[3]&additional4Display != 0
}

// choose picks one of the candidates that are left, or has it picked (EMV Book 1,
// 12.4). One that wants to be confirmed is dropped where nobody can confirm.
func (m *Machine) choose() Ready {
	s := &m.sel
	if !m.canChoose() && !m.in.Contactless {
		s.candidates = slices.DeleteFunc(s.candidates, func(c candidate) bool {
			if c.confirm {
				m.note(Selection, NoteUnconfirmed, tlv.TagADFName, c.aid)
			}
			return c.confirm
		})
	}
	if len(s.candidates) == 0 {
		if m.in.Contactless && s.why.SW == apdu.SWConditions {
			return m.end(kernel.OtherInterface, s.why)
		}
		return m.end(kernel.Failed, s.why)
	}
	if m.canChoose() && (len(s.candidates) > 1 || s.candidates[0].confirm) {
		s.choice.Confirm = s.candidates[0].confirm && len(s.candidates) == 1
		s.choice.Names = s.choice.Names[:0]
		for i := range s.candidates {
			s.choice.Names = append(s.choice.Names, s.candidates[i].name())
		}
		m.state = stChoose
		return Ready{Choose: &s.choice}
	}
	return m.selectCandidate(0)
}

// name is what a cardholder is shown: preferred name, label, or the DF name.
func (c *candidate) name() string {
	for _, n := range [...]string{shown(c.preferred, c.latin1), shown(c.label, false)} {
		if n != "" {
			return n
		}
	}
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, 32)
	for _, v := range c.aid {
		b = append(b, digits[v>>4], digits[v&15])
	}
	return string(b)
}

// shown is a card's text if it can be shown: nothing but printable ASCII, and the upper
// half of ISO/IEC 8859-1 where latin1 says that it is that. What has other bytes is
// left out, control characters above all.
func shown(text []byte, latin1 bool) string {
	s := make([]rune, 0, len(text))
	for _, b := range bytes.Trim(text, " ") {
		if b < 0x20 || b >= 0x7F && b < 0xA0 || b >= 0xA0 && !latin1 {
			return ""
		}
		s = append(s, rune(b))
	}
	return string(s)
}

func (m *Machine) chosen(ev Event) Ready {
	if ev.Kind == Cancelled {
		return m.end(kernel.Declined, kernel.Fault{Code: kernel.GaveUp})
	}
	m.expect(ev, Chosen)
	if ev.Choice < 0 || ev.Choice >= len(m.sel.candidates) {
		m.unexpected(ev)
	}
	return m.selectCandidate(ev.Choice)
}

// selectCandidate selects an application; it stays first in the list until it is
// dropped.
func (m *Machine) selectCandidate(i int) Ready {
	s := &m.sel
	c := s.candidates[i]
	copy(s.candidates[1:i+1], s.candidates[:i])
	s.candidates[0] = c
	return m.selectName(stSelect, c.aid, 0)
}

// drop gives way to the next candidate: the application is blocked, or cannot be
// worked with (EMV Book 1, 12.4; EMV Book 4, 6.3.1).
func (m *Machine) drop(why kernel.Fault) Ready {
	s := &m.sel
	code := NoteDropped
	if why.SW == apdu.SWInvalidated {
		code = NoteBlocked
	}
	m.note(Selection, code, tlv.TagADFName, s.candidates[0].aid)
	s.candidates, s.why = slices.Delete(s.candidates, 0, 1), why
	m.app, m.data.app, m.data.aid, s.fci = nil, nil, nil, s.fci[:0]
	return m.choose()
}

// selected reads the answer to SELECT of an application.
func (m *Machine) selected(data []byte, sw apdu.SW) Ready {
	s := &m.sel
	if sw != apdu.SWOK {
		return m.drop(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagADFName})
	}
	name, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagDFName)
	if !ok {
		return m.drop(fault(kernel.Missing, tlv.TagDFName))
	}
	app := m.applicationOf(name)
	if !nameOK(name) || !bytes.HasPrefix(name, s.candidates[0].aid) || app == nil {
		return m.drop(fault(kernel.Mismatch, tlv.TagDFName))
	}
	proprietary, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary)
	if !ok {
		return m.drop(fault(kernel.Missing, tlv.TagFCIProprietary))
	}
	it := tlv.Iterate(proprietary)
	for it.Next() {
		if len(s.fci) < maxObjects {
			s.fci = append(s.fci, object{it.Tag, it.Value})
		}
	}
	if it.Err() != nil {
		return m.drop(fault(kernel.BadTLV, tlv.TagFCIProprietary))
	}
	m.app, m.data.aid, m.data.app = app, name, app
	m.note(Selection, NoteSelected, tlv.TagDFName, name)
	return m.initiate()
}
