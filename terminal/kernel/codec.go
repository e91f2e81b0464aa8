package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// dataFormat is the first byte of encoded Data.
const dataFormat = 0x02

// sentSize is the length of what the terminal told the card.
const sentSize = 6 + 6 + 2 + 5 + 2 + 3 + 1 + 4 + 4

var errData = errors.New("no stored data of a torn transaction")

// Append stores the Data of a torn transaction, so that Resume can go on with it
// after a power failure. It holds account number and card data in the clear.
// Integers are big-endian:
//
//	1 format 02
//	1 length of the DF name (84), and it
//	2 length of the card's objects, and they, in the order of the kernel's table
//	2 length of the static data, and they
//	6 9F02, 6 9F03, 2 9F1A, 5 TVR (95), 2 5F2A, 3 9A, 1 9C, 4 9F37, 4 9F66, as sent
//	1 SFI of the last record, 1 its number, 1 whether it is signed (00 or 01)
//	1 whether a signed record has 9F08 (00 or 01), 2 its value, else 0
//	8 time, unix seconds
//	1 DF60 as sent, 1 DF61 of the application
func (d *Data) Append(dst []byte) []byte {
	be := binary.BigEndian
	dst = append(dst, dataFormat, byte(len(d.aid)))
	dst = append(dst, d.aid...)
	at := len(dst)
	dst = append(dst, 0, 0)
	for o, v := range d.objects {
		if v != nil {
			dst = tlv.Append(dst, objectTable[o].tag, v)
		}
	}
	be.PutUint16(dst[at:], uint16(len(dst)-at-2))
	dst = be.AppendUint16(dst, uint16(len(d.static)))
	dst = append(dst, d.static...)
	s := &d.Sent
	for _, part := range [...][]byte{s.Amount[:], s.Other[:], s.Country[:], s.TVR[:], s.Currency[:], s.Date[:], {s.Type}, s.UN[:], d.TTQ[:]} {
		dst = append(dst, part...)
	}
	dst = append(dst, d.last.sfi, d.last.number, flagByte(d.last.signed), flagByte(d.versionSigned))
	dst = be.AppendUint16(dst, d.version)
	return append(be.AppendUint64(dst, uint64(d.time)), d.DF60, d.Support)
}

func flagByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// DecodeData reads what Append wrote, and nothing else: every encoding but its own
// is refused, and so is data of a transaction that cannot be resumed.
func DecodeData(b []byte) (*Data, error) {
	d := &Data{}
	r := reader{rest: b}
	format := r.next(1)[0]
	d.aid = bytes.Clone(r.next(int(r.next(1)[0])))
	objects := bytes.Clone(r.next(int(binary.BigEndian.Uint16(r.next(2)))))
	d.static = bytes.Clone(r.next(int(binary.BigEndian.Uint16(r.next(2)))))
	d.readSent(r.next(sentSize))
	last := r.next(4)
	d.last, d.versionSigned = recordRef{last[0], last[1], last[2] == 1}, last[3] == 1
	d.version = binary.BigEndian.Uint16(r.next(2))
	d.time = int64(binary.BigEndian.Uint64(r.next(8)))
	transit := r.next(2)
	d.DF60, d.Support = transit[0], transit[1]
	switch {
	case r.short || len(r.rest) != 0:
		return nil, fmt.Errorf("read stored card data: %d bytes do not make it up: %w", len(b), errData)
	case format != dataFormat:
		return nil, fmt.Errorf("read stored card data: format %02X, want %02X: %w", format, dataFormat, errData)
	case len(d.aid) < 5 || len(d.aid) > 16:
		return nil, fmt.Errorf("read stored card data: DF name of %d bytes, want 5 to 16: %w", len(d.aid), errData)
	case d.time < 0:
		return nil, fmt.Errorf("read stored card data: time %d: %w", d.time, errData)
	case d.DF60 > df60Complete || d.Support > maxSupport || d.DF60 != 0 && d.Support == 0:
		return nil, fmt.Errorf("read stored card data: DF60 %02X with DF61 %02X: %w", d.DF60, d.Support, errData)
	case len(d.static) > maxAnswers || len(objects) > maxAnswers:
		return nil, fmt.Errorf("read stored card data: more than %d bytes of one card: %w", maxAnswers, errData)
	}
	var err error
	if d.Amount, err = money.FromN12(d.Sent.Amount[:]); err != nil {
		return nil, fmt.Errorf("read stored card data: 9F02: %w", err)
	}
	if f := putAll(tlv.Iterate(objects), tlv.TagRecordTemplate, d.put); f.Code != NoFault {
		return nil, fmt.Errorf("read stored card data: %v: %w", f, errData)
	}
	if f := d.identify(); f.Code != NoFault {
		return nil, fmt.Errorf("read stored card data: %v: %w", f, errData)
	}
	d.takeFields()
	if d.last.sfi == 0 || d.last.sfi > 30 || d.last.number == 0 || d.IAD.Result() != cryptogram.TC {
		return nil, fmt.Errorf("read stored card data: the last record was not asked for: %w", errData)
	}
	if d.objects[objCAD] != nil && d.TTQ[3]&TTQ4FDDA01 != 0 {
		return nil, fmt.Errorf("read stored card data: 9F69 before the last record proves nothing: %w", errData)
	}
	if !bytes.Equal(d.Append(nil), b) {
		return nil, fmt.Errorf("read stored card data: not in the one form that it has: %w", errData)
	}
	return d, nil
}

func (d *Data) readSent(b []byte) {
	r := reader{rest: b}
	s := &d.Sent
	for _, part := range [...][]byte{s.Amount[:], s.Other[:], s.Country[:], s.TVR[:], s.Currency[:], s.Date[:]} {
		copy(part, r.next(len(part)))
	}
	s.Type = r.next(1)[0]
	copy(s.UN[:], r.next(len(s.UN)))
	copy(d.TTQ[:], r.next(len(d.TTQ)))
}

// reader cuts a slice into parts; once it is too short it gives zeros.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) next(n int) []byte {
	if n > len(r.rest) {
		r.rest, r.short = nil, true
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
