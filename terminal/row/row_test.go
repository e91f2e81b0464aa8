package row_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

const now = 1795305600

// session is a development card before a kernel.
type session struct {
	t    testing.TB
	chip *card.Chip
	m    *kernel.Machine
}

func newSession(t testing.TB) *session {
	t.Helper()
	s := &session{t: t, chip: card.New()}
	request, err := devcard.Default("sm")
	s.must(err)
	image, err := devcard.Issue(request)
	s.must(err)
	s.must(s.chip.Insert(image, nil))
	s.must(s.chip.PowerOn(rand.NewChaCha8([32]byte{1})))
	keys, err := devkeys.CAKeys()
	s.must(err)
	verifier, err := oda.NewVerifier(keys, 4)
	s.must(err)
	s.m, err = kernel.New(&kernel.Config{
		TTQ: kernel.GateTTQ, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56},
		AppVersion: [2]byte{0x00, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: verifier,
	})
	s.must(err)
	s.must(s.m.Reset(kernel.Input{Amount: 400, UN: [4]byte{1, 2, 3, 4}, Time: now}))
	return s
}

func (s *session) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// run steps the kernel to its end. Where tear is set, the answer with which the card
// pays is lost; seen is called when the card has told who it is.
func (s *session) run(r kernel.Ready, tear bool, seen func(*kernel.Data)) *kernel.Outcome {
	for r.Outcome == nil {
		switch {
		case r.Identified:
			if seen != nil {
				seen(s.m.Data())
			}
			r = s.m.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = s.m.Step(kernel.Event{Kind: kernel.CardRemoved})
		case r.Probe != nil:
			s.t.Fatal("a probe that was not asked for")
		default:
			answer, err := s.chip.Transmit(nil, r.Send)
			s.must(err)
			if tear && s.m.LastSent() {
				r = s.m.Step(kernel.Event{Kind: kernel.CardLeft})
				continue
			}
			r = s.m.Step(kernel.Answered(answer))
		}
	}
	return r.Outcome
}

func (s *session) begin(tear bool, seen func(*kernel.Data)) *kernel.Outcome {
	return s.run(s.m.Step(kernel.Event{Kind: kernel.Start}), tear, seen)
}

// torn is the transaction of a card whose last answer was lost.
func torn(t testing.TB) (*session, row.Torn) {
	s := newSession(t)
	out := s.begin(true, nil)
	if out.Reason != txn.LastAnswerLost {
		t.Fatalf("the card is not torn: %v, %v", out.Result, out.Reason)
	}
	d := out.Data.Clone()
	return s, row.Torn{Data: d, Row: row.New(txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), d, 7, now), Until: now + 30}
}

// stored is a torn transaction in its two parts.
func stored(t testing.TB, torn *row.Torn) (head, data []byte) {
	t.Helper()
	head, err := torn.AppendHead(nil)
	if err != nil {
		t.Fatal(err)
	}
	return head, torn.Data.Append(nil)
}

// TestPaid: the record of a payment says what the kernel has found, and its evidence is
// enough for the CA keys alone. Before the certificates are read there is none.
func TestPaid(t *testing.T) {
	s := newSession(t)
	var early row.Record
	out := s.begin(false, func(d *kernel.Data) { early.Keep(d) })
	if out.Result != kernel.Approved {
		t.Fatalf("%v, %v", out.Result, out.Fault)
	}
	if early.Row.Flags != 0 || len(early.Evidence.SDAD)+len(early.Evidence.Card.CardCert) != 0 {
		t.Errorf("evidence without certificates: %v", early.Evidence)
	}
	r := row.Record{Row: row.New(txn.Purchase, 0, out.Data, 7, now)}
	r.Accept(out)
	if want := txn.LastRecordRead | txn.ODAVerified | txn.ServiceGiven | txn.Tag9F69Checked | txn.EvidenceKept; r.Row.Flags != want {
		t.Errorf("flags %04X, want %04X", uint16(r.Row.Flags), uint16(want))
	}
	if r.Row.Terminal != 7 || r.Row.Time != now || r.Row.Amount != 400 || r.Row.UN != [4]byte{1, 2, 3, 4} || r.Row.Tag9F69 == [8]byte{} {
		t.Errorf("row %v", r.Row)
	}
	if r.Evidence.Card.PAN != [10]byte{} {
		t.Error("the evidence repeats the account number")
	}
	if before, ok := out.Data.BalanceBefore(); !ok || row.Balance(out) != before-400 {
		t.Errorf("balance %v, before it %v", row.Balance(out), before)
	}
}

// TestTornIsFinished: after a power failure the card comes back and repeats its record.
func TestTornIsFinished(t *testing.T) {
	s, first := torn(t)
	if e := first.Doubt(); e.Row != first.Row || e.Evidence.SDAD != nil {
		t.Errorf("doubt %v", e.Row)
	}
	back, err := row.DecodeTorn(stored(t, &first))
	s.must(err)
	if back.Row != first.Row || back.Until != first.Until || !bytes.Equal(back.Data.Append(nil), first.Data.Append(nil)) {
		t.Error("a torn transaction changes when it is stored and read")
	}
	r := s.m.Probe(back.Data)
	for r.Probe == nil {
		answer, err := s.chip.Transmit(nil, r.Send)
		s.must(err)
		r = s.m.Step(kernel.Answered(answer))
	}
	if v := r.Probe.Verdict(back.Data); v != kernel.Finishable {
		t.Fatalf("verdict %v", v)
	}
	out := s.run(s.m.Resume(back.Data), false, nil)
	if out.Result != kernel.Approved || !back.Proves(out) {
		t.Fatalf("%v, %v", out.Result, out.Fault)
	}
	got := back.Finished(txn.Exit, out).Row
	want := first.Row
	want.Kind, want.Flags, want.Tag9F69, want.Expiry = txn.Exit, txn.ClosedByRetap, out.Data.CAD, out.Data.Expiry
	if d := cmp.Diff(want, got); d != "" || got.Tag9F69 == [8]byte{} {
		t.Error(d)
	}
}

// TestBalanceOfATornCard is not known, whatever the card said before.
func TestBalanceOfATornCard(t *testing.T) {
	s := newSession(t)
	out := s.begin(true, nil)
	if _, ok := out.Data.BalanceBefore(); !ok || row.Balance(out) != -1 {
		t.Errorf("balance %v", row.Balance(out))
	}
}

// TestRowSaysWhatWasAsked of the low-value extension.
func TestRowSaysWhatWasAsked(t *testing.T) {
	for _, df60 := range []byte{0, 1, 2, 3} {
		if r := row.New(txn.Exit, 0, &kernel.Data{DF60: df60}, 7, now); r.DF60 != df60 || r.DF63 != txn.DF63Unread {
			t.Errorf("DF60 %02X: row %02X, DF63 %X", df60, r.DF60, r.DF63)
		}
	}
}

// TestProves: without 9F69 under the signature, a signature that was there before the
// last record proves nothing.
func TestProves(t *testing.T) {
	_, held := torn(t)
	if len(held.Data.Get(0x9F4B)) == 0 {
		t.Fatal("this card signs in its last record: it shows nothing here")
	}
	for _, checked := range []bool{false, true} {
		if got := held.Proves(&kernel.Outcome{CADChecked: checked}); got != checked {
			t.Errorf("9F69 covered %v: proves %v", checked, got)
		}
	}
	if late := (row.Torn{Data: &kernel.Data{}}); !late.Proves(&kernel.Outcome{}) {
		t.Error("a signature in the last record is no proof")
	}
}

func TestDecodeTornRefuses(t *testing.T) {
	_, good := torn(t)
	for name, spoil := range map[string]func(*row.Torn){
		"payment":            func(w *row.Torn) { w.Row.Kind, w.Row.Flags = txn.Purchase, 0 },
		"not a doubt row":    func(w *row.Torn) { w.Row.Kind = txn.Declined },
		"another reason":     func(w *row.Torn) { w.Row.Flags = w.Row.Flags.WithReason(txn.LeftBeforeLast) },
		"another card":       func(w *row.Torn) { w.Row.Card.PSN++ },
		"another counter":    func(w *row.Torn) { w.Row.ATC++ },
		"another cryptogram": func(w *row.Torn) { w.Row.AC[7]++ },
		"another amount":     func(w *row.Torn) { w.Row.Amount++ },
		"another DF60":       func(w *row.Torn) { w.Row.DF60 = 1 },
	} {
		bad := good
		spoil(&bad)
		if _, err := row.DecodeTorn(stored(t, &bad)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	head, data := stored(t, &good)
	for n := range data {
		if _, err := row.DecodeTorn(head, data[:n]); err == nil {
			t.Errorf("card data cut to %d bytes: taken", n)
		}
	}
	for _, cut := range [][]byte{nil, head[:row.HeadSize-1], append(bytes.Clone(head), 0)} {
		if _, err := row.DecodeTorn(cut, data); err == nil {
			t.Errorf("head of %d bytes: taken", len(cut))
		}
	}
	if _, err := row.DecodeTorn(head, data); err != nil {
		t.Error(err)
	}
}

// TestEvidenceIsNotPrinted: the static data hold the account number.
func TestEvidenceIsNotPrinted(t *testing.T) {
	e := row.Evidence{SDAD: []byte{1, 2}, Card: oda.CardData{CAIndex: 0x57, StaticData: []byte("static")}}
	const want = "evidence(9F4B 2 bytes, CA key 57)"
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "e", e)
	j, err := json.Marshal(&e)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprintf("%v", e), fmt.Sprintf("%#v", e), fmt.Sprintf("%x", e), b.String(), string(j)} {
		if !strings.Contains(s, want) || strings.Contains(s, "static") || strings.Contains(s, "737461") {
			t.Errorf("%q, want %q", s, want)
		}
	}
}

// FuzzDecodeTorn: what is taken is stored again as it came, and is about one transaction.
func FuzzDecodeTorn(f *testing.F) {
	_, w := torn(f)
	head, data := stored(f, &w)
	f.Add(head, data)
	f.Add(head, data[:len(data)-1])
	f.Add(head[1:], data)
	f.Fuzz(func(t *testing.T, head, data []byte) {
		got, err := row.DecodeTorn(head, data)
		if err != nil {
			return
		}
		again, err := got.AppendHead(nil)
		if err != nil || !bytes.Equal(again, head) || !bytes.Equal(got.Data.Append(nil), data) {
			t.Fatalf("another form of the same transaction, %v", err)
		}
		if got.Row.Card != got.Data.Card || got.Row.ATC != got.Data.ATC || got.Row.Amount != got.Data.Amount {
			t.Fatalf("row %v, data %v", got.Row, got.Data)
		}
	})
}
