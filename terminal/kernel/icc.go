package kernel

import (
	"encoding/binary"

	"github.com/citycard/citycard/wire/tlv"
)

// ICC appends what an issuer needs to judge the cryptogram of the transaction that has
// just ended: the data objects of field 55 (JR/T 0025.5; GB/T 15150), each with tag
// and length, in this order:
//
//	9F26 9F27 9F10 9F37 9F36 95 9A 9C 9F02 5F2A 82 9F1A 9F03 9F33 9F34 9F35 9F1E
//	84 9F09 9F41 9F63
//
// qPBOC has no 9F27: it is made from the first CVR byte of 9F10. 95 is what the card was
// told, as the cryptogram covers it. 9F33, 9F1E, 9F41 and 9F63 are left out where the
// configuration, the Input or the card has none. Without a cryptogram (magnetic stripe
// data in a record) nothing is appended. Call it before the next Reset.
func (m *Machine) ICC(dst []byte) []byte {
	d := &m.data
	if !m.out.Identified || d.objects[objAC] == nil {
		return dst
	}
	s, c := &d.Sent, m.cfg
	dst = tlv.Append(dst, tlv.TagAC, d.AC[:])
	dst = tlv.Append(dst, tlv.TagCID, []byte{d.CID()})
	dst = tlv.Append(dst, tlv.TagIAD, d.objects[objIAD])
	dst = tlv.Append(dst, tlv.TagUN, s.UN[:])
	dst = tlv.Append(dst, tlv.TagATC, binary.BigEndian.AppendUint16(nil, d.ATC))
	dst = tlv.Append(dst, tlv.TagTVR, s.TVR[:])
	dst = tlv.Append(dst, tlv.TagTransactionDate, s.Date[:])
	dst = tlv.Append(dst, tlv.TagTransactionType, []byte{s.Type})
	dst = tlv.Append(dst, tlv.TagAmountAuthorised, s.Amount[:])
	dst = tlv.Append(dst, tlv.TagTransactionCurrency, s.Currency[:])
	dst = tlv.Append(dst, tlv.TagAIP, d.AIP[:])
	dst = tlv.Append(dst, tlv.TagTerminalCountry, s.Country[:])
	dst = tlv.Append(dst, tlv.TagAmountOther, s.Other[:])
	if c.Capabilities != [3]byte{} {
		dst = tlv.Append(dst, tlv.TagTerminalCapabilities, c.Capabilities[:])
	}
	cvm := m.out.CVM.Results()
	dst = tlv.Append(dst, tlv.TagCVMResults, cvm[:])
	dst = tlv.Append(dst, tlv.TagTerminalType, []byte{c.TerminalType})
	if c.Serial != [8]byte{} {
		dst = tlv.Append(dst, tlv.TagIFDSerial, c.Serial[:])
	}
	dst = tlv.Append(dst, tlv.TagDFName, d.aid)
	dst = tlv.Append(dst, tlv.TagVersionTerminal, c.AppVersion[:])
	if m.in.Sequence != 0 {
		n := bcd8(m.in.Sequence)
		dst = tlv.Append(dst, tlv.TagTransactionSequence, n[:])
	}
	if p := d.objects[objProduct]; p != nil {
		dst = tlv.Append(dst, tlv.TagProductID, p)
	}
	return dst
}

// bcd8 is a number in eight decimal digits; higher ones are dropped.
func bcd8(n uint32) (b [4]byte) {
	for i := 3; i >= 0; i-- {
		b[i] = byte(n/10%10<<4 | n%10)
		n /= 100
	}
	return b
}
