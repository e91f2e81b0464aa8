package files

import (
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
)

// elementary finds the file of a command on binaries or records: by short
// identifier below the current DF, which makes it the current EF, or the current
// EF itself if sfi is 0. 6A82: there is no such file; 6986: no EF is current.
func (a *App) elementary(sfi byte) (cos.File, apdu.SW) {
	if sfi == 0 {
		if a.ef == noEF {
			return cos.File{}, apdu.SWNoFile
		}
		f, ok := a.view.File(byte(a.ef))
		if !ok {
			panic("files: the current EF is gone")
		}
		return f, apdu.SWOK
	}
	f, ok := a.view.ByShortID(a.df, sfi)
	if !ok {
		return cos.File{}, apdu.SWFileNotFound
	}
	if a.ef != int(f.Slot) {
		a.ef, a.record = int(f.Slot), 0
	}
	return f, apdu.SWOK
}

// place reads P1 P2 of a binary command: bit 8 of P1 set, then 00 and a short
// identifier with the offset in P2; else an offset of 15 bits in the current EF.
func (a *App) place(r *request) (f cos.File, offset int, sw apdu.SW) {
	sfi := byte(0)
	offset = int(r.P1)<<8 | int(r.P2)
	if r.P1&0x80 != 0 {
		sfi, offset = r.P1&0x1F, int(r.P2)
		if r.P1&0x60 != 0 || sfi == 0 || sfi == 0x1F {
			return f, 0, apdu.SWWrongP1P2
		}
	}
	f, sw = a.elementary(sfi)
	if sw == apdu.SWOK && f.Kind != cos.Transparent {
		sw = apdu.SWFileType
	}
	return f, offset, sw
}

// readBinary is READ BINARY, B0 (ISO/IEC 7816-4, 7.2.3). Le 00 reads up to the end
// of the file or as much as an answer holds; with another Le that many bytes must
// be there, or 6Cxx tells how many are. In a protected answer Le counts
// everything that is sent. 6B00: the offset is outside the file.
func (a *App) readBinary(r *request) (apdu.SW, error) {
	f, offset, sw := a.place(r)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case !r.protected() && (r.Le == apdu.NoLe || len(r.data) != 0):
		return apdu.SWWrongLength, nil
	}
	if sw, err := a.authorise(r, f, cos.OpRead); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if len(r.data) != 0 {
		return apdu.SWWrongLength, nil
	}
	if offset >= f.Size {
		return apdu.SWWrongOffset, nil
	}
	limit := r.Le
	if limit == apdu.NoLe {
		limit = maxAnswer
	}
	n := r.line.room(limit)
	if n == 0 {
		return apdu.SWWrongLength, nil
	}
	return r.answer(a.view.Body(f)[offset:min(offset+n, f.Size)]), nil
}

// updateBinary is UPDATE BINARY, D6 (ISO/IEC 7816-4, 7.2.5). 6B00: the offset is
// outside the file; 6A84: the data reaches beyond its end.
func (a *App) updateBinary(r *request) (apdu.SW, error) {
	f, offset, sw := a.place(r)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	}
	if sw, err := a.authorise(r, f, cos.OpUpdate); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	switch {
	case len(r.data) == 0:
		return apdu.SWWrongLength, nil
	case offset >= f.Size:
		return apdu.SWWrongOffset, nil
	case offset+len(r.data) > f.Size:
		return apdu.SWNoSpace, nil
	}
	return apdu.SWOK, a.changed(a.fs.Update(f, offset, r.data))
}
