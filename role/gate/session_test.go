package gate_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/gate"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	terminal "github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
)

// noon is 2026-11-23 12:00 at UTC+8, a Monday.
var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC).Unix()

// plant is an array with its gates, a security module, and a card.
type plant struct {
	t      *testing.T
	city   gate.City
	state  *gate.State
	uid    terminal.UID
	card   *virtualcard.Card
	module bool // there is one
	serial byte
	steps  int
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newPlant(t *testing.T, profile string, module bool) *plant {
	t.Helper()
	city, err := gate.Beijing()
	check(t, err)
	p := &plant{t: t, city: city, state: gate.NewState(), module: module}
	p.card = p.issue(profile, card.Contactless)
	return p
}

func (p *plant) issue(profile string, side card.Interface) *virtualcard.Card {
	p.t.Helper()
	r, err := devcard.Default(profile)
	check(p.t, err)
	img, err := devcard.Issue(r)
	check(p.t, err)
	p.serial++
	v, err := virtualcard.New(virtualcard.Config{Image: img, Interface: side, Rand: rand.NewChaCha8([32]byte{p.serial})})
	check(p.t, err)
	return v
}

func (p *plant) station(name string) fare.StationID {
	p.t.Helper()
	id, ok := p.city.Book.StationByName(name)
	if !ok {
		p.t.Fatalf("no station %s", name)
	}
	return id
}

// tap is one tap; a new session has a new connection to the module.
func (p *plant) tap(s gate.Setup, at int64) (*gate.Trace, *gate.Report) {
	p.t.Helper()
	s.SM, s.Module = true, p.module
	session := gate.NewSession(p.config())
	defer session.Close()
	tr, err := gate.NewPlant(p.city, session, p.state).Tap(context.Background(), s, at)
	check(p.t, err)
	return tr, tr.Report(&s, p.city.Book)
}

func (p *plant) config() gate.Config {
	c := gate.Config{
		Open: func(context.Context) (reader.Card, error) { return virtualcard.Reader(p.card) },
		UID:  p.uid, Rand: rand.NewChaCha8([32]byte{byte(p.steps), 9}), Explain: tap.NewExplainer("en", false), Lang: "en",
		Medium: rf.NewLink(rf.TypeA, rf.Rate106), Card: rf.DefaultCard(100 * time.Millisecond),
		Elapsed: func() time.Duration { p.steps++; return time.Duration(p.steps) * time.Microsecond },
	}
	if p.module {
		c.OpenModule = func(context.Context) (reader.Card, error) {
			return virtualcard.Reader(p.issue("dev-psam", card.Contact))
		}
	}
	return c
}

// TestWay is a journey with a card that carries it: entry and exit, with what is read and
// written.
func TestWay(t *testing.T) {
	for _, profile := range []string{"transit-sm", "dev-transit-3des", "quota-sm"} {
		p := newPlant(t, profile, true)
		tr, r := p.tap(gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东")}, noon)
		if tr.Outcome() != gate.Opened || r.Amount != 0 || len(r.Rows) != 1 || r.Rows[0].Kind != "entry" || r.Rows[0].DF60 != 1 || r.APDUs != 9 {
			t.Fatalf("%s, entry: %+v", profile, r)
		}
		if len(r.Before) != 1 || r.Before[0].State != "fresh" || len(r.After) != 1 || r.After[0].State != "in" || r.After[0].Entry.Station != "天安门东" {
			t.Errorf("%s, entry: before %+v, after %+v", profile, r.Before, r.After)
		}
		tr, r = p.tap(gate.Setup{Mode: terminal.Exit, Station: p.station("国贸")}, noon+1200)
		if tr.Outcome() != gate.Opened || r.Amount == 0 || *r.Balance < 0 || r.Rows[0].Kind != "exit" || r.Rows[0].EntryATC != 1 || r.Rows[0].Amount != r.Amount {
			t.Fatalf("%s, exit: %+v", profile, r)
		}
		if r.Before[0].State != "in" || r.After[0].State != "out" || r.After[0].Amount != r.Amount || r.Trip == nil || r.Trip.Station != "国贸" || *r.Trip.Balance != *r.Balance {
			t.Errorf("%s, exit: %+v", profile, r)
		}
		if tr.Field > 300*time.Millisecond {
			t.Errorf("%s: %v in the field", profile, tr.Field)
		}
	}
}

// TestNumbersAreHidden: neither the account number nor the factor made of it is in what
// is printed.
func TestNumbersAreHidden(t *testing.T) {
	p := newPlant(t, "transit-sm", true)
	p.tap(gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东")}, noon)
	tr, r := p.tap(gate.Setup{Mode: terminal.Exit, Station: p.station("国贸")}, noon+1200)
	b, err := json.Marshal(r)
	check(t, err)
	text := string(b)
	for i := range tr.Steps {
		text += tr.Steps[i].Command.Hex + tr.Steps[i].Answer.Hex
	}
	for _, secret := range []string{devcard.DefaultPAN, devcard.DefaultPAN[2:]} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	masked := 0
	for _, l := range r.Steps {
		if l.Masked && l.With == "card" {
			masked++
		}
	}
	if masked < 4 {
		t.Errorf("only %d exchanges with the card are masked", masked)
	}
}

// TestPurseNumbersAreHidden: a purse's number stands in what SELECT or READ BINARY gives;
// and nothing of what the module is told and says is shown but its status words.
func TestPurseNumbersAreHidden(t *testing.T) {
	for profile, numbers := range map[string][]string{"dev-tunion": {"03103104810010000001", "3103104810010000001"}, "dev-cityunion": {"4100000080000001"}} {
		p := newPlant(t, profile, true)
		tr, r := p.tap(gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东")}, noon)
		if tr.Outcome() != gate.Opened || !strings.HasSuffix(r.PAN, "0001") {
			t.Fatalf("%s: %+v", profile, r)
		}
		b, err := json.Marshal(tr.Steps)
		check(t, err)
		for _, secret := range numbers {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s: %s is shown", profile, secret)
			}
		}
		for i := range tr.Steps {
			s := &tr.Steps[i]
			if shown := strings.Trim(s.Answer.Hex, "*"); s.Kind == tap.Module && (shown != s.SW || len(strings.Trim(s.Command.Hex, "*")) > 8) {
				t.Errorf("%s, %s: %s, %s", profile, s.Command.Title, s.Command.Hex, s.Answer.Hex)
			}
		}
	}
}

// TestPurseFault: what is wrong with a purse is said as it is of a bank card.
func TestPurseFault(t *testing.T) {
	p := newPlant(t, "dev-tunion", true)
	var last *gate.Trace
	for range 3 { // the highest fare each time, until nothing is left
		last, _ = p.tap(gate.Setup{Mode: terminal.Exit, Station: p.station("国贸")}, noon)
		p.state = gate.NewState()
	}
	if last.Outcome() != gate.Refused || last.Fault("en") == "" || last.Fault("zh") == last.Fault("en") {
		t.Errorf("%v, %q, %q", last.Outcome(), last.Fault("en"), last.Fault("zh"))
	}
}

// TestWithoutModule: a card that carries its journeys pays at a terminal that has no
// security module as others do, by the station records.
func TestWithoutModule(t *testing.T) {
	p := newPlant(t, "transit-sm", false)
	p.tap(gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东")}, noon)
	_, r := p.tap(gate.Setup{Mode: terminal.Exit, Station: p.station("国贸")}, noon+1200)
	last := r.Rows[len(r.Rows)-1]
	if r.Outcome != "opened" || r.Amount == 0 || len(r.Before) != 0 || last.DF60 != 0 || last.EntryTime == "" {
		t.Errorf("%+v", r)
	}
}

// TestModuleIsGone: without the module no new journey of such a card begins.
func TestModuleIsGone(t *testing.T) {
	p := newPlant(t, "transit-sm", true)
	c := p.config()
	c.OpenModule = func(context.Context) (reader.Card, error) {
		return nil, &reader.Error{Doing: "opening", Kind: reader.ErrNoCard}
	}
	s := gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东"), SM: true, Module: true}
	tr, err := gate.NewPlant(p.city, gate.NewSession(c), p.state).Tap(context.Background(), s, noon)
	check(t, err)
	r := tr.Report(&s, p.city.Book)
	if r.Outcome != "out_of_order" || !strings.HasSuffix(r.Module, ": "+reader.ErrNoCard.Error()) || len(r.Rows) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestBus is a ride of one tap, with the discount state of the metro read too.
func TestBus(t *testing.T) {
	p := newPlant(t, "transit-sm", true)
	_, r := p.tap(gate.Setup{Mode: terminal.Bus, Route: 300, Stop: 4, Metres: 5000}, noon)
	if r.Outcome != "opened" || r.Amount == 0 || r.Rows[0].Route != 300 || r.Rows[0].Record != "2701" || r.After[0].Trade != "bus" || r.Station != "" {
		t.Errorf("%+v", r)
	}
	if r.Trip == nil || r.Trip.Trade != "bus" || r.Trip.Line != 300 {
		t.Errorf("%+v", r.Trip)
	}
	// A second tap pays for a second rider; who boards or alights does so once.
	if _, r = p.tap(gate.Setup{Mode: terminal.Bus, Route: 300, Stop: 4, Metres: 5000}, noon+5); r.Outcome != "opened" || r.Amount == 0 {
		t.Errorf("second rider: %+v", r)
	}
	for i, mode := range []terminal.Mode{terminal.Board, terminal.Board, terminal.Alight, terminal.Alight} {
		_, r = p.tap(gate.Setup{Mode: mode, Route: 301, Stop: byte(mode), Metres: 5000 * int(mode-terminal.Board)}, noon+600+10*int64(i))
		if again := i%2 == 1; r.Outcome != "opened" || (len(r.Rows) == 0) != again || (r.Amount == 0) != (again || mode == terminal.Board) {
			t.Errorf("tap %d, %v: %+v", i, mode, r)
		}
	}
}

// TestPlainCard has its entry in the station records, which outlive the program. By its
// UID it is known before it pays; without, the first price is not the right one.
func TestPlainCard(t *testing.T) {
	for _, known := range []bool{true, false} {
		p := newPlant(t, "sm", true)
		if known {
			var err error
			p.uid, err = terminal.NewUID([]byte{4, 1, 2, 3, 4, 5, 6})
			check(t, err)
		}
		p.tap(gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东")}, noon)
		b, err := p.state.Append(nil)
		check(t, err)
		p.state, err = gate.ParseState(b)
		check(t, err)
		_, r := p.tap(gate.Setup{Mode: terminal.Exit, Station: p.station("国贸")}, noon+1200)
		last := r.Rows[len(r.Rows)-1]
		if r.Outcome != "opened" || last.Kind != "exit" || last.Amount != r.Amount || last.EntryTime != "2026-11-23T12:00:00+08:00" || (len(r.Rows) == 1) != known {
			t.Errorf("UID known %v: %+v", known, r)
		}
		if last.Sequence != uint32(1+len(r.Rows)) {
			t.Errorf("row %d of %d", last.Sequence, 1+len(r.Rows))
		}
	}
}

// TestInspection: what an inspector finds on the way, with nothing changed on the card.
func TestInspection(t *testing.T) {
	p := newPlant(t, "transit-sm", true)
	look := func(bus bool, at int64) (*gate.Trace, *gate.Inspection) {
		t.Helper()
		session := gate.NewSession(p.config())
		defer session.Close()
		tr, err := gate.NewPlant(p.city, session, p.state).Inspect(context.Background(), gate.Setup{SM: true, Route: 300}, bus, at)
		check(t, err)
		return tr, tr.Inspection(bus, p.city.Book)
	}
	counter := 0
	for _, s := range []struct {
		mode terminal.Mode // a tap before; 0: none
		bus  bool
		at   int64
		want gate.Outcome
	}{
		{0, false, 0, gate.NotValid}, {terminal.Entry, false, 600, gate.Valid}, {0, true, 700, gate.NotValid}, {0, false, 5 * 3600, gate.NotValid},
		{terminal.Exit, false, 1300, gate.NotValid}, {terminal.Bus, true, 2000, gate.Valid}, {0, true, 3 * 3600, gate.NotValid},
	} {
		if s.mode != 0 {
			station := map[terminal.Mode]string{terminal.Entry: "天安门东", terminal.Exit: "国贸", terminal.Bus: "国贸"}[s.mode]
			_, r := p.tap(gate.Setup{Mode: s.mode, Station: p.station(station), Route: 300, Metres: 3000}, noon+s.at-60)
			if counter++; !r.Opened || r.Rows[0].ATC != counter {
				t.Fatalf("%v: %s, counter %d, want %d: an inspection uses none", s.mode, r.Outcome, r.Rows[0].ATC, counter)
			}
		}
		tr, r := look(s.bus, noon+s.at)
		if tr.Outcome() != s.want || !r.Verified || r.Why != "" || r.Metro == nil || r.Bus == nil || r.Application != "finance" {
			t.Errorf("%+v: %s, %s, %+v", s, r.Outcome, r.Verdict, r)
		}
		if s.mode != 0 && (len(r.Trips) == 0 || !r.LogAgrees || len(r.TC) != 16) {
			t.Errorf("%+v: log %+v, TC %s", s, r.Trips, r.TC)
		}
	}
}

// TestInspectionWithoutProof: a card without journeys, a purse, and no module.
func TestInspectionWithoutProof(t *testing.T) {
	for _, c := range []struct {
		profile string
		module  bool
		want    gate.Outcome
		why     string
	}{
		{"sm", true, gate.Unverified, "no journeys on this card"}, {"dev-tunion", true, gate.Unverified, "purse records cannot be verified offline"},
		{"transit-sm", false, gate.OutOfOrder, "security module failed"},
	} {
		p := newPlant(t, c.profile, c.module)
		session := gate.NewSession(p.config())
		tr, err := gate.NewPlant(p.city, session, p.state).Inspect(context.Background(), gate.Setup{SM: true}, false, noon)
		check(t, err)
		session.Close()
		r := tr.Inspection(false, p.city.Book)
		if tr.Outcome() != c.want || r.Why != c.why || r.Verified {
			t.Errorf("%s: %s, %q", c.profile, r.Outcome, r.Why)
		}
		if b, err := json.Marshal(r); err != nil || strings.Contains(string(b), "3104810010000001") {
			t.Errorf("%s: the purse's number is shown, %v", c.profile, err)
		}
	}
}

// TestPurse is a way with a city purse: its rows say what the module needs to be asked,
// and its number is not shown.
func TestPurse(t *testing.T) {
	for _, profile := range []string{"dev-tunion", "dev-cityunion"} {
		p := newPlant(t, profile, true)
		p.tap(gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东")}, noon)
		tr, r := p.tap(gate.Setup{Mode: terminal.Exit, Station: p.station("国贸")}, noon+1200)
		if tr.Outcome() != gate.Opened || r.Amount == 0 {
			t.Fatalf("%s: %+v", profile, r)
		}
		if len(r.Before) != 1 || len(r.After) != 1 || (r.Before[0].State != "in" || r.After[0].State != "out" || r.Before[0].Trade != "metro") {
			t.Errorf("before %+v, after %+v", r.Before, r.After)
		}
		x := r.Rows[0]
		if x.Scheme != "purse" || x.Chip != nil || x.Purse == nil || x.Purse.TAC == "00000000" || x.Purse.Number == 0 || x.Purse.Before-r.Amount != *r.Balance {
			t.Errorf("%s: %+v, %+v", profile, x, x.Purse)
		}
		number := tr.Result.Card.PAN.Digits()
		number = number[len(number)-14:]
		for i := range tr.Steps {
			if s := &tr.Steps[i]; strings.Contains(s.Command.Hex+s.Answer.Hex, number) {
				t.Errorf("%s: %s shows the purse's number", profile, s.Command.Title)
			}
		}
	}
}
