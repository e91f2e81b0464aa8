package acquirer

import (
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/txn"
)

// Head is where a terminal's chain of accepted blocks ends.
type Head struct {
	Number       uint32    // number of the last accepted block, 0 before the first
	Hash         seal.Hash // its hash, zeros before the first
	NextSequence uint32    // sequence that the next row must carry
	Until        uint32    // every record made before this unix time has arrived
}

// Receipt is the stored answer to an accepted block.
type Receipt struct {
	Hash   seal.Hash
	ID     uint32 // number that this acquirer gave the block, from 1
	Window int32  // business day in which it was accepted
}

// Keys finds the public key under which a terminal signs. It must be safe for
// concurrent use.
type Keys interface {
	Key(terminal txn.TerminalID) (*oda.SM2Public, bool)
}

// Signatures checks a terminal's signature over a block; seal.Verify in earnest.
type Signatures func(p *Prepared, key *oda.SM2Public) (seal.Hash, error)

// Store keeps what the acquirer decides. The calls of one Admit belong to one
// transaction of the host; the receipt is given after it has been committed.
type Store interface {
	Head(terminal txn.TerminalID) (Head, error)
	Receipt(hash seal.Hash) (Receipt, bool, error)
	PutAccepted(p *Prepared, window int32, head Head) (Receipt, error)
	// PutWaiting keeps a signed block that came too early; more than one may wait
	// under one number. TakeWaiting gives and forgets them in the order of their
	// hashes.
	PutWaiting(p *Prepared) error
	TakeWaiting(terminal txn.TerminalID, number uint32) (raw [][]byte, err error)
	PutHeld(p *Prepared, window int32, why Outcome) error
	Count(o Outcome) error
}

// DenyList says whether a card was denied at a moment.
type DenyList interface {
	Denied(card txn.CardKey, at int64) bool
}
