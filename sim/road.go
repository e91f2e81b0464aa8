package sim

import (
	"context"
	_ "embed" // the rules of reconciliation
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/segment"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Ports are the doors through which the stages learn things. The simulation
// fills them with the real parts; a test may put a broken part into one of them
// and see that the truth comes out.
type Ports struct {
	Keys       acquirer.Keys
	Signatures acquirer.Signatures
	Chain      acquirer.Chain
	Sequence   acquirer.Sequence
	Receipts   func(acquirer.Store) acquirer.Store
	Deny       acquirer.DenyList
	LateLimit  int64
	Verifier   func() clearing.Verifier
	Counters   func(c *clearing.Counters, atc uint16, hash [8]byte) clearing.Seen
	Fares      clearing.Fares
	Recon      timeline.Params
	Observe    func(*txn.Row, txn.Verdict) (recon.Event, error)
	Posts      func([]ledger.Transfer) []ledger.Transfer // what reaches the ledger of a batch
	Present    func(*quota.Machine, *quota.Service, *txn.Presented, txn.Verdict, int32, int64) (quota.Taken, quota.Effects, error)
	Push       func(card txn.CardKey, left money.Fen, push []byte) []byte // what of a push reaches a card that has so much left
}

// lateAfter is the time limit for offline rows: 20 days.
const lateAfter = 20 * secondsPerDay

// road is everything behind the terminals: acquirer, clearing, issuers, ledger
// and reconciliation on one database.
type road struct {
	*City
	Ports
	db       *sqlite.DB
	segments *segment.Store
	vault    *sqlite.Vault
	preparer *acquirer.Preparer
	books    issuer.Books
	poster   *books.Poster
	quota    *quotas // nil without cards that have a quota
	fees     *clearing.FeeRule
	dir      string
	filesDir string // T+1 files, empty for none
	clock    func(stage string) func()
	done     uint64 // deliveries that the database has seen
	seen     uint64 // deliveries handed to deliver so far
	closed   int32  // windows closed, counted from D
	open     []openBreaks
}

func (c *City) openRoad(dir, filesDir string, clock func(string) func()) (*road, error) {
	r := &road{City: c, dir: dir, filesDir: filesDir, clock: clock, closed: -1}
	r.Ports = c.honestPorts()
	if err := r.openStores(); err != nil {
		return nil, err
	}
	return r, nil
}

// honestPorts are the real parts.
func (c *City) honestPorts() Ports {
	return Ports{
		Keys: c, Signatures: acquirer.VerifySignature, Chain: acquirer.Follows, Sequence: acquirer.Gapless,
		Receipts: func(s acquirer.Store) acquirer.Store { return s }, Deny: c, LateLimit: lateAfter,
		Verifier: func() clearing.Verifier { return issuer.NewVerifier(c.checkers).WithPurses(c.purseCheckers) }, Counters: (*clearing.Counters).Check,
		Fares: c.book, Recon: c.rules, Observe: recon.FromRow, Posts: func(t []ledger.Transfer) []ledger.Transfer { return t },
		Present: (*quota.Machine).Present, Push: func(_ txn.CardKey, _ money.Fen, push []byte) []byte { return push },
	}
}

// cardLimit is the most that one counter of a card can take (9F78).
const cardLimit money.Fen = 500_00

// policy is the rules of reconciliation in this city (recon.Policy).
//
//go:embed policy.json
var policy []byte

// policyName is the file of Options.Files that replaces them, and policyState the name
// under which the database notes them.
const policyName, policyState = "policy.json", "policy"

// loadPolicy reads the rules of reconciliation.
func (c *City) loadPolicy(files map[string][]byte) (err error) {
	c.policy = policy
	if b, found := files[policyName]; found {
		delete(files, policyName)
		c.policy = b
	}
	c.rules, err = recon.DecodePolicy(c.policy)
	return err
}

// checkers are the issuers' own checks of their cards; issuer.Checkers.
func (c *City) checkers(bin string, alg cryptogram.Alg) *cryptogram.Verifier {
	for i := range issuers {
		if issuers[i].bin != bin {
			continue
		}
		v, err := c.keys.Verifier(keystore.IssuerMasters(uint(i), alg), alg)
		if err != nil {
			panic("sim: development keystore: " + err.Error())
		}
		return v
	}
	return nil
}

// purseCheckers are the card company's own checks of its purses; issuer.PurseCheckers.
func (c *City) purseCheckers(card txn.CardKey, alg epurse.Alg, _ byte) *keystore.PurseVerifier {
	if c.purses == nil || card.PAN.BIN() != cardCompany.bin {
		return nil
	}
	issuer := epurse.Factor(c.purses.Spec(c.purses.Card()).Files[0].Content)
	v, err := c.keys.PurseVerifier(keystore.PurseMasters(alg), alg, issuer)
	if err != nil {
		return nil // the keystore has no such keys: nor has any card
	}
	return v
}

func (r *road) openStores() error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	var err error
	if r.segments, err = segment.Open(filepath.Join(r.dir, "blocks")); err != nil {
		return err
	}
	if r.db, err = sqlite.Open(filepath.Join(r.dir, "city.db"), sqlite.Options{Readers: 2}); err != nil {
		return err
	}
	key := keystore.DevelopmentKey("store/token")
	cipher, err := sm4.NewCipher(key[:])
	if err != nil {
		return fmt.Errorf("vault of card tokens: %w", err)
	}
	r.vault = sqlite.NewVault(cipher, cipher.Decrypt)
	r.books = issuer.Books{Tokens: books.Tokens(r.vault)}
	r.poster = &books.Poster{Issuer: r.books, Ends: r.ends, Posts: func(t []ledger.Transfer) []ledger.Transfer { return r.Posts(t) }}
	if r.fees, err = clearing.PriceReformRules().At(r.day); err != nil {
		return err
	}
	r.City.listed = listings{}
	if r.quota, err = r.openQuotas(r.vault, r.books.Tokens); err != nil {
		return err
	}
	return r.db.Read(context.Background(), func(rd *sqlite.Reader) error {
		v, err := rd.RunState("delivered")
		if err == nil && len(v) == 8 {
			r.done = binary.BigEndian.Uint64(v)
		}
		if err != nil {
			return err
		}
		if v, err = rd.RunState("closed"); err == nil && len(v) == 8 {
			r.closed = int32(binary.BigEndian.Uint64(v))
		}
		if err == nil {
			r.open, err = readOpenBreaks(r.dir, int(r.closed)+1)
		}
		return err
	})
}

// close ends the use of the stores.
func (r *road) close() error { return errors.Join(r.db.Close(), r.segments.Close()) }

// ends are the accounts behind a terminal; books.Ends.
func (c *City) ends(id txn.TerminalID) (operator, claim ledger.AccountID, registered bool, err error) {
	t, registered := c.Terminal(id)
	if !registered {
		return operator, claim, false, nil
	}
	return accounts{}.Operator(t.Operator), institution(ledger.Claim, uint16(t.Acquirer)), true, nil
}

// setUp opens the accounts of institutions and cards and books what is on the
// cards at the start. It does nothing if it has been done.
func (r *road) setUp() error {
	defer r.clock("setup")()
	ctx := context.Background()
	var ready []byte
	if err := r.db.Read(ctx, func(rd *sqlite.Reader) (err error) {
		ready, err = rd.RunState("ready")
		return err
	}); err != nil || ready != nil {
		return err
	}
	const batch = 8000
	inOrder := r.accountIndex() // of tokens, so that cards of one partition lie together
	for from := 0; from < len(inOrder); from += batch {
		if err := r.db.Write(ctx, func(tx *sqlite.Tx) error { return r.openCards(tx, inOrder[from:min(from+batch, len(inOrder))]) }); err != nil {
			return fmt.Errorf("open card accounts: %w", err)
		}
	}
	return r.db.Write(ctx, func(tx *sqlite.Tx) error {
		if r.quota != nil {
			if err := r.quota.saveTally(tx); err != nil {
				return err
			}
		}
		if err := r.openInstitutions(tx); err != nil {
			return err
		}
		if err := r.enterRegisters(tx); err != nil {
			return err
		}
		return tx.PutRunState("ready", []byte{1})
	})
}

func (r *road) openCards(tx *sqlite.Tx, cards accountIndex) error {
	var accounts []ledger.Account
	var loads []ledger.Transfer
	if r.quota != nil {
		accounts = elsewheres()
	}
	for _, c := range cards {
		if r.hasQuota(c.rider) {
			a, l, err := r.quota.open(tx, c.rider)
			if err != nil {
				return err
			}
			accounts, loads = append(accounts, a...), append(loads, l...)
			continue
		}
		a, l := r.books.Open(r.cardOf(c.rider), r.openingBalance(c.rider), r.midnight-secondsPerDay)
		accounts, loads = append(accounts, a...), append(loads, l...)
	}
	return r.book(tx, accounts, loads)
}

// book opens accounts and posts transfers that must all be new or repeats.
func (r *road) book(tx *sqlite.Tx, accounts []ledger.Account, transfers []ledger.Transfer) error {
	return r.poster.Book(tx, accounts, transfers)
}

func (r *road) openInstitutions(tx *sqlite.Tx) error {
	var all []ledger.Account
	add := func(kind ledger.AccountKind, n uint16, owner string) {
		all = append(all, ledger.Account{ID: institution(kind, n), Kind: kind, Owner: owner})
	}
	for _, p := range r.participants() {
		add(ledger.Fee, uint16(p.ID), p.Code)
		switch p.Role {
		case "issuer":
			add(ledger.Settlement, uint16(p.ID), p.Code)
		case "acquirer":
			add(ledger.Acquirer, uint16(p.ID), p.Code)
			add(ledger.Claim, uint16(p.ID), p.Code)
		}
	}
	for _, o := range r.operators() {
		add(ledger.Operator, uint16(o.id), o.name)
	}
	return r.book(tx, all, nil)
}

// operatorInfo is an operator with its name.
type operatorInfo struct {
	id   uint16
	name string
}

// operators lists the operators: those of the metro lines, the bus company and the
// injector's shop.
func (c *City) operators() []operatorInfo {
	var out []operatorInfo
	for _, o := range c.book.Operators() {
		out = append(out, operatorInfo{uint16(o.ID), o.Name})
	}
	return append(out, operatorInfo{uint16(busOperator), busName}, operatorInfo{uint16(shopOperator), "商户"})
}

// deliver hands a slot's blocks to the acquirer, those that the database has not
// seen yet, and gives terminals their receipts.
func (r *road) deliver(slot int, batch []delivery, workers int) error {
	defer r.clock("deliver")()
	ctx := context.Background()
	window := r.day + int32(slotDay(slot))
	if err := r.beginSegment(ctx, window); err != nil {
		return err
	}
	const chunk = 256
	for from := 0; from < len(batch); from += chunk {
		part := batch[from:min(from+chunk, len(batch))]
		skip := min(uint64(len(part)), r.done-min(r.done, r.seen))
		r.seen += uint64(len(part))
		if part = part[skip:]; len(part) == 0 {
			continue
		}
		if err := r.admit(ctx, slot, window, part, workers); err != nil {
			return err
		}
	}
	return r.receipts(ctx, batch)
}

func (r *road) beginSegment(ctx context.Context, window int32) error {
	return r.db.Read(ctx, func(rd *sqlite.Reader) error {
		end, err := rd.SegmentEnd(window)
		if err != nil {
			return err
		}
		return r.segments.Begin(window, end)
	})
}

func (r *road) admit(ctx context.Context, slot int, window int32, part []delivery, workers int) error {
	pr := &acquirer.Preparer{Keys: r.Keys, Decrypt: r.acquirer, Signatures: r.Signatures}
	prepared := make([]*acquirer.Prepared, len(part))
	parallel(workers, len(part), func(i int) { prepared[i] = pr.Prepare(part[i].raw) })
	return r.db.Write(ctx, func(tx *sqlite.Tx) error {
		store, err := tx.Acquirer(r.segments, r.slotTime(slot))
		if err != nil {
			return err
		}
		a := &acquirer.Admitter{Preparer: pr, Store: r.Receipts(store), Chain: r.Chain, Sequence: r.Sequence}
		for _, p := range prepared {
			if _, err := a.Admit(p, window); err != nil {
				return err
			}
		}
		if err := r.segments.Sync(); err != nil {
			return err
		}
		return tx.PutRunState("delivered", binary.BigEndian.AppendUint64(nil, r.seen))
	})
}

// receipts tells the terminals which of their blocks have been accepted, those
// of earlier slots that were released included.
func (r *road) receipts(ctx context.Context, batch []delivery) error {
	return r.db.Read(ctx, func(rd *sqlite.Reader) error {
		for i := range batch {
			if batch[i].honest == nil {
				continue
			}
			for _, raw := range batch[i].honest.journal.Unreceipted() {
				hash := seal.HashOf(raw[:len(raw)-64])
				found, err := rd.HasBlock(hash)
				if err != nil {
					return err
				}
				if found {
					batch[i].honest.journal.Receipted(hash)
				}
			}
		}
		return nil
	})
}
