package pcscd

import (
	"context"
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/internal/pcsctest"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/gate"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	terminal "github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
)

func TestMain(m *testing.M) { os.Exit(pcsctest.Main(m)) }

// monday is 2026-11-23 12:00 at UTC+8.
var monday = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC).Unix()

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve puts a card of a profile into a slot until the test ends.
func serve(t *testing.T, d *pcsctest.Daemon, slot int, profile string, side card.Interface, faults string) {
	t.Helper()
	r, err := devcard.Default(profile)
	check(t, err)
	img, err := devcard.Issue(r)
	check(t, err)
	var script *fault.Script
	if faults != "" {
		script, err = fault.Parse([]byte(faults))
		check(t, err)
	}
	v, err := virtualcard.New(virtualcard.Config{Image: img, Interface: side, Faults: script, Rand: rand.Reader})
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- virtualcard.Serve(ctx, v, virtualcard.Slot{Address: d.Slot(slot), Reconnect: 10 * time.Second})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serving the card in slot %d: %v", slot, err)
		}
	})
}

// plant is a terminal whose card is in slot 0 and whose security module is in slot 1.
func plant(t *testing.T) *gate.Plant {
	t.Helper()
	city, err := gate.Beijing()
	check(t, err)
	open := func(name string) func(context.Context) (reader.Card, error) {
		return func(ctx context.Context) (reader.Card, error) {
			return reader.Open(ctx, name, reader.Doors{Wait: true, Cooked: true})
		}
	}
	started := time.Now()
	session := gate.NewSession(gate.Config{
		Open: open("pcsc:0"), OpenModule: open("pcsc:1"), AskUID: true, Rand: rand.Reader, AnswerTime: 5 * time.Second,
		Medium: rf.NewLink(rf.TypeA, rf.Rate106), Card: rf.DefaultCard(100 * time.Millisecond),
		Elapsed: func() time.Duration { return time.Since(started) }, Explain: tap.NewExplainer("en", false), Lang: "en",
	})
	t.Cleanup(session.Close)
	return gate.NewPlant(city, session, gate.NewState())
}

// touch is one tap, which must have an outcome.
func touch(t *testing.T, p *gate.Plant, s gate.Setup, at int64, want gate.Outcome) *gate.Report {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	s.SM, s.Module = true, true
	tr, err := p.Tap(ctx, s, at)
	check(t, err)
	r := tr.Report(&s, p.City.Book)
	if tr.Outcome() != want || tr.Broken != nil {
		t.Fatalf("%v at %v: %s, %s %s %v", s.Mode, at, r.Outcome, r.Fault, r.Module, tr.Broken)
	}
	return r
}

func metro(t *testing.T, p *gate.Plant, mode terminal.Mode, station string) gate.Setup {
	t.Helper()
	id, ok := p.City.Book.StationByName(station)
	if !ok {
		t.Fatalf("no station %s", station)
	}
	return gate.Setup{Mode: mode, Station: id}
}

// TestTwoSlots is a journey with the card in one slot and the module in the other, for
// bank cards that carry their journeys, a card with a quota, and a purse.
func TestTwoSlots(t *testing.T) {
	for _, profile := range []string{"dev-transit-sm", "transit-3des", "dev-quota", "dev-tunion"} {
		t.Run(profile, func(t *testing.T) {
			d := pcsctest.Start(t)
			serve(t, d, 0, profile, card.Contactless, "")
			serve(t, d, 1, "dev-psam", card.Contact, "")
			p := plant(t)
			in := touch(t, p, metro(t, p, terminal.Entry, "天安门东"), monday, gate.Opened)
			out := touch(t, p, metro(t, p, terminal.Exit, "国贸"), monday+1200, gate.Opened)
			if in.Amount != 0 || out.Amount == 0 || *in.Balance-*out.Balance != out.Amount {
				t.Errorf("paid %d, had %d, has %d", out.Amount, *in.Balance, *out.Balance)
			}
			if len(out.Before) != 1 || out.Before[0].State != "in" || len(out.After) != 1 || out.After[0].State != "out" || out.APDUs > 9 {
				t.Errorf("%d commands, before %+v, after %+v", out.APDUs, out.Before, out.After)
			}
			if ride := touch(t, p, gate.Setup{Mode: terminal.Bus, Route: 300, Metres: 5000}, monday+2000, gate.Opened); ride.Amount == 0 {
				t.Errorf("bus: %+v", ride)
			}
		})
	}
}

// TestTornInTheReader: the answer that pays is lost; the card comes back, is not charged
// again, and leaves one row.
func TestTornInTheReader(t *testing.T) {
	d := pcsctest.Start(t)
	serve(t, d, 0, "transit-sm", card.Contactless, `name: torn
faults:
  - {name: last answer, when: {ins: B2, p2: "1C", nth: 2}, then: {silent: true}}
`)
	serve(t, d, 1, "dev-psam", card.Contact, "")
	p := plant(t)
	p.Session.AnswerTime = time.Second
	in := touch(t, p, metro(t, p, terminal.Entry, "天安门东"), monday, gate.Opened)
	exit := metro(t, p, terminal.Exit, "国贸")
	if torn := touch(t, p, exit, monday+1200, gate.Torn); torn.Waiting != 1 || len(torn.Rows) != 0 {
		t.Errorf("torn: %d wait, rows %+v", torn.Waiting, torn.Rows)
	}
	out := touch(t, p, exit, monday+1260, gate.Opened)
	if len(out.Rows) != 1 || out.Rows[0].ATC != 2 || *in.Balance-*out.Balance != out.Amount || out.Waiting != 0 {
		t.Errorf("%+v", out)
	}
}

// TestRemoved waits for a card that leaves, whatever is in the other slot.
func TestRemoved(t *testing.T) {
	for _, name := range []string{"0", pcsctest.ReaderName(0)} {
		t.Run(name, func(t *testing.T) {
			d := pcsctest.Start(t)
			serve(t, d, 1, "dev-psam", card.Contact, "")
			r, err := devcard.Default("sm")
			check(t, err)
			img, err := devcard.Issue(r)
			check(t, err)
			v, err := virtualcard.New(virtualcard.Config{Image: img, Interface: card.Contactless, Rand: rand.Reader})
			check(t, err)
			there, leave := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- virtualcard.Serve(there, v, virtualcard.Slot{Address: d.Slot(0), Reconnect: 10 * time.Second})
			}()
			ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
			defer stop()
			c, err := reader.Open(ctx, "pcsc:"+name, reader.Doors{Wait: true, Cooked: true})
			check(t, err)
			check(t, c.Close())
			short, cut := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cut()
			if gate.Removed(short, name) == nil {
				t.Error("the card is there, and it is called removed")
			}
			leave()
			check(t, <-done)
			check(t, gate.Removed(ctx, name))
		})
	}
}
