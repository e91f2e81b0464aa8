package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// ErrScript says that a file is no script of a host.
var ErrScript = errors.New("not a host script")

// Script is what a scripted host does, read by ParseScript.
type Script struct {
	Name, About string
	rules       []rule
}

// Format writes the name alone: scripts may hold a new PIN.
func (s Script) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[host script %s]", s.Name) }

// rule is one line of a Script: the first that fits a request is used.
type rule struct {
	when when
	then then
}

// when says which requests a rule is for; what is zero fits all.
type when struct {
	kind     txn.OnlineKind
	reversal bool
	entry    txn.EntryMode
	amount   int64 // -1 for all
	nth      int   // of those that fit the rest
	panEnds  string
}

// then says what happens; what is absent is left to the development issuer.
type then struct {
	code        *authorise.Code
	arpc        arpcMode
	value       []byte // of 91, for arpcValue
	authCode    string
	orders      []authorise.Order
	delay       time.Duration
	unreachable bool
	refuse      bool
}

// arpcMode says what becomes of 91.
type arpcMode uint8

const (
	arpcRight arpcMode = iota
	arpcWrong          // one bit is changed
	arpcNone           // left out
	arpcValue          // other bytes
)

// Scripted answers by the rules of a file, and has a development issuer behind it for
// what the file leaves open and for MACs.
type Scripted struct {
	script *Script
	issuer *InProcess
	mutex  sync.Mutex
	seen   []int // requests that fitted rule i, its nth left aside
}

// NewScripted makes a host of a script. issuer is asked where the script says nothing.
func NewScripted(s *Script, issuer *InProcess) *Scripted {
	return &Scripted{script: s, issuer: issuer, seen: make([]int, len(s.rules))}
}

// Name is "scripted host" with the script's own name.
func (h *Scripted) Name() string { return "scripted host " + h.script.Name }

// find gives the rule for a request, nil if there is none.
func (h *Scripted) find(q *txn.OnlineRequest, reversal bool) *then {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for i := range h.script.rules {
		w := &h.script.rules[i].when
		if !w.fits(q, reversal) {
			continue
		}
		h.seen[i]++
		if w.nth == 0 || w.nth == h.seen[i] {
			return &h.script.rules[i].then
		}
	}
	return nil
}

func (w *when) fits(q *txn.OnlineRequest, reversal bool) bool {
	return w.reversal == reversal && (w.kind == 0 || w.kind == q.Kind) && (w.entry == 0 || w.entry == q.Entry) &&
		(w.amount < 0 || w.amount == int64(q.Amount)) && strings.HasSuffix(q.Card.PAN.Digits(), w.panEnds)
}

// Authorise implements Host.
func (h *Scripted) Authorise(ctx context.Context, q txn.OnlineRequest) (txn.OnlineAnswer, error) {
	t := h.find(&q, false)
	if t == nil {
		return h.issuer.Authorise(ctx, q)
	}
	if err := t.wait(ctx); err != nil {
		return txn.OnlineAnswer{}, err
	}
	a, err := h.answer(ctx, &q, t)
	if err != nil {
		return txn.OnlineAnswer{}, err
	}
	if t.authCode != "" {
		a.AuthCode = t.authCode
	}
	a.ICC, err = t.alter(a.ICC)
	return a, err
}

// answer is the code of the rule with its scripts, or what the development issuer
// says with the scripts added.
func (h *Scripted) answer(ctx context.Context, q *txn.OnlineRequest, t *then) (a txn.OnlineAnswer, err error) {
	if t.code == nil {
		if a, err = h.issuer.Authorise(ctx, *q); err != nil {
			return a, err
		}
	}
	if t.code != nil {
		a.Code = *t.code
	} else if len(t.orders) == 0 || len(a.ICC) == 0 {
		return a, nil
	}
	if len(q.ICC) == 0 {
		return a, nil // a stripe: there is no card to answer
	}
	made, err := h.issuer.respond(q, a.Code, t.orders)
	switch {
	case errors.Is(err, authorise.ErrICC):
		return a, nil // nobody can answer the card of an unreadable field 55
	case err != nil:
		return a, fmt.Errorf("host script %s: %w: %w", h.script.Name, err, ErrUnreachable)
	case t.code != nil:
		a.ICC = made
	default:
		it := tlv.Iterate(made)
		for it.Next() {
			if it.Tag != tlv.TagIssuerAuthenticationData {
				a.ICC = tlv.Append(a.ICC[:len(a.ICC):len(a.ICC)], it.Tag, it.Value)
			}
		}
	}
	return a, nil
}

// wait lets the time of the rule pass.
func (t *then) wait(ctx context.Context) error {
	if t.delay > 0 {
		timer := time.NewTimer(t.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ctx.Err(), ErrUnreachable)
	case t.unreachable:
		return fmt.Errorf("as the script says: %w", ErrUnreachable)
	}
	return nil
}

// alter changes 91 as the rule says.
func (t *then) alter(icc []byte) ([]byte, error) {
	if t.arpc == arpcRight {
		return icc, nil
	}
	var out []byte
	if t.arpc == arpcValue {
		out = tlv.Append(out, tlv.TagIssuerAuthenticationData, t.value)
	}
	it := tlv.Iterate(icc)
	for it.Next() {
		if it.Tag != tlv.TagIssuerAuthenticationData {
			out = tlv.Append(out, it.Tag, it.Value)
			continue
		}
		if t.arpc == arpcWrong {
			v := append([]byte(nil), it.Value...)
			v[0] ^= 1
			out = tlv.Append(out, it.Tag, v)
		}
	}
	return out, it.Err()
}

// Reverse implements Host.
func (h *Scripted) Reverse(ctx context.Context, q txn.OnlineRequest, why Reason, icc []byte) error {
	t := h.find(&q, true)
	if t == nil {
		return h.issuer.Reverse(ctx, q, why, icc)
	}
	if err := t.wait(ctx); err != nil {
		return err
	}
	if t.refuse {
		return fmt.Errorf("as the script says: %w", ErrRefused)
	}
	return h.issuer.Reverse(ctx, q, why, icc)
}

// Advise implements Adviser: no rule is about notices.
func (h *Scripted) Advise(ctx context.Context, q txn.OnlineRequest, icc []byte) error {
	return h.issuer.Advise(ctx, q, icc)
}
