package kernel

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/money"
)

const paperTC = "1122334455667788"

// tornTransit is the Data of a payment of the extension whose last answer was lost.
func tornTransit(t testing.TB, df60 byte) *Data {
	t.Helper()
	card := newTransitPaperCard("DF610102", "DF6001")
	if df60 == 2 {
		const ac = "9F2608" + paperTC
		i := bytes.Index(card.gpo, unhex(ac))
		card.gpo = append(card.gpo[:i], card.gpo[i+11:]...)
		card.gpo[1] -= 11
	}
	card.records[[2]byte{1, 0x14}] = nil
	m := newMachine(t, transitConfig(), testInput())
	pausedAt(m, m.Step(Event{Kind: Start}), card)
	out := converse(m, m.Trade(400, df60), card, Continue)
	if out.Result != Torn || out.Commit != CommitUnknown {
		t.Fatalf("outcome %v %v, %v", out.Result, out.Commit, out.Fault)
	}
	return out.Data.Clone()
}

// provingCard answers GET TRANS PROVE.
type provingCard struct {
	*paperCard
	proof []byte
	gone  bool // it leaves at the proof
}

func (c *provingCard) run(m *Machine, r Ready) *Probe {
	for r.Probe == nil {
		switch {
		case r.Send[1] != 0x5A:
			r = m.Step(Answered(c.answer(r.Send)))
		case c.gone:
			r = m.Step(Event{Kind: CardLeft})
		default:
			c.sent = append(c.sent, bytes.Clone(r.Send))
			r = m.Step(Answered(c.proof))
		}
	}
	return r.Probe
}

// TestProof: what a card can say to GET TRANS PROVE, and what follows from it for people.
// The paper card is at the counter of the torn payment, with the balance of after.
func TestProof(t *testing.T) {
	for _, c := range []struct {
		name     string
		df60     byte
		answer   string
		repeated bool
		atc      string
		proof    Proof
		verdict  Verdict
	}{
		{"committed", 1, paperTC + "9000", true, "001C", ProofCommitted, Finishable},
		{"committed, no record", 1, paperTC + "9000", false, "001C", ProofCommitted, LooksPaid},
		{"committed, used since", 1, paperTC + "9000", false, "001D", ProofCommitted, LooksPaid},
		{"not committed", 1, "9406", false, "001C", ProofNotCommitted, LooksUnpaid},
		{"not committed, used since", 1, "9406", false, "001D", ProofNotCommitted, OtherCard},
		{"another TC", 1, "1122334455667789 9000", false, "001C", ProofOther, OtherCard},
		{"zeros for a fare", 1, "0000000000000000 9000", false, "001C", ProofOther, OtherCard},
		{"hold committed", 2, "0000000000000000 9000", false, "001C", ProofCommitted, LooksPaid},
		{"hold of who knows which card", 2, "0000000000000000 9000", false, "001D", ProofCommitted, OtherCard},
		{"TC for a hold", 2, paperTC + "9000", false, "001C", ProofOther, OtherCard},
		{"seven bytes", 1, paperTC[2:] + "9000", false, "001C", ProofNone, LooksPaid},
		{"a card without the command", 1, "6D00", false, "001C", ProofNone, LooksPaid},
	} {
		torn := tornTransit(t, c.df60)
		card := &provingCard{paperCard: newTransitPaperCard("DF610102", "DF6001"), proof: unhex(c.answer)}
		card.atc = unhex("9F3602" + c.atc + "9000")
		if !c.repeated {
			card.records[[2]byte{1, 0x14}] = unhex("6985")
		}
		m := newMachine(t, transitConfig(), testInput())
		p := card.run(m, m.Probe(torn))
		if p.ProofOf(torn) != c.proof || p.Verdict(torn) != c.verdict {
			t.Errorf("%s: proof %v, verdict %v; want %v, %v", c.name, p.ProofOf(torn), p.Verdict(torn), c.proof, c.verdict)
		}
		other := torn.Clone()
		other.ATC++
		if p.ProofOf(other) != ProofNone {
			t.Errorf("%s: the proof counts for another payment", c.name)
		}
	}
}

// TestProofBeforeBalance: a balance can have changed meanwhile, and be what it was before.
func TestProofBeforeBalance(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   Verdict
	}{{"0000000000000000 9000", LooksPaid}, {"6D00", LooksUnpaid}} {
		torn := tornTransit(t, 2)
		card := &provingCard{paperCard: newTransitPaperCard("DF610102", "DF6001"), proof: unhex(c.answer)}
		card.records[[2]byte{1, 0x14}], card.balance = unhex("6985"), unhex("9F7906000000010000 9000")
		m := newMachine(t, transitConfig(), testInput())
		if p := card.run(m, m.Probe(torn)); p.Verdict(torn) != c.want {
			t.Errorf("%s: %v, want %v", c.answer, p.Verdict(torn), c.want)
		}
	}
}

// TestProbeAsksInOrder: the record first of all, then the proof; of a payment without the
// extension no proof is asked for.
func TestProbeAsksInOrder(t *testing.T) {
	const name = "00A4040008A00000033301010100"
	for _, c := range []struct {
		torn *Data
		want string
	}{
		{tornTransit(t, 1), name + " 00B2011400 805A000002001C08 80CA9F3600 80CA9F7900"},
		{tornPaperCard(t), name + " 00B2011400 80CA9F3600 80CA9F7900"},
	} {
		card := &provingCard{paperCard: newTransitPaperCard("DF610102", "DF6001"), proof: unhex("9406")}
		m := newMachine(t, transitConfig(), testInput())
		card.run(m, m.Probe(c.torn))
		if got := commands(card.paperCard); got != c.want {
			t.Errorf("commands %s\nwant     %s", got, c.want)
		}
	}
}

func commands(c *paperCard) string {
	var sent []string
	for _, cmd := range c.sent {
		sent = append(sent, strings.ToUpper(hex.EncodeToString(cmd)))
	}
	return strings.Join(sent, " ")
}

// TestProveOn: several torn payments have the same Probe; each has a proof of its own.
func TestProveOn(t *testing.T) {
	first, second := tornTransit(t, 1), tornTransit(t, 1)
	second.ATC = 0x1D
	if !first.SameProbe(second) {
		t.Fatal("two payments of one kind of card")
	}
	card := &provingCard{paperCard: newTransitPaperCard("DF610102", "DF6001"), proof: unhex("9406")}
	m := newMachine(t, transitConfig(), testInput())
	card.run(m, m.Probe(first))
	card.sent, card.proof = nil, unhex(paperTC+"9000")
	p := card.run(m, m.ProveOn(second))
	if commands(card.paperCard) != "805A000002001D08" || p.ProofOf(second) != ProofCommitted || p.ProofOf(first) != ProofNone || !p.OK || !p.Repeated {
		t.Errorf("%s: %+v", commands(card.paperCard), p)
	}
	card.gone = true
	if p := card.run(m, m.ProveOn(first)); !p.Left || p.ProofOf(first) != ProofNone {
		t.Errorf("left: %+v", p)
	}
}

// TestProofAfterRecognise: the card that was asked whether it has paid is asked for the
// proof of a torn payment without a new SELECT.
func TestProofAfterRecognise(t *testing.T) {
	torn := tornTransit(t, 1)
	m := newMachine(t, transitConfig(), testInput())
	card := &provingCard{paperCard: newTransitPaperCard("DF610102", "DF6001"), proof: unhex("9406")}
	seen := Seen{AIDLen: 8, SFI: 2, Last: 1, CAD: [8]byte{1}}
	copy(seen.AID[:], torn.AID())
	card.run(m, m.Recognise(seen))
	card.sent = nil
	p := card.run(m, m.ProbeOn(torn))
	if got := commands(card.paperCard); got != "805A000002001C08 80CA9F3600 80CA9F7900" || p.ProofOf(torn) != ProofNotCommitted {
		t.Errorf("%s: %v", got, p.ProofOf(torn))
	}
	// A card that left while it was asked may be another one now.
	m.Recognise(seen)
	m.Step(Answered(card.fci))
	if r := m.Step(Event{Kind: CardLeft}); r.Probe == nil || !r.Probe.Left || !bytes.HasPrefix(m.ProbeOn(torn).Send, unhex("00A404")) {
		t.Errorf("after a card that left: %+v", r)
	}
}

// TestTradeOn: the selection of the Probe stands, where it can be used.
func TestTradeOn(t *testing.T) {
	torn := tornTransit(t, 1)
	for _, c := range []struct {
		name    string
		spoil   func(*provingCard)
		transit bool
		first   string // what is sent, if not Transit
	}{
		{"as selected", func(*provingCard) {}, true, ""},
		{"blocked meanwhile", func(c *provingCard) { c.fci[len(c.fci)-2], c.fci[len(c.fci)-1] = 0x62, 0x83 }, false, "00A404"},
		{"no such application", func(c *provingCard) { c.fci = unhex("6A82") }, false, "00A404"},
		{"no FCI", func(c *provingCard) { c.fci = unhex("9000") }, false, "00A404"},
		{"without the extension", func(c *provingCard) { c.fci = newPaperCard().fci }, false, "80A800"},
		{"under a longer name", func(c *provingCard) {
			c.fci = bytes.Replace(c.fci, unhex("8408 A000000333010101"), unhex("8409 A00000033301010101"), 1)
			c.fci[1]++
		}, false, "00A404"},
	} {
		card := &provingCard{paperCard: newTransitPaperCard("DF610102", "DF6001"), proof: unhex("9406")}
		c.spoil(card)
		m := newMachine(t, transitConfig(), testInput())
		card.run(m, m.Probe(torn))
		r := m.TradeOn(testInput())
		if r.Transit != c.transit || !bytes.HasPrefix(r.Send, unhex(c.first)) {
			t.Errorf("%s: %+v", c.name, r)
			continue
		}
		if !c.transit {
			continue
		}
		if m.Support() != 2 || !bytes.Equal(m.Data().AID(), torn.AID()) {
			t.Errorf("%s: DF61 %02X, %X", c.name, m.Support(), m.Data().AID())
		}
		if out := converse(m, m.Trade(300, 1), card.paperCard, Continue); out.Result != Approved || out.Data.Amount != 300 {
			t.Errorf("%s: %v, %v", c.name, out.Result, out.Fault)
		}
	}
}

// TestTransitDataIsStored: after a power failure the proof can still be asked for.
func TestTransitDataIsStored(t *testing.T) {
	for _, df60 := range []byte{1, 2, 3} {
		torn := tornTransit(t, df60)
		b := torn.Append(nil)
		back, err := DecodeData(b)
		if err != nil {
			t.Fatalf("DF60 %02X: %v", df60, err)
		}
		if d := cmp.Diff(torn, back, cmp.AllowUnexported(Data{}, recordRef{})); d != "" {
			t.Error(d)
		}
		for _, bad := range [][2]byte{{4, 2}, {1, 0}, {1, 3}} {
			b[len(b)-2], b[len(b)-1] = bad[0], bad[1]
			if _, err := DecodeData(b); err == nil {
				t.Errorf("DF60 %02X with DF61 %02X: taken", bad[0], bad[1])
			}
		}
	}
	hold := tornTransit(t, 2).Append(nil)
	hold[len(hold)-2] = 1
	if _, err := DecodeData(hold); err == nil {
		t.Error("a fare without a cryptogram: taken")
	}
}

// TestBalances: what is known of the balance before and after, by kind of payment. The
// paper card states 96.00 after a payment of 4.00.
func TestBalances(t *testing.T) {
	for _, c := range []struct {
		df60   byte
		stated string
		before money.Fen // -1: not known
		after  money.Fen
	}{{1, "0000009600", 10000, 9600}, {2, "0000009600", 10000, 9600}, {3, "0000009600", -1, 9600}, {1, "0000000000", -1, 0}, {2, "0000000000", 400, 0}} {
		d := tornTransit(t, c.df60)
		d.objects[objIAD] = bytes.Replace(d.objects[objIAD], unhex("0000009600"), unhex(c.stated), 1)
		if f := d.identify(); f.Code != NoFault {
			t.Fatal(f)
		}
		before, known := d.BalanceBefore()
		after, stated := d.BalanceAfter()
		if known != (c.before >= 0) || known && before != c.before || !stated || after != c.after {
			t.Errorf("DF60 %02X, %s: before %v %v, after %v %v", c.df60, c.stated, before, known, after, stated)
		}
	}
}

// TestBalanceOfNothing: a fare of nothing leaves what was there.
func TestBalanceOfNothing(t *testing.T) {
	d := tornTransit(t, 1)
	d.objects[objIAD] = bytes.Replace(d.objects[objIAD], unhex("0000009600"), unhex("0000000000"), 1)
	d.Amount = 0
	if f := d.identify(); f.Code != NoFault {
		t.Fatal(f)
	}
	if before, known := d.BalanceBefore(); before != 0 || !known {
		t.Errorf("%v, %v", before, known)
	}
}

func TestProofNames(t *testing.T) {
	for p, want := range map[Proof]string{ProofNone: "none", ProofCommitted: "committed", ProofNotCommitted: "not committed", ProofOther: "another transaction", 9: "invalid"} {
		if p.String() != want {
			t.Errorf("%d is %q", p, p)
		}
	}
}
