package acquirer

import (
	"fmt"

	"github.com/citycard/citycard/txn"
)

// Decision is the answer to one delivery.
type Decision struct {
	Outcome  Outcome
	Receipt  Receipt // for Accepted and Replayed
	Released []Receipt
	Err      error // why it was not accepted
}

// Chain decides whether a block follows its terminal's head.
type Chain func(head Head, p *Prepared) bool

// Follows is the rule: next number, the hash of the last accepted block as
// predecessor, and a time that does not go back: watermarks are built on it.
func Follows(head Head, p *Prepared) bool {
	h := &p.Sealed.Header
	return h.Number == head.Number+1 && h.Previous == head.Hash && h.Until >= head.Until
}

// Sequence checks the numbering of a block's rows and gives the next number.
type Sequence func(head Head, p *Prepared) (next uint32, err error)

// Gapless is the rule: the first row carries the number after the terminal's
// last one, and each row one more than the row before.
func Gapless(head Head, p *Prepared) (uint32, error) { return p.lastSequence(head.NextSequence) }

// Admitter puts prepared blocks in order. Not safe for concurrent use.
type Admitter struct {
	Preparer *Preparer
	Store    Store
	Chain    Chain    // nil means Follows
	Sequence Sequence // nil means Gapless
}

// Admit decides on one delivery and, if it closes a wait, on the blocks that
// waited for it. The error is a failure of the store; a refused block is a
// Decision.
func (a *Admitter) Admit(p *Prepared, window int32) (Decision, error) {
	d, err := a.decide(p, window)
	if err != nil {
		return d, fmt.Errorf("admit block %d of terminal %d: %w", p.Sealed.Header.Number, p.Sealed.Header.Terminal, err)
	}
	if err := a.Store.Count(d.Outcome); err != nil {
		return d, fmt.Errorf("count outcome %s: %w", d.Outcome, err)
	}
	for next := p.Sealed.Header.Number + 1; d.Outcome == Accepted; next++ {
		released, err := a.release(p.Terminal(), next, window)
		if err != nil {
			return d, fmt.Errorf("admit waiting block %d of terminal %d: %w", next, p.Terminal(), err)
		}
		if released == nil {
			break
		}
		d.Released = append(d.Released, *released)
	}
	return d, nil
}

// release decides on the blocks that wait under a number; at most one of them
// can be accepted.
func (a *Admitter) release(terminal txn.TerminalID, number uint32, window int32) (*Receipt, error) {
	waiting, err := a.Store.TakeWaiting(terminal, number)
	if err != nil {
		return nil, err
	}
	var accepted *Receipt
	for _, raw := range waiting {
		w, err := a.decide(a.Preparer.Prepare(raw), window)
		if err != nil {
			return nil, err
		}
		if err := a.Store.Count(w.Outcome); err != nil {
			return nil, err
		}
		if w.Outcome == Accepted {
			accepted = &w.Receipt
		}
	}
	return accepted, nil
}

func (a *Admitter) decide(p *Prepared, window int32) (Decision, error) {
	if p.Outcome != Accepted && p.Outcome < Replayed {
		return Decision{Outcome: p.Outcome, Err: p.Err}, nil
	}
	receipt, known, err := a.Store.Receipt(p.Hash)
	if err != nil {
		return Decision{}, err
	}
	if known {
		return Decision{Outcome: Replayed, Receipt: receipt}, nil
	}
	head, err := a.Store.Head(p.Terminal())
	if err != nil {
		return Decision{}, err
	}
	h := &p.Sealed.Header
	if h.Number > head.Number+1 {
		return Decision{Outcome: Waiting}, a.Store.PutWaiting(p)
	}
	follows, number := a.Chain, a.Sequence
	if follows == nil {
		follows = Follows
	}
	if number == nil {
		number = Gapless
	}
	if !follows(head, p) {
		return a.hold(p, window, BrokenChain, fmt.Errorf("block %d does not follow block %d of terminal %d", h.Number, head.Number, h.Terminal))
	}
	if p.Outcome != Accepted {
		return a.hold(p, window, p.Outcome, p.Err)
	}
	next, err := number(head, p)
	if err != nil {
		return a.hold(p, window, SequenceGap, err)
	}
	receipt, err = a.Store.PutAccepted(p, window, Head{Number: h.Number, Hash: p.Hash, NextSequence: next, Until: h.Until})
	return Decision{Outcome: Accepted, Receipt: receipt}, err
}

func (a *Admitter) hold(p *Prepared, window int32, why Outcome, cause error) (Decision, error) {
	return Decision{Outcome: why, Err: cause}, a.Store.PutHeld(p, window, why)
}

// Mark applies the acquirer's own rules to the rows of an accepted block and
// hands them on. Late rows are those older than lateLimit seconds at arrival;
// doubt and declined rows ask for no money and are never marked.
func Mark(rows []byte, id, start uint32, arrived, lateLimit int64, deny DenyList) ([]txn.Presented, error) {
	if len(rows)%txn.RowSize != 0 {
		return nil, fmt.Errorf("rows of block %d: %d bytes are no whole rows of %d", id, len(rows), txn.RowSize)
	}
	out := make([]txn.Presented, len(rows)/txn.RowSize)
	for i := range out {
		p := &out[i]
		if err := p.Row.Decode(rows[i*txn.RowSize : (i+1)*txn.RowSize]); err != nil {
			return nil, fmt.Errorf("row %d of block %d: %w", i, id, err)
		}
		p.Ref, p.Start, p.Arrived = txn.Ref{Block: id, Index: uint16(i)}, start, arrived
		switch {
		case p.Row.Kind == txn.Doubt || p.Row.Kind == txn.Declined:
		case deny.Denied(p.Row.Card, p.Row.Time):
			p.Mark = txn.MarkDenied
		case arrived-p.Row.Time > lateLimit:
			p.Mark = txn.MarkLate
		}
	}
	return out, nil
}
