package pboc

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// msdRecord is the record that holds track 2 in the flow without a cryptogram: the
// first that the AFL names.
func (d *MSD) record() Record { return Record{SFI: d.Path.AFL[0] >> 3, Number: d.Path.AFL[1]} }

// isMSDRecord tells whether r is made anew for each transaction.
func (p *Product) isMSDRecord(r Record) bool {
	d := p.msd()
	return d != nil && len(d.Path.AFL) != 0 && d.record() == r
}

// msd is what the product knows of magnetic stripe data, nil for none.
func (p *Product) msd() *MSD {
	if p.Contact == nil {
		return nil
	}
	return p.Contact.MSD
}

// stripe is track 2 taken apart.
type stripe struct {
	pan   [10]byte
	track pin.Track
}

// digit reads digit i of packed BCD.
func digit(b []byte, i int) byte {
	if i%2 == 0 {
		return b[i/2] >> 4
	}
	return b[i/2] & 15
}

func setDigit(b []byte, i int, v byte) {
	if i%2 == 0 {
		b[i/2] = b[i/2]&0x0F | v<<4
	} else {
		b[i/2] = b[i/2]&0xF0 | v
	}
}

// parseStripe reads PAN, expiry and service code from 57: PAN, D, YYMM, service
// code, what the issuer likes (ISO/IEC 7813).
func parseStripe(track2 []byte) (s stripe, ok bool) {
	digits := 2 * len(track2)
	n := 0
	for n < digits && digit(track2, n) <= 9 {
		n++
	}
	if n < 8 || n > 19 || n+8 > digits || digit(track2, n) != 0xD {
		return s, false
	}
	for i := range s.pan {
		s.pan[i] = 0xFF
	}
	for i := range n {
		setDigit(s.pan[:], i, digit(track2, i))
	}
	for i := range 4 {
		setDigit(s.track.Expiry[:], i, digit(track2, n+1+i))
	}
	for i := range 3 {
		setDigit(s.track.Service[:], 1+i, digit(track2, n+5+i))
	}
	return s, decimal(s.track.Expiry[:]) && decimal(s.track.Service[:])
}

// dynamicTrack2 appends the value of 57 with the counter and the dynamic check value
// in place of the issuer's discretionary data (our choice): PAN, D, YYMM, service
// code, 9F36 modulo 10000 in four digits, dCVN in three, filled up with F.
func (c *Card) dynamicTrack2(dst []byte, alg cryptogram.Alg, key cryptogram.Key, atc uint16) []byte {
	s, ok := parseStripe(c.Track2)
	if !ok {
		panic("pboc: 57 of a card with magnetic stripe data has no service code")
	}
	code, err := pin.DCVN(alg, key, s.pan, s.track, atc)
	if err != nil {
		panic("pboc: a track that was checked has no check value: " + err.Error())
	}
	n := 0
	for digit(s.pan[:], n) <= 9 {
		n++
	}
	n += 8
	var b [19]byte
	copy(b[:], c.Track2[:(n+1)/2])
	for i, v := range [...]uint16{atc / 1000 % 10, atc / 100 % 10, atc / 10 % 10, atc % 10} {
		setDigit(b[:], n+i, byte(v))
	}
	for i, v := range code {
		setDigit(b[:], n+4+i, v-'0')
	}
	if n += 7; n%2 != 0 {
		setDigit(b[:], n, 0xF)
		n++
	}
	return append(dst, b[:n/2]...)
}

// msdOptions makes the answer to GET PROCESSING OPTIONS for magnetic stripe data
// (JR/T 0025.12, edition of 2010); the counter is already consumed and a.values
// holds the reader's data. A reader that asks for an online cryptogram (9F66 byte 2
// b8) gets 57 and an ARQC of version 17, template 77 with 82 9F36 57 9F10 9F26 5F34
// 5F20; any other reader the AFL of the record with the dynamic check value, 80 L AIP
// AFL. A card without that record gives the cryptogram always. Nothing is paid.
func (a *App) msdOptions(dst []byte, ttq [4]byte, s *State) ([]byte, error) {
	c := a.card
	d := c.Product.msd()
	if ttq[1]&ttq2Online == 0 && len(d.Path.AFL) != 0 {
		b := tlv.AppendHeader(a.body[:0], tlv.TagResponseFormat1, 2+len(d.Path.AFL))
		b = append(b, d.Path.AIP[:]...)
		b = append(b, d.Path.AFL...)
		return apdu.AppendResponse(dst, b, apdu.SWOK), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	cvr := [3]byte{0x80 | byte(online)<<4}
	ac, iad := a.stripeCryptogram(a.limits(m), s, cvr)
	b := a.body[template77:template77]
	b = tlv.Append(b, tlv.TagAIP, d.Path.AIP[:])
	b = append(b, 0x9F, 0x36, 2, byte(s.ATC>>8), byte(s.ATC))
	b = tlv.Append(b, tlv.TagTrack2Equivalent, c.Track2)
	b = appendIAD(b, &iad)
	b = tlv.Append(b, tlv.TagAC, ac[:])
	b = append(b, 0x5F, 0x34, 1, c.PSN)
	if len(c.Name) > 0 {
		b = tlv.Append(b, tlv.TagCardholderName, c.Name)
	}
	return apdu.AppendResponse(dst, a.wrap77(b), apdu.SWOK), nil
}

// stripeCryptogram makes the ARQC of version 17, whatever version the card's other
// cryptograms have.
func (a *App) stripeCryptogram(l *Limits, s *State, cvr [3]byte) ([8]byte, cryptogram.IAD) {
	p := a.card.Product
	in := cryptogram.CardInput{AIP: p.Contact.MSD.Path.AIP, ATC: s.ATC, CVR: cvr}
	sk := cryptogram.DeriveSessionKey(a.alg(), a.keys().AC, s.ATC)
	ac := cryptogram.MAC(a.alg(), sk, cryptogram.ACData(a.input[:0], cryptogram.CVN17, &a.values, &in))
	iad := cryptogram.IAD{DKI: p.DKI, CVN: cryptogram.CVN17, CVR: cvr, Alg: a.alg(), IDD: p.IDD}
	a.stateAmounts(&iad, l, s)
	return ac, iad
}

// readStripe answers the record with track 2 as it is for the running transaction,
// template 70 with 57; 6985 if the transaction is another one.
func (a *App) readStripe(dst []byte, c *apdu.Command) ([]byte, error) {
	if a.way != wayMSD {
		return status(dst, apdu.SWConditions), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	var track [19]byte
	t := a.card.dynamicTrack2(track[:0], a.alg(), a.keys().DCVN, s.ATC)
	b := tlv.AppendHeader(a.body[:0], tlv.TagRecordTemplate, 2+len(t))
	return answer(dst, c, tlv.Append(b, tlv.TagTrack2Equivalent, t)), nil
}
