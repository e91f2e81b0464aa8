package psam

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// P1 and P2 of SELECT.
const (
	selectByID   = 0x00
	selectByName = 0x04
	answerFCI    = 0x00
	answerNone   = 0x0C
)

// Tags of file control information (ISO/IEC 7816-4, 5.3.3; JR/T 0025).
const (
	tagFCI    tlv.Tag = 0x6F
	tagSize   tlv.Tag = 0x80
	tagID     tlv.Tag = 0x83
	tagName   tlv.Tag = 0x84
	tagBody   tlv.Tag = 0xA5
	tagIssuer tlv.Tag = 0x9F0C
)

// selectFile is SELECT (ISO/IEC 7816-4, 7.1.1): P1 00 by identifier, of the MF, of
// an application or of a file in the current directory, nothing being the MF; P1 04
// by the name of an application or its beginning. P2 00 answers FCI, 0C nothing.
// 6283: the application is locked, it is selected nevertheless.
func (a *App) selectFile(r *request) (apdu.SW, error) {
	if r.P1 != selectByID && r.P1 != selectByName || r.P2 != answerFCI && r.P2 != answerNone {
		return apdu.SWWrongP1P2, nil
	}
	if r.P1 == selectByName {
		return a.selectName(r), nil
	}
	if len(r.Data) != 0 && len(r.Data) != 2 {
		return apdu.SWWrongLength, nil
	}
	id := uint16(cos.MasterFile)
	if len(r.Data) == 2 {
		id = binary.BigEndian.Uint16(r.Data)
	}
	for i := range a.template.dirs {
		if a.template.dirs[i].ID == id {
			return a.selected(r, i), nil
		}
	}
	if id > maxIDs {
		return apdu.SWFileNotFound, nil
	}
	_, size, ok := a.file(byte(id))
	if !ok {
		return apdu.SWFileNotFound, nil
	}
	a.ef = int(id)
	body := tlv.Append(a.scratch[100:100], tagSize, []byte{byte(size >> 8), byte(size)})
	body = tlv.Append(body, tagID, r.Data)
	return a.inform(r, tlv.Append(a.scratch[:0], tagFCI, body)), nil
}

func (a *App) selectName(r *request) apdu.SW {
	if len(r.Data) == 0 || len(r.Data) > 16 {
		return apdu.SWWrongLength
	}
	if bytes.HasPrefix(a.template.name, r.Data) {
		return a.selected(r, 0)
	}
	for i := range a.template.dirs {
		if bytes.HasPrefix(a.template.dirs[i].Name, r.Data) {
			return a.selected(r, i)
		}
	}
	return apdu.SWFileNotFound
}

func (a *App) selected(r *request, dir int) apdu.SW {
	a.enter(dir)
	sw := a.inform(r, a.information(a.scratch[:0]))
	if sw == apdu.SWOK && a.locked() {
		sw = apdu.SWInvalidated
	}
	return sw
}

// inform answers control information if it is wanted.
func (a *App) inform(r *request, fci []byte) apdu.SW {
	if r.P2 == answerNone {
		return apdu.SWOK
	}
	return r.answer(fci)
}

// information appends the FCI of the current directory: 6F { 84 name, or 83
// identifier where there is none, A5 { 9F0C the first 30 bytes of file 17, of the
// MF file 15 } }.
func (a *App) information(dst []byte) []byte {
	d := a.current()
	var room [80]byte
	name, info := d.Name, byte(sfiPublic)
	if a.dir == 0 {
		name, info = a.template.name, sfiSerial
	}
	body := room[:0]
	if len(name) > 0 {
		body = tlv.Append(body, tagName, name)
	} else {
		body = tlv.Append(body, tagID, []byte{byte(d.ID >> 8), byte(d.ID)})
	}
	if at, size, ok := a.file(info); ok {
		var inner [40]byte
		body = tlv.Append(body, tagBody, tlv.Append(inner[:0], tagIssuer, a.view[at:][:min(size, maxInfo)]))
	}
	return tlv.Append(dst, tagFCI, body)
}

// getChallenge is GET CHALLENGE, 00840000 04, 08 or 10 (ISO/IEC 7816-4, 7.5.3). Le 00
// gives eight bytes. The challenge serves the next command only.
func (a *App) getChallenge(r *request) (apdu.SW, error) {
	n := r.Le
	if n == apdu.MaxShortLe {
		n = 8
	}
	switch {
	case r.P1 != 0 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case len(r.Data) != 0 || n != 4 && n != 8 && n != 16:
		return apdu.SWWrongLength, nil
	case a.rand == nil:
		return apdu.SWUnknown, nil
	}
	c := challenge{length: n}
	if _, err := io.ReadFull(a.rand, c.value[:n]); err != nil {
		return apdu.SWUnknown, nil
	}
	a.challenge = c
	r.reply = append(a.scratch[:0], c.value[:n]...)
	return apdu.SWOK, nil
}
