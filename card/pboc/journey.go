package pboc

import (
	"encoding/binary"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// Instruction bytes of the extension (JR/T 0025.14 annex C).
const (
	insReadCAPP    = 0xB4 // class 80
	insUpdateCache = 0xDE // class 84
	insAppend      = 0xE2 // class 04
	insProve       = 0x5A // class 80
)

// journey is what the extension keeps in RAM from SELECT to the next one.
type journey struct {
	read   journeyRecord // the last record that READ CAPP DATA gave
	random bool          // and it gave a code for a random number
	bound  journeyRecord // the one read last before GET PROCESSING OPTIONS
	open   bool          // the next command may be UPDATE CAPP DATA CACHE
	trade  byte          // DF60 of the payment that waits, 1 to 3
	tc     [8]byte       // that GET TRANS PROVE gives once it is committed
	cache  capp.Cache
}

// journeyRecord names a record of the files 15 to 1D; SFI 0: none.
type journeyRecord struct {
	sfi   byte
	id    uint16
	place capp.Place
}

func (j *journey) clear() {
	j.cache.Clear()
	j.read, j.bound = journeyRecord{}, journeyRecord{}
	j.random, j.open, j.trade, j.tc = false, false, 0, [8]byte{}
}

// doExtension carries out the commands of the extension; known is false for all
// others.
func (a *App) doExtension(dst []byte, c *apdu.Command) (out []byte, known bool, err error) {
	j := a.journey
	open := j.open
	j.open = false
	class := byte(0x80)
	do := a.prove
	switch {
	case c.INS == insReadCAPP:
		do = a.readCAPP
	case c.INS == insUpdateCache:
		class, do = 0x84, a.updateCache
		j.open = open
	case c.INS == insAppend:
		class, do = 0x04, a.appendRecord
	case c.INS == insProve:
	case c.INS == insPutData && c.P1 == 0 && c.P2 == 0:
		class, do = 0x04, a.pushData
	default:
		return dst, false, nil
	}
	if c.CLA != class {
		j.open = false
		return status(dst, wrongClass(c.CLA)), true, nil
	}
	out, err = do(dst, c)
	return out, true, err
}

// fileOf finds a file with variable records, and its memory in m, the whole memory
// of the application.
func (a *App) fileOf(sfi byte, m []byte) (*capp.File, []byte, apdu.SW) {
	p := a.card.Product
	n, at, ok := capp.Find(p.Extension.Files, sfi)
	if !ok {
		return nil, nil, apdu.SWFileNotFound
	}
	f := &p.Extension.Files[n]
	return f, p.files(m)[at:][:f.MemorySize()], apdu.SWOK
}

// nextRecord is the bit of P2 by which READ CAPP DATA asks for the next record with
// the same identifier.
const nextRecord = 1

// readCAPP is READ CAPP DATA, 80B400 P2 with SFI shifted left by three, then the
// identifier (02) or identifier and a random number (0A): the record, and for a
// random number four bytes of code under its management key (JR/T 0025.14 annex C).
// It may come right after SELECT. 6700 lengths, 6A86 P1 or P2, 6A82 no such file,
// 6A83 no such record, 6981 the cyclic file, which READ RECORD reads.
func (a *App) readCAPP(dst []byte, c *apdu.Command) ([]byte, error) {
	sfi := c.P2 >> 3
	switch {
	case len(c.Data) != 2 && len(c.Data) != 10 || c.Le == apdu.NoLe:
		return status(dst, apdu.SWWrongLength), nil
	case c.P1 != 0 || c.P2&7&^nextRecord != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	f, content, sw := a.fileOf(sfi, m)
	if sw != apdu.SWOK {
		return status(dst, sw), nil
	}
	if f.Cyclic() {
		return status(dst, apdu.SWFileType), nil
	}
	j := a.journey
	id := binary.BigEndian.Uint16(c.Data)
	var after *capp.Place
	if c.P2&nextRecord != 0 && j.read.sfi == sfi && j.read.id == id {
		after = &j.read.place
	}
	place, ok := f.Find(content, id, after)
	if !ok {
		return status(dst, apdu.SWRecordNotFound), nil
	}
	record := place.Data(content)
	b := append(a.body[:0], record...)
	if len(c.Data) == 10 {
		code := capp.ReadMAC(a.card.Product.Alg, place.Key(content), [8]byte(c.Data[2:]), record)
		b = append(b, code[:]...)
	}
	if tooShort(c, len(b)) {
		return answer(dst, c, b), nil
	}
	j.read, j.random = journeyRecord{sfi, id, place}, len(c.Data) == 10
	return answer(dst, c, b), nil
}

// updateCache is UPDATE CAPP DATA CACHE, 84DE00 P2 Lc record, code(4): the record
// waits for the last record of the AFL and is stored together with the payment
// (JR/T 0025.14 annex C). It comes right after a GET PROCESSING OPTIONS that gave a TC
// for DF60 1 to 3, or after another one. 6700 lengths, 6985 another sequence, 6A86 P1
// or P2, 6A82 no such file, 6A83 no such record, or a cyclic file without a key, 6A84
// a record that is longer than the one it replaces, 6A80 one that is shorter or not
// whole, 6988 a wrong code, 6581 no room for more. After a refusal no other comes.
func (a *App) updateCache(dst []byte, c *apdu.Command) ([]byte, error) {
	j := a.journey
	open := j.open
	j.open = false
	sfi := c.P2 >> 3
	n := len(c.Data) - capp.MACLen
	switch {
	case n < 1:
		return status(dst, apdu.SWWrongLength), nil
	case !open || !a.pending.active:
		return status(dst, apdu.SWConditions), nil
	case c.P1 != 0 || c.P2&7 != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	f, content, sw := a.fileOf(sfi, m)
	if sw != apdu.SWOK {
		return status(dst, sw), nil
	}
	record := c.Data[:n]
	place, key, sw := a.target(f, content, record)
	if sw != apdu.SWOK {
		return status(dst, sw), nil
	}
	alg := a.card.Product.Alg
	code := capp.UpdateMAC(alg, key, a.pending.atc, [5]byte{c.CLA, c.INS, c.P1, c.P2, byte(len(c.Data))}, record)
	if !capp.Genuine(code, c.Data[n:]) {
		return status(dst, apdu.SWMACWrong), nil
	}
	if !j.cache.Add(sfi, place, record) {
		return status(dst, apdu.SWMemory), nil
	}
	j.open = true
	if !j.random {
		return status(dst, apdu.SWOK), nil
	}
	reply := capp.AnswerMAC(alg, key, code)
	return apdu.AppendResponse(dst, reply[:], apdu.SWOK), nil
}

// target finds what a record is to replace, and the key of its code. Of several
// records with one identifier it is the one that was read before the payment, else
// the first.
func (a *App) target(f *capp.File, content, record []byte) (capp.Place, cryptogram.Key, apdu.SW) {
	var none cryptogram.Key
	if f.Cyclic() {
		switch {
		case !f.Keyed(content):
			return capp.Place{}, none, apdu.SWRecordNotFound
		case len(record) > f.MaxRecord:
			return capp.Place{}, none, apdu.SWNoSpace
		}
		return capp.Place{}, f.RingKey(content), apdu.SWOK
	}
	if len(record) < capp.HeadLen {
		return capp.Place{}, none, apdu.SWWrongData
	}
	id := binary.BigEndian.Uint16(record)
	place, ok := f.Find(content, id, nil)
	if b := &a.journey.bound; b.sfi == f.SFI && b.id == id {
		place = b.place
	}
	switch {
	case !ok:
		return place, none, apdu.SWRecordNotFound
	case len(record) > place.Len:
		return place, none, apdu.SWNoSpace
	case len(record) < place.Len || !capp.Whole(record):
		return place, none, apdu.SWWrongData
	}
	return place, place.Key(content), apdu.SWOK
}

// updated tells whether the record that was read is among those that wait.
func (j *journey) updated() bool { return j.cache.Has(j.bound.sfi, j.bound.place) }

// putJourney stages what a payment of the extension changes beside the balance:
// records, deposit, pre-authorisations, and the proof.
func (a *App) putJourney(m []byte) {
	j, p := a.journey, a.card.Product
	a.putPurse(&a.pending.after)
	var proof [trHolds - trProof]byte
	binary.BigEndian.PutUint16(proof[:], a.pending.atc)
	copy(proof[trTC-trProof:], j.tc[:])
	a.memory.Put(p.transit()+trProof, proof[:])
	at := p.transit() + trFiles
	j.cache.Commit(p.Extension.Files, p.files(m), func(offset int, b []byte) { a.memory.Put(at+offset, b) })
	j.cache.Clear()
	j.trade = 0
}

// prove is GET TRANS PROVE, 805A0000 02 counter 08: the TC of the last committed
// payment of the extension if it has this counter, zeros if it was a
// pre-authorisation (JR/T 0025.14 annex C). 6700 lengths, 6A86 P1 or P2, 9406 another
// counter: the payment was not committed, or is not the last.
func (a *App) prove(dst []byte, c *apdu.Command) ([]byte, error) {
	switch {
	case len(c.Data) != 2 || c.Le == apdu.NoLe:
		return status(dst, apdu.SWWrongLength), nil
	case c.P1 != 0 || c.P2 != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	b := m[a.card.Product.transit()+trProof:][:trHolds-trProof]
	if atc := binary.BigEndian.Uint16(b); atc == 0 || atc != binary.BigEndian.Uint16(c.Data) {
		return status(dst, apdu.SWProofNotAvailable), nil
	}
	return answer(dst, c, b[trTC-trProof:]), nil
}

// readExtensionRecord is READ RECORD of a file of the extension: those with variable
// records have a command of their own, the cyclic one may be read by everybody, 1
// being the newest record.
func (a *App) readExtensionRecord(dst []byte, c *apdu.Command) ([]byte, error) {
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	f, content, _ := a.fileOf(c.P2>>3, m)
	if !f.Cyclic() {
		return status(dst, apdu.SWFileType), nil
	}
	record, ok := f.Newest(content, int(c.P1))
	if !ok {
		return status(dst, apdu.SWRecordNotFound), nil
	}
	return answer(dst, c, record), nil
}
