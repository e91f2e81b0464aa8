package purse

import (
	"encoding/binary"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// How P2 names records, its lower three bits.
const (
	byIdentifier = 0 // P1 is the record's identifier
	previous     = 3 // with P1 00: a new record 1 of a cyclic file
	byNumber     = 4 // P1 is the number, from 1
)

const (
	tagFCI     tlv.Tag = 0x6F
	tagName    tlv.Tag = 0x84
	tagInfo    tlv.Tag = 0xA5
	tagVersion tlv.Tag = 0x9F08
	tagIssuer  tlv.Tag = 0x9F0C
	thisDF             = 0x3FFF
)

// control makes the FCI.
func (a *App) control() []byte {
	var inner, body [64]byte
	info := tlv.Append(inner[:0], tagVersion, []byte{a.t.spec.Version})
	info = tlv.Append(info, tagIssuer, a.body(a.index(infoSFI))[:infoLength])
	b := tlv.Append(body[:0], tagName, a.t.spec.AID)
	return tlv.Append(a.out[:0], tagFCI, tlv.Append(b, tagInfo, info))
}

// selected is the status word of SELECT.
func (a *App) selected() apdu.SW {
	switch {
	case a.m[atState] == stateUsed:
		return apdu.SWOK
	case a.t.spec.Invalidated:
		return apdu.SWInvalidated
	}
	return apdu.SWNotSupported
}

// selectFile is SELECT by file identifier, 00A4 00 or 02 00: the purse itself by its
// own identifier or 3FFF, or a file, whose identifier is its short one. Selecting a
// file answers nothing (our choice).
func (a *App) selectFile(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != 0 && r.P1 != 2 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case len(r.data) != 2:
		return apdu.SWWrongLength, nil
	}
	id := binary.BigEndian.Uint16(r.data)
	if r.P1 == 0 && id != 0 && (id == thisDF || id == a.t.spec.ID) {
		fci := a.control()
		if sw := r.shape(2, len(fci)); sw != apdu.SWOK {
			return sw, nil
		}
		a.Deselect()
		r.reply = fci
		return a.selected(), nil
	}
	i := -1
	if id <= maxSFI {
		i = a.index(byte(id))
	}
	if i < 0 {
		return apdu.SWFileNotFound, nil
	}
	a.ef = i
	return apdu.SWOK, nil
}

// index finds a file by its short identifier, -1 if there is none.
func (a *App) index(sfi byte) int {
	for i := range a.t.spec.Files {
		if a.t.spec.Files[i].SFI == sfi {
			return i
		}
	}
	return -1
}

func (a *App) body(i int) []byte {
	p := &a.t.places[i]
	return a.m[p.body : p.body+p.size : p.body+p.size]
}

// elementary finds the file of a command; sfi 0 is the current one. 6A82: there is
// no such file; 6986: none is current.
func (a *App) elementary(sfi byte) (int, apdu.SW) {
	if sfi == 0 {
		if a.ef == noEF {
			return 0, apdu.SWNoFile
		}
		return a.ef, apdu.SWOK
	}
	i := a.index(sfi)
	if i < 0 {
		return 0, apdu.SWFileNotFound
	}
	a.ef = i
	return i, apdu.SWOK
}

// binary reads P1 P2 of a binary command: 80 and a short identifier with the offset
// in P2, else an offset of 15 bits in the current file.
func (a *App) binary(r *request) (i, offset int, sw apdu.SW) {
	sfi := byte(0)
	offset = int(r.P1)<<8 | int(r.P2)
	if r.P1&0x80 != 0 {
		sfi, offset = r.P1&0x1F, int(r.P2)
		if r.P1&0x60 != 0 || sfi == 0 || sfi > maxSFI {
			return 0, 0, apdu.SWWrongP1P2
		}
	}
	i, sw = a.elementary(sfi)
	if sw == apdu.SWOK && a.t.spec.Files[i].Kind != cos.Transparent {
		sw = apdu.SWFileType
	}
	return i, offset, sw
}

// readBinary is READ BINARY, B0. Le 00 reads up to the end or as much as an answer
// holds; with another Le that many bytes must be there, or 6Cxx tells how many are.
func (a *App) readBinary(r *request) (apdu.SW, error) {
	i, offset, sw := a.binary(r)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case !r.guarded() && (r.Le == apdu.NoLe || len(r.data) != 0):
		return apdu.SWWrongLength, nil
	}
	f := &a.t.spec.Files[i]
	if sw, err := a.permit(r, f, f.Read); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	switch {
	case len(r.data) != 0:
		return apdu.SWWrongLength, nil
	case offset >= len(f.Content):
		return apdu.SWWrongOffset, nil
	}
	n := maxAnswer
	if r.Le != apdu.NoLe {
		n = r.Le
	}
	if r.protected {
		for n = min(n, apdu.MaxShortData); n > 0 && r.line.Length(n, r.encipher) > maxAnswer; n-- {
		}
		if r.Le != apdu.NoLe && r.Le != apdu.MaxShortLe {
			for n > 0 && r.line.Length(n, r.encipher) > r.Le {
				n--
			}
		}
	}
	if n <= 0 {
		return apdu.SWWrongLength, nil
	}
	return a.answer(r, a.body(i)[offset:min(offset+n, len(f.Content))]), nil
}

// updateBinary is UPDATE BINARY, D6. 6B00: the offset is outside the file; 6A84: the
// data reaches beyond its end.
func (a *App) updateBinary(r *request) (apdu.SW, error) {
	i, offset, sw := a.binary(r)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	}
	f := &a.t.spec.Files[i]
	if sw, err := a.permit(r, f, f.Update); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	switch {
	case len(r.data) == 0:
		return apdu.SWWrongLength, nil
	case offset >= len(f.Content):
		return apdu.SWWrongOffset, nil
	case offset+len(r.data) > len(f.Content):
		return apdu.SWNoSpace, nil
	}
	return apdu.SWOK, a.commit(a.t.places[i].body+offset, r.data...)
}

// records finds the file of a record command.
func (a *App) records(p2 byte) (int, apdu.SW) {
	sfi := p2 >> 3
	if sfi > maxSFI {
		return 0, apdu.SWWrongP1P2
	}
	i, sw := a.elementary(sfi)
	if sw == apdu.SWOK && a.t.spec.Files[i].Kind == cos.Transparent {
		sw = apdu.SWFileType
	}
	return i, sw
}

// count is how many records a file has now.
func (a *App) count(i int) int {
	if a.t.spec.Files[i].Kind == cos.Cyclic {
		return int(a.m[a.t.places[i].ring+1])
	}
	return len(a.t.places[i].at)
}

// record is where record n of a file lies, counted from 1; in a cyclic file 1 is
// the newest. There must be such a record.
func (a *App) record(i, n int) (at, length int) {
	f, p := &a.t.spec.Files[i], &a.t.places[i]
	if f.Kind == cos.Cyclic {
		slot := (int(a.m[p.ring]) - (n - 1) + f.Capacity) % f.Capacity
		return p.body + slot*f.RecordLength, f.RecordLength
	}
	return p.at[n-1], len(f.Records[n-1])
}

// find gives the number of the record that P1 and the mode name; 0 if there is none.
// An identifier is the first byte of a record, or the second where the file's
// identifiers have two (27 12 is found as 12).
func (a *App) find(i int, p1, mode byte) int {
	n := a.count(i)
	if mode == byNumber {
		if p1 == 0 || int(p1) > n {
			return 0
		}
		return int(p1)
	}
	skip := max(0, a.t.spec.Files[i].TagBytes-1)
	for k := 1; k <= n; k++ {
		if at, length := a.record(i, k); skip < length && a.m[at+skip] == p1 {
			return k
		}
	}
	return 0
}

// readRecord is READ RECORD, B2, by number or identifier. 6A83: there is no such
// record.
func (a *App) readRecord(r *request) (apdu.SW, error) {
	mode := r.P2 & 7
	if mode != byNumber && mode != byIdentifier || r.P1 == 0 {
		return apdu.SWWrongP1P2, nil
	}
	i, sw := a.records(r.P2)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case !r.guarded() && (r.Le == apdu.NoLe || len(r.data) != 0):
		return apdu.SWWrongLength, nil
	}
	f := &a.t.spec.Files[i]
	if sw, err := a.permit(r, f, f.Read); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	n := a.find(i, r.P1, mode)
	switch {
	case len(r.data) != 0:
		return apdu.SWWrongLength, nil
	case n == 0:
		return apdu.SWRecordNotFound, nil
	}
	at, length := a.record(i, n)
	return a.answer(r, a.m[at:at+length]), nil
}

// updateRecord is UPDATE RECORD, DC, by number or identifier; with P2 mode 3 and P1
// 00 it writes a new record 1 of a cyclic file. The data must be as long as the
// record: 6700.
func (a *App) updateRecord(r *request) (apdu.SW, error) {
	mode := r.P2 & 7
	i, sw := a.records(r.P2)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	}
	f := &a.t.spec.Files[i]
	added := f.Kind == cos.Cyclic && mode == previous && r.P1 == 0
	if !added && (mode != byNumber && mode != byIdentifier || r.P1 == 0) {
		return apdu.SWWrongP1P2, nil
	}
	if sw, err := a.permit(r, f, f.Update); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if added {
		if len(r.data) != f.RecordLength {
			return apdu.SWWrongLength, nil
		}
		if err := a.p.Begin(); err != nil {
			return 0, err
		}
		var moved rings
		a.add(&moved, i, r.data)
		return apdu.SWOK, a.p.Commit()
	}
	n := a.find(i, r.P1, mode)
	if n == 0 {
		return apdu.SWRecordNotFound, nil
	}
	at, length := a.record(i, n)
	if length != len(r.data) {
		return apdu.SWWrongLength, nil
	}
	return apdu.SWOK, a.commit(at, r.data...)
}

// rings are the cyclic files that a transaction has moved on, by place: memory shows
// them as they were until it is committed.
type rings struct {
	n    int
	file [maxCached + 1]int
	ring [maxCached + 1][ringSize]byte
}

// add stages a new record 1 of a cyclic file.
func (a *App) add(moved *rings, i int, b []byte) {
	f, p := &a.t.spec.Files[i], &a.t.places[i]
	k := 0
	for k < moved.n && moved.file[k] != i {
		k++
	}
	if k == moved.n {
		moved.file[k], moved.n = i, k+1
		moved.ring[k] = [ringSize]byte(a.m[p.ring:])
	}
	ring := &moved.ring[k]
	if ring[1] > 0 {
		ring[0] = byte((int(ring[0]) + 1) % f.Capacity)
	}
	ring[1] = min(ring[1]+1, byte(f.Capacity))
	a.p.Put(p.body+int(ring[0])*f.RecordLength, b)
	a.p.Put(p.ring, ring[:])
}
