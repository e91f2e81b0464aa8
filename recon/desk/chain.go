package desk

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Act is what a line of the audit chain tells of.
type Act string

// The acts.
const (
	ClerkAdded   Act = "clerk added"
	ClerkEnded   Act = "clerk ended"
	WasProposed  Act = "proposed"
	WasApproved  Act = "approved"
	WasRejected  Act = "rejected"
	WasWithdrawn Act = "withdrawn"
	DisputeStep  Act = "dispute" // a step of a dispute: Kind is the step, Request the case, Who the party
)

// ActOf is the act of a decision.
func ActOf(s Status) Act {
	switch s {
	case Approved:
		return WasApproved
	case Withdrawn:
		return WasWithdrawn
	}
	return WasRejected
}

// Line is one entry of the audit chain: what somebody did. It is kept as one JSON object
// with its fields in this order.
type Line struct {
	Number  uint64    `json:"number"` // from 1
	At      string    `json:"at"`     // at UTC+8, RFC 3339
	Who     string    `json:"who"`    // name of the clerk
	Did     Act       `json:"did"`
	Request int64     `json:"request,omitempty"` // number of the proposal
	Kind    string    `json:"kind,omitempty"`
	Card    string    `json:"card,omitempty"` // token, hexadecimal
	P       string    `json:"p,omitempty"`    // counters, four hexadecimal digits
	Q       string    `json:"q,omitempty"`
	Amount  money.Fen `json:"amount_fen,omitempty"`
	Moved   money.Fen `json:"moved_fen,omitempty"` // by this act
	Reason  string    `json:"reason,omitempty"`
	Digest  string    `json:"digest,omitempty"` // of the proposal; of a clerk, the public key
}

// Time is a moment as lines show it.
func Time(at int64) string { return time.Unix(at, 0).In(txn.CityTime).Format(time.RFC3339) }

// Moment is the time of a line, unix seconds; ErrChain if it names none.
func (l *Line) Moment() (int64, error) {
	at, err := time.Parse(time.RFC3339, l.At)
	if err != nil {
		return 0, fmt.Errorf("line %d: time %q: %w", l.Number, l.At, ErrChain)
	}
	return at.Unix(), nil
}

// About fills in what a proposal is about.
func (l *Line) About(id int64, r *Request, signature []byte) {
	digest := r.Digest(signature)
	l.Request, l.Kind, l.Card = id, r.Kind.String(), fmt.Sprintf("%X", r.Card[:])
	l.P, l.Q, l.Amount, l.Digest = fmt.Sprintf("%04X", r.P), fmt.Sprintf("%04X", r.Q), r.Amount+r.Credit, fmt.Sprintf("%X", digest[:])
}

// Chain is the end of an audit chain: how many lines it has and the hash of the last.
// The zero value is the empty chain.
type Chain struct {
	Number uint64
	Hash   [32]byte
}

// ErrChain says that a line of the audit chain was altered, or one is missing.
var ErrChain = errors.New("the audit chain is broken")

// Add gives a line its number and the bytes in which it is kept, and moves the end.
func (c *Chain) Add(l Line) ([]byte, error) {
	l.Number = c.Number + 1
	b, err := json.Marshal(&l)
	if err != nil {
		return nil, fmt.Errorf("audit line %d: %w", l.Number, err)
	}
	c.Number, c.Hash = l.Number, c.next(b)
	return b, nil
}

// next is SM3 over the hash of the line before and this line.
func (c *Chain) next(line []byte) [32]byte {
	return seal.HashOf(append(append(make([]byte, 0, 32+len(line)), c.Hash[:]...), line...))
}

// Check reads the next kept line and moves the end; ErrChain if it does not follow.
func (c *Chain) Check(number uint64, line []byte, hash [32]byte) (Line, error) {
	var l Line
	if err := json.Unmarshal(line, &l); err != nil {
		return l, fmt.Errorf("line %d: %w: %w", number, ErrChain, err)
	}
	if number != c.Number+1 || l.Number != number {
		return l, fmt.Errorf("line %d behind line %d: %w", number, c.Number, ErrChain)
	}
	if c.next(line) != hash {
		return l, fmt.Errorf("line %d: %w", number, ErrChain)
	}
	c.Number, c.Hash = number, hash
	return l, nil
}
