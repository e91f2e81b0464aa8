package clerk

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Errors of a search for a card.
var (
	ErrNoCard    = errors.New("no such card in the folder")
	ErrAmbiguous = errors.New("several cards are called this")
	ErrCardName  = errors.New("neither a card number (12 to 19 digits) nor the beginning of a token (4 to 32 hexadecimal digits)")
)

// shortest is how many digits of a token may name a card.
const shortest = 4

// find leads from what a person types to a card with a timeline: its number, if one
// card only has it, or its token or the beginning of that. Spaces and hyphens are passed
// over.
func (f *Office) find(r *sqlite.Reader, name string) (txn.CardKey, sqlite.Token, error) {
	name = strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(name))
	if pan, err := txn.ParsePAN(name); err == nil {
		card, t, found, err := f.numbered(r, pan)
		if found || err != nil {
			return card, t, err
		}
	}
	t, err := f.byToken(r, name)
	switch {
	case errors.Is(err, ErrCardName) && digits(name): // never repeat a number
		return txn.CardKey{}, t, fmt.Errorf("card number of %d digits: %w", len(name), ErrNoCard)
	case errors.Is(err, ErrNoCard) && digits(name) && len(name) >= 12:
		return txn.CardKey{}, t, fmt.Errorf("card number of %d digits: %w", len(name), ErrNoCard)
	case err != nil:
		return txn.CardKey{}, t, err
	}
	card, err := f.vault.Card(t)
	return card, t, err
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// numbered finds the card of a number by trying all sequence numbers: ErrAmbiguous, with
// what they are called, if several cards have the number.
func (f *Office) numbered(r *sqlite.Reader, pan txn.PAN) (card txn.CardKey, token sqlite.Token, found bool, err error) {
	var called []string
	for psn := range 100 {
		k := txn.CardKey{PAN: pan, PSN: byte(psn/10<<4 | psn%10)}
		t := f.vault.Token(k)
		switch there, err := f.has(r, t); {
		case err != nil:
			return k, t, false, err
		case there:
			card, token, found = k, t, true
			called = append(called, fmt.Sprintf("sequence number %02d is token %x", psn, t[:4]))
		}
	}
	if len(called) > 1 {
		err = fmt.Errorf("card number: %s: %w", strings.Join(called, ", "), ErrAmbiguous)
	}
	return card, token, found, err
}

// byToken finds the only card whose token begins with some digits.
func (f *Office) byToken(r *sqlite.Reader, name string) (sqlite.Token, error) {
	var from, to sqlite.Token
	if len(name) < shortest || len(name) > 2*len(from) {
		return from, fmt.Errorf("%d characters: %w", len(name), ErrCardName)
	}
	pad := 2*len(from) - len(name)
	low, err := hex.DecodeString(name + strings.Repeat("0", pad))
	if err != nil {
		return from, ErrCardName
	}
	high, err := hex.DecodeString(name + strings.Repeat("f", pad))
	if err != nil {
		return from, ErrCardName
	}
	copy(from[:], low)
	copy(to[:], high)
	tokens, err := f.tokensFrom(r, from, to, 2)
	switch {
	case err != nil:
		return from, err
	case len(tokens) == 0:
		return from, fmt.Errorf("token of %d digits: %w", len(name), ErrNoCard)
	case len(tokens) > 1:
		return from, fmt.Errorf("token of %d digits: %w", len(name), ErrAmbiguous)
	}
	return tokens[0], nil
}
