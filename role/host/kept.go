package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/shard"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Kept is a development issuer that keeps its books in a folder: accounts, decisions,
// ledger and card timelines lie in DIR/city.db. What an answer says is on the disk before
// the answer leaves, and a process that is killed at any point leaves at most a question
// that the card's next use answers. Its methods may be called by several goroutines, and
// several processes may have the folder.
//
// Every question of a card is an observation of its timeline, which is judged in the same
// transaction. Who moves the money of a load is told in package topup.
type Kept struct {
	config   KeptConfig
	db       *sqlite.DB
	vault    *sqlite.Vault
	books    issuer.Books
	keys     authorise.KeyFinder
	verifier *issuer.Verifier
	pin      pin.PIN

	mutex sync.Mutex // keys and verifier belong to one goroutine
	note  string
}

// KeptConfig is what a Kept needs.
type KeptConfig struct {
	// Dir is the folder; it is made if it is missing.
	Dir string
	// Opening is what the account of a card has when the card is seen for the first time.
	Opening money.Fen
	// Now is the host's clock, unix seconds.
	Now func() int64
	// Rules of reconciliation; those of recon.DefaultPolicy if Window is 0.
	Rules timeline.Params
	// Point, if not nil, is called right before and right after each commit: a test ends
	// the process there.
	Point func()
}

// ErrCity says that a folder belongs to something else than a host.
var ErrCity = errors.New("the folder holds a city, or the data of another program")

// hostState is the name under which the database notes that it is a host's.
const hostState = "host"

// cityStates are the names under which a simulated city notes itself: as soon as it has
// begun, and when it is set up.
var cityStates = [...]string{"options", "ready"}

// institution is the number of the host's own bank, of its acquirer and of the operator
// of its terminals: one party in three roles.
const institution = 1

// OpenKept opens the folder of a host, or makes it. The error is ErrCity, or one of the
// store. The caller closes it.
func OpenKept(ctx context.Context, c KeptConfig) (*Kept, error) {
	if c.Rules.Window == 0 {
		rules, err := recon.DecodePolicy(recon.DefaultPolicy())
		if err != nil {
			return nil, err
		}
		c.Rules = rules
	}
	h := &Kept{config: c}
	if err := h.prepareKeys(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the host: %w", err)
	}
	var err error
	if h.db, err = sqlite.Open(filepath.Join(c.Dir, "city.db"), sqlite.Options{Readers: 1}); err != nil {
		return nil, err
	}
	if err := h.db.Write(ctx, h.setUp); err != nil {
		return nil, errors.Join(fmt.Errorf("folder of the host %s: %w", c.Dir, err), h.db.Close())
	}
	return h, nil
}

func (h *Kept) prepareKeys() (err error) {
	if h.keys, err = developmentKeys(); err != nil {
		return err
	}
	if h.pin, err = pin.New(DevelopmentPIN); err != nil {
		return fmt.Errorf("development issuer: %w", err)
	}
	if h.verifier, err = NewVerifier(); err != nil {
		return err
	}
	if h.vault, err = DevelopmentVault(); err != nil {
		return err
	}
	h.books = issuer.Books{Tokens: books.Tokens(h.vault)}
	return nil
}

// DevelopmentVault gives the names of cards in the databases of development hosts and
// cities.
func DevelopmentVault() (*sqlite.Vault, error) {
	seal, open, err := keystore.Development(0).TokenCipher(keystore.TokenName)
	if err != nil {
		return nil, fmt.Errorf("names of cards: %w", err)
	}
	return sqlite.NewVault(seal, open), nil
}

// NewVerifier checks the rows of development cards, all of which are of issuer 0.
func NewVerifier() (*issuer.Verifier, error) {
	store := keystore.Development(1)
	checkers := map[cryptogram.Alg]*cryptogram.Verifier{}
	for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
		v, err := store.Verifier(keystore.IssuerMasters(0, alg), alg)
		if err != nil {
			return nil, fmt.Errorf("development issuer: %w", err)
		}
		checkers[alg] = v
	}
	return issuer.NewVerifier(func(_ string, alg cryptogram.Alg) *cryptogram.Verifier { return checkers[alg] }), nil
}

// setUp makes a new database that of a host, and refuses another's.
func (h *Kept) setUp(tx *sqlite.Tx) error {
	mine, err := tx.RunState(hostState)
	if err != nil || mine != nil {
		return err
	}
	for _, name := range cityStates {
		if other, err := tx.RunState(name); err != nil || other != nil {
			return errors.Join(err, ErrCity)
		}
	}
	if shards, _, err := shard.Of(&tx.Reader); err != nil || shards > 0 {
		return errors.Join(err, ErrCity)
	}
	var all []ledger.Account
	for _, kind := range []ledger.AccountKind{ledger.Settlement, ledger.Operator, ledger.Claim} {
		all = append(all, ledger.Account{ID: books.Institution(kind, institution), Kind: kind, Owner: "development host"})
	}
	if err := h.poster(tx).Book(tx, all, nil); err != nil {
		return err
	}
	return tx.PutRunState(hostState, []byte{1})
}

func (h *Kept) poster(tx *sqlite.Tx) *books.Poster {
	return &books.Poster{Issuer: h.books, Ends: books.Registered(&tx.Reader)}
}

// Close ends the use of the folder.
func (h *Kept) Close() error { return h.db.Close() }

// Name is "development issuer".
func (*Kept) Name() string { return "development issuer" }

// Note says in words why the last answer is what it is.
func (h *Kept) Note() string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.note
}

// Authorise implements Host: the decision is durable before the answer leaves.
func (h *Kept) Authorise(ctx context.Context, q txn.OnlineRequest) (a txn.OnlineAnswer, err error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	err = h.write(ctx, func(b *booking) (err error) {
		a, h.note, err = b.issuer.Authorise(&q)
		return err
	})
	if err != nil {
		return txn.OnlineAnswer{}, fmt.Errorf("%w: %w", err, ErrUnreachable)
	}
	a.ICC = bytes.Clone(a.ICC)
	return a, nil
}

// Reverse implements Host.
func (h *Kept) Reverse(ctx context.Context, q txn.OnlineRequest, why Reason, icc []byte) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.refusable(ctx, func(b *booking) error { return b.issuer.Reverse(&q, why, icc) })
}

// Advise implements Adviser.
func (h *Kept) Advise(ctx context.Context, q txn.OnlineRequest, icc []byte) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.refusable(ctx, func(b *booking) error { return b.issuer.Advise(&q, icc) })
}

// refusable does something that the issuer may refuse: what it notes beside its refusal
// is kept all the same.
func (h *Kept) refusable(ctx context.Context, do func(*booking) error) error {
	var refused error
	err := h.write(ctx, func(b *booking) error {
		err := do(b)
		if errors.Is(err, ErrRefused) {
			refused, err = err, nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrUnreachable)
	}
	return refused
}

// Order puts a script on the list for a card's next answers, until the card shows what
// became of it. The error is authorise.ErrOrder, or one of the store.
func (h *Kept) Order(ctx context.Context, card txn.CardKey, o authorise.Order) error {
	if _, err := o.Size(); err != nil {
		return err
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.write(ctx, func(b *booking) error {
		if err := b.store.Keep(card); err != nil {
			return err
		}
		return b.store.Order(card, o)
	})
}

// Sequence takes the next n sequence numbers of the host's terminal and gives the first
// of them, from 1: what was given is never given again.
func (h *Kept) Sequence(ctx context.Context, n uint32) (first uint32, err error) {
	const name = "sequence"
	h.mutex.Lock()
	defer h.mutex.Unlock()
	err = h.write(ctx, func(b *booking) error {
		v, err := b.tx.RunState(name)
		if err != nil {
			return err
		}
		if len(v) == 4 {
			first = binary.BigEndian.Uint32(v)
		}
		last := binary.BigEndian.AppendUint32(nil, first+n)
		first++
		return b.tx.PutRunState(name, last)
	})
	return first, err
}

// Reconcile judges every card that is open, at a time: reconciliation's day. What is due
// is posted. It may be repeated. The report is that of recon.Day.
func (h *Kept) Reconcile(ctx context.Context, at int64) (report *recon.Report, err error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	err = h.write(ctx, func(b *booking) (err error) {
		b.at = at
		store := b.tx.Recon(h.vault, b.correct)
		report, err = recon.Day(ctx, store, recon.Input{Now: at, Params: h.config.Rules})
		if err != nil && !errors.Is(err, recon.ErrDamaged) { // of which the report tells, everything else was done
			return err
		}
		return b.settleAdvances(nil)
	})
	return report, err
}

// write runs one transaction with all that a booking needs.
func (h *Kept) write(ctx context.Context, do func(*booking) error) error {
	point := h.config.Point
	if point == nil {
		point = func() {}
	}
	err := h.db.Write(ctx, func(tx *sqlite.Tx) error {
		b := &booking{Kept: h, ctx: ctx, tx: tx, at: h.config.Now()}
		b.store = tx.Authorise(h.vault, b)
		var err error
		if b.issuer, err = authorise.New(authorise.Config{Keys: h.keys, Cards: b.store, PINs: b}); err != nil {
			return err
		}
		if err := do(b); err != nil {
			return err
		}
		point()
		return nil
	})
	if err == nil {
		point()
	}
	return err
}
