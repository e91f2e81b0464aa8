package clearing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// The city of the tests: two issuers, two acquirers, a metro of five stations on
// one line whose first three belong to operator 1 and the others to operator 2,
// and a bus of operator 9.
const (
	bankA, bankB       = Participant(1), Participant(2)
	metroBank, busBank = Participant(5), Participant(6)
	network            = Participant(9)

	busTerminal   = txn.TerminalID(900)
	shopOfIssuer  = txn.TerminalID(901) // its acquirer is also an issuer
	exitOnlyOther = txn.TerminalID(555) // in no register
)

var (
	errPort = errors.New("port is broken")
	month   = [2]byte{0x25, 0x12}
)

// gate is a metro terminal; the station is its number's last digit.
func gate(station int) txn.TerminalID { return txn.TerminalID(100 + station) }

type city struct {
	states map[txn.CardKey][]byte
	fail   string // port that fails
	block  uint32 // of the last row made
}

func newCity() *city { return &city{states: map[txn.CardKey][]byte{}} }

func (c *city) Terminal(id txn.TerminalID) (Terminal, bool) {
	switch {
	case id > 100 && id <= 105:
		s := fare.StationID(id - 100)
		return Terminal{Acquirer: metroBank, Station: s, Operator: operatorOf(s)}, true
	case id == busTerminal:
		return Terminal{Acquirer: busBank, Operator: 9, Bus: true}, true
	case id == shopOfIssuer:
		return Terminal{Acquirer: bankA, Operator: 30}, true
	}
	return Terminal{}, false
}

func operatorOf(s fare.StationID) fare.OperatorID {
	if s <= 3 {
		return 1
	}
	return 2
}

func (c *city) Issuer(card txn.CardKey) (Participant, bool) {
	p, known := map[string]Participant{"622800": bankA, "621700": bankB}[card.PAN.BIN()]
	return p, known
}

// Price is 3 yuan and one more for each station, 80 % from 100 yuan of the month
// on; outside a workday a fen less, so that the calendar is asked.
func (c *city) Price(t fare.Trip) (fare.Quote, error) {
	if t.Entry == 0 || t.Exit == 0 || t.ExitAt < t.EnterAt {
		return fare.Quote{}, fare.ErrTrip
	}
	full := money.Fen(300 + 100*abs(int(t.Entry)-int(t.Exit)))
	pay := full
	if t.MonthPaid >= 10000 {
		pay = full * 8 / 10
	}
	if !t.Workday {
		pay--
	}
	return fare.Quote{Full: full, Pay: pay, Counted: pay}, nil
}

func abs(n int) int { return max(n, -n) }

func (c *city) SplitByOperator(entry, exit fare.StationID, amount money.Fen) ([]fare.Share, error) {
	if c.fail == "split" {
		return nil, errPort
	}
	lo, hi := min(entry, exit), max(entry, exit)
	first := max(0, min(int64(hi), 3)-int64(lo))
	parts, err := money.Split(amount, []int64{first, max(1, int64(hi)-int64(lo)) - first})
	if err != nil {
		return nil, err
	}
	var out []fare.Share
	for i, p := range parts {
		if p != 0 {
			out = append(out, fare.Share{Operator: fare.OperatorID(i + 1), Fen: p})
		}
	}
	return out, nil
}

// Workday says that every day but the tenth is one.
func (c *city) Workday(at int64) bool { return at/86400 != 10 }

// Verify takes the verdict from the first byte of the cryptogram.
func (c *city) Verify(rows []txn.Presented, out []txn.Verdict) error {
	if c.fail == "verify" {
		return errPort
	}
	for i := range rows {
		out[i] = txn.Verdict(rows[i].Row.AC[0])
	}
	return nil
}

func (c *city) Load(cards []txn.CardKey) (map[txn.CardKey][]byte, error) {
	if c.fail == "load" {
		return nil, errPort
	}
	out := map[txn.CardKey][]byte{}
	for _, k := range cards {
		if s, found := c.states[k]; found {
			out[k] = s
		}
	}
	return out, nil
}

// fees are round: the operator pays 1 %, of which the issuer gets 0.5 %; the
// network takes 0.1 % from each side.
var fees = FeeRule{Merchant: 10_000, Issuer: 5_000, NetworkIssuer: 1_000, NetworkAcquire: 1_000}

func (c *city) clearer() *Clearer {
	return &Clearer{Register: c, Issuers: c, Fares: c, Workdays: c, Fees: &fees, Network: network}
}

// clear runs one partition and stores its states, as a host does.
func (c *city) clear(t testing.TB, rows ...txn.Presented) *Result {
	t.Helper()
	res, err := c.clearer().Partition(rows, c, c)
	if err != nil {
		t.Fatal(err)
	}
	c.store(res)
	return res
}

func (c *city) store(res *Result) {
	for _, u := range res.States {
		c.states[u.Card] = u.State
	}
}

// row makes a presented row in a block of its own.
func (c *city) row(r txn.Row) txn.Presented {
	c.block++
	return txn.Presented{Row: r, Ref: txn.Ref{Block: c.block}, Start: 1, Arrived: r.Time + 60}
}

func (c *city) marked(r txn.Row, m txn.Mark) txn.Presented {
	p := c.row(r)
	p.Mark = m
	return p
}

func pan(bin string, n int) txn.PAN {
	p, err := txn.ParsePAN(fmt.Sprintf("%s%010d", bin, n))
	if err != nil {
		panic(err)
	}
	return p
}

func cardA(n int) txn.CardKey { return txn.CardKey{PAN: pan("622800", n), PSN: 1} }
func cardB(n int) txn.CardKey { return txn.CardKey{PAN: pan("621700", n)} }

const noon = int64(1_766_102_400)

func bus(card txn.CardKey, atc uint16, amount money.Fen) txn.Row {
	return txn.Row{Kind: txn.Purchase, Card: card, ATC: atc, Amount: amount, Terminal: busTerminal, Time: noon + int64(atc)*600, UN: [4]byte{0, 0, byte(atc >> 8), byte(atc)}}
}

func entry(card txn.CardKey, atc uint16, station int) txn.Row {
	r := bus(card, atc, 0)
	r.Kind, r.Terminal = txn.Entry, gate(station)
	return r
}

// exit is a journey that ended with all records at hand.
func exit(card txn.CardKey, atc uint16, station int, from txn.Row, sum, amount money.Fen) txn.Row {
	r := bus(card, atc, amount)
	r.Kind, r.Terminal, r.Month, r.MonthSum = txn.Exit, gate(station), month, sum
	r.EntryTerminal, r.EntryTime, r.EntryATC = from.Terminal, from.Time, from.ATC
	return r
}

// blind is a journey whose entry record, month sum or both could not be read.
func blind(card txn.CardKey, atc uint16, station int, unread txn.Flags, from txn.Row, sum, amount money.Fen) txn.Row {
	r := exit(card, atc, station, from, sum, amount)
	r.Flags = unread
	if unread.Has(txn.EntryUnread) {
		r.EntryTerminal, r.EntryTime, r.EntryATC = 0, 0, 0
	}
	if unread.Has(txn.MonthUnread) {
		r.MonthSum = 0
	}
	return r
}

func found(res *Result) []txn.Verdict {
	var out []txn.Verdict
	for i := range res.Items {
		out = append(out, res.Items[i].Verdict)
	}
	return out
}

// counts checks that the counts are those of the items.
func counts(t testing.TB, res *Result) {
	t.Helper()
	want := map[txn.Verdict]int64{}
	for _, v := range found(res) {
		want[v]++
	}
	if !maps.Equal(res.Counts, want) {
		t.Errorf("counts %v, items say %v", res.Counts, want)
	}
}

func wantVerdicts(t testing.TB, res *Result, want ...txn.Verdict) {
	t.Helper()
	if got := found(res); !slices.Equal(got, want) {
		t.Errorf("verdicts %v, want %v", got, want)
	}
	counts(t, res)
}
