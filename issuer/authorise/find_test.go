package authorise_test

import (
	"errors"
	mathrand "math/rand/v2"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// shelf is an issuer's store of several cards of one number.
type shelf struct {
	books  map[txn.CardKey]*book
	keys   []txn.CardKey // in the order of ByNumber
	broken error         // what ByNumber says
}

func newShelf(psns ...byte) *shelf {
	s := &shelf{books: map[txn.CardKey]*book{}}
	for _, n := range psns {
		k := txn.CardKey{PAN: devKey().PAN, PSN: n}
		s.keys, s.books[k] = append(s.keys, k), newBook()
	}
	return s
}

func (s *shelf) of(psn byte) *book { return s.books[txn.CardKey{PAN: devKey().PAN, PSN: psn}] }

func (s *shelf) Card(c txn.CardKey) (authorise.Card, bool, error) {
	if b := s.books[c]; b != nil {
		return b.card, true, nil
	}
	return authorise.Card{}, false, nil
}

func (s *shelf) ByNumber(txn.PAN) ([]txn.CardKey, error) { return s.keys, s.broken }

func (s *shelf) Decision(c txn.CardKey, n authorise.Number) (authorise.Decision, bool, error) {
	return s.books[c].Decision(c, n)
}

func (s *shelf) Store(c txn.CardKey, change *authorise.Change) error {
	return s.books[c].Store(c, change)
}

func (s *shelf) Check(c txn.CardKey, b [8]byte) (authorise.PINVerdict, error) {
	return s.books[c].Check(c, b)
}

// accounts compares what the accounts have, by PSN.
func (s *shelf) accounts(t *testing.T, want map[byte]money.Fen) {
	t.Helper()
	for psn, w := range want {
		if got := s.of(psn).card.Available; got != w {
			t.Errorf("the account of card %02d has %v, want %v", psn, got, w)
		}
	}
}

// stripeData taps the card and gives its stripe data, with a cryptogram or a dynamic
// check value, under its number alone.
func (w *world) stripeData(withCryptogram bool, amount money.Fen) txn.OnlineRequest {
	w.t.Helper()
	w.chip.PowerOff()
	w.chip.UseInterface(card.Contactless)
	noError(w.t, w.chip.PowerOn(mathrand.NewChaCha8([32]byte{9})))
	w.Entry, w.Values[tlv.TagTTQ] = txn.EntryMSD, unhex(map[bool]string{true: "80800000", false: "80000000"}[withCryptogram])
	noError(w.t, w.Start(amount, 0))
	q := w.Request(txn.OnlinePurchase, nameless(), amount)
	if (len(q.ICC) > 0) != withCryptogram {
		w.t.Fatalf("field 55 of %d bytes", len(q.ICC))
	}
	return q
}

// stripe is the stripe of the development card as a fall back, ending at YYMM.
func stripe(t *testing.T, expiry string, amount money.Fen, sequence uint32) txn.OnlineRequest {
	t.Helper()
	code, err := masters(t, cryptogram.TDES).CVN(nameless(), pin.Track{Expiry: [2]byte(unhex(expiry)), Service: [2]byte{2, 0x20}})
	noError(t, err)
	return txn.OnlineRequest{Kind: txn.OnlinePurchase, Card: nameless(), Amount: amount, Currency: [2]byte{1, 0x56}, Time: now, Terminal: 1, Sequence: sequence,
		Entry: txn.EntryFallback, Track2: []byte(nameless().PAN.Digits() + "D" + expiry + "220" + string(code[:]))}
}

// One card: whatever way its number comes, it is one account, and one counter; repeats
// and reversals find what was decided.
func TestChipStripeAndStripeDataAreOneAccount(t *testing.T) {
	w := newWorld(t, "dev-full", card.Contact)
	want := w.book.card.Available
	taken := func(q txn.OnlineRequest) {
		t.Helper()
		w.ask(q, "00")
		w.ask(q, "00")
		if want -= q.Amount; w.book.card.Available != want {
			t.Fatalf("entry %d: account %v, want %v", q.Entry, w.book.card.Available, want)
		}
	}
	chip := w.arqc(txn.OnlinePurchase, 1_000, 0)
	taken(chip)
	value := w.stripeData(false, 2_000)
	taken(value)
	cryptogram := w.stripeData(true, 3_000)
	taken(cryptogram)
	swiped := stripe(t, "3512", 4_000, 99)
	taken(swiped)
	if w.book.card.High != 3 {
		t.Errorf("counter %d after three transactions of the chip", w.book.card.High)
	}
	copied := value // stolen on the way, used at another terminal
	copied.Terminal++
	w.ask(copied, "94")
	for _, q := range []txn.OnlineRequest{swiped, value, cryptogram, chip} {
		noError(t, w.issuer.Reverse(&q, authorise.AnswerLost, nil))
		noError(t, w.issuer.Reverse(&q, authorise.AnswerLost, nil))
		if want += q.Amount; w.book.card.Available != want {
			t.Errorf("entry %d: account %v after the reversal, want %v", q.Entry, w.book.card.Available, want)
		}
		w.ask(q, "12")
	}
	late := w.stripeData(false, 5_000)
	noError(t, w.issuer.Reverse(&late, authorise.AnswerLost, nil))
	w.ask(late, "12")
}

// Two cards of one number: the proof says which one asks.
func TestTheProofChoosesAmongCardsOfOneNumber(t *testing.T) {
	for _, withCryptogram := range []bool{false, true} {
		s := newShelf(1, 2)
		for _, psn := range []byte{2, 1} {
			w := newCard(t, "dev-full", card.Contactless, psn)
			w.issuer, w.book = newIssuer(t, s), s.of(psn)
			for range 3 { // the counters of the cards are not the same
				q := w.stripeData(withCryptogram, 1_000)
				w.ask(q, "00")
				w.ask(q, "00")
				if psn == 2 {
					q = w.stripeData(withCryptogram, 1_000)
					w.ask(q, "00")
					noError(t, w.issuer.Reverse(&q, authorise.CardGone, nil))
				}
			}
		}
		s.accounts(t, map[byte]money.Fen{1: 97_000, 2: 97_000})
		if a, b := s.of(1).card.High, s.of(2).card.High; a != 3 || b != 6 {
			t.Errorf("counters %d and %d, want 3 and 6", a, b)
		}
		s.of(2).pin = authorise.PINRight
		w := newCard(t, "dev-full", card.Contactless, 2)
		w.issuer, w.book = newIssuer(t, s), s.of(2)
		for range 6 {
			w.stripeData(withCryptogram, 1_000)
		}
		q := w.stripeData(withCryptogram, 1_000)
		q.HasPIN = true
		w.ask(q, "00")
		stranger := newCard(t, "dev-full", card.Contactless, 3)
		stranger.issuer = newIssuer(t, s)
		stranger.ask(stranger.stripeData(withCryptogram, 1_000), map[bool]string{false: "59", true: "63"}[withCryptogram])
		s.accounts(t, map[byte]money.Fen{1: 97_000, 2: 96_000})
	}
}

// The check value of a stripe is the same on all cards of one number that end at the
// same time.
func TestAStripeThatFitsSeveralCardsIsRefused(t *testing.T) {
	for _, c := range []struct {
		name     string
		one, two [2]byte // what the issuer knows of the ends
		want     string
	}{
		{"nothing known of the cards", [2]byte{}, [2]byte{}, "59"},
		{"both end with the stripe", [2]byte{0x35, 0x12}, [2]byte{0x35, 0x12}, "59"},
		{"one of them is older", [2]byte{0x30, 0x06}, [2]byte{0x35, 0x12}, "00"},
		{"both end at other times", [2]byte{0x30, 0x06}, [2]byte{0x36, 0x12}, "54"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShelf(1, 2)
			s.of(1).card.Expiry, s.of(2).card.Expiry = c.one, c.two
			w := &world{t: t, issuer: newIssuer(t, s)}
			q := stripe(t, "3512", 1_000, 7)
			if w.ask(q, c.want); c.want != "00" {
				s.accounts(t, map[byte]money.Fen{1: 100_000, 2: 100_000})
				return
			}
			// What was decided stays with its card, whatever card comes after it.
			s.of(1).card.Expiry = c.two
			w.ask(q, "00")
			s.accounts(t, map[byte]money.Fen{1: 100_000, 2: 99_000})
			noError(t, w.issuer.Reverse(&q, authorise.CardGone, nil))
			s.accounts(t, map[byte]money.Fen{1: 100_000, 2: 100_000})
		})
	}
}

func TestANumberWithoutCards(t *testing.T) {
	s := newShelf()
	w := &world{t: t, issuer: newIssuer(t, s)}
	q := stripe(t, "3512", 1_000, 7)
	w.ask(q, "14")
	s.broken = errors.New("no connection")
	if _, _, err := w.issuer.Authorise(&q); !errors.Is(err, s.broken) {
		t.Errorf("an issuer that cannot look: %v", err)
	}
	if err := w.issuer.Reverse(&q, authorise.CardGone, nil); !errors.Is(err, s.broken) {
		t.Errorf("a reversal at an issuer that cannot look: %v", err)
	}
	q.Card.PSN = 1 // a terminal that knows better names a card of this issuer, or not
	w.ask(q, "14")
}
