package journal

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// Journal belongs to one terminal and one start of it.
type Journal struct {
	terminal txn.TerminalID
	start    uint32
	sequence uint32 // of the next row
	number   uint32 // of the next block
	previous seal.Hash
	from     uint32 // records since then are in the next block

	rows     []byte
	evidence block.Evidence
	size     int // of evidence in the block, in bytes
	issuers  map[string]uint16
	cards    map[string]uint16
	key      []byte // scratch for the keys of both

	kept map[seal.Hash][]byte // sealed, without a receipt
	sent []seal.Hash          // order of kept
}

// Content is a block before it is sealed.
type Content struct {
	Header   block.Header
	Rows     []byte
	Evidence block.Evidence
}

// New starts an empty journal at a unix time.
func New(terminal txn.TerminalID, start uint32, from int64) *Journal {
	return &Journal{terminal: terminal, start: start, sequence: 1, number: 1, from: uint32(from),
		issuers: map[string]uint16{}, cards: map[string]uint16{}, kept: map[seal.Hash][]byte{}}
}

// Rows is the number of rows that wait for the next block.
func (j *Journal) Rows() int { return len(j.rows) / txn.RowSize }

// Full reports whether the next block has no room for another row and the most
// evidence that may come with it.
func (j *Journal) Full() bool {
	return j.Rows() >= block.MaxRows || len(j.rows)+j.size > block.MaxSize-overhead-txn.RowSize-maxEvidence
}

// Add numbers a record and stores it. The record must name this terminal and not be
// older than the end of the last block. It returns the row's sequence. Evidence that is too long for a block (a card that
// is not genuine may send anything) is left out and the row says so: the row
// itself is never refused for it.
func (j *Journal) Add(rec *row.Record) (uint32, error) {
	if rec.Row.Terminal != j.terminal {
		return 0, fmt.Errorf("store row: it names terminal %d, this is %d", rec.Row.Terminal, j.terminal)
	}
	if j.Full() {
		return 0, fmt.Errorf("store row: %d rows wait for a block, seal it first", j.Rows())
	}
	if rec.Row.Time < int64(j.from) {
		return 0, fmt.Errorf("store row of ATC %04X: its time %d is before %d, up to which the last block said that no row was missing: end blocks at Gate.SealUntil", rec.Row.ATC, rec.Row.Time, j.from)
	}
	row := rec.Row
	row.Sequence = j.sequence
	if !fits(&rec.Evidence) {
		row.Flags &^= txn.EvidenceKept
	}
	var raw [txn.RowSize]byte
	if err := row.Encode(&raw); err != nil {
		return 0, fmt.Errorf("store row %d of terminal %d: %w", j.sequence, j.terminal, err)
	}
	proof := block.Proof{Card: block.NoCard}
	if row.Flags.Has(txn.EvidenceKept) {
		proof = block.Proof{Card: j.card(&rec.Evidence), SDAD: slices.Clone(rec.Evidence.SDAD)}
	}
	j.rows = append(j.rows, raw[:]...)
	j.evidence.Proofs = append(j.evidence.Proofs, proof)
	j.size += proofHead + len(proof.SDAD)
	j.sequence++
	return row.Sequence, nil
}

// Take closes the waiting rows into the content of the next block and empties
// the journal for the one after. until is a unix time before which no record can
// be made any more: Gate.SealUntil knows, since a torn tap keeps its time.
func (j *Journal) Take(suite block.Suite, keyID uint32, until int64) Content {
	c := Content{Rows: j.rows, Evidence: j.evidence, Header: block.Header{Suite: suite, Terminal: uint32(j.terminal), Start: j.start,
		Number: j.number, FirstSequence: j.sequence - uint32(j.Rows()), From: j.from, Until: uint32(until), KeyID: keyID, Previous: j.previous}}
	j.number++
	j.from = uint32(until)
	j.rows, j.evidence, j.size = nil, block.Evidence{}, 0
	j.issuers, j.cards = map[string]uint16{}, map[string]uint16{}
	return c
}

// Seal takes the waiting rows, seals them and keeps the block until Receipted.
// If it fails the journal is as it was: the rows still wait.
func (j *Journal) Seal(suite block.Suite, keyID uint32, until int64, acquirer *oda.SM2Public, key *oda.SM2Private, rand io.Reader) ([]byte, Content, error) {
	if until < int64(j.from) || until > math.MaxUint32 {
		return nil, Content{}, fmt.Errorf("seal block %d of terminal %d: until %d is before %d, where the last block ended, or no unix time of 32 bits: set the clock", j.number, j.terminal, until, j.from)
	}
	before := *j
	c := j.Take(suite, keyID, until)
	raw, hash, err := seal.Seal(nil, c.Header, c.Rows, &c.Evidence, acquirer, key, rand)
	if err != nil {
		*j = before
		return nil, Content{}, err
	}
	j.previous = hash
	j.kept[hash] = raw
	j.sent = append(j.sent, hash)
	return raw, c, nil
}

// Receipted forgets a block whose receipt has arrived; false if none is kept
// under that hash.
func (j *Journal) Receipted(hash seal.Hash) bool {
	if _, found := j.kept[hash]; !found {
		return false
	}
	delete(j.kept, hash)
	j.sent = slices.DeleteFunc(j.sent, func(h seal.Hash) bool { return h == hash })
	return true
}

// Unreceipted lists the blocks to send again, oldest first.
func (j *Journal) Unreceipted() [][]byte {
	out := make([][]byte, 0, len(j.sent))
	for _, h := range j.sent {
		out = append(out, j.kept[h])
	}
	return out
}
