package tap_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/reader/recording"
)

// Files of recorded sessions that come with the program; repeated has a few of them
// with their source on every line.
const traces, repeated = "traces.jsonl", "repeated.jsonl"

func sessions(t testing.TB, file string) []recording.Session {
	t.Helper()
	b, err := os.ReadFile("../../testdata/card-traces/" + file)
	check(t, err)
	list, err := recording.Parse(b)
	check(t, err)
	return list
}

// replay lets a recorded card meet a terminal that is set as the recorded one was.
func replay(t *testing.T, list []recording.Session, name string, h host.Host, p tap.Person) *tap.Trace {
	t.Helper()
	session, err := recording.Find(list, name)
	check(t, err)
	published, err := os.ReadFile("../../testdata/card-traces/capk-A000000333.json")
	check(t, err)
	keys, err := tap.ParseCAKeys(published)
	check(t, err)
	cfg, err := tap.Shop(tap.Setup{CAKeys: keys})
	check(t, err)
	sale := pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Time: noon, Sequence: 1}
	if tap.Contact(session) {
		sale.Interface = pos.Contact
	}
	check(t, tap.As(session, &cfg, &sale))
	till, err := pos.New(cfg)
	check(t, err)
	tr, err := tap.Run(context.Background(), tap.Config{
		Till: till, Host: h, Person: p, Explain: tap.NewExplainer("en", true), Elapsed: func() time.Duration { return 0 },
		Open: func(context.Context) (reader.Card, error) { return reader.Replay(session, false), nil },
	}, sale)
	check(t, err)
	if tr.Broken != nil {
		t.Errorf("%s: %v", name, tr.Broken)
	}
	return tr
}

// TestRecordedSessions: every command must be the recorded one, byte for byte.
func TestRecordedSessions(t *testing.T) {
	for _, file := range []string{traces, repeated} {
		t.Run(file, func(t *testing.T) { recordedSessions(t, sessions(t, file)) })
	}
}

func recordedSessions(t *testing.T, list []recording.Session) {
	debit := replay(t, list, "qpboc-debit", host.None{}, nil)
	want(t, debit, pos.Declined)
	if debit.Result.ATC != 0x0ADC || debit.Result.Reversal != nil || debit.Used.APDUs != 3 {
		t.Errorf("counter %d, reversal %v", debit.Result.ATC, debit.Result.Reversal)
	}
	for name, commands := range map[string]int{
		"tec-connection_lost_before_PPSE_response": 1, "tec-connection_lost_during_PPSE_response": 1, "tec-connection_lost_before_GPO_response": 3,
	} {
		tr := replay(t, list, name, host.None{}, nil)
		want(t, tr, pos.CardLost)
		if len(tr.Result.Records) != 0 || tr.Used.APDUs != commands {
			t.Errorf("%s: %d rows, %d commands", name, len(tr.Result.Records), tr.Used.APDUs)
		}
	}
}

// TestUnionPayTestCard: the whole recorded session over the contacts, from the
// directory to the second cryptogram, with the published CA key and an answer of the
// issuer that the card refuses to read.
func TestUnionPayTestCard(t *testing.T) {
	for _, file := range []string{traces, repeated} {
		t.Run(file, func(t *testing.T) { unionPayTestCard(t, sessions(t, file)) })
	}
}

func unionPayTestCard(t *testing.T, list []recording.Session) {
	script, err := host.ParseScript([]byte("name: recorded\nrules:\n  - then: {code: \"00\", arpc: \"1122334455667788\"}\n"))
	check(t, err)
	issuer, err := host.NewInProcess(host.OpeningAccount)
	check(t, err)
	tr := replay(t, list, "upi-contact", host.NewScripted(script, issuer), &holder{})
	want(t, tr, pos.OnlineApproved)
	r := &tr.Result
	if r.ODA != pos.DDAOK || !r.Signature || r.TVR != [5]byte{0, 0, 0, 0x80, 0x40} || r.TSI != [2]byte{0xF8, 0} || r.ATC != 6 || tr.Used.APDUs != 22 {
		t.Errorf("%v, signature %v, TVR %X, TSI %X, counter %d, %d commands:\n%s", r.ODA, r.Signature, r.TVR, r.TSI, r.ATC, tr.Used.APDUs, story(tr))
	}
}

// TestOwnRecordings: a sale that is recorded can be played again and ends in the same
// way, over both interfaces; a masked one as far as no signature matters.
func TestOwnRecordings(t *testing.T) {
	for _, side := range []card.Interface{card.Contactless, card.Contact} {
		s := &shop{t: t, profile: "dev-sm", side: side}
		s.insert()
		var text bytes.Buffer
		c, err := virtualcard.Reader(s.card)
		check(t, err)
		rec, err := reader.Record(c, &text, recording.Clear, "sim:dev-sm", "sale")
		check(t, err)
		s.open = func() (reader.Card, error) { return rec, nil }
		first := s.sell(pos.Sale{Amount: 1234})
		want(t, first, pos.OfflineApproved)
		list, err := recording.Parse(text.Bytes())
		check(t, err)
		again := replay(t, list, "sale", host.None{}, nil)
		want(t, again, pos.OfflineApproved)
		if again.Result.Cryptogram != first.Result.Cryptogram || again.Sale.Amount != 1234 || again.Sale.Interface != first.Sale.Interface {
			t.Errorf("%v: cryptogram %X, then %X", side, first.Result.Cryptogram, again.Result.Cryptogram)
		}
	}
}

// TestAnotherTerminal: a terminal that says other things than the recorded one is
// told, and nobody takes it for a card that left.
func TestAnotherTerminal(t *testing.T) {
	list := sessions(t, traces)
	session, err := recording.Find(list, "qpboc-debit")
	check(t, err)
	s := &shop{t: t, profile: "sm", open: func() (reader.Card, error) { return reader.Replay(session, false), nil }}
	tr := s.sell(pos.Sale{Amount: 1})
	if tr.Broken == nil || tr.Result.Outcome != pos.Error || tr.Report("en").ReaderError == "" {
		t.Errorf("%v, %v", tr.Result.Outcome, tr.Broken)
	}
}
