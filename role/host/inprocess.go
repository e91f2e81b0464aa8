package host

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// InProcess is an issuer with the development keys, in the terminal's own process. It
// knows every card that those keys can have made: each has an account of
// OpeningAccount, the PIN 123456 and CashLimit as the limit of its electronic cash. It
// forgets everything when the process ends.
type InProcess struct {
	mutex  sync.Mutex
	issuer *authorise.Authoriser
	memory *memory
	note   string
}

// DevelopmentPIN is the online PIN of every card at the development issuer, the same
// as the one on the cards of the development profiles.
const DevelopmentPIN = "123456"

// NewInProcess makes a development issuer whose cards have opening fen each.
func NewInProcess(opening money.Fen) (*InProcess, error) {
	keys, err := developmentKeys()
	if err != nil {
		return nil, err
	}
	p, err := pin.New(DevelopmentPIN)
	if err != nil {
		return nil, fmt.Errorf("development issuer: %w", err)
	}
	m := &memory{accounts: map[txn.CardKey]*account{}, opening: opening, pin: p}
	issuer, err := authorise.New(authorise.Config{Keys: keys, Cards: m, PINs: m})
	if err != nil {
		return nil, err
	}
	return &InProcess{issuer: issuer, memory: m}, nil
}

// Name is "development issuer".
func (*InProcess) Name() string { return "development issuer" }

// Authorise implements Host.
func (h *InProcess) Authorise(ctx context.Context, q txn.OnlineRequest) (txn.OnlineAnswer, error) {
	if err := ctx.Err(); err != nil {
		return txn.OnlineAnswer{}, fmt.Errorf("%w: %w", err, ErrUnreachable)
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	a, note, err := h.issuer.Authorise(&q)
	if err != nil {
		return txn.OnlineAnswer{}, fmt.Errorf("%w: %w", err, ErrUnreachable)
	}
	h.note = note
	a.ICC = bytes.Clone(a.ICC) // the issuer keeps its own for a repeat
	return a, nil
}

// Reverse implements Host.
func (h *InProcess) Reverse(ctx context.Context, q txn.OnlineRequest, why Reason, icc []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrUnreachable)
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.issuer.Reverse(&q, why, icc)
}

// Advise implements Adviser.
func (h *InProcess) Advise(ctx context.Context, q txn.OnlineRequest, icc []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrUnreachable)
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.issuer.Advise(&q, icc)
}

// Note says in words why the last answer is what it is.
func (h *InProcess) Note() string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.note
}

// Available is what a card's account can spend.
func (h *InProcess) Available(card txn.CardKey) money.Fen {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.memory.account(card).card.Available
}

// Order puts a script on the list for a card's next answers, until the card shows what
// became of it. The error is authorise.ErrOrder.
func (h *InProcess) Order(card txn.CardKey, o authorise.Order) error {
	if _, err := o.Size(); err != nil {
		return err
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	a := h.memory.keep(card)
	a.card.Orders = append(a.card.Orders, o)
	return nil
}

// respond makes field 55 of an answer that a script has decided.
func (h *InProcess) respond(q *txn.OnlineRequest, code authorise.Code, orders []authorise.Order) ([]byte, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.issuer.Respond(q, code, orders)
}
