package shard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// rowFiles are a town's rows on disk: a folder for each day on which they come, in it
// a file for each group of terminals, as blocks come in. So a card's rows lie apart.
type rowFiles struct {
	dir  string
	days map[int]*[rowGroups]*bufio.Writer
	open map[int][]*os.File
}

const (
	rowGroups = 32
	rowDays   = 10 // from the day on which the rows are made
)

func newRowFiles(dir string) *rowFiles {
	return &rowFiles{dir, map[int]*[rowGroups]*bufio.Writer{}, map[int][]*os.File{}}
}

func (f *rowFiles) folder(day int) string { return filepath.Join(f.dir, fmt.Sprintf("rows-%03d", day)) }

// close closes what is still open.
func (f *rowFiles) close() {
	for _, files := range f.open {
		for _, file := range files {
			_ = file.Close() // of a day that nobody wants
		}
	}
}

// prepare opens the files of a day.
func (f *rowFiles) prepare(day int) error {
	if f.days[day] != nil {
		return nil
	}
	if err := os.MkdirAll(f.folder(day), 0o700); err != nil {
		return err
	}
	var w [rowGroups]*bufio.Writer
	for i := range w {
		file, err := os.Create(filepath.Join(f.folder(day), fmt.Sprintf("%02d", i)))
		if err != nil {
			return err
		}
		f.open[day] = append(f.open[day], file)
		w[i] = bufio.NewWriterSize(file, 32<<10)
	}
	f.days[day] = &w
	return nil
}

// make writes the rows that a town makes on a day, and closes what comes in on it.
func (f *rowFiles) make(w *town, day int) (rows int64, err error) {
	for d := day; d < day+rowDays; d++ {
		if err := f.prepare(d); err != nil {
			return 0, err
		}
	}
	var b [eventSize]byte
	w.day(day, func(late, card int, o *timeline.Observation) {
		if late >= rowDays {
			return
		}
		var k sqlite.Token
		key := townKey(card).Bytes()
		copy(k[:], key[:])
		putEvent(&b, &k, o)
		if _, e := f.days[day+late][uint32(o.Terminal)%rowGroups].Write(b[:]); e != nil {
			err = e
		}
	})
	for i, file := range f.open[day] {
		err = errors.Join(err, f.days[day][i].Flush())
		if info, e := file.Stat(); e == nil {
			rows += info.Size() / eventSize
		}
		err = errors.Join(err, file.Close())
	}
	delete(f.days, day)
	delete(f.open, day)
	return rows, err
}

// on reads the rows of a day.
func (f *rowFiles) on(day int) iter.Seq2[recon.Event, error] {
	return func(yield func(recon.Event, error) bool) {
		for i := range rowGroups {
			file, err := os.Open(filepath.Join(f.folder(day), fmt.Sprintf("%02d", i)))
			if err != nil {
				yield(recon.Event{}, err)
				return
			}
			more := readRows(file, yield)
			if file.Close() != nil || !more {
				return
			}
		}
	}
}

func readRows(file io.Reader, yield func(recon.Event, error) bool) bool {
	r := bufio.NewReaderSize(file, 256<<10)
	var b [eventSize]byte
	for {
		switch _, err := io.ReadFull(r, b[:]); {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			yield(recon.Event{}, err)
			return false
		}
		key, err := txn.CardKeyFromBytes(b[:txn.CardKeySize])
		if !yield(recon.Event{Card: key, Obs: getEvent(b[:])}, err) {
			return false
		}
	}
}

// usage is the processor time of this process, and the most memory it has had.
func usage(t testing.TB) (cpu time.Duration, peak int64) {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), u.Maxrss << 10
}

// cityBooks posts to a real ledger, whose accounts it opens when they are first wanted.
func cityBooks(vault *sqlite.Vault) func(*sqlite.Tx, []recon.Posting) error {
	operator, claim := books.Institution(ledger.Operator, 1), books.Institution(ledger.Claim, 1)
	poster := books.Poster{Issuer: issuer.Books{Tokens: books.Tokens(vault)}, Ends: func(txn.TerminalID) (ledger.AccountID, ledger.AccountID, bool, error) {
		return operator, claim, true, nil
	}}
	return func(tx *sqlite.Tx, postings []recon.Posting) error {
		accounts := []ledger.Account{{ID: operator, Kind: ledger.Operator, Limit: ledger.Unlimited}, {ID: claim, Kind: ledger.Claim, Limit: ledger.Unlimited}}
		for i := range postings {
			t := poster.Issuer.Tokens.Token(postings[i].Key.Card)
			accounts = append(accounts, ledger.Account{ID: issuer.FloatAccount(t), Kind: ledger.CardFloat, Limit: ledger.Unlimited},
				ledger.Account{ID: issuer.CustomerAccount(t), Kind: ledger.CustomerBank, Limit: ledger.Unlimited})
		}
		slices.SortFunc(accounts, func(a, b ledger.Account) int { return strings.Compare(string(a.ID[:]), string(b.ID[:])) })
		accounts = slices.CompactFunc(accounts, func(a, b ledger.Account) bool { return a.ID == b.ID })
		if _, err := tx.OpenAccounts(accounts); err != nil {
			return err
		}
		return poster.Correct(tx, 1, postings)
	}
}

// cityRules are those of a city in service.
func cityRules() timeline.Params {
	p := timeline.DefaultParams()
	p.ProvisionalAfter, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 3*day, 5000, 20_000, 1_000_000_000
	return p
}

// BenchmarkReconCity is the day of a city: a number of cards, 1.25 rows a card, the
// last day of some. What it measures is in docs/reference/recon-city.md. The number of
// days is 6, or that in CITYCARD_CITY_DAYS.
func BenchmarkReconCity(b *testing.B) {
	for _, cards := range []int{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("cards=%d", cards), func(b *testing.B) {
			days := 6
			if v := os.Getenv("CITYCARD_CITY_DAYS"); v != "" {
				n, err := strconv.Atoi(v)
				if err != nil || n < 1 {
					b.Fatalf("CITYCARD_CITY_DAYS=%q: write a number of days", v)
				}
				days = n
			}
			for range b.N {
				c := newCityRun(b, cards)
				for n := range days {
					c.day(b, n)
				}
				_, peak := usage(b)
				late, lookup := c.queries(b, days)
				look, process := c.ask(b, days, true)
				b.ReportMetric(c.wall.Seconds(), "day-s")
				b.ReportMetric(c.cpu.Seconds(), "cpu-s")
				b.ReportMetric(float64(peak>>20), "peak-MiB")
				b.ReportMetric(float64(late.Microseconds())/1000, "late-ms")
				b.ReportMetric(float64(lookup.Microseconds())/1000, "lookup-ms")
				b.ReportMetric(float64(look.Microseconds())/1000, "card-ms")
				b.ReportMetric(float64(process.Microseconds())/1000, "card-process-ms")
			}
		})
	}
}

// TestCityInSmall is a hundredth of the city: every row counts, no card is wrongly
// accused, and the timelines end where the cards are.
func TestCityInSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred thousand cards")
	}
	c := newCityRun(t, 100_000)
	const days = 4
	for n := range days {
		c.day(t, n)
	}
	c.queries(t, days)
	c.ask(t, days, false)
	checked := 0
	for i := 0; i < len(c.town.atc); i += 50 {
		card, found, err := c.store.Timeline(context.Background(), townKey(i))
		if err != nil || !found {
			t.Fatalf("card %d: %v %v", i, found, err)
		}
		var last timeline.Observation
		for o := range card.Observations {
			last = o
		}
		if last.ATC != c.town.atc[i] || last.Kind == timeline.Load || last.Kind == timeline.Doubt {
			continue // a row is on its way, lost, or says nothing of what came after it
		}
		if left := last.B - last.Debit; left != money.Fen(c.town.value[i]) {
			t.Errorf("card %d ends with %s, the card has %d", i, left, c.town.value[i])
		}
		checked++
	}
	if checked < 1000 {
		t.Errorf("only %d cards could be compared", checked)
	}
}

// cityRun is a town, its rows on disk, and the store.
type cityRun struct {
	dir       string
	town      *town
	files     *rowFiles
	store     *Store
	wall, cpu time.Duration // of the last day
}

func newCityRun(t testing.TB, cards int) *cityRun {
	t.Helper()
	dir := t.TempDir()
	c := &cityRun{dir: dir, town: newTown(1, cards), files: newRowFiles(dir), store: openStore(t, dir, Options{Post: cityBooks(newVault(t))})}
	t.Cleanup(c.files.close)
	if _, err := c.store.Day(context.Background(), recon.Input{Now: townStart, Params: cityRules(), Events: c.town.opening}); err != nil {
		t.Fatal(err)
	}
	return c
}

// day makes the rows of a day and reconciles it.
func (c *cityRun) day(t testing.TB, n int) {
	t.Helper()
	rows, err := c.files.make(c.town, n)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := usage(t)
	start := time.Now()
	r, err := c.store.Day(context.Background(), recon.Input{Now: closing(n), Params: cityRules(), Events: c.files.on(n)})
	if err != nil {
		t.Fatal(err)
	}
	c.wall = time.Since(start)
	after, peak := usage(t)
	c.cpu = after - before
	t.Logf("day %2d: %d rows, %d cards, %d looked at, %d with their past; %d breaks, %d open, %d flash cards; head %d MiB, past %d MiB; %.1f s, %.1f s of processor, peak %d MiB",
		n, rows, r.Cards, r.Touched, r.Restored, len(r.Breaks), r.Open, len(r.Flash), r.HeadBytes>>20, r.PastBytes>>20, c.wall.Seconds(), c.cpu.Seconds(), peak>>20)
	for _, a := range r.Alarms {
		t.Fatalf("day %d: card %s: alarm %s, and no card is odd", n, a.Card, a.Kind)
	}
	if int64(r.Events) != rows || r.Cards != int64(len(c.town.atc)) {
		t.Fatalf("day %d: %d of %d rows, %d cards", n, r.Events, rows, r.Cards)
	}
	if err := os.RemoveAll(c.files.folder(n)); err != nil {
		t.Fatal(err)
	}
}

// queries gives the 99th percentile of a late row and of a look at one card.
func (c *cityRun) queries(b testing.TB, days int) (late, lookup time.Duration) {
	b.Helper()
	s := c.store
	d, p := dice(7), cityRules()
	var lates, lookups []time.Duration
	for range 400 {
		i := int(d.n(uint64(len(c.town.atc))))
		start := time.Now()
		k, found, err := s.Timeline(context.Background(), townKey(i))
		if err != nil {
			b.Fatal(err)
		}
		if !found {
			continue
		}
		k.Judge(closing(days-1)+60, p, nil)
		k.Verdicts(&p)
		lookups = append(lookups, time.Since(start))
		o, ok := missingRow(k)
		if !ok {
			continue
		}
		start = time.Now()
		if _, err := s.Late(context.Background(), closing(days-1)+60, p, nil, recon.Event{Card: townKey(i), Obs: o}); err != nil {
			b.Fatal(err)
		}
		lates = append(lates, time.Since(start))
	}
	return Percentile(b, "a late row", lates), Percentile(b, "a look at one card", lookups)
}

// Percentile gives the time below which 99 of 100 are, and says more on the log.
func Percentile(t testing.TB, what string, d []time.Duration) time.Duration {
	t.Helper()
	slices.Sort(d)
	t.Logf("%s: %d times, median %s, 99 of 100 below %s, worst %s", what, len(d), d[len(d)/2], d[len(d)*99/100], d[len(d)-1])
	return d[len(d)*99/100]
}

// AskOffice is set by the tests that know the office; see there.
var AskOffice func(t testing.TB, dir string, at int64, keys []txn.CardKey, withProcess bool) (look, process time.Duration)

// ask has a clerk look at cards: the 99th percentile of an answer, and of a process of
// citycard.
func (c *cityRun) ask(t testing.TB, days int, withProcess bool) (look, process time.Duration) {
	t.Helper()
	d := dice(8)
	keys := make([]txn.CardKey, 400)
	for i := range keys {
		keys[i] = townKey(int(d.n(uint64(len(c.town.atc)))))
	}
	return AskOffice(t, c.dir, closing(days-1)+60, keys, withProcess)
}

// missingRow makes a row for the first missing counter of a card or, if none is
// missing, presents its first row again, refused.
func missingRow(c *timeline.Card) (row timeline.Observation, ok bool) {
	var last timeline.Observation
	for o := range c.Observations {
		if last.ATC != 0 && o.ATC > last.ATC+1 {
			return timeline.Observation{Kind: timeline.Zero, ATC: o.ATC - 1, B: o.B, Content: 1, Time: o.Time, Terminal: 1, Sequence: 1}, true
		}
		if last = o; !ok {
			row, ok = o, true
			row.Sequence++
			row.Refused = row.Kind == timeline.Paid
		}
	}
	return row, ok
}
