package authorise

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Authoriser decides about online requests. One goroutine at a time; requests of one
// card must not overlap.
type Authoriser struct {
	keys  KeyFinder
	cards Cards
	pins  PINs
	// stripeCVN is Config.StripeCVN.
	stripeCVN bool
}

// Config is what an Authoriser needs.
type Config struct {
	Keys  KeyFinder
	Cards Cards
	// PINs checks online PINs; nil: a request with a PIN is refused with 55.
	PINs PINs
	// StripeCVN says that the issuer's stripes end in a check value. Without it the
	// stripe proves nothing but that someone knows the number.
	StripeCVN bool
}

// New prepares an authoriser; it fails without keys or cards.
func New(c Config) (*Authoriser, error) {
	if c.Keys == nil || c.Cards == nil {
		return nil, errors.New("an issuer needs keys and cards")
	}
	return &Authoriser{keys: c.Keys, cards: c.Cards, pins: c.PINs, stripeCVN: c.StripeCVN}, nil
}

// asked is a request on its way to an answer.
type asked struct {
	*txn.OnlineRequest
	icc   *ICC // nil for a stripe
	keys  Keys // nil for a stripe without check value
	track *Track
	// key names the card as its issuer knows it: with the sequence number that
	// OnlineRequest.Card may lack.
	key    txn.CardKey
	number Number
	card   Card
	// digest and withoutPIN are those of Decision.
	digest, withoutPIN [32]byte
}

// seen is what a request that was proved says of the card.
func (r *asked) seen() *Seen {
	if r.icc == nil || !r.icc.signsAll() {
		return nil
	}
	if _, ok := r.icc.IAD.Balance(); !ok {
		return nil
	}
	return &Seen{ATC: r.number.ATC, AC: r.icc.AC, IAD: r.icc.IAD, Time: r.Time, Terminal: r.Terminal, Sequence: r.Sequence}
}

func ask(q *txn.OnlineRequest) *asked {
	r := &asked{OnlineRequest: q}
	r.digest, r.withoutPIN = digests(q)
	return r
}

// refusal is a code with the reason for it.
type refusal struct {
	code Code
	note string
}

func no(code Code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// Authorise decides about a request. What is not proved to come from the card is
// refused and not kept; everything else is decided once: the same request again gets
// the same answer, another with the same number is refused with 94. The answer to a
// genuine cryptogram has 91, and, where the card can take them, scripts. note says in
// words why. An error means that there is no answer: a port has failed.
func (a *Authoriser) Authorise(q *txn.OnlineRequest) (answer txn.OnlineAnswer, note string, err error) {
	r := ask(q)
	bad, err := a.open(r)
	if err != nil || bad != nil {
		return refused(bad), bad.text(), err
	}
	before, found, err := a.cards.Decision(r.key, r.number)
	if err != nil {
		return answer, "", fmt.Errorf("look up the decision about %v: %w", r.number, err)
	}
	if found {
		answer, note = repeat(&before, r)
		return answer, note, nil
	}
	if bad = a.prove(r); bad != nil {
		return refused(bad), bad.text(), nil
	}
	if err := a.settle(r); err != nil {
		return answer, "", err
	}
	return a.decide(r)
}

func (r *refusal) text() string {
	if r == nil {
		return ""
	}
	return r.note
}

func refused(r *refusal) (a txn.OnlineAnswer) {
	if r != nil {
		a.Code = r.code
	}
	return a
}

// repeat is the answer to a number that was decided before.
func repeat(d *Decision, r *asked) (txn.OnlineAnswer, string) {
	switch {
	case d.State == Undone && d.WithoutPIN == r.withoutPIN:
		return txn.OnlineAnswer{Code: Invalid}, "this request was reversed"
	case d.Digest != r.digest:
		return txn.OnlineAnswer{Code: Duplicate}, fmt.Sprintf("another request with %v was answered before", d.Number)
	}
	return d.Answer, d.Note
}

// open reads a request and finds its card.
func (a *Authoriser) open(r *asked) (*refusal, error) {
	if bad := a.read(r); bad != nil {
		return bad, nil
	}
	return a.find(r)
}

// read checks the form of a request.
func (a *Authoriser) read(r *asked) *refusal {
	if err := r.OnlineRequest.Card.PAN.Validate(); err != nil {
		return no(FormatError, "%v", err)
	}
	if r.Kind < txn.OnlinePurchase || r.Kind > txn.OnlineUnload {
		return no(Invalid, "kind %d is not known", r.Kind)
	}
	if r.Amount < 0 || r.Amount > money.MaxN12 {
		return no(InvalidAmount, "amount outside twelve digits")
	}
	if len(r.Track2) > 0 {
		t, err := ParseTrack(r.Track2)
		switch {
		case err != nil:
			return no(FormatError, "%v", err)
		case t.PAN != r.OnlineRequest.Card.PAN:
			return no(FormatError, "track 2 is of another card")
		}
		r.track = &t
	}
	if len(r.ICC) == 0 {
		return a.readStripe(r)
	}
	x, err := ParseICC(r.ICC)
	if err != nil {
		return no(FormatError, "%v", err)
	}
	r.icc = x
	amount, err := money.FromN12(x.Terminal.Amount[:])
	switch {
	case err != nil || amount != r.Amount:
		return no(InvalidAmount, "the card signed another amount (9F02)")
	case x.Terminal.Currency != r.Currency && (x.signsAll() || x.Terminal.Currency != [2]byte{}):
		return no(FormatError, "the card was asked for another currency (5F2A)")
	case r.Currency != [2]byte{0x01, 0x56}:
		return no(NotPermitted, "currency %X, this issuer's accounts are in 0156", r.Currency)
	case !x.asks():
		return no(Invalid, "the card did not ask for the issuer: 9F10 has the decisions %02X", x.IAD.CVR[0]&0xF0)
	}
	return nil
}

func (a *Authoriser) readStripe(r *asked) *refusal {
	switch {
	case r.track == nil:
		return no(FormatError, "neither field 55 nor track 2")
	case r.Entry != txn.EntryStripe && r.Entry != txn.EntryFallback && r.Entry != txn.EntryMSD:
		return no(FormatError, "entry mode %02d needs field 55", r.Entry)
	case r.Kind != txn.OnlinePurchase && r.Kind != txn.OnlineInquiry:
		return no(NotPermitted, "a %v needs the chip", r.Kind)
	case r.Currency != [2]byte{0x01, 0x56}:
		return no(NotPermitted, "currency %X, this issuer's accounts are in 0156", r.Currency)
	}
	return nil
}

// decide applies the issuer's rules to a genuine request and keeps the decision.
func (a *Authoriser) decide(r *asked) (answer txn.OnlineAnswer, note string, err error) {
	d := Decision{Number: r.number, Digest: r.digest, WithoutPIN: r.withoutPIN, Kind: r.Kind, State: Refused, Time: r.Time}
	bad, err := a.rules(r)
	if err != nil {
		return answer, "", err
	}
	var orders []Order
	if bad == nil {
		orders, bad = weigh(r, &d)
	}
	answer.Code, d.Note = Approved, "approved"
	if bad != nil {
		answer.Code, d.Note, d.Moved = bad.code, bad.note, 0
	} else {
		d.State = Agreed
		answer.AuthCode = authCode(r.digest)
		answer.Available, answer.Known = r.card.Available+d.Moved, true
	}
	c := Change{Seen: r.seen()}
	if r.icc != nil {
		own := len(orders)
		c.Done = r.done()
		if r.scriptable() {
			orders = append(orders, r.card.Orders[c.Done:]...)
		}
		var n int
		if answer.ICC, n, err = fieldBack(r, answer.Code, orders); err != nil {
			return txn.OnlineAnswer{}, "", err
		}
		if n > own {
			c.Sending = Sending{Orders: n - own, Ahead: counted(orders[:own])}
		}
	}
	d.Answer = answer
	c.Decision, c.Move = d, d.Moved
	if r.number.Counter {
		c.High = r.number.ATC
	}
	if err := a.cards.Store(r.key, &c); err != nil {
		return txn.OnlineAnswer{}, "", fmt.Errorf("store the decision about %v: %w", r.number, err)
	}
	return answer, d.Note, nil
}
