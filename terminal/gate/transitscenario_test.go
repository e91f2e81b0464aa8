package gate_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/journey"
	"github.com/citycard/citycard/wire/tlv"
)

// otherRules is the book with other rules for journeys.
type otherRules struct {
	*fare.Book
	rules *fare.JourneyRules
}

func (o otherRules) Journeys() *fare.JourneyRules { return o.rules }

func (w *world) pricer() gate.Pricer {
	if w.rules == nil {
		return w.book
	}
	return otherRules{w.book, w.rules}
}

// applications reads an order: finance, tunion, cityunion.
func applications(w *world, words string) []gate.Application {
	var list []gate.Application
	for _, word := range strings.FieldsFunc(words, func(r rune) bool { return r == '+' }) {
		kind, ok := map[string]gate.ApplicationKind{"finance": gate.FinanceApplication, "tunion": gate.TUnionPurse, "cityunion": gate.CityUnionPurse}[word]
		if !ok {
			w.t.Fatalf("no application %q", word)
		}
		for _, a := range gate.DefaultApplications() {
			if a.Kind == kind {
				list = append(list, a)
			}
		}
	}
	return list
}

// cmdRules sets rules for gates that are installed from now on.
func cmdRules(w *world, d *datadriven.TestData) string {
	r := *w.book.Journeys()
	w.rules = &r
	charges := map[string]fare.Charge{}
	for c := fare.ChargeFare; c <= fare.ChargeRefuse; c++ {
		charges[c.String()] = c
	}
	for key, to := range map[string]*fare.Charge{"missing-exit": &r.MissingExit, "missing-entry": &r.MissingEntry, "missing-alight": &r.Bus.MissingAlight,
		"missing-board": &r.Bus.MissingBoard, "wrong-direction": &r.Bus.WrongDirection, "over-time": &r.OverTime.Charge, "same-station": &r.SameStation.Charge} {
		if s := arg(w, d, key, ""); s != "" {
			*to = charges[s]
		}
	}
	for key, to := range map[string]*int64{"over-time-after": &r.OverTime.After, "re-entry": &r.ReEntry, "same-station-within": &r.SameStation.Within,
		"metro-to-bus-within": &r.MetroToBus.Within} {
		if s := arg(w, d, key, ""); s != "" {
			v, err := time.ParseDuration(s)
			w.must(err)
			*to = int64(v / time.Second)
		}
	}
	if s := arg(w, d, "metro-to-bus-off", ""); s != "" {
		_, err := fmt.Sscan(s, (*int64)(&r.MetroToBus.Off))
		w.must(err)
	}
	r.Bus.HoldAtBoarding = d.HasArg("hold-at-boarding")
	return "ok\n"
}

// cmdModule takes the security modules away, or gives them back.
func cmdModule(w *world, d *datadriven.TestData) string {
	w.silent = d.HasArg("silent")
	return "ok\n"
}

// recordOf is the file and record of a trade.
func recordOf(w *world, d *datadriven.TestData) (sfi byte, id uint16) {
	if d.HasArg("bus") {
		return 0x1A, journey.Bus
	}
	return 0x15, journey.Metro
}

// cmdRecord shows the journey record in the chip, or first writes it as a service
// counter of the operator would.
func cmdRecord(w *world, d *datadriven.TestData) string {
	r := w.rider(d)
	sfi, id := recordOf(w, d)
	c := counterOf(w, r)
	defer r.chip.PowerOff()
	rec := c.read(sfi, id)
	changed := rec
	for key, to := range map[string]any{"month-sum": (*int64)(&changed.MonthSum), "concession": &changed.Concession, "rides": &changed.Rides} {
		if s := arg(w, d, key, ""); s != "" {
			_, err := fmt.Sscan(s, to)
			w.must(err)
			changed.Month = [2]byte{0x26, 0x03}
		}
	}
	if d.HasArg("locked") {
		changed.Locked = true
	}
	if changed != rec {
		c.write(sfi, changed)
		rec = changed
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v", rec.State)
	for name, p := range map[string]*journey.Place{"entry": &rec.Entry} {
		if p.Time != 0 {
			fmt.Fprintf(&b, ", %s at terminal %d %s", name, p.Terminal, w.placeName(p))
		}
	}
	if rec.Exit.Time != 0 {
		fmt.Fprintf(&b, ", exit at terminal %d %s, amount %v", rec.Exit.Terminal, w.placeName(&rec.Exit), rec.Amount)
	}
	fmt.Fprintf(&b, "; month %X %v", rec.Month, rec.MonthSum)
	for _, f := range []struct {
		name string
		v    money.Fen
	}{{"held", rec.Held}, {"overdue", rec.Overdue}, {"concession", money.Fen(rec.Concession) * 100}, {"rides", money.Fen(rec.Rides) * 100}} {
		if f.v != 0 {
			fmt.Fprintf(&b, ", %s %v", f.name, f.v)
		}
	}
	if rec.Locked {
		b.WriteString(", locked")
	}
	return b.String() + "\n"
}

func (w *world) placeName(p *journey.Place) string {
	at := time.Unix(p.Time+8*3600, 0).UTC().Format("15:04:05")
	if p.Station == 0 {
		return fmt.Sprintf("(line %d stop %d) %s", p.Line, p.Stop, at)
	}
	return fmt.Sprintf("(%s) %s", w.book.Name(fare.StationID(p.Station)), at)
}

// cmdLog shows the card's log of journeys, the newest first.
func cmdLog(w *world, d *datadriven.TestData) string {
	r := w.rider(d)
	c := counterOf(w, r)
	defer r.chip.PowerOff()
	var b strings.Builder
	for n := byte(1); ; n++ {
		data, sw := c.send(apdu.Command{INS: 0xB2, P1: n, P2: 0x1E<<3 | 4, Le: 256})
		if sw != apdu.SWOK {
			break
		}
		trip, err := journey.DecodeTrip(data)
		w.must(err)
		if trip.Type != journey.NoTrip {
			fmt.Fprintf(&b, "%d: type %02X, terminal %d, %v, balance %v, ATC %04X\n", n, byte(trip.Type), trip.Terminal, trip.Amount, trip.Balance, trip.ATC)
		}
	}
	return b.String()
}

// counter is a service counter at the card: it knows the card's record keys.
type counter struct {
	w   *world
	r   *rider
	alg cryptogram.Alg
}

func counterOf(w *world, r *rider) *counter {
	w.must(r.chip.PowerOn(r.random))
	c := &counter{w: w, r: r, alg: cryptogram.TDES}
	p, err := perso.Embedded(r.profile)
	w.must(err)
	c.alg = p.Product().Alg
	r.chip.UseInterface(card.Contactless)
	if _, sw := c.send(apdu.Command{INS: 0xA4, P1: 4, Data: p.Product().AID, Le: 256}); sw != apdu.SWOK {
		w.t.Fatal(sw)
	}
	return c
}

func (c *counter) send(cmd apdu.Command) ([]byte, apdu.SW) {
	b, err := cmd.Append(nil)
	c.w.must(err)
	answer, err := c.r.chip.Transmit(nil, b)
	c.w.must(err)
	data, sw, err := apdu.ParseResponse(answer)
	c.w.must(err)
	return data, sw
}

func (c *counter) read(sfi byte, id uint16) journey.Record {
	data, sw := c.send(apdu.Command{CLA: 0x80, INS: 0xB4, P2: sfi << 3, Data: []byte{byte(id >> 8), byte(id)}, Le: 256})
	if sw != apdu.SWOK {
		c.w.t.Fatal(sw)
	}
	rec, err := journey.Decode(data)
	c.w.must(err)
	return rec
}

// write is a payment of nothing that stores a record.
func (c *counter) write(sfi byte, rec journey.Record) {
	t := c.w.t
	t.Helper()
	p, err := perso.Embedded(c.r.profile)
	c.w.must(err)
	var values []byte
	for _, e := range p.Product().PDOL {
		v := make([]byte, e.Len)
		switch e.Tag {
		case tlv.TagTTQ:
			v[0], v[3] = 0x28, 0x80
		case tlv.TagTransactionCurrency, tlv.TagTerminalCountry:
			v[0], v[1] = 0x01, 0x56
		case tlv.TagSMSupport, tlv.TagCAPPIndicator:
			v[0] = 1
		}
		values = append(values, v...)
	}
	data, sw := c.send(apdu.Command{CLA: 0x80, INS: 0xA8, Data: tlv.Append(nil, tlv.TagCommandTemplate, values), Le: 256})
	body, ok := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagATC)
	if sw != apdu.SWOK || !ok {
		t.Fatalf("counter: %v, %X", sw, data)
	}
	atc := uint16(body[0])<<8 | uint16(body[1])
	b, err := rec.Append(nil)
	c.w.must(err)
	master, err := cryptogram.NewBlock(c.alg, devcard.RecordMaster(sfi))
	c.w.must(err)
	key := cryptogram.DeriveCardKey(c.alg, master, c.r.key.PAN, c.r.key.PSN)
	code := capp.UpdateMAC(c.alg, key, atc, [5]byte{0x84, 0xDE, 0, sfi << 3, byte(len(b) + 4)}, b)
	if _, sw := c.send(apdu.Command{CLA: 0x84, INS: 0xDE, P2: sfi << 3, Data: append(bytes.Clone(b), code[:]...), Le: apdu.NoLe}); sw != apdu.SWOK {
		t.Fatalf("counter: %v", sw)
	}
	afl, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagAFL)
	for ; len(afl) > 0; afl = afl[4:] {
		for n := afl[1]; n <= afl[2]; n++ {
			if _, sw := c.send(apdu.Command{INS: 0xB2, P1: n, P2: afl[0]&0xF8 | 4, Le: 256}); sw != apdu.SWOK {
				t.Fatalf("counter: record %d: %v", n, sw)
			}
		}
	}
}
