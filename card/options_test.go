package card_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// tc does SELECT and GPO and gives the verified 9F10.
func (s *session) tc(p purchase) cryptogram.IAD {
	s.t.Helper()
	s.ok(selectApp)
	_, v := tags(s.t, tlv.TagResponseFormat2, s.ok(s.gpo(p)))
	return s.verify(p, v, true)
}

// TestDiscretionaryData: every form of the issuer discretionary data in 9F10,
// with both funds, before and after they change.
func TestDiscretionaryData(t *testing.T) {
	edits := []string{"81109000", "41109000", "  cvm: 50000", "  cvm: 50000\n  ctta: 700"}
	for idd, want := range [][2]money.Fen{
		cryptogram.IDDBalance:     {700, 0},
		cryptogram.IDDCTTA:        {300, 0},
		cryptogram.IDDBalanceCTTA: {700, 300},
		cryptogram.IDDCTTALimit:   {300, 700},
		cryptogram.IDDAvailable:   {400, 0}, // 9F54 less CTTA
	} {
		if idd == cryptogram.IDDNone {
			continue
		}
		for _, name := range profiles {
			k := newSample(t, name, 1000, append([]string{"idd: 1", "idd: " + string(rune('0'+idd))}, edits...)...)
			s := k.insert(t, nil)
			iad := s.tc(gate(300))
			for i, got := range [][5]byte{iad.Amount1, iad.Amount2} {
				if v, err := money.FromN12(got[:]); err != nil || v != want[i] {
					t.Errorf("%s, data %02X: amount %d is %v, want %v", name, idd, i+1, v, want[i])
				}
			}
			s.ok(readLast)
			if st := s.chip.Inspect(); st.Balance != 700 || st.CTTA != 300 {
				t.Errorf("%s, data %02X: %+v", name, idd, st)
			}
		}
	}
	k := newSample(t, "sm", 1000, "idd: 1", "idd: 0")
	if iad := k.insert(t, nil).tc(gate(300)); iad.IDD != cryptogram.IDDNone || iad.Result() != cryptogram.TC {
		t.Errorf("without discretionary data: %+v", iad)
	}
}

// TestEitherFund: with "EC or CTTA" the CTTA pays what the cash cannot.
func TestEitherFund(t *testing.T) {
	k := newSample(t, "3des", 1000, "81109000", "21109000", "  cvm: 50000", "  cvm: 50000\n  ctta: 2000")
	s := k.insert(t, nil)
	for _, c := range []struct{ amount, balance, ctta money.Fen }{{600, 400, 0}, {500, 400, 500}, {400, 0, 500}, {1500, 0, 2000}} {
		s.pay(gate(c.amount))
		if st := s.chip.Inspect(); st.Balance != c.balance || st.CTTA != c.ctta {
			t.Errorf("after %v: %+v", c.amount, st)
		}
	}
	if iad := s.tc(gate(1)); iad.Result() != cryptogram.AAC {
		t.Errorf("with both funds spent: %v", iad.Result())
	}
}

// TestForeign: an offline payment in another currency counts and takes nothing.
func TestForeign(t *testing.T) {
	k := newSample(t, "sm", 1000, "81109000", "85109000", "  cvm: 50000", "  cvm: 50000\n  foreign: 1")
	s := k.insert(t, nil)
	p := gate(9999)
	p.currency = "0840"
	s.pay(p)
	if st := s.chip.Inspect(); st.Balance != 1000 || st.Foreign != 1 || st.LogRecords != 1 {
		t.Errorf("%+v", st)
	}
	if iad := s.tc(p); iad.Result() != cryptogram.AAC || iad.CVR[1] != 0x20 {
		t.Errorf("the second one: %+v", iad)
	}
}

// TestPrepaid: the one case in which GET PROCESSING OPTIONS changes the balance,
// before the answer and torn at every write.
func TestPrepaid(t *testing.T) {
	k := newSample(t, "sm", 1000, "81109000", "81909000")
	p := gate(300)
	p.ttq = "20800080"
	s := k.insert(t, nil)
	iad := s.tc(p)
	if b, _ := iad.Balance(); iad.Result() != cryptogram.ARQC || b != 700 {
		t.Fatalf("%+v", iad)
	}
	s.want(readLast, apdu.SWConditions)
	total := s.chip.Memory().Writes()
	if st := s.chip.Inspect(); st.Balance != 700 || st.LogRecords != 0 {
		t.Fatalf("%+v", st)
	}
	seen := map[money.Fen]bool{}
	for n := 1; n <= total; n++ {
		for _, tear := range tears {
			s := k.insert(t, nil)
			s.chip.Memory().CutAt(n, tear)
			s.ok(selectApp)
			if _, err := s.chip.Transmit(nil, unhex(t, s.gpo(p))); !errors.Is(err, card.ErrPowerCut) {
				t.Fatal(err)
			}
			check(t, s.chip.PowerOn(random(1)))
			st := s.chip.Inspect()
			seen[st.Balance] = true
			if st.Balance != 1000 && (st.Balance != 700 || st.ATC != 1) {
				t.Fatalf("write %d: %+v", n, st)
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("only %v was seen", seen)
	}
}

// empty is a random source that has failed.
type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, errors.New("no random numbers") }

// TestNoRandom: without random numbers nothing is signed and nothing is paid.
func TestNoRandom(t *testing.T) {
	for _, name := range profiles {
		for _, ttq := range []string{"28000080", "28000000"} {
			k := newSample(t, name, 1000)
			s := k.insert(t, nil)
			check(t, s.chip.PowerOn(empty{}))
			s.ok(selectApp)
			p := gate(300)
			p.ttq = ttq
			s.want(s.gpo(p), apdu.SWUnknown)
			s.want(readLast, apdu.SWConditions)
			if st := s.chip.Inspect(); st.Balance != 1000 || st.ATC != 1 {
				t.Errorf("%s: %+v", name, st)
			}
		}
	}
}

// TestSame: equal inputs give equal answers, so a simulation can be repeated.
func TestSame(t *testing.T) {
	for _, name := range profiles {
		var answers [2][]byte
		for i := range answers {
			k := newSample(t, name, 1000)
			s := k.insert(t, nil)
			for _, cmd := range []string{selectPPSE, selectApp, s.gpo(gate(300)), readLast} {
				answers[i] = append(answers[i], s.ok(cmd)...)
			}
		}
		if !bytes.Equal(answers[0], answers[1]) {
			t.Errorf("%s: two equal cards with equal random numbers answered differently", name)
		}
	}
}

// TestChipStates: what can be asked of a chip without a card or power.
func TestChipStates(t *testing.T) {
	chip := card.New()
	if err := chip.PowerOn(random(1)); !errors.Is(err, card.ErrNotPowered) {
		t.Errorf("PowerOn of an empty chip: %v", err)
	}
	if err := chip.Insert(nil, nil); err == nil {
		t.Error("no image was inserted")
	}
	if _, err := chip.Transmit(nil, []byte{0, 0, 0, 0}); !errors.Is(err, card.ErrNotPowered) {
		t.Errorf("Transmit to an empty chip: %v", err)
	}
	if st := chip.InspectApplication(0); st.Balance != 0 || st.PINTries != 0 {
		t.Errorf("empty chip: %+v", st)
	}
	if b := chip.Snapshot(nil); !bytes.Equal(b, []byte{1}) {
		t.Errorf("memory of an empty chip: %X", b)
	}
	k := newSample(t, "sm", 1000)
	for _, bad := range [][]byte{{}, {2}, unhex(t, "01 0000 80"), unhex(t, "01 0000 00 03 0000 00 0A"), unhex(t, "01 0000 00 03 0000 00 00 0B"),
		unhex(t, "01 0000 00 03 0000 00 00 00 00 0A"), unhex(t, "01 0000 00 03 0000 00 00 00 00 000000000000 0B"), unhex(t, "01 0000 00 03 0000 00 00 00 01")} {
		if err := chip.Insert(k.image, bad); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("snapshot %X: %v", bad, err)
		}
		if err := chip.PowerOn(random(1)); !errors.Is(err, card.ErrNotPowered) {
			t.Errorf("a chip whose card was refused has power: %v", err)
		}
	}
	check(t, chip.Insert(k.image, nil))
	if st := chip.Inspect(); st.Balance != 1000 {
		t.Errorf("a card as issued: %+v", st)
	}
}
