package authorise_test

import (
	"encoding/hex"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/issuer/authorise/cardtest"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// now is 2026-11-20 12:00:00 at UTC+8.
const now int64 = 1795147200

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// masters are the keys of the worked examples and of the development cards.
func masters(t testing.TB, alg cryptogram.Alg) *authorise.Masters {
	t.Helper()
	n := keystore.IssuerMasters(0, alg)
	m, err := authorise.NewMasters(alg, authorise.MasterKeys{AC: keystore.DevelopmentKey(n.AC), MAC: keystore.DevelopmentKey(n.MAC), ENC: keystore.DevelopmentKey(n.ENC),
		DCVN: keystore.DevelopmentKey("issuer/0/dcvn"), CVN: cryptogram.Key(unhex("0123456789ABCDEFFEDCBA9876543210"))})
	noError(t, err)
	return m
}

// book is an issuer's store of one card.
type book struct {
	card      authorise.Card
	decisions map[authorise.Number]authorise.Decision
	broken    error // what Store says
	stores    int
	pin       authorise.PINVerdict
}

func newBook() *book {
	return &book{card: authorise.Card{Status: authorise.Active, Available: 100_000, Limit: 500_000}, decisions: map[authorise.Number]authorise.Decision{}}
}

func (b *book) Card(c txn.CardKey) (authorise.Card, bool, error) {
	return b.card, c == devKey(), nil
}

func (b *book) ByNumber(n txn.PAN) ([]txn.CardKey, error) {
	if n == devKey().PAN {
		return []txn.CardKey{devKey()}, nil
	}
	return nil, nil
}

func (b *book) Decision(_ txn.CardKey, n authorise.Number) (authorise.Decision, bool, error) {
	d, ok := b.decisions[n]
	return d, ok, nil
}

func (b *book) Store(_ txn.CardKey, c *authorise.Change) error {
	if b.broken != nil {
		return b.broken
	}
	b.stores++
	b.decisions[c.Decision.Number] = c.Decision
	return b.card.Apply(c)
}

func (b *book) Check(txn.CardKey, [8]byte) (authorise.PINVerdict, error) { return b.pin, nil }

// devKey names the default development card.
func devKey() txn.CardKey {
	p, err := txn.ParsePAN(devcard.DefaultPAN)
	if err != nil {
		panic(err)
	}
	return txn.CardKey{PAN: p, PSN: devcard.DefaultPSN}
}

// nameless is the default development card as a stripe names it: by its number alone.
func nameless() txn.CardKey { return txn.CardKey{PAN: devKey().PAN} }

// world is one card, its terminal and its issuer.
type world struct {
	*cardtest.Terminal
	t      testing.TB
	chip   *card.Chip
	book   *book
	issuer *authorise.Authoriser
}

func newWorld(t testing.TB, profile string, side card.Interface) *world {
	t.Helper()
	return newCard(t, profile, side, devcard.DefaultPSN)
}

// newCard is newWorld for a card with another sequence number. Its book is of devKey.
func newCard(t testing.TB, profile string, side card.Interface, psn byte) *world {
	t.Helper()
	r, err := devcard.Default(profile)
	noError(t, err)
	r.PSN = psn
	img, err := devcard.Issue(r)
	noError(t, err)
	w := &world{t: t, chip: card.New(), book: newBook()}
	w.chip.UseInterface(side)
	noError(t, w.chip.Insert(img, nil))
	noError(t, w.chip.PowerOn(mathrand.NewChaCha8([32]byte{7})))
	entry := txn.EntryChip
	if side == card.Contactless {
		entry = txn.EntryContactless
	}
	w.Terminal = cardtest.New(w.chip, entry, now)
	w.issuer = newIssuer(t, w.book)
	return w
}

func newIssuer(t testing.TB, b interface {
	authorise.Cards
	authorise.PINs
}) *authorise.Authoriser {
	t.Helper()
	keys := map[cryptogram.Alg]authorise.Keys{cryptogram.TDES: masters(t, cryptogram.TDES), cryptogram.SM4: masters(t, cryptogram.SM4)}
	a, err := authorise.New(authorise.Config{Cards: b, PINs: b, StripeCVN: true,
		Keys: func(_ string, alg cryptogram.Alg) authorise.Keys { return keys[alg] }})
	noError(t, err)
	return a
}

// again resets the card for the next transaction.
func (w *world) again() {
	w.t.Helper()
	w.chip.PowerOff()
	noError(w.t, w.chip.PowerOn(mathrand.NewChaCha8([32]byte{8})))
}

// arqc brings the card to ask its issuer and gives the request.
func (w *world) arqc(kind txn.OnlineKind, amount money.Fen, transaction byte) txn.OnlineRequest {
	w.t.Helper()
	noError(w.t, w.Start(amount, transaction))
	cid, err := w.Generate(0x80, "")
	noError(w.t, err)
	if cid != 0x80 {
		w.t.Fatalf("9F27 is %02X, want 80 (ARQC)", cid)
	}
	return w.Request(kind, devKey(), amount)
}

// ask asks the issuer.
func (w *world) ask(q txn.OnlineRequest, want string) txn.OnlineAnswer {
	w.t.Helper()
	a, note, err := w.issuer.Authorise(&q)
	noError(w.t, err)
	if string(a.Code[:]) != want {
		w.t.Fatalf("code %s (%s), want %s", a.Code[:], note, want)
	}
	if note == "" {
		w.t.Error("a decision without a note")
	}
	return a
}

// finish gives the answer to the card: 91, then the second GENERATE AC, then scripts.
func (w *world) finish(a txn.OnlineAnswer, p1, wantCID byte, scripts ...apdu.SW) {
	w.t.Helper()
	sw, err := w.Authenticate(a.ICC)
	noError(w.t, err)
	if sw != apdu.SWOK {
		w.t.Fatalf("EXTERNAL AUTHENTICATE: %v", sw)
	}
	cid, err := w.Generate(p1, string(a.Code[:]))
	noError(w.t, err)
	if cid != wantCID {
		w.t.Fatalf("9F27 is %02X after code %s, want %02X", cid, a.Code[:], wantCID)
	}
	got, err := w.Scripts(a.ICC, tlv.TagIssuerScript2)
	noError(w.t, err)
	if len(got) != len(scripts) {
		w.t.Fatalf("%d script commands, want %d", len(got), len(scripts))
	}
	for i := range got {
		if got[i] != scripts[i] {
			w.t.Fatalf("script command %d: %v, want %v", i+1, got[i], scripts[i])
		}
	}
}

// balance is 9F79 as the card says it.
func (w *world) balance() money.Fen {
	w.t.Helper()
	if _, sw, err := w.Send(unhex("00A4040008A00000033301010100")); err != nil || sw != apdu.SWOK {
		w.t.Fatalf("SELECT: %v, %v", sw, err)
	}
	data, sw, err := w.Send(unhex("80CA9F7900"))
	noError(w.t, err)
	if sw != apdu.SWOK {
		w.t.Fatalf("GET DATA 9F79: %v", sw)
	}
	v, ok := tlv.Find(data, tlv.TagECBalance)
	if !ok {
		w.t.Fatalf("GET DATA 9F79: %X", data)
	}
	b, err := money.FromN12(v)
	noError(w.t, err)
	return b
}

// wholeCards are the development profiles with a contact side, and DF69 for each set
// of algorithms.
var wholeCards = []struct {
	profile string
	sm      byte
}{{"dev-3des", 0}, {"dev-sm", 1}, {"dev-dual", 0}, {"dev-dual", 1}, {"dev-full", 0}, {"dev-full", 1}}

func eachCard(t *testing.T, run func(t *testing.T, w *world)) {
	for _, c := range wholeCards {
		t.Run(c.profile+map[byte]string{0: "/3des", 1: "/sm"}[c.sm], func(t *testing.T) {
			w := newWorld(t, c.profile, card.Contact)
			w.Values[tlv.TagSMSupport] = []byte{c.sm}
			run(t, w)
		})
	}
}
