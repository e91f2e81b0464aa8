package acquirer

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// Prepared is a block after all checks that need no state. Outcome is Accepted
// if it passed them; Err explains any other outcome.
type Prepared struct {
	Raw     []byte
	Sealed  block.Sealed
	Hash    seal.Hash
	Rows    []byte // 128 bytes each
	Outcome Outcome
	Err     error
}

// Terminal is the sender that the header names.
func (p *Prepared) Terminal() txn.TerminalID { return txn.TerminalID(p.Sealed.Header.Terminal) }

// Preparer checks blocks one by one; it may be used by several goroutines.
type Preparer struct {
	Keys       Keys
	Decrypt    *oda.SM2Private
	Signatures Signatures
}

// VerifySignature is the Signatures of production: SM2 over the block hash.
func VerifySignature(p *Prepared, key *oda.SM2Public) (seal.Hash, error) {
	return seal.Verify(&p.Sealed, key)
}

// Prepare checks form, terminal, signature and content of one delivery.
func (pr *Preparer) Prepare(raw []byte) *Prepared {
	p := &Prepared{Raw: raw}
	p.Outcome, p.Err = pr.check(p)
	return p
}

func (pr *Preparer) check(p *Prepared) (Outcome, error) {
	var err error
	if p.Sealed, err = block.Parse(p.Raw); err != nil {
		return Malformed, err
	}
	h := &p.Sealed.Header
	key, known := pr.Keys.Key(p.Terminal())
	if !known {
		return UnknownTerminal, fmt.Errorf("terminal %d is not in the register: register it, then let it send again", h.Terminal)
	}
	if p.Hash, err = pr.Signatures(p, key); err != nil {
		return BadSignature, fmt.Errorf("block %d of terminal %d: %w", h.Number, h.Terminal, err)
	}
	if p.Rows, _, err = seal.Open(&p.Sealed, pr.Decrypt); err != nil {
		return Unreadable, fmt.Errorf("block %d of terminal %d: %w", h.Number, h.Terminal, err)
	}
	if err := checkRows(p); err != nil {
		return BadRow, fmt.Errorf("block %d of terminal %d: %w", h.Number, h.Terminal, err)
	}
	return Accepted, nil
}

func checkRows(p *Prepared) error {
	var r txn.Row
	for i := range int(p.Sealed.Header.Rows) {
		if err := r.Decode(p.Rows[i*txn.RowSize : (i+1)*txn.RowSize]); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		if r.Terminal != p.Terminal() {
			return fmt.Errorf("row %d names terminal %d", i, r.Terminal)
		}
		if r.Sequence == 0 {
			return fmt.Errorf("row %d has sequence 0, sequences start at 1", i)
		}
	}
	return nil
}

var errGap = errors.New("rows are missing")

// lastSequence checks that the rows are numbered without a gap from first and
// gives the sequence that follows the last of them.
func (p *Prepared) lastSequence(first uint32) (next uint32, err error) {
	if p.Sealed.Header.FirstSequence != first {
		return 0, fmt.Errorf("%w: header starts at sequence %d, want %d", errGap, p.Sealed.Header.FirstSequence, first)
	}
	var r txn.Row
	for i := range int(p.Sealed.Header.Rows) {
		if err := r.Decode(p.Rows[i*txn.RowSize : (i+1)*txn.RowSize]); err != nil {
			return 0, fmt.Errorf("row %d: %w", i, err)
		}
		if r.Sequence != first {
			return 0, fmt.Errorf("%w: row %d has sequence %d, want %d", errGap, i, r.Sequence, first)
		}
		first++
	}
	return first, nil
}
