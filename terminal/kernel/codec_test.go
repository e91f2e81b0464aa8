package kernel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/crypt/oda"
)

// tornPaperCard is the Data of a tap whose last answer was lost.
func tornPaperCard(t testing.TB) *Data {
	t.Helper()
	card := newPaperCard()
	card.records[[2]byte{1, 0x14}] = nil
	out := tap(t, testConfig(&verdict{reason: oda.OK}), card)
	if out.Result != Torn || out.Commit != CommitUnknown {
		t.Fatalf("outcome %v %v", out.Result, out.Commit)
	}
	return out.Data.Clone()
}

func TestDataIsStoredWhole(t *testing.T) {
	torn := tornPaperCard(t)
	b := torn.Append([]byte("before"))[6:]
	back, err := DecodeData(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(torn, back, cmp.AllowUnexported(Data{}, recordRef{})); d != "" {
		t.Fatal(d)
	}
	card := newPaperCard()
	v := &verdict{reason: oda.OK}
	m := newMachine(t, testConfig(v), testInput())
	converse(m, m.Probe(back), card, Continue)
	if out := converse(m, m.Resume(back), card, Continue); out.Result != Approved || !out.CADChecked || !bytes.Equal(v.card.StaticData, torn.static) {
		t.Fatalf("resumed: %v, %v", out.Result, out.Fault)
	}
}

// TestStoredDataStaysReadable: what an earlier edition of the program has stored of the
// same tap can still be read, and is what this one stores.
func TestStoredDataStaysReadable(t *testing.T) {
	stored := unhex(`0208A000000333010101007E82027C00940808010202100101009F3602001C9F260811223344556677889F101307010103900000010A010000009600
		AABBCCDD57106228000100001117D30122010000000F5F3401019F6C0200009F4B033333335A0862280001000011175F24033012315F25032001019F
		080200308F013990031111119F4603222222002D5A0862280001000011175F24033012315F25032001015F3401018F013990031111119F4603222222
		9F0802003000000000040000000000000001560000000000015625112100112233442800008002010001003000000000691FC7A00000`)
	if !bytes.Equal(tornPaperCard(t).Append(nil), stored) {
		t.Error("another encoding of the same data")
	}
	if d, err := DecodeData(stored); err != nil || d.ATC != 0x1C {
		t.Errorf("%v, %v", d, err)
	}
}

func TestStoredDataIsChecked(t *testing.T) {
	good := tornPaperCard(t).Append(nil)
	objects := 2 + 8 + 2
	for name, spoil := range map[string]func(b []byte) []byte{
		"empty":            func([]byte) []byte { return nil },
		"format":           func(b []byte) []byte { b[0] = 1; return b },
		"DF name":          func(b []byte) []byte { b[1] = 3; return b },
		"one byte short":   func(b []byte) []byte { return b[:len(b)-1] },
		"one byte more":    func(b []byte) []byte { return append(b, 0) },
		"objects":          func(b []byte) []byte { b[objects] = 0x83; return b },
		"flag of 2":        func(b []byte) []byte { b[len(b)-10-3] = 2; return b },
		"no last record":   func(b []byte) []byte { b[len(b)-10-6] = 0; return b },
		"time before 1970": func(b []byte) []byte { b[len(b)-10] = 0x80; return b },
		"amount":           func(b []byte) []byte { b[len(b)-10-6-sentSize+5] = 0x0A; return b },
	} {
		if _, err := DecodeData(spoil(bytes.Clone(good))); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// FuzzDecodeData: what is taken has one encoding only and can be resumed.
func FuzzDecodeData(f *testing.F) {
	good := tornPaperCard(f).Append(nil)
	f.Add(good)
	f.Add(good[:40])
	f.Add([]byte{dataFormat})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := DecodeData(b)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Append(nil), b) {
			t.Fatal("another encoding of the same data")
		}
		m := newMachine(t, testConfig(&verdict{reason: oda.OK}), testInput())
		converse(m, m.Probe(d), newPaperCard(), Continue)
		m.Resume(d)
	})
}

func TestNoCardDataInPrint(t *testing.T) {
	torn := tornPaperCard(t)
	m := newMachine(t, testConfig(&verdict{reason: oda.OK}), testInput())
	m.data = *torn
	var b strings.Builder
	for _, v := range []any{torn, *torn, m, Event{Kind: Answer, Data: torn.Get(0x57)}, &Outcome{Data: torn}, struct{ D *Data }{torn}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("tap", "data", torn, "value", *torn, "outcome", &Outcome{Data: torn})
	}
	for _, v := range []any{torn, *torn, Outcome{Data: torn}, map[string]*Data{"d": torn}} {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(j)
	}
	printed := strings.ReplaceAll(strings.ToUpper(b.String()), " ", "")
	decimal := strings.Trim(fmt.Sprint([]byte(torn.Card.PAN[1:7])), "[]")
	for _, secret := range []string{paperPAN, fmt.Sprintf("%X", paperPAN), strings.ReplaceAll(decimal, " ", ""), decimal, "0X28,0X0,0X1"} {
		if strings.Contains(printed, secret) || strings.Contains(b.String(), secret) {
			t.Errorf("%q is in the print", secret)
		}
	}
	if !strings.Contains(b.String(), "ATC 001C") {
		t.Error("nothing was printed")
	}
}

func TestRecognise(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.OK})
	m := newMachine(t, cfg, testInput())
	card := newPaperCard()
	out := converse(m, m.Step(Event{Kind: Start}), card, Continue)
	seen := out.Data.Seen()
	if !seen.Known() || !seen.Valid() {
		t.Fatalf("seen %+v", seen)
	}
	for _, c := range []struct {
		name     string
		spoil    func(*paperCard)
		ok, left bool
	}{
		{"the card", func(*paperCard) {}, true, false},
		{"application missing", func(c *paperCard) { c.fci = unhex("6A82") }, false, false},
		{"no record", func(c *paperCard) { c.records[[2]byte{1, 0x14}] = unhex("6985") }, false, false},
		{"record without 9F69", func(c *paperCard) { c.records[[2]byte{1, 0x14}] = record("9F7406454343303031") }, false, false},
		{"9F69 of another payment", func(c *paperCard) { c.records[[2]byte{1, 0x14}] = record("9F690801A1A2A3A5000000") }, false, false},
		{"garbage", func(c *paperCard) { c.records[[2]byte{1, 0x14}] = []byte{0} }, false, false},
		{"gone", func(c *paperCard) { c.records[[2]byte{1, 0x14}] = nil }, false, true},
	} {
		card := newPaperCard()
		c.spoil(card)
		if out := converse(m, m.Recognise(seen), card, Continue); out != nil || m.probe.OK != c.ok || m.probe.Left != c.left {
			t.Errorf("%s: %+v", c.name, m.probe)
		}
	}
	bare := newPaperCard()
	bare.records[[2]byte{1, 0x14}] = record("")
	if s := tap(t, cfg, bare).Data.Seen(); s.Known() || !s.Valid() {
		t.Errorf("a card without 9F69 is known by %+v", s)
	}
	strange := newPaperCard()
	strange.records[[2]byte{1, 0x14}] = record("9F690802A1A2A3A4000000")
	cfg.TTQ[3] = 0
	if out := tap(t, cfg, strange); out.Result != Approved || out.Data.Seen() != (Seen{}) {
		t.Errorf("%v, seen %+v", out.Result, out.Data.Seen())
	}
	for _, s := range []Seen{{AIDLen: 4}, {AIDLen: 17, SFI: 3, Last: 1}, {SFI: 3}} {
		if s.Valid() {
			t.Errorf("%+v is valid", s)
		}
	}
}
