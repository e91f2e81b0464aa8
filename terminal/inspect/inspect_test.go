package inspect_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/inspect"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// start is 2026-03-27 08:00 at UTC+8.
var start = time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC).Unix()

// train is a card, the gates on its way, and an inspector.
type train struct {
	t         testing.TB
	now       int64
	chip      *card.Chip
	sam       *card.Chip
	records   gate.Records
	book      *fare.Book
	inspector *inspect.Inspector
	answer    func(cmd, answer []byte) []byte // what somebody between card and handheld makes of an answer
	silent    bool
	commands  int
}

func newTrain(t testing.TB, image *card.Image, cfg inspect.Config) *train {
	t.Helper()
	book, err := beijing.Book()
	must(t, err)
	tr := &train{t: t, now: start, chip: card.New(), sam: card.New(), book: book, records: nowhere{}, inspector: inspect.New(&cfg)}
	tr.chip.UseInterface(card.Contactless)
	must(t, tr.chip.Insert(image, nil))
	p, err := psam.Embedded("dev-psam")
	must(t, err)
	module, err := p.Default()
	must(t, err)
	must(t, tr.sam.Insert(module, nil))
	must(t, tr.sam.PowerOn(seed()))
	return tr
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func seed() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

func bank(t testing.TB, profile string) *card.Image {
	t.Helper()
	r, err := devcard.Default(profile)
	must(t, err)
	r.Balance = 5000
	image, err := devcard.Issue(r)
	must(t, err)
	return image
}

func union(t testing.TB, name string, directory bool) *card.Image {
	t.Helper()
	p, err := purse.Embedded(name)
	must(t, err)
	parts := card.Parts{Applications: []cos.Template{p.Template(p.Card())}}
	if directory {
		parts.Directory, err = ppse.New(ppse.Entry{AID: p.AID(), Label: "PURSE"})
		must(t, err)
	}
	image, err := card.Assemble(parts)
	must(t, err)
	return image
}

// nowhere are station records that nobody needs.
type nowhere struct{}

func (nowhere) OpenEntry(gate.UID) (gate.EntryRecord, error) {
	return gate.EntryRecord{}, gate.ErrNoRecord
}
func (nowhere) OpenEntryOf(txn.CardKey) (gate.EntryRecord, error) {
	return gate.EntryRecord{}, gate.ErrNoRecord
}
func (nowhere) PutEntry(gate.EntryRecord) error                  { return nil }
func (nowhere) MonthSum(txn.CardKey, [2]byte) (money.Fen, error) { return 0, gate.ErrNoRecord }
func (nowhere) CloseJourney(gate.Closing) error                  { return nil }

// tap holds the card to a gate or a bus.
func (tr *train) tap(mode gate.Mode, station string) *gate.Result {
	tr.t.Helper()
	keys, err := devkeys.CAKeys()
	must(tr.t, err)
	v, err := oda.NewVerifier(keys, 4)
	must(tr.t, err)
	cfg := gate.Config{Terminal: 7, Mode: mode, Route: 300, Medium: fare.MunicipalCard, Transit: &gate.Transit{}, Kernel: kernel.Config{
		TTQ: kernel.GateTTQ, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, AppVersion: [2]byte{0x00, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: v,
	}}
	if id, ok := tr.book.StationByName(station); ok {
		cfg.Station = id
	}
	g, err := gate.New(cfg, gate.NewArray(), tr.records, tr.book)
	must(tr.t, err)
	must(tr.t, tr.chip.PowerOn(seed()))
	defer tr.chip.PowerOff()
	a := g.Begin(tr.now, gate.Field{Cards: 1}, [4]byte{1, 2, 3, byte(tr.now)})
	for a.Done == nil {
		switch {
		case a.Remove:
			a = g.Step(kernel.Event{Kind: kernel.CardRemoved})
		case a.SAM != nil:
			answer, err := tr.sam.Transmit(nil, a.SAM)
			must(tr.t, err)
			a = g.StepSAM(answer)
		default:
			answer, err := tr.chip.Transmit(nil, a.Send)
			must(tr.t, err)
			a = g.Step(kernel.Answered(answer))
		}
	}
	if !a.Done.Opened {
		tr.t.Fatalf("%v %v %v", a.Done.Display, a.Done.Fault, a.Done.Purse)
	}
	return a.Done
}

// inspect lets the inspector look at the card.
func (tr *train) inspect() inspect.Report {
	tr.t.Helper()
	must(tr.t, tr.chip.PowerOn(seed()))
	defer tr.chip.PowerOff()
	before := tr.chip.Snapshot(nil)
	a := tr.inspector.Begin(tr.now, [8]byte{9, 8, 7, 6, 5, 4, byte(tr.now >> 8), byte(tr.now)})
	for tr.commands = 0; a.Done == nil; {
		if a.SAM != nil {
			if tr.silent {
				a = tr.inspector.StepSAM(nil)
				continue
			}
			answer, err := tr.sam.Transmit(nil, a.SAM)
			must(tr.t, err)
			a = tr.inspector.StepSAM(answer)
			continue
		}
		if tr.commands++; tr.commands > 20 {
			tr.t.Fatal("the inspection does not end")
		}
		cmd := bytes.Clone(a.Send)
		answer, err := tr.chip.Transmit(nil, cmd)
		must(tr.t, err)
		if tr.answer != nil {
			answer = tr.answer(cmd, answer)
		}
		a = tr.inspector.Step(answer)
	}
	if !bytes.Equal(before, tr.chip.Snapshot(nil)) {
		tr.t.Error("the inspection has changed the card")
	}
	return *a.Done
}

// say is a report in one line.
func say(r inspect.Report) string {
	s := fmt.Sprintf("%v, %v (%v), %d trips", r.Verdict, map[bool]string{true: "verified", false: "not verified"}[r.Verified], r.Why, len(r.Trips))
	if r.LogAgrees {
		s += ", log agrees"
	}
	if r.HasTC {
		s += ", TC"
	}
	return s
}

// TestARide follows one card through a journey.
func TestARide(t *testing.T) {
	for _, profile := range []string{"transit-sm", "transit-3des", "quota-sm", "dev-transit-3des"} {
		t.Run(profile, func(t *testing.T) {
			tr := newTrain(t, bank(t, profile), inspect.Config{SM: true, MaxStay: 4 * time.Hour})
			expect := func(want string) {
				t.Helper()
				if got := say(tr.inspect()); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
			expect("no journey begun, verified (verified), 0 trips")
			tr.tap(gate.Entry, "建国门")
			tr.now += 600
			expect("valid, verified (verified), 1 trips, log agrees, TC")
			r := tr.inspect()
			if at := tr.book.Name(fare.StationID(r.Metro.Entry.Station)); at != "建国门" || r.Metro.Entry.Terminal != 7 || r.Metro.Entry.Time != start {
				t.Errorf("entered at %s, %+v", at, r.Metro.Entry)
			}
			tr.now += 5 * 3600
			expect("time limit exceeded, verified (verified), 1 trips, log agrees, TC")
			tr.tap(gate.Exit, "北京南站")
			tr.now += 60
			expect("no journey begun, verified (verified), 2 trips, log agrees, TC")
			if r := tr.inspect(); r.Metro.Amount != 700 || r.TC == [8]byte{} {
				t.Errorf("paid %v, TC %X", r.Metro.Amount, r.TC)
			}
			if tr.commands > 9 {
				t.Errorf("%d commands", tr.commands)
			}
		})
	}
}

// TestBus: a ride of one tap is good for a while, in this bus.
func TestBus(t *testing.T) {
	tr := newTrain(t, bank(t, "transit-sm"), inspect.Config{SM: true, Bus: true, Route: 300, OneTapStay: 2 * time.Hour})
	other := inspect.New(&inspect.Config{SM: true, Bus: true, Route: 52})
	if r := tr.inspect(); r.Verdict != inspect.NotEntered {
		t.Error(say(r))
	}
	tr.tap(gate.Bus, "")
	if r := tr.inspect(); r.Verdict != inspect.Valid || !r.Verified || r.Bus.Amount != 100 {
		t.Error(say(r))
	}
	tr.now += 3 * 3600
	if r := tr.inspect(); r.Verdict != inspect.TooLong {
		t.Error(say(r))
	}
	tr.inspector = other
	if r := tr.inspect(); r.Verdict != inspect.OtherVehicle {
		t.Error(say(r))
	}
}

// TestPurses are shown, and not verified.
func TestPurses(t *testing.T) {
	for _, c := range []struct {
		profile   string
		directory bool
		trips     string
	}{{"tunion", true, "1 trips, log agrees"}, {"tunion", false, "1 trips, log agrees"}, {"dev-cityunion", true, "0 trips"}} {
		tr := newTrain(t, union(t, c.profile, c.directory), inspect.Config{})
		tr.tap(gate.Entry, "建国门")
		tr.now += 600
		r := tr.inspect()
		if want := "valid, not verified (purse records cannot be verified offline), " + c.trips; say(r) != want || r.Card == (txn.CardKey{}) {
			t.Errorf("%s: %s, want %s", c.profile, say(r), want)
		}
	}
}

// TestNotVerified: whatever stands between card and handheld, nothing is verified.
func TestNotVerified(t *testing.T) {
	tr := newTrain(t, bank(t, "transit-sm"), inspect.Config{SM: true})
	isRead := func(cmd []byte) bool { return cmd[1] == 0xB4 && cmd[3] == 0x15<<3 }
	var old []byte
	tr.answer = func(cmd, answer []byte) []byte {
		if isRead(cmd) {
			old = bytes.Clone(answer)
		}
		return answer
	}
	tr.inspect()
	tr.tap(gate.Entry, "建国门")
	tr.now += 60
	request, err := devcard.Default("transit-sm")
	must(t, err)
	master, err := cryptogram.NewBlock(cryptogram.SM4, devcard.RecordMaster(0x15))
	must(t, err)
	key := cryptogram.DeriveCardKey(cryptogram.SM4, master, request.PAN, request.PSN)
	for name, c := range map[string]struct {
		change func(cmd, answer []byte) []byte
		want   string
	}{
		"an old copy of the record": {func(cmd, answer []byte) []byte {
			if isRead(cmd) {
				return old
			}
			return answer
		}, "not verified (record is not genuine)"},
		"another time in the record": {func(cmd, answer []byte) []byte {
			if isRead(cmd) {
				answer[50] ^= 1
			}
			return answer
		}, "not verified (record is not genuine)"},
		"another record of the file": {func(cmd, answer []byte) []byte {
			if isRead(cmd) {
				record := answer[:journey.Size]
				record[0], record[1] = 0x27, 0x01
				code := capp.ReadMAC(cryptogram.SM4, key, [8]byte(cmd[7:]), record)
				copy(answer[journey.Size:], code[:])
			}
			return answer
		}, "not verified (record is unreadable)"},
		"no such record": {func(cmd, answer []byte) []byte {
			if cmd[1] == 0xB4 {
				return []byte{0x6A, 0x83}
			}
			return answer
		}, "not verified (no journeys on this card)"},
		"a short record": {func(cmd, answer []byte) []byte {
			if cmd[1] == 0xB4 {
				return answer[4:]
			}
			return answer
		}, "not verified (no journeys on this card)"},
		"the card leaves": {func(cmd, answer []byte) []byte {
			if isRead(cmd) {
				return nil
			}
			return answer
		}, "not verified (card left too early)"},
		"no answer APDU": {func(cmd, answer []byte) []byte {
			if isRead(cmd) {
				return []byte{0x90}
			}
			return answer
		}, "not verified (record is unreadable)"},
	} {
		tr.answer = c.change
		if got := say(tr.inspect()); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	tr.answer, tr.silent = nil, true
	if r := tr.inspect(); r.Verified || r.Why != inspect.ModuleFailed || r.Err == nil || r.Verdict != inspect.Valid {
		t.Errorf("silent module: %s, %v", say(r), r.Err)
	}
	tr.silent = false
	if r := tr.inspect(); !r.Verified {
		t.Errorf("the module is back: %s, %v", say(r), r.Err)
	}
	plain := newTrain(t, bank(t, "sm"), inspect.Config{SM: true})
	if r := plain.inspect(); r.Verified || r.Why != inspect.NoJourneys || r.Verdict != inspect.Unknown {
		t.Errorf("a card that carries no journeys: %s", say(r))
	}
}

// TestHostile: no answer of card or module makes it panic, run on, or believe.
func TestHostile(t *testing.T) {
	p := inspect.New(&inspect.Config{})
	rapid.Check(t, func(t *rapid.T) {
		a := p.Begin(start, [8]byte{})
		draw := func() []byte {
			if rapid.IntRange(0, 9).Draw(t, "nothing") == 0 {
				return nil
			}
			n := rapid.SampledFrom([]int{0, 0, 4, 6, 8, 48, 132, 200}).Draw(t, "length")
			b := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "data")
			return append(b, rapid.SampledFrom([][]byte{{0x90, 0}, {0x6A, 0x82}, {0x6A, 0x83}, {0x69, 0x85}, {0x62, 0x83}}).Draw(t, "status")...)
		}
		for n := 0; a.Done == nil; n++ {
			if n > 60 {
				t.Fatal("the inspection does not end")
			}
			if a.SAM != nil {
				a = p.StepSAM(draw())
			} else {
				a = p.Step(draw())
			}
		}
		if a.Done.Verified {
			t.Fatal("verified")
		}
	})
}

// TestTexts: every reason and verdict can be shown.
func TestTexts(t *testing.T) {
	for w := inspect.Proved; w <= inspect.NoCode; w++ {
		if w.EN() == "" || w.ZH() == "" || w.String() != w.EN() {
			t.Errorf("reason %d", w)
		}
	}
	for v := inspect.Unknown; v <= inspect.Locked; v++ {
		if v.EN() == "" || v.ZH() == "" || v.String() != v.EN() {
			t.Errorf("verdict %d", v)
		}
	}
}
