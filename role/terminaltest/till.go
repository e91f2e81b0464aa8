package terminaltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/txn"
)

// Till is a till of this program as a terminal under test, in this process.
type Till struct {
	setup terminal.Setup
	tills map[string]*pos.Till // by Transaction.OverAir
	now   func() time.Time
	rand  io.Reader
	n     uint32
	wrong *fault
}

// fault is something that a till of the tests does wrong.
type fault struct {
	around  func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer
	report  func(*terminal.Reported)
	ask     func(*txn.OnlineRequest)
	answer  func(*txn.OnlineAnswer)
	raw     bool // fetches no waiting answers
	forgets bool // sends no reversals
	trusts  bool // needs no code of a card that has put a journey record by
	mixes   bool // takes the journey record of one card for the payment of another
}

// NewTill makes a till that is set as a run supposes it, with the development CA keys.
// now and rand are the till's clock and its unpredictable numbers.
func NewTill(s terminal.Setup, now func() time.Time, rand io.Reader) (*Till, error) {
	t := &Till{setup: s, tills: map[string]*pos.Till{}, now: now, rand: rand}
	for air, mode := range map[string]pos.Mode{"": pos.QPBOC, "debit": pos.DebitCredit, "stripe": pos.MSD} {
		c, err := tillConfig(s, mode)
		if err != nil {
			return nil, err
		}
		if t.tills[air], err = pos.New(c); err != nil {
			return nil, fmt.Errorf("till under test: %w", err)
		}
	}
	return t, nil
}

// tillConfig translates the setup of a run.
func tillConfig(s terminal.Setup, mode pos.Mode) (pos.Config, error) {
	keys, err := devkeys.CAKeys()
	if err != nil {
		return pos.Config{}, fmt.Errorf("development CA keys: %w", err)
	}
	v, err := oda.NewVerifier(keys, 16)
	if err != nil {
		return pos.Config{}, fmt.Errorf("development CA keys: %w", err)
	}
	ttq := [4]byte{kernel.TTQ1QPBOC | kernel.TTQ1Contact | kernel.TTQ1OnlinePIN | kernel.TTQ1Signature, 0, 0, kernel.TTQ4FDDA01}
	const attended = 0x22
	c := pos.Config{
		Terminal: 1, Mode: mode,
		Kernel: kernel.Config{
			TTQ: ttq, Country: s.Country, Currency: s.Currency, TerminalType: attended, Merchant: []byte("TERMINAL TEST"), AppVersion: s.Version,
			AIDs: kernel.DebitCredit(), ContactlessLimit: s.ContactlessLimit, FloorLimit: s.ContactlessFloor, CVMLimit: s.CVMLimit, SM: s.SM, Verify: v,
		},
		EMV: emv.Config{
			Country: s.Country, Currency: s.Currency, Exponent: 2, Type: attended,
			Capabilities: [3]byte{0xE0, 0xF8, 0xC8}, Additional: [5]byte{0x60, 0x00, 0xF0, 0xB0, 0x01},
			Merchant: []byte("TERMINAL TEST"), TTQ: ttq, ElectronicCash: s.CashLimit > 0, SM: s.SM, Directory: true, Authenticate: v,
		},
	}
	for _, a := range kernel.DebitCredit() {
		c.EMV.Applications = append(c.EMV.Applications, emv.Application{
			Name: a.Name, Partial: a.Partial, Version: s.Version, FloorLimit: s.FloorLimit, CashLimit: s.CashLimit, Actions: emv.ActionCodes(s.Actions),
		})
	}
	return c, nil
}

var kinds = map[terminal.Kind]pos.Kind{terminal.Purchase: pos.Purchase, terminal.Load: pos.Load, terminal.Unload: pos.Unload, terminal.Balance: pos.Balance}

// Run makes one sale (terminal.Terminal).
func (t *Till) Run(ctx context.Context, c *terminal.Card, tx terminal.Transaction, h *terminal.Host) (terminal.Reported, error) {
	var random [16]byte
	if _, err := io.ReadFull(t.rand, random[:]); err != nil {
		return terminal.Reported{}, fmt.Errorf("random bytes: %w", err)
	}
	face := pos.Contactless
	if tx.Interface == terminal.Contact {
		face = pos.Contact
	}
	t.n++
	till := t.tills[tx.OverAir]
	s := sale{till: t, tx: tx, card: c, host: h}
	s.open()
	a := till.Begin(pos.Sale{Kind: kinds[tx.Kind], Interface: face, Amount: tx.Amount, Time: t.now().Unix(), Sequence: t.n, Random: random, ForceOnline: tx.Online})
	for a.Done == nil {
		ev, err := s.do(ctx, a)
		if err != nil {
			return terminal.Reported{}, err
		}
		a = till.Step(ev)
	}
	r := a.Done
	if r.Reversal != nil && (t.wrong == nil || !t.wrong.forgets) {
		h.Reverse(r.Reversal.Request, r.Reversal.ICC)
	}
	out := terminal.Reported{Outcome: r.Outcome.String(), TVR: r.TVR[:], TSI: r.TSI[:], Balance: r.Balance, HasBalance: r.Balance >= 0}
	if t.wrong != nil && t.wrong.report != nil {
		t.wrong.report(&out)
	}
	return out, nil
}

// open puts the card into the till's reader.
func (s *sale) open() {
	in := &slot{card: s.card}
	s.reader = reader.Cook(in)
	if w := s.till.wrong; w != nil {
		in.around = w.around
		if w.raw {
			s.reader = in
		}
	}
}

// sale is one sale with the persons around it.
type sale struct {
	till   *Till
	tx     terminal.Transaction
	card   *terminal.Card
	host   *terminal.Host
	reader reader.Card
	pins   int
}

// do does what the till asks for.
func (s *sale) do(ctx context.Context, a pos.Action) (emv.Event, error) {
	switch {
	case a.Send != nil:
		out, err := s.reader.Transmit(ctx, nil, a.Send)
		if err != nil {
			return emv.Event{Kind: emv.CardLeft}, nil
		}
		return emv.Answered(out), nil
	case a.Choose != nil:
		if s.tx.Choice < len(a.Choose.Names) {
			return emv.Event{Kind: emv.Chosen, Choice: s.tx.Choice}, nil
		}
		return emv.Event{Kind: emv.Cancelled}, nil
	case a.PIN != nil:
		return s.enter()
	case a.Online != nil:
		return s.ask(a.Online)
	case a.Again != nil:
		if s.card.Return() {
			s.open()
			return emv.Event{Kind: emv.Start}, nil
		}
		return emv.Event{Kind: emv.Cancelled}, nil
	case a.Remove:
		return emv.Event{Kind: emv.CardRemoved}, nil
	}
	return emv.Event{}, errors.New("the till asks for nothing")
}

// enter is what the person does at the PIN pad.
func (s *sale) enter() (emv.Event, error) {
	entry := terminal.PINRight
	if s.pins < len(s.tx.PINs) {
		entry = s.tx.PINs[s.pins]
	}
	s.pins++
	switch entry {
	case terminal.PINBypass:
		return emv.Event{Kind: emv.PINBypassed}, nil
	case terminal.PINBroken:
		return emv.Event{Kind: emv.PINPadFailed}, nil
	case terminal.PINWrong:
		wrong, err := pin.New("9999")
		if err != nil {
			return emv.Event{}, err
		}
		return emv.Event{Kind: emv.PINEntered, PIN: wrong}, nil
	}
	return emv.Event{Kind: emv.PINEntered, PIN: s.till.setup.PIN}, nil
}

// ask puts a question to the issuer of the case.
func (s *sale) ask(q *pos.Online) (emv.Event, error) {
	if !s.tx.Host {
		return emv.Event{Kind: emv.HostUnreachable}, nil
	}
	r := q.Request
	if q.PIN.Len() > 0 {
		var err error
		if r.PINBlock, err = host.EncipherPIN(r.Card, q.PIN); err != nil {
			return emv.Event{}, fmt.Errorf("online PIN: %w", err)
		}
		r.HasPIN = true
	}
	w := s.till.wrong
	if w != nil && w.ask != nil {
		w.ask(&r)
	}
	a, err := s.host.Authorise(r)
	if err != nil {
		return emv.Event{Kind: emv.HostUnreachable}, nil
	}
	if w != nil && w.answer != nil {
		w.answer(&a)
	}
	return emv.Event{Kind: emv.HostAnswered, Host: &a}, nil
}
