package files

import (
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// What an answer to SELECT holds, bits 4 and 3 of P2.
const (
	answerFCI  = 0x00
	answerFCP  = 0x04
	answerFMD  = 0x08
	answerNone = 0x0C
	answerBits = 0x0C
	occurrence = 0x03
	nextOne    = 0x02
)

// Status words of SELECT for a file that is not in use.
const swTerminated apdu.SW = 0x6285

// Tags of file control information (ISO/IEC 7816-4, 5.3.3).
const (
	tagFCP        tlv.Tag = 0x62
	tagFMD        tlv.Tag = 0x64
	tagFCI        tlv.Tag = 0x6F
	tagFileSize   tlv.Tag = 0x80
	tagDescriptor tlv.Tag = 0x82
	tagFileID     tlv.Tag = 0x83
	tagName       tlv.Tag = 0x84
	tagRules      tlv.Tag = 0x86
	tagShortID    tlv.Tag = 0x88
	tagLifeCycle  tlv.Tag = 0x8A
	tagInfo       tlv.Tag = 0xA5

	dataCoding = 0x21 // second byte of a descriptor: no behaviour on erasing, units of one byte
	thisDF     = 0x3FFF
)

// selectFile is SELECT, 00A4 P1 P2 (ISO/IEC 7816-4, 7.1.1). P1: 00 by identifier,
// 01 DF below, 02 EF below, 03 the parent, 04 by name, 08 path from the MF, 09
// path from the current DF. With 00 a file is looked for below the current DF,
// then it may be the parent or stand beside the current DF. Key files are not
// found. A SELECT that fails changes nothing.
func (a *App) selectFile(r *request) (apdu.SW, error) {
	what := r.P2 & answerBits
	which := r.P2 &^ answerBits
	if which != 0 && (r.P1 != 0x04 || which != nextOne) {
		return apdu.SWWrongP1P2, nil
	}
	f, sw := a.target(r, which == nextOne)
	if sw != apdu.SWOK {
		return sw, nil
	}
	if what != answerNone {
		if sw := r.answer(control(a.scratch[:0], a.view, f, what)); sw != apdu.SWOK {
			return sw, nil
		}
	}
	a.enter(f, r.P1 == 0x04)
	return selected(f), nil
}

// target finds the file that a SELECT names.
func (a *App) target(r *request, next bool) (cos.File, apdu.SW) {
	v, d := a.view, r.data
	switch r.P1 {
	case 0x00:
		if len(d) == 0 {
			return v.MF(), apdu.SWOK
		}
		if len(d) != 2 {
			return cos.File{}, apdu.SWWrongLength
		}
		return found(a.near(binary.BigEndian.Uint16(d)))
	case 0x01, 0x02:
		if len(d) != 2 {
			return cos.File{}, apdu.SWWrongLength
		}
		f, ok := v.Child(a.df, binary.BigEndian.Uint16(d))
		return found(f, ok && (f.Kind == cos.DF) == (r.P1 == 0x01))
	case 0x03:
		if len(d) != 0 {
			return cos.File{}, apdu.SWWrongLength
		}
		current, _ := v.File(a.df)
		return found(v.File(current.Parent))
	case 0x04:
		if len(d) < 1 || len(d) > 16 {
			return cos.File{}, apdu.SWWrongLength
		}
		from := 0
		if current, _ := v.File(a.df); next && current.IsADF() {
			from = int(a.df) + 1
		}
		return found(v.ByName(d, from))
	case 0x08, 0x09:
		if len(d) == 0 || len(d)%2 != 0 {
			return cos.File{}, apdu.SWWrongLength
		}
		start, _ := v.File(a.df)
		if r.P1 == 0x08 {
			start = v.MF()
		}
		return a.walk(start, d)
	}
	return cos.File{}, apdu.SWWrongP1P2
}

// found refuses key files: they are there for the card alone.
func found(f cos.File, ok bool) (cos.File, apdu.SW) {
	if !ok || f.Kind.Internal() {
		return cos.File{}, apdu.SWFileNotFound
	}
	return f, apdu.SWOK
}

// near finds a file by identifier around the current DF.
func (a *App) near(id uint16) (cos.File, bool) {
	v := a.view
	current, _ := v.File(a.df)
	switch id {
	case cos.MasterFile:
		return v.MF(), true
	case thisDF:
		return current, true
	}
	if f, ok := v.Child(a.df, id); ok {
		return f, true
	}
	if parent, _ := v.File(current.Parent); parent.ID == id {
		return parent, true
	}
	return v.Child(current.Parent, id)
}

func (a *App) walk(f cos.File, path []byte) (cos.File, apdu.SW) {
	for ; len(path) > 0; path = path[2:] {
		next, ok := a.view.Child(f.Slot, binary.BigEndian.Uint16(path))
		if f.Kind != cos.DF || !ok {
			return cos.File{}, apdu.SWFileNotFound
		}
		f = next
	}
	return found(f, true)
}

// enter makes a file the current one. Security status stays for the directories on
// the way to it; a DF that is selected by name begins anew.
func (a *App) enter(f cos.File, byName bool) {
	a.ef, a.record = noEF, 0
	df := f.Slot
	if f.Kind != cos.DF {
		a.ef, df = int(f.Slot), f.Parent
	}
	a.df = df
	a.granted = slices.DeleteFunc(a.granted, func(g grant) bool {
		return !a.view.Holds(g.df, df) || byName && g.df == df
	})
}

// selected is the status word of SELECT: a warning if the file is not in use.
func selected(f cos.File) apdu.SW {
	switch f.State {
	case cos.Deactivated:
		return apdu.SWInvalidated
	case cos.Terminated:
		return swTerminated
	}
	return apdu.SWOK
}

// control appends file control information. The FCI of an ADF has the form of
// JR/T 0025.5, 6F { 84 name, A5 proprietary }; that of any other file and every
// FCP hold what is said in FCPs; a FMD holds the name.
func control(dst []byte, v cos.FileView, f cos.File, what byte) []byte {
	var body [maxAnswer]byte
	b := body[:0]
	tag := tagFCI
	switch {
	case what == answerFMD:
		tag = tagFMD
		if f.IsADF() {
			b = tlv.Append(b, tagName, f.Name)
		}
	case what == answerFCI && f.IsADF():
		b = tlv.Append(b, tagName, f.Name)
		b = tlv.Append(b, tagInfo, v.Body(f))
	default:
		if what == answerFCP {
			tag = tagFCP
		}
		b = parameters(b, f)
		if f.Kind == cos.DF && what == answerFCI && f.Size > 0 {
			b = tlv.Append(b, tagInfo, v.Body(f))
		}
	}
	return tlv.Append(dst, tag, b)
}

// parameters appends the control parameters of a file: 82 descriptor (kind; for
// records 21, record length, 2 bytes, and capacity), 83 identifier, 84 name, 80
// size of a transparent file, 88 short identifier in the upper five bits, 8A life
// cycle status. Rules are not told.
func parameters(b []byte, f cos.File) []byte {
	if f.Kind == cos.Transparent {
		b = tlv.Append(b, tagFileSize, []byte{byte(f.Size >> 8), byte(f.Size)})
	}
	if f.Kind.Records() {
		b = tlv.Append(b, tagDescriptor, []byte{byte(f.Kind), dataCoding, 0, byte(f.RecordLength), byte(f.Capacity)})
	} else {
		b = tlv.Append(b, tagDescriptor, []byte{byte(f.Kind)})
	}
	b = tlv.Append(b, tagFileID, []byte{byte(f.ID >> 8), byte(f.ID)})
	if f.IsADF() {
		b = tlv.Append(b, tagName, f.Name)
	}
	if f.SFI != 0 {
		b = tlv.Append(b, tagShortID, []byte{f.SFI << 3})
	}
	return tlv.Append(b, tagLifeCycle, []byte{byte(f.State)})
}
