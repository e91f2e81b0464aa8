package acquirer_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// memory is acquirer.Store in plain maps: what the store of a role must do.
type memory struct {
	heads    map[txn.TerminalID]acquirer.Head
	receipts map[seal.Hash]acquirer.Receipt
	waiting  map[place]map[seal.Hash][]byte
	held     map[seal.Hash]acquirer.Outcome
	counts   map[acquirer.Outcome]int
	accepted []*acquirer.Prepared
	fail     string // method that fails
}

type place struct {
	terminal txn.TerminalID
	number   uint32
}

var errDisk = errors.New("disk is full")

func newMemory() *memory {
	return &memory{heads: map[txn.TerminalID]acquirer.Head{}, receipts: map[seal.Hash]acquirer.Receipt{},
		waiting: map[place]map[seal.Hash][]byte{}, held: map[seal.Hash]acquirer.Outcome{}, counts: map[acquirer.Outcome]int{}}
}

func (m *memory) failing(method string) error {
	if m.fail == method {
		return errDisk
	}
	return nil
}

func (m *memory) Head(terminal txn.TerminalID) (acquirer.Head, error) {
	h, known := m.heads[terminal]
	if !known {
		h.NextSequence = 1
	}
	return h, m.failing("Head")
}

func (m *memory) Receipt(hash seal.Hash) (acquirer.Receipt, bool, error) {
	r, found := m.receipts[hash]
	return r, found, m.failing("Receipt")
}

func (m *memory) PutAccepted(p *acquirer.Prepared, window int32, head acquirer.Head) (acquirer.Receipt, error) {
	if _, twice := m.receipts[p.Hash]; twice {
		return acquirer.Receipt{}, errors.New("a block is stored twice")
	}
	m.accepted = append(m.accepted, p)
	r := acquirer.Receipt{Hash: p.Hash, ID: uint32(len(m.accepted)), Window: window}
	m.receipts[p.Hash], m.heads[p.Terminal()] = r, head
	return r, m.failing("PutAccepted")
}

func (m *memory) PutWaiting(p *acquirer.Prepared) error {
	at := place{p.Terminal(), p.Sealed.Header.Number}
	if m.waiting[at] == nil {
		m.waiting[at] = map[seal.Hash][]byte{}
	}
	m.waiting[at][p.Hash] = p.Raw
	return m.failing("PutWaiting")
}

func (m *memory) TakeWaiting(terminal txn.TerminalID, number uint32) ([][]byte, error) {
	at := place{terminal, number}
	hashes := make([]seal.Hash, 0, 2)
	for h := range m.waiting[at] {
		hashes = append(hashes, h)
	}
	slices.SortFunc(hashes, func(a, b seal.Hash) int { return bytes.Compare(a[:], b[:]) })
	var raw [][]byte
	for _, h := range hashes {
		raw = append(raw, m.waiting[at][h])
	}
	delete(m.waiting, at)
	return raw, m.failing("TakeWaiting")
}

func (m *memory) PutHeld(p *acquirer.Prepared, _ int32, why acquirer.Outcome) error {
	m.held[p.Hash] = why
	return m.failing("PutHeld")
}

func (m *memory) Count(o acquirer.Outcome) error {
	m.counts[o]++
	return m.failing("Count")
}

var _ acquirer.Store = (*memory)(nil)

// stream repeats a hash chain, so that a test seals the same bytes again.
type stream struct{ state [32]byte }

func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		s.state = sm3.Sum(s.state[:])
		n += copy(p[n:], s.state[:])
	}
	return len(p), nil
}

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

// register knows the terminals below its length.
type register []*oda.SM2Public

func (r register) Key(terminal txn.TerminalID) (*oda.SM2Public, bool) {
	if int(terminal) >= len(r) || r[terminal] == nil {
		return nil, false
	}
	return r[terminal], true
}

const strangeTerminal = 9

var (
	acquirerKey    = private("acquirer")
	acquirerPublic = public("acquirer")
	terminals      = register{nil, public("terminal 1"), public("terminal 2"), public("terminal 3")}
)

func preparer() *acquirer.Preparer {
	return &acquirer.Preparer{Keys: terminals, Decrypt: acquirerKey, Signatures: acquirer.VerifySignature}
}

func admitter(store acquirer.Store) *acquirer.Admitter {
	return &acquirer.Admitter{Preparer: preparer(), Store: store}
}

// chain makes the blocks of one terminal, honest ones unless told otherwise.
type chain struct {
	terminal txn.TerminalID
	header   block.Header // of the next block
	hash     seal.Hash    // of the last block made
}

func newChain(terminal txn.TerminalID) *chain {
	return &chain{terminal: terminal, header: block.Header{Suite: block.SM4GCM, Terminal: uint32(terminal), Start: 1, Number: 1, FirstSequence: 1,
		From: 1766100000, Until: 1766100600, KeyID: 1}}
}

func (c *chain) key() *oda.SM2Private { return private("terminal " + string('0'+byte(c.terminal))) }

// draft is a block before it is sealed, for tests that spoil something.
type draft struct {
	header   block.Header
	rows     []txn.Row
	signer   *oda.SM2Private
	receiver *oda.SM2Public
	raw      func(row int, b []byte) // may spoil an encoded row
}

func (c *chain) draft(rows int) *draft {
	d := &draft{header: c.header, signer: c.key(), receiver: acquirerPublic}
	for i := range rows {
		sequence := c.header.FirstSequence + uint32(i)
		d.rows = append(d.rows, txn.Row{Kind: txn.Purchase, Card: card(int(sequence)), ATC: uint16(sequence), Amount: 200, Time: int64(c.header.From) + int64(i),
			Terminal: c.terminal, Sequence: sequence})
	}
	return d
}

func (d *draft) seal(t testing.TB) ([]byte, seal.Hash) {
	t.Helper()
	var rows []byte
	for i := range d.rows {
		var b [txn.RowSize]byte
		if err := d.rows[i].Encode(&b); err != nil {
			t.Fatal(err)
		}
		if d.raw != nil {
			d.raw(i, b[:])
		}
		rows = append(rows, b[:]...)
	}
	e := block.Evidence{Proofs: make([]block.Proof, len(d.rows))}
	for i := range e.Proofs {
		e.Proofs[i].Card = block.NoCard
	}
	random := stream{sm3.Sum(append(d.header.Append(nil), rows...))}
	raw, hash, err := seal.Seal(nil, d.header, rows, &e, d.receiver, d.signer, &random)
	if err != nil {
		t.Fatal(err)
	}
	return raw, hash
}

// next seals an honest block of some rows and moves the chain on.
func (c *chain) next(t testing.TB, rows int) []byte {
	t.Helper()
	raw, hash := c.draft(rows).seal(t)
	c.follow(hash, rows)
	return raw
}

func (c *chain) follow(hash seal.Hash, rows int) {
	c.hash = hash
	c.header.Number++
	c.header.FirstSequence += uint32(rows)
	c.header.Previous = hash
	c.header.From = c.header.Until
	c.header.Until += 600
}

func card(n int) txn.CardKey {
	k := txn.CardKey{PAN: txn.PAN{0x62, 0x28, 0x00, 0x01, 0, 0, 0, 0, 0xFF, 0xFF}, PSN: 1}
	for i := 7; i > 3; i-- {
		k.PAN[i] = byte(n%10 | n/10%10<<4)
		n /= 100
	}
	return k
}

// sequences are those of the rows of accepted blocks of a terminal, in order.
func (m *memory) sequences(terminal txn.TerminalID) []uint32 {
	var out []uint32
	for _, p := range m.accepted {
		if p.Terminal() != terminal {
			continue
		}
		for at := 0; at < len(p.Rows); at += txn.RowSize {
			out = append(out, binary.BigEndian.Uint32(p.Rows[at+82:]))
		}
	}
	return out
}

func admit(t testing.TB, a *acquirer.Admitter, raw []byte, window int32) acquirer.Decision {
	t.Helper()
	d, err := a.Admit(a.Preparer.Prepare(raw), window)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
