package psam

import (
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// file gives place and size of a file of the current directory. File 18 of an
// application is its counter (our choice).
func (a *App) file(sfi byte) (at, size int, ok bool) {
	d := a.current()
	for i := range d.files {
		if f := &d.files[i]; f.SFI == sfi {
			return f.at, f.Size, true
		}
	}
	if sfi == sfiCounter && a.dir != 0 {
		return d.row + atCounter, 4, true
	}
	return 0, 0, false
}

// protected tells whether a file of the current directory can be changed.
func (a *App) protected(sfi byte) bool {
	for _, f := range a.current().files {
		if f.SFI == sfi {
			return f.Protected
		}
	}
	return false
}

// place reads P1 P2 of a binary command: bit 8 of P1 set, then 00 and a short
// identifier, which makes that file the current one, with the offset in P2; else
// an offset of 15 bits in the current file.
func (a *App) place(r *request) (at, left int, sw apdu.SW) {
	offset := int(r.P1)<<8 | int(r.P2)
	sfi := byte(a.ef)
	if r.P1&0x80 != 0 {
		sfi, offset = r.P1&0x1F, int(r.P2)
		if r.P1&0x60 != 0 || sfi == 0 || sfi == 0x1F {
			return 0, 0, apdu.SWWrongP1P2
		}
	}
	if sfi == 0 {
		return 0, 0, apdu.SWNoFile
	}
	at, size, ok := a.file(sfi)
	if !ok {
		return 0, 0, apdu.SWFileNotFound
	}
	a.ef = int(sfi)
	if offset >= size {
		return 0, 0, apdu.SWWrongOffset
	}
	return at + offset, size - offset, apdu.SWOK
}

// readBinary is READ BINARY, B0 (ISO/IEC 7816-4, 7.2.3): Le 00 reads up to the end
// of the file; with another Le that many bytes must be there, or 6Cxx tells how
// many are.
func (a *App) readBinary(r *request) (apdu.SW, error) {
	at, left, sw := a.place(r)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case r.Le == apdu.NoLe || len(r.Data) != 0:
		return apdu.SWWrongLength, nil
	}
	return r.answer(append(a.scratch[:0], a.view[at:][:min(left, r.Le)]...)), nil
}

// updateBinary is UPDATE BINARY with line protection, 04D6 (ISO/IEC 7816-4, 7.2.5;
// line protection of the electronic purse): data and MAC under the directory's key
// of type TypeModule, with the last challenge. 6982: nothing changes the file;
// 6984: no challenge was taken just before, or one longer than a block; 6983: three
// wrong MACs have come.
func (a *App) updateBinary(r *request) (apdu.SW, error) {
	at, left, sw := a.place(r)
	n := len(r.Data) - len(epurse.MAC{})
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	case !a.protected(byte(a.ef)):
		return apdu.SWSecurity, nil
	case n < 0:
		return apdu.SWMACMissing, nil
	case n == 0:
		return apdu.SWWrongLength, nil
	case n > left:
		return apdu.SWNoSpace, nil
	case a.row()[atModuleTries] == 0:
		return apdu.SWBlocked, nil
	}
	k := a.current().key(TypeModule)
	if r.challenge.length == 0 || r.challenge.length > k.Alg.BlockSize() {
		return apdu.SWDataInvalidated, nil
	}
	if err := a.try(atModuleTries); err != nil {
		return 0, err
	}
	l := epurse.NewLine(k.Alg, k.Value, r.challenge.value[:r.challenge.length])
	data, err := l.Open(epurse.Header{r.CLA, r.INS, r.P1, r.P2}, r.Data, false)
	if err != nil {
		return apdu.SWMACWrong, nil
	}
	return apdu.SWOK, a.commit(change{at, data}, a.allTries(atModuleTries))
}
