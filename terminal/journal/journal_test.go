package journal_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/terminal/journal"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

const (
	terminal = txn.TerminalID(70001)
	opening  = int64(1_766_100_000)
)

func private(label string) *oda.SM2Private {
	k, err := oda.NewSM2Private(sm3.Sum([]byte(label)))
	if err != nil {
		panic(err)
	}
	return k
}

func public(label string) *oda.SM2Public {
	k, err := oda.NewSM2Public(private(label).Public())
	if err != nil {
		panic(err)
	}
	return k
}

var (
	terminalKey, terminalPublic = private("terminal"), public("terminal")
	acquirerKey, acquirerPublic = private("acquirer"), public("acquirer")
)

// stream is repeatable randomness.
type stream struct{ state [32]byte }

func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		s.state = sm3.Sum(s.state[:])
		n += copy(p[n:], s.state[:])
	}
	return len(p), nil
}

// record is of a day later than the start, so that no block of these tests ends
// after it.
func record(n int) *row.Record {
	return &row.Record{Row: txn.Row{Kind: txn.Purchase, Card: txn.CardKey{PAN: txn.PAN{0x62, 0x28, 0x00, 0x01, 0, 0, 0x11, 0x17, 0xFF, 0xFF}, PSN: 1},
		ATC: uint16(n), Amount: 200, Time: opening + 86400, Terminal: terminal, Sequence: 999}}
}

// proven adds the evidence of one of many cards of one of many issuers.
func proven(n, issuer, card int) *row.Record {
	r := record(n)
	r.Row.Flags |= txn.EvidenceKept
	r.Evidence = row.Evidence{SDAD: bytes.Repeat([]byte{byte(n)}, 69), Card: oda.CardData{CAIndex: 0x57,
		IssuerCert: []byte{'I', byte(issuer)}, IssuerRest: []byte{1, byte(issuer)}, IssuerExponent: []byte{3},
		CardCert: []byte{'C', byte(issuer), byte(card)}, CardRest: []byte{2, byte(card)}, CardExponent: []byte{1, 0, 1}, StaticData: []byte{0x5A, byte(card)}}}
	return r
}

// opened is what the acquirer finds in a sealed block.
type opened struct {
	header   block.Header
	hash     seal.Hash
	rows     []txn.Row
	evidence block.Evidence
}

// open reads a block as the acquirer does. It takes a rapid.T, too.
func open(t interface{ Fatalf(string, ...any) }, raw []byte) opened {
	s, err := block.Parse(raw)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	o := opened{header: s.Header}
	if o.hash, err = seal.Verify(&s, terminalPublic); err != nil {
		t.Fatalf("verify: %v", err)
	}
	rows, evidence, err := seal.Open(&s, acquirerKey)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	o.evidence = evidence
	for part := range slices.Chunk(rows, txn.RowSize) {
		var r txn.Row
		if err := r.Decode(part); err != nil {
			t.Fatalf("%v", err)
		}
		o.rows = append(o.rows, r)
	}
	return o
}

func add(t testing.TB, j *journal.Journal, r *row.Record) uint32 {
	t.Helper()
	n, err := j.Add(r)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func sealUp(t testing.TB, j *journal.Journal, until int64) []byte {
	t.Helper()
	raw, _, err := j.Seal(block.SM4GCM, 1, until, acquirerPublic, terminalKey, &stream{})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Rows are stored, refused, sealed and receipted in any order: the numbers have no
// gap, the blocks hang together, and what has no receipt is still there.
func TestJournalAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := journal.New(terminal, 5, opening)
		var waiting []txn.Row
		var kept [][]byte
		previous, from, sequence, number := seal.Hash{}, opening, uint32(1), uint32(1)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"add", "add", "add", "add stranger", "add nonsense", "seal", "receipt", "wrong receipt"}).Draw(t, "step") {
			case "add":
				r := record(rapid.IntRange(0, 65535).Draw(t, "counter"))
				if rapid.Bool().Draw(t, "doubt") {
					r.Row.Kind, r.Row.Flags = txn.Doubt, txn.Flags(0).WithReason(txn.GateFault)
				}
				got, err := j.Add(r)
				if err != nil || got != sequence {
					t.Fatalf("sequence %d, %v, want %d", got, err, sequence)
				}
				r.Row.Sequence = sequence
				waiting = append(waiting, r.Row)
				sequence++
			case "add stranger":
				r := record(1)
				r.Row.Terminal++
				if _, err := j.Add(r); err == nil || !strings.Contains(err.Error(), "names terminal 70002, this is 70001") {
					t.Fatalf("row of another terminal: %v", err)
				}
			case "add nonsense":
				r := record(1)
				r.Row.Amount = -1
				if _, err := j.Add(r); err == nil || !strings.Contains(err.Error(), "amount -1") {
					t.Fatalf("row that cannot be stored: %v", err)
				}
			case "seal":
				until := from + rapid.Int64Range(0, 900).Draw(t, "seconds")
				raw, content, err := j.Seal(block.AESGCM, 3, until, acquirerPublic, terminalKey, &stream{})
				if err != nil {
					t.Fatal(err)
				}
				got := open(t, raw)
				want := block.Header{Suite: block.AESGCM, Rows: uint16(len(waiting)), Terminal: uint32(terminal), Start: 5, Number: number,
					FirstSequence: sequence - uint32(len(waiting)), From: uint32(from), Until: uint32(until), KeyID: 3, Previous: previous, CipherLen: got.header.CipherLen, Root: got.header.Root}
				if got.header != want || !slices.Equal(got.rows, waiting) || len(content.Rows) != txn.RowSize*len(waiting) {
					t.Fatalf("block\n%+v with %d rows, want\n%+v with %d", got.header, len(got.rows), want, len(waiting))
				}
				previous, from, waiting = got.hash, until, nil
				number++
				kept = append(kept, raw)
			case "receipt":
				if len(kept) > 0 {
					i := rapid.IntRange(0, len(kept)-1).Draw(t, "block")
					hash := seal.HashOf(kept[i][:len(kept[i])-block.SignatureSize])
					if !j.Receipted(hash) || j.Receipted(hash) {
						t.Fatal("a receipt must count exactly once")
					}
					kept = slices.Delete(kept, i, i+1)
				}
			case "wrong receipt":
				if j.Receipted(seal.Hash{1}) {
					t.Fatal("a receipt for no block was taken")
				}
			}
			if got := j.Unreceipted(); !slices.EqualFunc(got, kept, bytes.Equal) {
				t.Fatalf("%d blocks wait for receipts, want %d", len(got), len(kept))
			}
			if j.Rows() != len(waiting) || j.Full() {
				t.Fatalf("%d rows wait, full %v, want %d", j.Rows(), j.Full(), len(waiting))
			}
		}
	})
}

func TestEvidenceIsStoredOnce(t *testing.T) {
	j := journal.New(terminal, 1, opening)
	taps := []struct{ issuer, card int }{{1, 1}, {1, 2}, {2, 1}, {1, 1}, {2, 1}, {1, 2}, {2, 3}}
	for i, tap := range taps {
		add(t, j, proven(i, tap.issuer, tap.card))
	}
	bare := record(90) // evidence that the row does not announce is not kept
	bare.Evidence = proven(90, 3, 9).Evidence
	add(t, j, bare)
	add(t, j, record(91))

	for round := range 2 {
		got := open(t, sealUp(t, j, opening+int64(round)))
		if n, m := len(got.evidence.Issuers), len(got.evidence.Cards); n != 2 || m != 4 {
			t.Fatalf("block %d: %d issuers and %d cards, want 2 and 4", round+1, n, m)
		}
		for i, tap := range taps {
			p, want := got.evidence.Proofs[i], proven(i, tap.issuer, tap.card).Evidence
			c := got.evidence.Cards[p.Card]
			s := got.evidence.Issuers[c.Issuer]
			have := row.Evidence{SDAD: p.SDAD, Card: oda.CardData{CAIndex: s.CAIndex, IssuerCert: s.Certificate, IssuerRest: s.Remainder, IssuerExponent: s.Exponent,
				CardCert: c.Certificate, CardRest: c.Remainder, CardExponent: c.Exponent, StaticData: c.Static}}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("block %d, row %d:\n%s", round+1, i, diff)
			}
		}
		for i := len(taps); i < len(got.rows); i++ {
			if p := got.evidence.Proofs[i]; p.Card != block.NoCard || len(p.SDAD) != 0 || got.rows[i].Flags.Has(txn.EvidenceKept) {
				t.Errorf("row %d has evidence of card %d", i, p.Card)
			}
		}
		for i, tap := range taps { // the next block must bring everything again
			add(t, j, proven(i, tap.issuer, tap.card))
		}
	}
}

// A false card shows the certificate of a true one, which is public, beside other
// data. It must not take the place of the true card's evidence.
func TestCopiedCertificateDoesNotReplaceTheTrueEvidence(t *testing.T) {
	for name, forge := range map[string]func(c *oda.CardData){
		"static data":      func(c *oda.CardData) { c.StaticData = []byte{0x5A, 0x66} },
		"card remainder":   func(c *oda.CardData) { c.CardRest = nil },
		"card exponent":    func(c *oda.CardData) { c.CardExponent = []byte{3} },
		"issuer":           func(c *oda.CardData) { c.IssuerCert = []byte{'I', 0x66} },
		"issuer remainder": func(c *oda.CardData) { c.IssuerRest = []byte{9} },
		"issuer exponent":  func(c *oda.CardData) { c.IssuerExponent = []byte{1, 0, 1} },
		"CA key":           func(c *oda.CardData) { c.CAIndex = 0x01 },
		"parts moved":      func(c *oda.CardData) { c.CardCert, c.CardRest = append(c.CardCert, c.CardRest[0]), c.CardRest[1:] },
	} {
		j := journal.New(terminal, 1, opening)
		false1 := proven(1, 1, 1)
		false1.Row.Kind, false1.Row.Flags = txn.Doubt, false1.Row.Flags.WithReason(txn.ODAFailed)
		forge(&false1.Evidence.Card)
		add(t, j, false1)
		add(t, j, proven(2, 1, 1))
		got := open(t, sealUp(t, j, opening))
		want := proven(2, 1, 1).Evidence.Card
		c := got.evidence.Cards[got.evidence.Proofs[1].Card]
		s := got.evidence.Issuers[c.Issuer]
		if s.CAIndex != want.CAIndex || !bytes.Equal(c.Static, want.StaticData) || !bytes.Equal(c.Remainder, want.CardRest) || !bytes.Equal(c.Exponent, want.CardExponent) ||
			!bytes.Equal(s.Certificate, want.IssuerCert) || !bytes.Equal(s.Remainder, want.IssuerRest) || !bytes.Equal(s.Exponent, want.IssuerExponent) {
			t.Errorf("%s: the true card stands beside %+v of %+v", name, c, s)
		}
	}
}

// Whatever a card sends, the block stays readable: one that the acquirer cannot
// read would hold up every row behind it.
func TestEvidenceThatDoesNotFitIsLeftOut(t *testing.T) {
	for name, grow := range map[string]func(e *row.Evidence, n int){
		"SDAD":             func(e *row.Evidence, n int) { e.SDAD = make([]byte, block.MaxCertificate+n) },
		"issuer":           func(e *row.Evidence, n int) { e.Card.IssuerCert = make([]byte, block.MaxCertificate+n) },
		"issuer remainder": func(e *row.Evidence, n int) { e.Card.IssuerRest = make([]byte, block.MaxCertificate+n) },
		"issuer exponent":  func(e *row.Evidence, n int) { e.Card.IssuerExponent = make([]byte, block.MaxExponent+n) },
		"card":             func(e *row.Evidence, n int) { e.Card.CardCert = make([]byte, block.MaxCertificate+n) },
		"card remainder":   func(e *row.Evidence, n int) { e.Card.CardRest = make([]byte, block.MaxCertificate+n) },
		"card exponent":    func(e *row.Evidence, n int) { e.Card.CardExponent = make([]byte, block.MaxExponent+n) },
		"static data":      func(e *row.Evidence, n int) { e.Card.StaticData = make([]byte, block.MaxStatic+n) },
	} {
		for over, kept := range map[int]bool{0: true, 1: false, 66_000: false} {
			j := journal.New(terminal, 1, opening)
			r := proven(1, 1, 1)
			grow(&r.Evidence, over)
			add(t, j, r)
			got := open(t, sealUp(t, j, opening))
			if got.rows[0].Flags.Has(txn.EvidenceKept) != kept || (got.evidence.Proofs[0].Card != block.NoCard) != kept || (len(got.evidence.Cards) == 1) != kept {
				t.Errorf("%s, %d bytes over: flags %04X, %d cards", name, over, uint16(got.rows[0].Flags), len(got.evidence.Cards))
			}
			if !r.Row.Flags.Has(txn.EvidenceKept) || r.Row.Sequence != 999 {
				t.Errorf("%s: the caller's record was changed", name)
			}
		}
	}
}

// The kernel's buffers belong to the next tap when Add returns.
func TestJournalKeepsCopies(t *testing.T) {
	j := journal.New(terminal, 1, opening)
	r := proven(1, 1, 1)
	add(t, j, r)
	e := &r.Evidence
	for _, b := range [][]byte{e.SDAD, e.Card.IssuerCert, e.Card.IssuerRest, e.Card.IssuerExponent, e.Card.CardCert, e.Card.CardRest, e.Card.CardExponent, e.Card.StaticData} {
		clear(b)
	}
	got, want := open(t, sealUp(t, j, opening)), proven(1, 1, 1).Evidence
	c, s := got.evidence.Cards[0], got.evidence.Issuers[0]
	if !bytes.Equal(got.evidence.Proofs[0].SDAD, want.SDAD) || !bytes.Equal(c.Certificate, want.Card.CardCert) || !bytes.Equal(c.Remainder, want.Card.CardRest) ||
		!bytes.Equal(c.Exponent, want.Card.CardExponent) || !bytes.Equal(c.Static, want.Card.StaticData) || !bytes.Equal(s.Certificate, want.Card.IssuerCert) ||
		!bytes.Equal(s.Remainder, want.Card.IssuerRest) || !bytes.Equal(s.Exponent, want.Card.IssuerExponent) {
		t.Error("evidence changed after it was stored")
	}
}

func TestFullJournalRefusesRows(t *testing.T) {
	j := journal.New(terminal, 1, opening)
	for i := range block.MaxRows {
		if j.Full() {
			t.Fatalf("full with %d rows", i)
		}
		add(t, j, record(i))
	}
	if _, err := j.Add(record(0)); err == nil || !strings.Contains(err.Error(), "4096 rows wait for a block, seal it first") || !j.Full() || j.Rows() != block.MaxRows {
		t.Fatalf("row 4097: %v, %d rows", err, j.Rows())
	}
	if got := open(t, sealUp(t, j, opening)); len(got.rows) != block.MaxRows || j.Full() || j.Rows() != 0 {
		t.Errorf("%d rows in the block, %d wait", len(got.rows), j.Rows())
	}
	if n := add(t, j, record(0)); n != block.MaxRows+1 {
		t.Errorf("next sequence %d", n)
	}
}

// Evidence of the greatest size: the journal is full before the block is too
// large to send, and not much earlier.
func TestJournalIsFullBeforeTheBlockIsTooLarge(t *testing.T) {
	j := journal.New(terminal, 1, opening)
	for i := 0; !j.Full(); i++ {
		r := proven(i, i, i)
		e := &r.Evidence
		e.SDAD = make([]byte, block.MaxCertificate)
		for _, b := range []*[]byte{&e.Card.IssuerCert, &e.Card.IssuerRest, &e.Card.CardCert, &e.Card.CardRest} {
			*b = bytes.Repeat([]byte{byte(i), byte(i >> 8)}, block.MaxCertificate/2)
		}
		e.Card.IssuerExponent, e.Card.StaticData = []byte{1, 0, 1}, make([]byte, block.MaxStatic)
		add(t, j, r)
	}
	raw := sealUp(t, j, opening)
	if len(raw) > block.MaxSize || len(raw) < block.MaxSize*99/100 {
		t.Errorf("a full block has %d bytes, at most %d", len(raw), block.MaxSize)
	}
	if got := open(t, raw); len(got.rows) != len(got.evidence.Cards) {
		t.Errorf("%d rows, %d cards", len(got.rows), len(got.evidence.Cards))
	}
}

var errRandom = errors.New("no randomness")

type noRandom struct{}

func (noRandom) Read([]byte) (int, error) { return 0, errRandom }

// A terminal that cannot seal keeps its rows and its place in the chain.
func TestFailedSealLosesNothing(t *testing.T) {
	good, bad := journal.New(terminal, 1, opening), journal.New(terminal, 1, opening)
	for i := range 3 {
		for _, j := range []*journal.Journal{good, bad} {
			add(t, j, proven(i, 1, i%2))
		}
		if _, _, err := bad.Seal(block.SM4GCM, 1, opening+int64(i), acquirerPublic, terminalKey, noRandom{}); !errors.Is(err, errRandom) {
			t.Fatalf("error %v", err)
		}
		for _, until := range []int64{opening - 1, -1, 1 << 32} {
			if _, _, err := bad.Seal(block.SM4GCM, 1, until, acquirerPublic, terminalKey, &stream{}); err == nil || !strings.Contains(err.Error(), "set the clock") {
				t.Fatalf("until %d: %v", until, err)
			}
		}
		if _, _, err := bad.Seal(9, 1, opening+int64(i), acquirerPublic, terminalKey, &stream{}); err == nil {
			t.Fatal("an unknown suite was taken")
		}
		if bad.Rows() != 1 || len(bad.Unreceipted()) != i {
			t.Fatalf("%d rows and %d blocks after a failed seal", bad.Rows(), len(bad.Unreceipted()))
		}
		if want, got := sealUp(t, good, opening+int64(i)), sealUp(t, bad, opening+int64(i)); !bytes.Equal(want, got) {
			t.Fatalf("block %d is not the one of a terminal that never failed", i+1)
		}
	}
}

// Take is Seal without keys: the same header, and the journal empty behind it.
func TestTakeClosesTheRows(t *testing.T) {
	j := journal.New(terminal, 2, opening)
	add(t, j, proven(1, 1, 1))
	add(t, j, record(2))
	c := j.Take(block.SM4GCM, 4, opening+600)
	want := block.Header{Suite: block.SM4GCM, Terminal: uint32(terminal), Start: 2, Number: 1, FirstSequence: 1, From: uint32(opening), Until: uint32(opening) + 600, KeyID: 4}
	if c.Header != want || len(c.Rows) != 2*txn.RowSize || len(c.Evidence.Proofs) != 2 || len(c.Evidence.Cards) != 1 || j.Rows() != 0 {
		t.Errorf("content %+v with %d bytes of rows, %d rows left", c.Header, len(c.Rows), j.Rows())
	}
	add(t, j, proven(1, 1, 1))
	if c := j.Take(block.SM4GCM, 4, opening+900); c.Header.Number != 2 || c.Header.FirstSequence != 3 || c.Header.From != uint32(opening)+600 || len(c.Evidence.Cards) != 1 {
		t.Errorf("next content %+v", c.Header)
	}
}

func BenchmarkAdd(b *testing.B) {
	j, r := journal.New(terminal, 1, opening), proven(1, 1, 1)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if j.Full() {
			j.Take(block.SM4GCM, 1, opening)
		}
		r.Evidence.Card.CardCert[2] = byte(n / 2)
		if _, err := j.Add(r); err != nil {
			b.Fatal(err)
		}
	}
}
