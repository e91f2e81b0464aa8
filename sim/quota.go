package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// quotaTerms are the parameters of every issuer's quota scheme in this city: the
// quota of 50 yuan is Ye Fei's, the rest is ours. The cap leaves room for one
// quota, the threshold and a few rows that are on their way.
var quotaTerms = quota.Terms{Quota: 50_00, Threshold: 40_00, Cap: 100_00, Window: lateAfter, Retry: 3600, MaxSends: 50}

// onePoor is how many accounts behind cards with a quota there are for each that
// cannot pay for a day's journeys.
const onePoor = 40

// isPoor says that the account behind a rider's card has next to nothing.
func (c *City) isPoor(rider uint32) bool {
	return c.hasQuota(rider) && c.oneIn(onePoor, forFunds, uint64(rider))
}

// funds is what the account behind a card with a quota holds at the start of D.
func (c *City) funds(rider uint32) money.Fen {
	if c.isPoor(rider) {
		return money.Fen(1_00 * c.below(6, forFunds, uint64(rider), 1))
	}
	return 3_000_00
}

// paidIn is what a customer pays in who had too little, and on which day after D.
func (c *City) paidIn(rider uint32) (money.Fen, int) {
	return 500_00, 2 + c.below(3, forFunds, uint64(rider), 2)
}

// codePaidIn is the posting outside -> customer of money that comes from elsewhere.
const codePaidIn uint16 = 200

// elsewhere is where the money of an issuer's customers comes from.
func elsewhere(i int) ledger.AccountID { return institution(ledger.Reserve, uint16(issuers[i].id)) }

// elsewheres are these accounts of all issuers.
func elsewheres() (all []ledger.Account) {
	for i := range issuers {
		all = append(all, ledger.Account{ID: elsewhere(i), Kind: ledger.Reserve, Owner: issuers[i].code, Limit: ledger.Unlimited})
	}
	return all
}

// quotas is the quota scheme of all issuers: their machines, the service of every
// card, and what has been counted.
type quotas struct {
	city     *City
	vault    *sqlite.Vault
	machines [len(issuers)][2]*quota.Machine // by algorithm: 3DES, SM4
	domains  [len(issuers)]*quota.DomainKeys
	services []served // by rider
	tally    quotaTally
	waits    map[uint32]waitingPush // by rider, what the last closing found waiting
	closed   int                    // the last day that was closed before this run went on, -1 if none was
	sent     map[uint32][]sentPush  // by rider, as far as the run has come
}

// served is the service of one rider's card.
type served struct {
	rider  uint32
	stored uint64 // hash of what the database has
	quota.Service
}

// at finds the place of a rider's service.
func (q *quotas) at(rider uint32) int {
	i, found := slices.BinarySearchFunc(q.services, rider, func(s served, r uint32) int { return cmp.Compare(s.rider, r) })
	if !found {
		panic(fmt.Sprintf("sim: rider %d has no card with a quota", rider))
	}
	return i
}

// of is the service of a rider's card.
func (q *quotas) of(rider uint32) *quota.Service { return &q.services[q.at(rider)].Service }

// sentPush is a push of the issuers' log.
type sentPush struct {
	number, after uint16
	at            int64
	executed      bool // the card has said that it has it
}

// firstPush is the number under which the quota that was personalised counts: the
// first that a service uses is the one after it.
const firstPush = 1

// quotaTally is what the scheme has done so far. The database has it, so that a run
// that goes on knows it.
type quotaTally struct {
	Rounds      int       // rounds of pushes whose answers have been taken, 8 for each day
	Opened      int       // services
	Pushes      int       // values pushed
	Repeated    int       // times that the same bytes were sent again
	Refused     int       // pushes that a card refused for good
	Restored    int       // quotas that a card has said it has
	Below       int       // times that a closing found a card below the threshold and had a push for it
	SameClosing int       // of them, restored before that closing was over
	Listed      int       // cards put on the deny list
	ExposureMax money.Fen // the most that one card could still cost, by the issuers' own bound
	Unseen      money.Fen // what cards could cost beyond that bound
	ShadowGap   money.Fen // between cards that have been presented whole and their shadows
	Unrestored  int       // cards below the threshold at the end of a day that nothing kept from being restored
}

// waitingPush is a push that a closing found waiting for its card.
type waitingPush struct {
	Number uint16
	Day    int // after D, of the closing that found it first
}

const (
	quotaState   = "quota tally"
	quotaWaiting = "quota waiting"
)

// openQuotas makes the scheme; nil for a city without cards that have a quota.
func (c *City) openQuotas(vault *sqlite.Vault, tokens issuer.Tokens) (*quotas, error) {
	if c.opt.Mix.Quota == 0 {
		return nil, nil
	}
	q := &quotas{city: c, vault: vault, waits: map[uint32]waitingPush{}, closed: -1, sent: map[uint32][]sentPush{}}
	for i := range c.riders.Len() {
		if c.hasQuota(uint32(i)) {
			q.services = append(q.services, served{rider: uint32(i)})
		}
	}
	for i := range issuers {
		q.domains[i] = quota.NewDomainKeys(domainMasters(i), scp.EMVCPS)
		for n, alg := range [2]cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
			keys, err := quota.NewMasters(alg, keystore.DevelopmentKey(keystore.IssuerMasters(uint(i), alg).MAC))
			if err != nil {
				return nil, fmt.Errorf("quota scheme of %s: %w", issuers[i].name, err)
			}
			q.machines[i][n], err = quota.New(quota.Config{Terms: quota.Schedule{quotaTerms}, Keys: keys, Tokens: tokens,
				Settlement: accounts{}.Settlement(issuers[i].id)})
			if err != nil {
				return nil, fmt.Errorf("quota scheme of %s: %w", issuers[i].name, err)
			}
		}
	}
	return q, nil
}

// isQuota tells whether a card has a quota.
func (r *road) isQuota(card txn.CardKey) bool {
	if r.quota == nil {
		return false
	}
	rider, known := r.riderOf(card)
	return known && r.hasQuota(rider)
}

// machine is that of a rider's issuer, for the algorithm of the card.
func (q *quotas) machine(rider uint32) *quota.Machine {
	n := 0
	if q.city.profileOf(rider).SM() {
		n = 1
	}
	return q.machines[int(rider)%len(issuers)][n]
}

// goOn reads what an interrupted run has left of the quota scheme.
func (r *road) goOn() error {
	if r.quota == nil {
		return nil
	}
	r.quota.closed = int(r.closed)
	return r.db.Read(context.Background(), r.quota.load)
}

// load reads services, tally and deny list.
func (q *quotas) load(rd *sqlite.Reader) error {
	v, err := rd.RunState(quotaState)
	if err == nil && v != nil {
		err = json.Unmarshal(v, &q.tally)
	}
	if err != nil {
		return fmt.Errorf("tally of the quota scheme: %w", err)
	}
	if v, err = rd.RunState(quotaWaiting); err == nil && v != nil {
		err = json.Unmarshal(v, &q.waits)
	}
	if err != nil {
		return fmt.Errorf("waiting pushes of the quota scheme: %w", err)
	}
	if err := rd.QuotaServices(q.vault, func(card txn.CardKey, state []byte) error {
		rider, known := q.city.riderOf(card)
		if !known || !q.city.hasQuota(rider) {
			return fmt.Errorf("quota of %s: no rider has such a card", card)
		}
		s := &q.services[q.at(rider)]
		s.Card, s.stored = card, hashOf(state)
		if err := json.Unmarshal(state, &s.Service); err != nil {
			return fmt.Errorf("quota of %s: %w", card, err)
		}
		return s.Validate()
	}); err != nil {
		return err
	}
	return rd.QuotaListings(q.vault, func(l sqlite.QuotaListing) error {
		if rider, known := q.city.riderOf(l.Card); known {
			q.city.listed.put(rider, int(l.Window-q.city.day), l.Denied)
		}
		return nil
	})
}

func hashOf(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b) // a hash never fails
	return h.Sum64()
}

// save stores a service if it has changed.
func (q *quotas) save(tx *sqlite.Tx, rider uint32) error {
	s := &q.services[q.at(rider)]
	state, err := json.Marshal(&s.Service)
	if err != nil {
		return err
	}
	h := hashOf(state)
	if h == s.stored {
		return nil
	}
	s.stored = h
	return tx.PutQuotaService(q.vault, s.Card, state)
}

func (q *quotas) saveTally(tx *sqlite.Tx) error {
	v, err := json.Marshal(&q.tally)
	if err != nil {
		return err
	}
	return tx.PutRunState(quotaState, v)
}

// watch keeps the greatest exposure of a card, which the cap is compared with.
func (q *quotas) watch(rider uint32, now int64) {
	q.tally.ExposureMax = max(q.tally.ExposureMax, q.machine(rider).Exposure(q.of(rider), now))
}

// open opens the service of a new card, and the account behind it, which cannot be
// overdrawn.
func (q *quotas) open(tx *sqlite.Tx, rider uint32) ([]ledger.Account, []ledger.Transfer, error) {
	c, card := q.city, q.city.cardOf(rider)
	at := c.midnight - secondsPerDay
	x := c.profileOf(rider).Product().Extension
	s, _, err := q.machine(rider).Open(&quota.Request{Card: card, Balance: c.openingBalance(rider), Deposit: x.Deposit, LastPush: firstPush}, at)
	if err != nil {
		return nil, nil, err
	}
	*q.of(rider) = s
	q.tally.Opened++
	q.watch(rider, at)
	if err := q.save(tx, rider); err != nil {
		return nil, nil, err
	}
	token := books.Tokens(q.vault).Token(card)
	customer := ledger.Account{ID: issuer.CustomerAccount(token), Kind: ledger.CustomerBank, Owner: card.String(), Limit: ledger.DebitsWithinCredits}
	return []ledger.Account{customer}, q.payIn(nil, rider, c.funds(rider), 0, at), nil
}

// payIn appends the transfer of money that comes into the account behind a card.
func (q *quotas) payIn(to []ledger.Transfer, rider uint32, amount money.Fen, day int, at int64) []ledger.Transfer {
	if amount == 0 {
		return to
	}
	token := books.Tokens(q.vault).Token(q.city.cardOf(rider))
	id := ledger.TransferID{token[0], token[1], 'p', 'a', 'i', 'd', byte(day)}
	copy(id[7:], token[2:])
	return append(to, ledger.Transfer{ID: id, Debit: elsewhere(int(rider) % len(issuers)), Credit: issuer.CustomerAccount(token),
		Amount: amount, Code: codePaidIn, At: at, Window: q.city.day + int32(day)})
}

// listing is a change of the deny list at the close of a day after D.
type listing struct {
	day    int
	denied bool
}

// listings are the changes that the quota scheme has made, by rider and day.
type listings map[uint32][]listing

// put notes a change; the last word of a day counts.
func (l listings) put(rider uint32, day int, denied bool) {
	list := l[rider]
	if n := len(list); n > 0 && list[n-1].day == day {
		list[n-1].denied = denied
		return
	}
	l[rider] = append(list, listing{day, denied})
}

// listDay is the day of the list that was in force at a time: the close of a day
// makes that of the next.
func (c *City) listDay(at int64) int {
	return int((at - c.midnight - int64(slotEnds[slotClose]) + secondsPerDay) / secondsPerDay)
}

// before says whether a card is on the list by what the closes before a day made of it.
func (l listings) before(rider uint32, day int) (denied bool) {
	for _, x := range l[rider] {
		if x.day < day {
			denied = x.denied
		}
	}
	return denied
}
