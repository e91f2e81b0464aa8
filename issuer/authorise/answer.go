package authorise

import (
	"fmt"

	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// scriptable tells whether the terminal can still speak to the card: over the contacts
// always, over the air in a load or unload, which are debit/credit transactions. A
// purchase over the air may be qPBOC, where the card has left; field 55 does not tell.
func (r *asked) scriptable() bool {
	switch r.Entry {
	case txn.EntryChip:
		return r.icc != nil
	case txn.EntryContactless:
		return r.icc != nil && (r.Kind == txn.OnlineLoad || r.Kind == txn.OnlineUnload)
	}
	return false
}

// fieldBack makes field 55 of the answer: 91, then as many of the orders as fit. n is
// how many those are.
func fieldBack(r *asked, code Code, orders []Order) (b []byte, n int, err error) {
	card, x := r.key, r.icc
	arpc := r.keys.ARPC(card, x.Card.ATC, x.AC, code)
	b = tlv.Append(b, tlv.TagIssuerAuthenticationData, append(arpc[:], code[:]...))
	head := len(b)
	for i := range orders {
		longer, err := appendScript(b, r.keys, card, x, &orders[i])
		if err != nil {
			return nil, 0, err
		}
		if len(longer)-head > MaxScripts {
			break
		}
		b, n = longer, i+1
	}
	return b, n, nil
}

// Respond makes field 55 of an answer that someone else has decided: 91 for the code,
// and the orders as scripts. Nothing is checked or kept. It fails with ErrICC or
// ErrOrder, or if there are no keys for the card.
func (a *Authoriser) Respond(q *txn.OnlineRequest, code Code, orders []Order) ([]byte, error) {
	x, err := ParseICC(q.ICC)
	if err != nil {
		return nil, err
	}
	r := &asked{OnlineRequest: q, key: q.Card, icc: x, keys: a.keys(q.Card.PAN.BIN(), x.IAD.Alg)}
	if r.keys == nil {
		return nil, fmt.Errorf("no keys for card %v and %v", q.Card, x.IAD.Alg)
	}
	b, n, err := fieldBack(r, code, orders)
	if err == nil && n < len(orders) {
		err = fmt.Errorf("only %d of %d scripts fit into %d bytes: %w", n, len(orders), MaxScripts, ErrOrder)
	}
	return b, err
}
