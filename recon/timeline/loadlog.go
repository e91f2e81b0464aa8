package timeline

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Sizes of the summary of the load log (JR/T 0025.13).
const (
	loadLogHead  = 3
	loadLogEntry = 22
	loadLogMAC   = 4
	loadLogMax   = 10
)

// Errors of the decoders of logs.
var (
	ErrLog    = errors.New("not a log of the card")
	ErrLogMAC = errors.New("MAC of the load log is wrong")
)

// LoadLog is what the card's load log says of its last loads (JR/T 0025.13, READ RECORD
// with P1 00): under one MAC, so that it can be believed.
type LoadLog struct {
	ATC     uint16 // the card's counter when it was read: the MAC's session key is made of it
	Entries []LoadLogEntry
}

// LoadLogEntry is one load that the card has executed.
type LoadLogEntry struct {
	Tag           tlv.Tag // balance that was set: 9F79, or DF79 of the second currency
	Before, After money.Fen
	ATC           uint16
	Time          int64 // by the terminal's clock, unix seconds; 0 if nobody gave one
}

// DecodeLoadLog reads the answer to READ RECORD with P1 00 on the load log, without the
// status:
//
//	ATC 2 · number of loads n 1 · n times, newest first: tag 2, before 6 (n12),
//	after 6 (n12), 9A 3, 9F21 3, ATC 2 · MAC 4
//
// Nothing of it counts before VerifyLoadLog has said so. The error wraps ErrLog.
func DecodeLoadLog(b []byte) (LoadLog, error) {
	if len(b) < loadLogHead+loadLogMAC {
		return LoadLog{}, fmt.Errorf("load log of %d bytes, want at least %d: %w", len(b), loadLogHead+loadLogMAC, ErrLog)
	}
	l, n := LoadLog{ATC: binary.BigEndian.Uint16(b)}, int(b[2])
	if want := loadLogHead + n*loadLogEntry + loadLogMAC; n > loadLogMax || len(b) != want {
		return LoadLog{}, fmt.Errorf("load log of %d bytes with %d loads, want %d bytes and at most %d loads: %w", len(b), n, want, loadLogMax, ErrLog)
	}
	last := l.ATC
	for i := range n {
		r := b[loadLogHead+i*loadLogEntry:][:loadLogEntry]
		e := LoadLogEntry{Tag: tlv.Tag(binary.BigEndian.Uint16(r)), ATC: binary.BigEndian.Uint16(r[20:])}
		var err error
		if e.Before, err = money.FromN12(r[2:8]); err == nil {
			if e.After, err = money.FromN12(r[8:14]); err == nil {
				e.Time, err = logTime(r[14:17], r[17:20])
			}
		}
		if err != nil {
			return LoadLog{}, fmt.Errorf("load log, load %d: %w: %w", i+1, err, ErrLog)
		}
		if e.ATC > last {
			return LoadLog{}, fmt.Errorf("load log, load %d: ATC %04X comes after %04X: %w", i+1, e.ATC, last, ErrLog)
		}
		last = e.ATC
		l.Entries = append(l.Entries, e)
	}
	return l, nil
}

// VerifyLoadLog checks the MAC of the bytes that DecodeLoadLog reads. cardMAC is the
// card's own MAC key, of which the session key of the ATC in front is derived; whoever
// holds it is the issuer. The error wraps ErrLog or ErrLogMAC.
func VerifyLoadLog(b []byte, alg cryptogram.Alg, cardMAC cryptogram.Key) error {
	if _, err := DecodeLoadLog(b); err != nil {
		return err
	}
	covered, got := b[:len(b)-loadLogMAC], b[len(b)-loadLogMAC:]
	want := cryptogram.MAC(alg, cryptogram.DeriveSessionKey(alg, cardMAC, binary.BigEndian.Uint16(b)), covered)
	if subtle.ConstantTimeCompare(want[:loadLogMAC], got) != 1 {
		return fmt.Errorf("load log at ATC %04X: %w", binary.BigEndian.Uint16(b), ErrLogMAC)
	}
	return nil
}

// FromLoadLog says of loads in the issuer's host log whether they ran: it gives those
// of which the verified load log knows, with Commit set, to be added to the card again.
// A load that the log lists ran. One that it does not list did not run if the log covers
// its counter: the card has gone on to a later counter, so that no script can follow,
// and the log holds an older load or has room left. slots is how many loads the card's
// log keeps (DF4D, second byte), 0 if that is not known.
//
// unknown are the entries for 9F79 that fit no load: the card ran a load that the host
// log does not hold, or not with this amount. That is the issuer's business, not a word.
func FromLoadLog(l LoadLog, slots int, loads []Observation) (words []Observation, unknown []LoadLogEntry) {
	known := make([]bool, len(l.Entries))
	oldest := uint16(0)
	if n := len(l.Entries); n >= min(slots, loadLogMax) {
		oldest = l.ATC
		if n > 0 {
			oldest = l.Entries[n-1].ATC
		}
	}
	for _, o := range loads {
		if o.Kind != Load || o.Purse {
			continue
		}
		listed := func(e LoadLogEntry) bool { return e.Tag == tlv.TagECBalance && e.ATC == o.ATC }
		i := slices.IndexFunc(l.Entries, func(e LoadLogEntry) bool { return listed(e) && e.Before == o.B && e.After == o.B+o.Debit })
		switch {
		case i >= 0:
			known[i], o.Commit = true, Yes
		case !slices.ContainsFunc(l.Entries, listed) && oldest < o.ATC && o.ATC < l.ATC:
			o.Commit = No
		default:
			continue
		}
		words = append(words, o)
	}
	for i, e := range l.Entries {
		if !known[i] && e.Tag == tlv.TagECBalance {
			unknown = append(unknown, e)
		}
	}
	return words, unknown
}

// logTime reads a date 9A and a time 9F21 at UTC+8. Zeros, which a card writes where
// nobody gave it a date, are 0.
func logTime(date, clock []byte) (int64, error) {
	var v [6]int
	zero := true
	for i, c := range slices.Concat(date, clock) {
		if c>>4 > 9 || c&15 > 9 {
			return 0, fmt.Errorf("date and time %x %x are no digits", date, clock)
		}
		v[i] = int(c>>4)*10 + int(c&15)
		zero = zero && (c == 0 || i >= len(date))
	}
	if zero {
		return 0, nil
	}
	t := time.Date(2000+v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], 0, txn.CityTime)
	if y, m, d := t.Date(); y != 2000+v[0] || int(m) != v[1] || d != v[2] || v[3] > 23 || v[4] > 59 || v[5] > 59 {
		return 0, fmt.Errorf("date and time %x %x do not exist", date, clock)
	}
	return t.Unix(), nil
}
