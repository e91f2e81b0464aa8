package rf_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	metroFile = 0x15
	tripFile  = 0x1E
	tripSize  = 48
)

// exit is a gate at a card that carries its journeys: it reads the record of the metro
// with a random number, lets the card pay, and writes the record and a trip.
type exit struct {
	t       testing.TB
	kernel  *kernel.Machine
	chip    *card.Chip
	meter   *rf.Meter
	profile string
	amount  money.Fen
	df60    byte
}

func (e *exit) send(r kernel.Ready) kernel.Ready {
	e.t.Helper()
	for r.Send != nil {
		cmd := bytes.Clone(r.Send)
		answer, err := e.chip.Transmit(nil, cmd)
		check(e.t, err)
		e.meter.Exchange(cmd, answer)
		r = e.kernel.Step(kernel.Answered(answer))
	}
	return r
}

func (e *exit) ask(c apdu.Command) []byte {
	e.t.Helper()
	reply := e.send(e.kernel.Ask(c)).Reply
	if reply == nil || reply.SW != apdu.SWOK {
		e.t.Fatalf("instruction %02X: %+v", c.INS, reply)
	}
	return slices.Clone(reply.Data)
}

// write is UPDATE CAPP DATA CACHE.
func (e *exit) write(sfi byte, record []byte) {
	e.t.Helper()
	p, err := perso.Embedded(e.profile)
	check(e.t, err)
	alg := p.Product().Alg
	master, err := cryptogram.NewBlock(alg, devcard.RecordMaster(sfi))
	check(e.t, err)
	r, err := devcard.Default(e.profile)
	check(e.t, err)
	head := [5]byte{0x84, 0xDE, 0, sfi << 3, byte(len(record) + capp.MACLen)}
	code := capp.UpdateMAC(alg, cryptogram.DeriveCardKey(alg, master, r.PAN, r.PSN), e.kernel.Data().ATC, head, record)
	e.ask(apdu.Command{CLA: 0x84, INS: 0xDE, P2: sfi << 3, Data: append(record, code[:]...), Le: apdu.NoLe})
}

func (e *exit) run() *kernel.Outcome {
	e.t.Helper()
	check(e.t, e.kernel.Reset(kernel.Input{Time: noon, UN: [4]byte{1, 2, 3, 4}}))
	if r := e.send(e.kernel.Step(kernel.Event{Kind: kernel.Start})); !r.Transit {
		e.t.Fatalf("no pause: %+v", r)
	}
	record := e.ask(apdu.Command{CLA: 0x80, INS: 0xB4, P2: metroFile << 3, Data: []byte{0x01, 0x10, 1, 2, 3, 4, 5, 6, 7, 8}, Le: apdu.MaxShortLe})
	if r := e.send(e.kernel.Trade(e.amount, e.df60)); !r.Identified {
		e.t.Fatalf("not identified: %+v", r.Outcome)
	}
	e.write(metroFile, record[:len(record)-capp.MACLen])
	e.write(tripFile, make([]byte, tripSize))
	if r := e.send(e.kernel.Step(kernel.Event{Kind: kernel.Continue})); !r.RemoveCard {
		e.t.Fatalf("not paid: %+v", r.Outcome)
	}
	return e.kernel.Step(kernel.Event{Kind: kernel.CardRemoved}).Outcome
}

// TestJourneyTime: a gate exit with the extension takes at most nine APDUs, and less than
// 300 ms in the field at 106 kbit/s where the card's cryptography takes 100.
func TestJourneyTime(t *testing.T) {
	const crypto, most = 100 * time.Millisecond, 300 * time.Millisecond
	for _, profile := range []string{"dev-transit-sm", "dev-transit-3des", "dev-quota", "transit-sm", "transit-3des", "quota-sm", "quota-3des"} {
		for _, typ := range []rf.Type{rf.TypeA, rf.TypeB} {
			t.Run(fmt.Sprint(profile, typ), func(t *testing.T) {
				e := &exit{t: t, kernel: newKernelWith(t, kernel.GateTTQ, true, true), chip: newChip(t, profile, card.Contactless),
					meter: rf.NewMeter(rf.NewLink(typ, rf.Rate106), rf.DefaultCard(crypto)), profile: profile, amount: 400, df60: 1}
				if o := e.run(); o.Result != kernel.Approved || !o.CADChecked {
					t.Fatalf("%v: %v", o.Result, o.Fault)
				}
				u := e.meter.Used()
				checkBudget(t, rf.Journey, u)
				if d := u.Time.Duration(); d <= crypto || d >= most {
					t.Errorf("%v in the field, must be above %v and below %v", d, crypto, most)
				}
			})
		}
	}
}

// TestHoldTime: a pre-authorisation has no cryptogram in its answer, and costs the card
// as much time as a fare.
func TestHoldTime(t *testing.T) {
	took := map[byte]time.Duration{}
	for _, df60 := range []byte{1, 2} {
		e := &exit{t: t, kernel: newKernelWith(t, kernel.GateTTQ, true, true), chip: newChip(t, "transit-sm", card.Contactless),
			meter: rf.NewMeter(rf.NewLink(rf.TypeA, rf.Rate106), rf.DefaultCard(100*time.Millisecond)), profile: "transit-sm", amount: 400, df60: df60}
		if o := e.run(); o.Result != kernel.Approved {
			t.Fatalf("%v: %v", o.Result, o.Fault)
		}
		took[df60] = e.meter.Used().Time.Duration()
	}
	if less := took[1] - took[2]; less <= 0 || less > 3*time.Millisecond {
		t.Errorf("a fare takes %v, a pre-authorisation %v: only 9F26 should make a difference", took[1], took[2])
	}
}
