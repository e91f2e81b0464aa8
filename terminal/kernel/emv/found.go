package emv

import (
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// findings are what was found out about card and cardholder, for later steps.
type findings struct {
	notes  []Note
	values []byte // of the notes

	// sent is the values of the PDOL, and of each CDOL as it is sent: what CDA signs.
	sent []byte

	method      odaMethod
	key         *oda.CardKey // of DDA and CDA, nil if none was recovered
	noCombined  bool         // CDA has failed: do not ask for it again
	ddolData    []byte
	transaction []byte
	dac         [2]byte // 9F45
	hasDAC      bool
	number      []byte // 9F4C

	cvm cvmRun
}

// clear forgets a transaction and keeps the memory.
func (s *findings) clear() {
	*s = findings{
		notes: s.notes[:0], values: s.values[:0], sent: s.sent[:0], ddolData: s.ddolData[:0], transaction: s.transaction[:0],
		number: s.number[:0], cvm: cvmRun{list: CVMList{Rules: s.cvm.list.Rules[:0]}},
	}
}

// keepNumber keeps the dynamic number that a signature carried.
func (s *findings) keepNumber(n []byte) { s.number = append(s.number[:0], n...) }

// value gives what offline data authentication found: the data authentication code
// 9F45 and the dynamic number 9F4C, which a CDOL may ask for (EMV Book 3, annex A).
func (s *findings) value(tag tlv.Tag) []byte {
	switch {
	case tag == tlv.TagDAC && s.hasDAC:
		return s.dac[:]
	case tag == tlv.TagICCDynamicNumber && len(s.number) > 0:
		return s.number
	}
	return nil
}
