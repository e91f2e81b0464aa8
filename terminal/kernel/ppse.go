package kernel

import (
	"bytes"

	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// ppseName is the directory of contactless cards (EMV Book B, PPSE).
var ppseName = []byte("2PAY.SYS.DDF01")

// maxCandidates bounds the directory; entries beyond are not looked at.
const maxCandidates = 16

// candidate is an application that card and terminal have in common.
type candidate struct {
	aid      []byte
	priority byte // low nibble of 87; 15 for none
}

// directory reads the answer to SELECT PPSE and orders the candidates.
func (m *Machine) directory(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.unusable(Fault{Code: BadStatus, SW: sw, Tag: tlv.TagDFName})
	}
	entries, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary)
	if !ok {
		return m.unusable(Fault{Code: Missing, Tag: tlv.TagFCIIssuerDiscretionary})
	}
	it := tlv.Iterate(entries)
	for it.Next() {
		if it.Tag == tlv.TagApplicationTemplate && m.candidateN < maxCandidates {
			m.addCandidate(it.Value)
		}
	}
	if it.Err() != nil {
		return m.unusable(Fault{Code: BadTLV, Tag: tlv.TagFCIIssuerDiscretionary})
	}
	return m.selectNext(Fault{Code: NoApplication})
}

// addCandidate keeps a directory entry if the terminal takes it, ordered by the
// card's priority (87, low nibble; 1 is first, 0 means none) and then as listed
// (EMV Book 1, 12.4).
func (m *Machine) addCandidate(entry []byte) {
	aid, ok := tlv.Find(entry, tlv.TagADFName)
	if !ok || !m.takes(aid) {
		return
	}
	c := candidate{aid: aid, priority: 15}
	if p, ok := tlv.Find(entry, tlv.TagApplicationPriority); ok && len(p) == 1 && p[0]&15 != 0 {
		c.priority = p[0] & 15
	}
	at := m.candidateN
	for at > 0 && m.candidates[at-1].priority > c.priority {
		m.candidates[at] = m.candidates[at-1]
		at--
	}
	m.candidates[at] = c
	m.candidateN++
}

func (m *Machine) takes(aid []byte) bool {
	if len(aid) < 5 || len(aid) > 16 {
		return false
	}
	for i := range m.cfg.AIDs {
		a := &m.cfg.AIDs[i]
		if bytes.Equal(aid, a.Name) || a.Partial && bytes.HasPrefix(aid, a.Name) {
			return true
		}
	}
	return false
}

// selectNext selects the next candidate; why is the fault if none is left.
func (m *Machine) selectNext(why Fault) Ready {
	if m.next >= m.candidateN {
		return m.end(Failed, NotCommitted, txn.NoDoubt, why)
	}
	c := &m.candidates[m.next]
	m.next++
	return m.send(stSelect, apdu.Command{INS: 0xA4, P1: 0x04, Data: c.aid, Le: apdu.MaxShortLe})
}
