package timeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// appendLogs adds what the card's own logs say, see Append.
func (c *Card) appendLogs(dst []byte) []byte {
	if !c.told() {
		return dst
	}
	be := binary.BigEndian
	dst = slices.Grow(dst, 4+len(c.logged)*loggedSize+len(c.reach)*reachSize)
	dst = be.AppendUint16(be.AppendUint16(dst, uint16(len(c.logged))), uint16(len(c.reach)))
	for i := range c.logged {
		r := &c.logged[i]
		dst = be.AppendUint16(dst, r.ATC)
		dst = be.AppendUint32(dst, uint32(r.Amount))
		dst = be.AppendUint32(dst, uint32(r.Time))
		dst = be.AppendUint32(dst, uint32(r.Terminal))
		dst = append(dst, r.Place[:]...)
	}
	for _, r := range c.reach {
		dst = be.AppendUint16(be.AppendUint16(dst, r.from), r.to)
	}
	return dst
}

// decodeLogs reads what appendLogs writes.
func (c *Card) decodeLogs(b []byte) error {
	be := binary.BigEndian
	if len(b) < 4 {
		return errors.New("logs are announced and lacking")
	}
	records, runs := int(be.Uint16(b)), int(be.Uint16(b[2:]))
	if want := 4 + records*loggedSize + runs*reachSize; len(b) != want || records+runs == 0 || records+runs > maxLogged {
		return fmt.Errorf("%d bytes of logs, want %d for %d records and %d runs, at least 1 and at most %d in all", len(b), want, records, runs, maxLogged)
	}
	b = b[4:]
	for i := range records {
		v := b[i*loggedSize:][:loggedSize]
		r := LogRecord{ATC: be.Uint16(v), Amount: money.Fen(be.Uint32(v[2:])), Time: int64(be.Uint32(v[6:])), Terminal: txn.TerminalID(be.Uint32(v[10:]))}
		copy(r.Place[:], v[14:])
		if i > 0 && compareRecords(c.logged[i-1], r) >= 0 {
			return fmt.Errorf("log record %d of ATC %04X is out of order or repeated", i, r.ATC)
		}
		if c.archived(r.ATC) {
			return fmt.Errorf("log record %d of ATC %04X lies before the first entry", i, r.ATC)
		}
		c.logged = append(c.logged, r)
	}
	b = b[records*loggedSize:]
	for i := range runs {
		r := reach{be.Uint16(b[i*reachSize:]), be.Uint16(b[i*reachSize+2:])}
		if r.from > r.to || i > 0 && int(r.from) <= int(c.reach[i-1].to)+1 || c.archived(r.from) {
			return fmt.Errorf("run %d of counters, %04X to %04X, is out of order or touches the one before", i, r.from, r.to)
		}
		c.reach = append(c.reach, r)
	}
	return nil
}
