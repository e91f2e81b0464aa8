package files

import (
	"errors"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
)

// How P2 names records, its lower three bits (ISO/IEC 7816-4, table 49).
const (
	modeFirst    = 0
	modeLast     = 1
	modeNext     = 2
	modePrevious = 3
	modeNumber   = 4
	modeAll      = 5 // from number P1 to the last
)

// records finds the file of a record command. P2 holds a short identifier in its
// upper five bits, 0 for the current EF.
func (a *App) records(r *request) (cos.File, apdu.SW) {
	sfi := r.P2 >> 3
	if sfi == 0x1F {
		return cos.File{}, apdu.SWWrongP1P2
	}
	f, sw := a.elementary(sfi)
	if sw == apdu.SWOK && !f.Kind.Records() {
		sw = apdu.SWFileType
	}
	return f, sw
}

// number finds the record that P1 and the mode name; 0 if there is none. With
// modes 0 to 3 P1 is the first byte of the record, 00 for any; the walk begins at
// the current record, or at the end where it would begin anew. With mode 4 P1 00
// is the current record.
func (a *App) number(f cos.File, p1, mode byte) int {
	n, step := 1, 1
	switch mode {
	case modeNumber:
		n = int(p1)
		if n == 0 {
			n = a.record
		}
		if n > f.Count {
			return 0
		}
		return n
	case modeLast:
		n, step = f.Count, -1
	case modeNext:
		n = a.record + 1
	case modePrevious:
		n, step = a.record-1, -1
		if a.record == 0 {
			n = f.Count
		}
	}
	for ; n >= 1 && n <= f.Count; n += step {
		if b, ok := a.view.Record(f, n); ok && (p1 == 0 || b[0] == p1) {
			return n
		}
	}
	return 0
}

// readRecord is READ RECORD, B2 (ISO/IEC 7816-4, 7.3.3). Le is 00 or what is sent;
// else 6Cxx. 6A83: there is no such record. Mode 5 gives as many whole records as
// an answer holds and leaves the current record as it was.
func (a *App) readRecord(r *request) (apdu.SW, error) {
	mode := r.P2 & 7
	if mode > modeAll || mode == modeAll && r.P1 == 0 || r.P1 == 0xFF {
		return apdu.SWWrongP1P2, nil
	}
	f, sw := a.records(r)
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
	if mode == modeAll {
		return a.readAll(r, f), nil
	}
	n := a.number(f, r.P1, mode)
	b, ok := a.view.Record(f, n)
	if !ok {
		return apdu.SWRecordNotFound, nil
	}
	sw = r.answer(b)
	if sw == apdu.SWOK {
		a.record = n
	}
	return sw, nil
}

func (a *App) readAll(r *request, f cos.File) apdu.SW {
	out := a.scratch[:0]
	for n := int(r.P1); n <= f.Count; n++ {
		b, _ := a.view.Record(f, n)
		if r.line.length(len(out)+len(b)) > maxAnswer {
			break
		}
		out = append(out, b...)
	}
	if len(out) == 0 {
		return apdu.SWRecordNotFound
	}
	return r.answer(out)
}

// updateRecord is UPDATE RECORD, DC (ISO/IEC 7816-4, 7.3.5). Mode 3 with P1 00 on
// a cyclic file writes a new record 1 under the rule for APPEND RECORD. 6700: the
// data is not as long as a record of fixed length; 6A84: it is longer than a
// variable record can be.
func (a *App) updateRecord(r *request) (apdu.SW, error) {
	mode := r.P2 & 7
	if mode > modeNumber || r.P1 == 0xFF {
		return apdu.SWWrongP1P2, nil
	}
	f, sw := a.records(r)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	case f.Kind == cos.Cyclic && mode == modePrevious && r.P1 == 0:
		return a.addRecord(r, f)
	}
	if sw, err := a.authorise(r, f, cos.OpUpdate); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if sw := fits(f, r.data); sw != apdu.SWOK {
		return sw, nil
	}
	n := a.number(f, r.P1, mode)
	if n == 0 {
		return apdu.SWRecordNotFound, nil
	}
	if err := a.changed(a.fs.UpdateRecord(f, n, r.data)); err != nil {
		return 0, err
	}
	a.record = n
	return apdu.SWOK, nil
}

// appendRecord is APPEND RECORD, E2 00 (ISO/IEC 7816-4, 7.3.6): the new last record
// of a linear file, 6A84 if it is full; the new record 1 of a cyclic one.
func (a *App) appendRecord(r *request) (apdu.SW, error) {
	if r.P1 != 0 || r.P2&7 != 0 {
		return apdu.SWWrongP1P2, nil
	}
	f, sw := a.records(r)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	}
	return a.addRecord(r, f)
}

func (a *App) addRecord(r *request, f cos.File) (apdu.SW, error) {
	if sw, err := a.authorise(r, f, cos.OpAppend); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if sw := fits(f, r.data); sw != apdu.SWOK {
		return sw, nil
	}
	err := a.changed(a.fs.AppendRecord(f, r.data))
	switch {
	case errors.Is(err, cos.ErrNoSpace):
		return apdu.SWNoSpace, nil
	case err != nil:
		return 0, err
	}
	a.record = 1
	if f.Kind != cos.Cyclic {
		a.record = f.Count + 1
	}
	return apdu.SWOK, nil
}

func fits(f cos.File, b []byte) apdu.SW {
	switch {
	case f.FitsRecord(b):
		return apdu.SWOK
	case f.Kind == cos.Variable && len(b) > 0:
		return apdu.SWNoSpace
	}
	return apdu.SWWrongLength
}
