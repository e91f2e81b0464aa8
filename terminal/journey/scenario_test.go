package journey_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/txn"
	wire "github.com/citycard/citycard/wire/journey"
)

// TestScenarios plays days of one rider; testdata/README.md explains the commands. Run
// with -rewrite after a wanted change, and read the difference.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		w := &world{t: t}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t = t
			switch d.Cmd {
			case "book":
				return w.addBook(d)
			case "card":
				return w.newCard(d)
			case "tap":
				return w.tap(d)
			case "show":
				return w.show(d)
			}
			t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
			return ""
		})
	})
}

// world is a rider with a card, and the rule books of the city.
type world struct {
	t          *testing.T
	books      []*fare.Book
	set        *fare.Books
	day        string
	metro, bus wire.Record
	support    byte
	quota      bool
	purse      bool
	unread     bool // the gate does not read the other record
	balance    money.Fen
	counter    uint16
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func word(w *world, d *datadriven.TestData, key, otherwise string) string {
	if d.HasArg(key) {
		d.ScanArgs(w.t, key, &otherwise)
	}
	return otherwise
}

func number(w *world, d *datadriven.TestData, key string) int64 {
	var v int64
	_, err := fmt.Sscan(word(w, d, key, "0"), &v)
	w.must(err)
	return v
}

// addBook adds Beijing's book with other rules for journeys, from a date on; raise adds
// yuan to the lowest fare, renumbered gives every station another number.
func (w *world) addBook(d *datadriven.TestData) string {
	files := maps.Clone(beijing.Files())
	tariff := string(files[fare.TariffFile])
	change := func(old, new string) {
		if !strings.Contains(tariff, old) {
			w.t.Fatalf("%s: the tariff does not hold %q", d.Pos, old)
		}
		tariff = strings.Replace(tariff, old, new, 1)
	}
	change(`"version": 1`, `"version": `+word(w, d, "version", "1"))
	change(`"since": "2014-12-28"`, `"since": "`+word(w, d, "since", "2014-12-28")+`"`)
	change(`"up_to_m": 6000, "fare_yuan": 3`, fmt.Sprintf(`"up_to_m": 6000, "fare_yuan": %d`, 3+number(w, d, "raise")))
	files[fare.TariffFile] = []byte(tariff)
	if d.HasArg("renumbered") {
		files[fare.StationsFile] = lastLineFirst(string(files[fare.StationsFile]))
	}
	if d.Input != "" {
		files[fare.JourneysFile] = []byte(d.Input)
	}
	b, err := fare.Parse(files)
	w.must(err)
	w.books = append(w.books, b)
	w.set, err = fare.NewBooks(w.books...)
	w.must(err)
	return "ok\n"
}

// lastLineFirst moves the rows of the last line to the top, so that every station gets
// another number.
func lastLineFirst(text string) []byte {
	rows := strings.Split(strings.TrimSpace(text), "\n")
	last, _, _ := strings.Cut(rows[len(rows)-1], ",")
	out, rest := []string{rows[0]}, []string(nil)
	for _, r := range rows[1:] {
		if strings.HasPrefix(r, last+",") {
			out = append(out, r)
		} else {
			rest = append(rest, r)
		}
	}
	return []byte(strings.Join(append(out, rest...), "\n") + "\n")
}

func (w *world) date(s string) wire.Day {
	if s == "" {
		return 0
	}
	t, err := time.ParseInLocation(time.DateOnly, s, txn.CityTime)
	w.must(err)
	return wire.DayOf(t.Unix())
}

func (w *world) newCard(d *datadriven.TestData) string {
	r := wire.Record{
		ID: wire.Metro, Valid: !d.HasArg("not-valid"), Mode: wire.SectionFare, Locked: d.HasArg("locked"), Serial: wire.Serial{7: 0x17},
		Concession: byte(number(w, d, "concession")), ConcessionUntil: w.date(word(w, d, "until", "")),
		Rides: byte(number(w, d, "rides")), RidesUntil: w.date(word(w, d, "rides-until", "")),
	}
	if sum := number(w, d, "sum"); sum > 0 {
		r.MonthSum = money.Fen(sum)
		month, err := hex.DecodeString(word(w, d, "month", "2604"))
		w.must(err)
		r.Month = [2]byte(month)
	}
	w.metro, w.bus = r, r
	w.bus.ID = wire.Bus
	w.support, w.counter = 2, 0
	if d.HasArg("support") {
		w.support = byte(number(w, d, "support"))
	}
	w.quota, w.purse, w.unread = d.HasArg("quota"), d.HasArg("purse"), d.HasArg("other-unread")
	w.balance = 100_00
	if d.HasArg("balance") {
		w.balance = money.Fen(number(w, d, "balance"))
	}
	return "ok\n"
}

var modes = map[string]journey.Mode{"entry": journey.Entry, "exit": journey.Exit, "bus": journey.Bus, "board": journey.Board, "alight": journey.Alight}

// now reads at=06:45 or at=2026-04-01T06:45; a time alone is of the last day named.
func (w *world) now(d *datadriven.TestData) int64 {
	at := word(w, d, "at", "12:00")
	if day, clock, ok := strings.Cut(at, "T"); ok {
		w.day, at = day, clock
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", w.day+" "+at, txn.CityTime)
	w.must(err)
	return t.Unix()
}

// bookAt is the book that the terminals have then; before the first, the first.
func (w *world) bookAt(unix int64) *fare.Book {
	if b, err := w.set.At(fare.DateOf(unix)); err == nil {
		return b
	}
	return w.books[0]
}

// tap holds the card to a terminal; lost: it leaves before it commits.
func (w *world) tap(d *datadriven.TestData) string {
	t := journey.Tap{
		Mode: modes[d.CmdArgs[0].Key], Now: w.now(d), Medium: fare.MunicipalCard, Terminal: txn.TerminalID(1000 + w.counter),
		Workday: func(unix int64) bool { return fare.DateOf(unix).Weekday() != time.Sunday },
		Route:   uint16(number(w, d, "route")), Stop: byte(number(w, d, "stop")), Direction: byte(number(w, d, "direction")), Metres: int(number(w, d, "metres")),
	}
	t.Vehicle[7] = byte(number(w, d, "vehicle"))
	book := w.bookAt(t.Now)
	if name := word(w, d, "station", ""); name != "" {
		id, ok := book.StationByName(name)
		if !ok {
			w.t.Fatalf("%s: no station %q", d.Pos, name)
		}
		t.Station = id
	}
	if name := word(w, d, "line", ""); name != "" {
		for _, l := range book.AllLines() {
			if l.Name == name {
				t.Line = uint16(l.ID)
			}
		}
	}
	mine, other := &w.metro, &w.bus
	if t.Mode.OnBus() {
		mine, other = &w.bus, &w.metro
	}
	c := journey.Card{Record: *mine, Other: other, Support: w.support, Quota: w.quota, Purse: w.purse, Balance: w.balance}
	if w.unread {
		c.Other = nil
	}
	got, err := journey.DecideDated(w.set, &c, &t)
	if err != nil {
		return fmt.Sprintf("error: %v (setting %v)\n", err, errors.Is(err, journey.ErrTap))
	}
	if got.Refused != journey.NoRefusal {
		return "refused: " + got.Refused.String() + "\n"
	}
	w.counter++
	before := w.balance
	after := before - got.Amount
	if got.Kind == txn.Completion {
		after += got.Held
	}
	if after < 0 {
		return fmt.Sprintf("%s: the card declines %v\n", w.row(&got), got.Amount)
	}
	if d.HasArg("lost") {
		return w.row(&got) + " lost\n"
	}
	got.Finish(w.counter, after)
	encoded, err := got.Next.Append(nil)
	w.must(err)
	*mine, err = wire.Decode(encoded)
	w.must(err)
	line, err := got.Trip.Append(nil)
	w.must(err)
	trip, err := wire.DecodeTrip(line)
	w.must(err)
	w.balance = after
	return w.row(&got) + "\n" + w.logLine(&trip) + "\n"
}

// row is what the row of a tap says.
func (w *world) row(d *journey.Decision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s DF60=%d %v", d.Kind, d.DF60, d.Amount)
	if d.Full != d.Amount {
		fmt.Fprintf(&b, " of %v", d.Full)
	}
	if d.Held != 0 {
		fmt.Fprintf(&b, ", held %v", d.Held)
	}
	if d.MonthSum != 0 || d.Counted != 0 {
		fmt.Fprintf(&b, ", %X: %v + %v", d.Month, d.MonthSum, d.Counted)
	}
	if d.Concession != 0 {
		fmt.Fprintf(&b, ", concession %d", d.Concession)
	}
	if d.EntryTime != 0 {
		fmt.Fprintf(&b, ", since %s (terminal %d, counter %d)", clock(d.EntryTime), d.EntryTerminal, d.EntryATC)
	}
	if d.Flags.Has(txn.EntryUnread) {
		b.WriteString(", entry not read")
	}
	fmt.Fprintf(&b, ", book %d", d.Rule)
	return b.String()
}

func clock(unix int64) string { return time.Unix(unix, 0).In(txn.CityTime).Format("15:04") }

func (w *world) logLine(t *wire.Trip) string {
	return fmt.Sprintf("  log: type %02X trade %02X %v, balance %v, counter %d", byte(t.Type), t.Trade, t.Amount, t.Balance, t.ATC)
}

// show is what the card's record says.
func (w *world) show(d *datadriven.TestData) string {
	r, name := &w.metro, "metro"
	if d.HasArg("bus") {
		r, name = &w.bus, "bus"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, mode %d", name, r.State, r.Mode)
	for _, e := range []struct {
		what string
		p    *wire.Place
	}{{"entry", &r.Entry}, {"exit", &r.Exit}} {
		if e.p.Time == 0 {
			continue
		}
		fmt.Fprintf(&b, ", %s %s", e.what, clock(e.p.Time))
		if e.p.Station != 0 {
			book, _ := w.set.Version(r.Rule)
			b.WriteString(" " + book.Name(fare.StationID(e.p.Station)))
		}
		if e.p.Line != 0 {
			fmt.Fprintf(&b, " line %d stop %d", e.p.Line, e.p.Stop)
		}
	}
	for _, v := range []struct {
		what  string
		value money.Fen
	}{{"amount", r.Amount}, {"overdue", r.Overdue}, {"held", r.Held}, {"transfer", r.Off}} {
		if v.value != 0 {
			fmt.Fprintf(&b, ", %s %v", v.what, v.value)
		}
	}
	fmt.Fprintf(&b, "\n  month %X sum %v, rides %d, %d m from position %d, balance %v\n", r.Month, r.MonthSum, r.Rides,
		int(r.Distance)*wire.DistanceUnit, r.Position, w.balance)
	return b.String()
}
