package evidence_test

import (
	"encoding/hex"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/party"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/evidence"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// stream is a reader of repeatable bytes.
type stream struct{ n byte }

// Read fills p.
func (s *stream) Read(p []byte) (int, error) {
	for i := range p {
		s.n = s.n*31 + 7
		p[i] = s.n
	}
	return len(p), nil
}

// must gives the value of a call that may not fail: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func unhex(t testing.TB, s string) []byte { return must(hex.DecodeString(s))(t) }

// Rows of the worked example (chapter "The card timeline", 13): what they say in 9F10
// behind 07011103, and 9F26.
var example = []struct {
	atc    uint16
	kind   txn.Kind
	flags  txn.Flags
	amount money.Fen
	iad    string
	ac     string
	other  bool // at terminal 2
}{
	{0x12, txn.Exit, txn.LastRecordRead | txn.ODAVerified | txn.Tag9F69Checked | txn.ServiceGiven | txn.EvidenceKept, 400, "900000010A010000011600AE047B27", "BE3A851BD64361D3", false},
	{0x14, txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), 300, "900000010A010000011300500C3916", "1AA1C7FA45EF31DF", true},
	{0x15, txn.Purchase, txn.LastRecordRead | txn.ODAVerified | txn.ServiceGiven | txn.EvidenceKept, 200, "900000010A0100000111002244ADE3", "5D2FC3DA6B10AFB2", false},
}

const day1 = 1_795_000_000 // 2026-11-18 at UTC+8

// world is a card with three rows in the blocks of two terminals.
type world struct {
	card     txn.CardKey
	rows     []txn.Row
	dev      *party.Dev
	acquirer *oda.SM2Private
	terms    [3]*oda.SM2Private
	random   stream
	in       evidence.Input
	roots    evidence.Roots
}

func key(t testing.TB, label string) *oda.SM2Private {
	return must(oda.NewSM2Private(devkeys.SM2Key(label)))(t)
}

func newWorld(t testing.TB) *world {
	w := &world{dev: must(party.NewDev(devkeys.SM2Key))(t), acquirer: key(t, "acquirer")}
	w.terms = [3]*oda.SM2Private{nil, key(t, "terminal 1"), key(t, "terminal 2")}
	w.card = txn.CardKey{PAN: must(txn.ParsePAN("6228000100001117"))(t), PSN: 1}
	w.roots = evidence.Roots{CA: must(devkeys.CAKeys())(t), Party: w.dev.Root()}
	for i, e := range example {
		r := txn.Row{Kind: e.kind, Flags: e.flags, Card: w.card, ATC: e.atc, Amount: e.amount, UN: [4]byte{0x11, 0x22, 0x33, byte(e.atc)},
			Time: day1 + int64(i)*3600, Terminal: 1, Sequence: uint32(i + 2), DF63: txn.DF63Unread, Tag9F69: [8]byte{1, 9, 9, 9, 9}, AIP: [2]byte{0x7C, 0}}
		if e.other {
			r.Terminal = 2
		}
		copy(r.IAD[:], unhex(t, "07011103"+e.iad))
		copy(r.AC[:], unhex(t, e.ac))
		w.rows = append(w.rows, r)
	}
	w.rows[1].Sequence, w.rows[2].Sequence = 1, 5
	w.input(t)
	return w
}

// evidenceOf makes certificates and signature of the card for a row.
func (w *world) evidenceOf(t testing.TB, r *txn.Row) (block.Issuer, block.Card, []byte) {
	ca, issuer, card := must(oda.NewSM2Private(devkeys.SM2CA()))(t), key(t, "issuer 0"), key(t, "card")
	i := block.Issuer{CAIndex: devkeys.SM2CAIndex}
	i.Certificate = must(ca.CertifyIssuer(&w.random, oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0xFF, 0xFF}, Expiry: [2]byte{0x12, 0x30}}, issuer.Public()))(t)
	static := append([]byte{0x5A, 0x08}, w.card.PAN[:8]...)
	c := block.Card{Static: static}
	c.Certificate = must(issuer.CertifyCard(&w.random, oda.CardCert{PAN: w.card.PAN, Expiry: [2]byte{0x12, 0x30}, StaticData: append(append([]byte{}, static...), r.AIP[:]...)}, card.Public()))(t)
	version := byte(0)
	if r.Flags.Has(txn.Tag9F69Checked) {
		version = 1
	}
	amount := must(r.Amount.N12())(t)
	data := oda.FDDATerminalData(nil, version, r.UN, amount, [2]byte{1, 0x56}, r.Tag9F69[:])
	return i, c, must(card.SignDynamic(nil, &w.random, r.ATC, data))(t)
}

// seal closes a block of a terminal with some rows, one of them ours, or of none.
func (w *world) seal(t testing.TB, terminal, number uint32, previous seal.Hash, first uint32, rows []txn.Row) (block.Sealed, seal.Hash) {
	var raw []byte
	var e block.Evidence
	for i := range rows {
		var b [txn.RowSize]byte
		if err := rows[i].Encode(&b); err != nil {
			t.Fatal(err)
		}
		raw = append(raw, b[:]...)
		p := block.Proof{Card: block.NoCard}
		if rows[i].Flags.Has(txn.EvidenceKept) {
			issuer, card, sdad := w.evidenceOf(t, &rows[i])
			e.Issuers, e.Cards = append(e.Issuers, issuer), append(e.Cards, card)
			e.Cards[len(e.Cards)-1].Issuer = uint16(len(e.Issuers) - 1)
			p = block.Proof{Card: uint16(len(e.Cards) - 1), SDAD: sdad}
		}
		e.Proofs = append(e.Proofs, p)
	}
	h := block.Header{Suite: block.SM4GCM, Terminal: terminal, Start: 1, Number: number, FirstSequence: first, From: day1, Until: day1 + 90_000, KeyID: 1, Previous: previous}
	public := must(oda.NewSM2Public(w.acquirer.Public()))(t)
	b, hash, err := seal.Seal(nil, h, raw, &e, public, w.terms[terminal], &w.random)
	if err != nil {
		t.Fatal(err)
	}
	return must(block.Parse(b))(t), hash
}

// other is a row of somebody else.
func other(terminal txn.TerminalID, sequence uint32) txn.Row {
	r := txn.Row{Kind: txn.Declined, Flags: txn.Flags(0).WithReason(txn.CardDeclined), ATC: 7, Terminal: terminal, Sequence: sequence, Time: day1, DF63: txn.DF63Unread}
	r.Card = txn.CardKey{PAN: txn.PAN{0x62, 0x28, 0, 2, 0, 0, 0, 0, 0xFF, 0xFF}, PSN: 1}
	return r
}

// input puts the rows into blocks, proves them and judges the card.
func (w *world) input(t testing.TB) {
	b1, h1 := w.seal(t, 1, 1, seal.Hash{}, 1, []txn.Row{other(1, 1), w.rows[0], other(1, 3), other(1, 4), w.rows[2]})
	b2, _ := w.seal(t, 1, 2, h1, 6, nil)
	d1, _ := w.seal(t, 2, 1, seal.Hash{}, 1, []txn.Row{w.rows[1]})
	head2 := seal.HeadOf(&b2)
	add := func(s *block.Sealed, i int, next *seal.Head) {
		in := must(seal.Prove(s, w.acquirer, i))(t)
		w.in.Rows = append(w.in.Rows, evidence.Row{Inclusion: in, Block: seal.HeadOf(s), Next: next, Cryptogram: evidence.Right, BalanceMAC: evidence.Right})
	}
	add(&b1, 1, &head2)
	add(&d1, 0, nil)
	add(&b1, 4, &head2)
	card := timeline.Card{Key: w.card}
	for i := range w.rows {
		iad := must(cryptogram.ParseIAD(w.rows[i].IssuerData()))(t)
		o, err := timeline.FromRow(&w.rows[i], iad, false)
		if err != nil {
			t.Fatal(err)
		}
		card.Add(o)
	}
	load := timeline.Observation{ATC: 0x10, Kind: timeline.Load, Debit: 10_000, B: 2000, Content: 1, Time: day1 - 7200}
	card.Add(load)
	params := timeline.DefaultParams()
	params.Cap = 50_000
	j := card.Judge(day1+90_000, params, nil)
	w.in.Card, w.in.AsOf, w.in.Limit = w.card, day1+90_000, params.Cap
	w.in.Host, w.in.Verdicts, w.in.Breaks = []timeline.Observation{load}, card.Verdicts(&params), j.Breaks
	by := must(w.dev.Acquirer("00000011"))(t)
	w.in.Certificates = []*party.Certificate{by.Certificate}
	for n := uint32(1); n <= 2; n++ {
		w.in.Certificates = append(w.in.Certificates, must(w.dev.Terminal(by, n, w.terms[n].Public()))(t))
	}
	k, c, err := w.dev.Statement("00000001")
	if err != nil {
		t.Fatal(err)
	}
	w.in.IssuerKey, w.in.Issuer = k, c
}

// pack builds a pack, the same each time.
func (w *world) pack(t testing.TB, redact bool) []byte {
	w.in.Redact, w.in.Rand = redact, &stream{}
	return must(evidence.Build(&w.in))(t)
}
