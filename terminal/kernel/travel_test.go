package kernel_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
)

// The stage's files: 15 with one record 0110, and the cyclic 1E.
const (
	metroFile = 0x15
	metroID   = 0x0110
	tripFile  = 0x1E
	noteAt    = 3 + 14 // where a test writes into a record, behind its head and factor
)

// journey is what the stage does with a card that has the low-value extension.
type journey struct {
	amount   money.Fen
	df60     byte
	id       uint16 // of the record that is read, 0: none is
	note     string // written into the record; empty: nothing is
	trip     bool   // file 1E gets a record too
	stop     bool   // at Transit
	wrongMAC bool

	traded bool
	record []byte
	writes [][]byte // commands that are still to be sent
}

func sayJourney(s *stage, d *datadriven.TestData) *journey {
	j := &journey{
		amount: money.Fen(number(s, d, "amount", 400)), df60: byte(number(s, d, "df60", 1)), id: metroID,
		note: text(s, d, "note", "note"), trip: !d.HasArg("no-trip"), stop: d.HasArg("stop-before"), wrongMAC: d.HasArg("wrong-mac"),
	}
	if id := text(s, d, "id", ""); id != "" {
		b, err := hex.DecodeString(id)
		check(s.t, err)
		j.id = uint16(b[0])<<8 | uint16(b[1])
	}
	if d.HasArg("no-read") {
		j.id = 0
	}
	if j.df60 == 0 || d.HasArg("no-write") {
		j.note, j.trip = "", false
	}
	return j
}

// travel is what a gate does where the machine waits for it.
func (s *stage) travel(p *player, j *journey, r kernel.Ready) kernel.Ready {
	s.t.Helper()
	switch {
	case r.Transit && j.stop:
		return s.kernel.Step(kernel.Event{Kind: kernel.Stop})
	case r.Transit && j.id != 0:
		return s.kernel.Ask(apdu.Command{CLA: 0x80, INS: 0xB4, P2: metroFile << 3, Data: []byte{byte(j.id >> 8), byte(j.id), 1, 2, 3, 4, 5, 6, 7, 8}, Le: apdu.MaxShortLe})
	case r.Transit:
		return s.trade(j)
	case r.Reply != nil && !j.traded:
		if n := len(r.Reply.Data) - capp.MACLen; r.Reply.SW == apdu.SWOK && n > noteAt+16 {
			j.record = slices.Clone(r.Reply.Data[:n])
		}
		return s.trade(j)
	case r.Identified:
		s.prepare(p, j)
	case r.Reply.SW != apdu.SWOK:
		return s.kernel.Step(kernel.Event{Kind: kernel.Stop})
	}
	if len(j.writes) == 0 {
		return s.kernel.Step(kernel.Event{Kind: kernel.Continue})
	}
	c, err := apdu.ParseCommand(j.writes[0])
	check(s.t, err)
	j.writes = j.writes[1:]
	return s.kernel.Ask(c)
}

func (s *stage) trade(j *journey) kernel.Ready {
	j.traded = true
	return s.kernel.Trade(j.amount, j.df60)
}

// prepare makes the commands that write the journey, now that the counter is known.
func (s *stage) prepare(p *player, j *journey) {
	atc := s.kernel.Data().ATC
	if j.note != "" && j.record != nil {
		copy(j.record[noteAt:noteAt+16], make([]byte, 16))
		copy(j.record[noteAt:noteAt+16], j.note)
		j.writes = append(j.writes, p.update(s.t, metroFile, atc, j.record, j.wrongMAC))
	}
	if j.trip {
		trip := make([]byte, 48)
		copy(trip, j.note)
		j.writes = append(j.writes, p.update(s.t, tripFile, atc, trip, false))
	}
}

// update is UPDATE CAPP DATA CACHE with its code.
func (p *player) update(t testing.TB, sfi byte, atc uint16, record []byte, spoil bool) []byte {
	t.Helper()
	key, there := p.keys[sfi]
	if !there {
		profile, err := perso.Embedded(p.profile)
		check(t, err)
		p.alg = profile.Product().Alg
		master, err := cryptogram.NewBlock(p.alg, devcard.RecordMaster(sfi))
		check(t, err)
		key = cryptogram.DeriveCardKey(p.alg, master, p.key.PAN, p.key.PSN)
		p.keys[sfi] = key
	}
	head := [5]byte{0x84, 0xDE, 0, sfi << 3, byte(len(record) + capp.MACLen)}
	code := capp.UpdateMAC(p.alg, key, atc, head, record)
	if spoil {
		code[0] ^= 1
	}
	return slices.Concat(head[:], record, code[:])
}

// journeys says what stands in the card's journey files.
func (s *stage) journeys(p *player) string {
	s.t.Helper()
	s.hold(p)
	defer p.chip.PowerOff()
	ask := func(cmd ...byte) []byte {
		out, err := p.chip.Transmit(nil, cmd)
		check(s.t, err)
		return out[:len(out)-2]
	}
	name := []byte{0xA0, 0, 0, 3, 0x33, 1, 1, 1}
	ask(slices.Concat([]byte{0, 0xA4, 4, 0, byte(len(name))}, name, []byte{0})...)
	record := ask(0x80, 0xB4, 0, metroFile<<3, 2, metroID>>8, metroID&0xFF, 0)
	var trip []byte
	if b := ask(0, 0xB2, 1, tripFile<<3|4, 0); len(b) == 48 {
		trip = b[:16]
	}
	word := func(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }
	return fmt.Sprintf("record %q, newest trip %q", word(record[noteAt:noteAt+16]), word(trip))
}

// held is the sum of open pre-authorisations.
func held(holds []capp.Hold) (sum money.Fen) {
	for i := range holds {
		sum += holds[i].Amount
	}
	return sum
}
