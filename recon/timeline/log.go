package timeline

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
	"github.com/citycard/citycard/wire/tlv"
)

// PlaceSize is the length of a merchant's name and place in a log (9F4E).
const PlaceSize = 20

// Log is what the card's log of transactions, or its log of journeys (file 1E), said
// when it was read. It is under no MAC, so it may only be used if it was read in an
// authenticated session of the issuer, and even then it is a word: it names, and it
// moves no money before the window is over.
type Log struct {
	ATC     uint16 // the card's counter when it was read (9F36)
	Records []LogRecord
	// Slots is how many records the log keeps (9F4D, second byte), if the card writes
	// every committed offline debit into it (9F68 byte 2 bit 5): then a counter within
	// its reach that it does not list took nothing. 0 if it does not, as the log of
	// journeys, or if that is not known.
	Slots int
}

// LogRecord is one committed transaction in a log.
type LogRecord struct {
	ATC      uint16
	Amount   money.Fen
	Time     int64          // by the terminal's clock, unix seconds; 0 if unknown
	Terminal txn.TerminalID // 0 if the log does not tell
	// Place is the merchant's name and place (9F4E), or line and station, as the log has
	// it; zeros if unknown.
	Place [PlaceSize]byte
}

// Errors of Note.
var (
	// ErrLogOrder says that a log lists a counter that the card had not reached.
	ErrLogOrder = errors.New("log lists a counter above the card's own")
	// ErrLogFull says that a timeline holds as much from logs as it may: compact it.
	ErrLogFull = errors.New("too much from logs in one timeline")
)

// maxLogged bounds what logs can add to one timeline.
const maxLogged = 4096

// DecodeLogRecord reads one record of the transaction log by the card's log format
// 9F4F (JR/T 0025.5): bare values in its order. The format must have 9F36 and 9F02, and
// may have 9A, 9F21 and 9F4E; other values are left out. The error wraps ErrLog.
func DecodeLogRecord(b []byte, format tlv.DOL) (LogRecord, error) {
	if len(b) != format.Len() {
		return LogRecord{}, fmt.Errorf("log record of %d bytes, its format 9F4F has %d: %w", len(b), format.Len(), ErrLog)
	}
	var r LogRecord
	var err error
	date, clock := make([]byte, 3), make([]byte, 3)
	counter, amount := false, false
	for _, e := range format {
		v := b[:e.Len]
		b = b[e.Len:]
		switch {
		case e.Tag == tlv.TagATC && e.Len == 2:
			r.ATC, counter = binary.BigEndian.Uint16(v), true
		case e.Tag == tlv.TagAmountAuthorised && e.Len == 6:
			if r.Amount, err = money.FromN12(v); err != nil {
				return LogRecord{}, fmt.Errorf("log record, 9F02: %w: %w", err, ErrLog)
			}
			amount = true
		case e.Tag == tlv.TagTransactionDate && e.Len == 3:
			copy(date, v)
		case e.Tag == tlv.TagTransactionTime && e.Len == 3:
			copy(clock, v)
		case e.Tag == tlv.TagMerchantName && e.Len <= PlaceSize:
			copy(r.Place[:], v)
		}
	}
	if !counter || !amount {
		return LogRecord{}, fmt.Errorf("log format without 9F36 of 2 bytes or 9F02 of 6 names no counter or no amount: %w", ErrLog)
	}
	if r.Time, err = logTime(date, clock); err != nil {
		return LogRecord{}, fmt.Errorf("log record: %w: %w", err, ErrLog)
	}
	return r, r.valid()
}

// FromTrip makes a record of a line of the log of journeys (file 1E). ok is false if the
// line names no counter.
func FromTrip(t *journey.Trip) (r LogRecord, ok bool) {
	r = LogRecord{ATC: t.ATC, Amount: t.Amount, Time: t.Time}
	if t.Terminal <= 1<<32-1 {
		r.Terminal = txn.TerminalID(t.Terminal)
	}
	copy(r.Place[:], fmt.Sprintf("line %d stop %d", t.Line, t.Station))
	return r, t.ATC != 0 && r.valid() == nil
}

// valid checks what the encoded form can hold.
func (r *LogRecord) valid() error {
	switch {
	case r.Amount < 0 || r.Amount > maxDebit:
		return fmt.Errorf("amount %s of ATC %04X in a log: %w", r.Amount, r.ATC, ErrValue)
	case r.Time < 0 || r.Time > maxTime:
		return fmt.Errorf("time %d of ATC %04X in a log: %w", r.Time, r.ATC, ErrValue)
	}
	return nil
}

func compareRecords(a, b LogRecord) int {
	return cmp.Or(cmp.Compare(a.ATC, b.ATC), cmp.Compare(a.Amount, b.Amount), cmp.Compare(a.Time, b.Time), cmp.Compare(a.Terminal, b.Terminal),
		slices.Compare(a.Place[:], b.Place[:]))
}

// reach is a run of counters, both ends included, that a log would have listed.
type reach struct{ from, to uint16 }

// Note puts down what a log says. Logs may come in any order, before or after the
// observations of their counters, and again: only the set of them counts. What lies
// before the cut of a compacted card is left out, so restore a card that has shed its
// past (Restore) first. The error wraps ErrLogOrder, ErrLogFull or ErrValue, and nothing is put down.
func (c *Card) Note(l Log) error {
	for i := range l.Records {
		if r := &l.Records[i]; r.ATC > l.ATC {
			return fmt.Errorf("log read at ATC %04X lists %04X: %w", l.ATC, r.ATC, ErrLogOrder)
		} else if err := r.valid(); err != nil {
			return err
		}
	}
	records, seen := slices.Clone(c.logged), slices.Clone(c.reach)
	for _, r := range l.Records {
		if i, found := slices.BinarySearchFunc(records, r, compareRecords); !found && !c.archived(r.ATC) {
			records = slices.Insert(records, i, r)
		}
	}
	if l.Slots > 0 {
		seen = unite(append(seen, c.covers(&l)...))
	}
	if len(records)+len(seen) > maxLogged {
		return fmt.Errorf("%d records from logs: %w", len(records)+len(seen), ErrLogFull)
	}
	c.logged, c.reach = records, seen
	return nil
}

// archived reports whether Compact has dropped what was below the counter.
func (c *Card) archived(atc uint16) bool { return c.compacted && atc < c.entries[0].atc }

// covers is the counters that a log would have listed and does not.
func (c *Card) covers(l *Log) []reach {
	listed := make([]uint16, 0, len(l.Records)+1)
	for i := range l.Records {
		listed = append(listed, l.Records[i].ATC)
	}
	slices.Sort(listed)
	from := 0 // a log with room left has forgotten nothing
	if len(l.Records) >= l.Slots {
		from = int(listed[0])
	}
	if c.compacted {
		from = max(from, int(c.entries[0].atc))
	}
	var out []reach
	for _, atc := range append(listed, l.ATC) {
		to := int(atc) - 1
		if atc == l.ATC && !slices.Contains(listed, atc) {
			to++
		}
		if from <= to {
			out = append(out, reach{uint16(from), uint16(to)})
		}
		from = max(from, int(atc)+1)
	}
	return out
}

// unite sorts runs of counters and joins those that touch.
func unite(runs []reach) []reach {
	slices.SortFunc(runs, func(a, b reach) int { return cmp.Compare(a.from, b.from) })
	out := runs[:0]
	for _, r := range runs {
		if n := len(out); n > 0 && int(r.from) <= int(out[n-1].to)+1 {
			out[n-1].to = max(out[n-1].to, r.to)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Logged gives what logs say of the counters above p and below q, in their order. Two
// records of one counter are two logs that tell it differently.
func (c *Card) Logged(p, q uint16) []LogRecord { return slices.Clone(c.between(p, q)) }

func (c *Card) between(p, q uint16) []LogRecord {
	first := func(atc int) int {
		i, _ := slices.BinarySearchFunc(c.logged, atc, func(r LogRecord, atc int) int { return cmp.Compare(int(r.ATC), atc) })
		return i
	}
	from, to := first(int(p)+1), first(int(q))
	return c.logged[min(from, to):to]
}

// logWord is what the logs say of an offered debit: that the card committed it, that it
// did not, or nothing, also where they contradict themselves.
func (c *Card) logWord(e *entry) Certainty {
	i, _ := slices.BinarySearchFunc(c.logged, e.atc, func(r LogRecord, atc uint16) int { return cmp.Compare(r.ATC, atc) })
	listed, denied, agrees := false, c.denies(e.atc), true
	for ; i < len(c.logged) && c.logged[i].ATC == e.atc; i++ {
		listed = true
		agrees = agrees && c.logged[i].Amount == e.debit
	}
	switch {
	case listed && !denied && agrees:
		return Yes
	case denied && !listed:
		return No
	}
	return Open
}

// denies reports whether a log that reaches to the counter does not list it.
func (c *Card) denies(atc uint16) bool {
	i, found := slices.BinarySearchFunc(c.reach, atc, func(r reach, atc uint16) int { return cmp.Compare(r.from, atc) })
	return found || i > 0 && c.reach[i-1].to >= atc
}
