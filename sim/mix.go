package sim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/citycard/citycard/money"
)

// Mix says which kinds of cards the riders have, as weights: a rider's card is by
// chance of the first, second or third kind. The zero value is the city in which
// all have bank cards that carry no journeys.
type Mix struct {
	Bank   int `json:"bank"`   // electronic cash of a bank card; nine of ten carry their own journeys
	Quota  int `json:"quota"`  // a quota on the card, paid from the account afterwards
	TUnion int `json:"tunion"` // purse of the card company, JT/T 978
}

// maxWeights bounds the sum of the weights.
const maxWeights = 1_000_000

func (m Mix) sum() int { return m.Bank + m.Quota + m.TUnion }

// IsZero tells whether there is no mix.
func (m Mix) IsZero() bool { return m == Mix{} }

// String is the form that ParseMix reads; empty for none.
func (m Mix) String() string {
	if m.IsZero() {
		return ""
	}
	return fmt.Sprintf("bank=%d,quota=%d,tunion=%d", m.Bank, m.Quota, m.TUnion)
}

// ParseMix reads weights such as "bank=50,quota=30,tunion=20": any of the three
// words, each once, with whole numbers from 0 that add up to 1 to a million. The
// error says what is wrong.
func ParseMix(text string) (Mix, error) {
	var m Mix
	seen := map[string]bool{}
	for _, part := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		into := map[string]*int{"bank": &m.Bank, "quota": &m.Quota, "tunion": &m.TUnion}[name]
		n, err := strconv.Atoi(value)
		switch {
		case into == nil:
			return Mix{}, fmt.Errorf("%q: want bank, quota or tunion with a weight, as in bank=50,quota=30,tunion=20", part)
		case seen[name]:
			return Mix{}, fmt.Errorf("%s is there twice", name)
		case err != nil || n < 0 || n > maxWeights:
			return Mix{}, fmt.Errorf("%s: weight %q, want a whole number from 0 to %d", name, value, maxWeights)
		}
		seen[name] = true
		*into = n
	}
	if s := m.sum(); s == 0 || s > maxWeights {
		return Mix{}, fmt.Errorf("the weights add up to %d, want 1 to %d", s, maxWeights)
	}
	return m, nil
}

// cardKind is what kind of card a rider has.
type cardKind uint8

const (
	oldCard     cardKind = iota // bank card that carries no journeys: the station records know them
	transitCard                 // bank card with the low-value extension
	quotaCard                   // bank card with a quota
	tunionCard                  // purse of the card company
	cardKinds
)

// oneOld is how many bank cards there are in a mixed city for each old one.
const oneOld = 10

// kindOf is the kind of a rider's card.
func (c *City) kindOf(rider uint32) cardKind {
	m := &c.opt.Mix
	if m.IsZero() {
		return oldCard
	}
	switch n := c.below(m.sum(), forKind, uint64(rider)); {
	case n < m.Bank && c.oneIn(oneOld, forKind, uint64(rider), 1):
		return oldCard
	case n < m.Bank:
		return transitCard
	case n < m.Bank+m.Quota:
		return quotaCard
	}
	return tunionCard
}

// hasQuota tells whether a rider's card has a quota: what is on it is no money.
func (c *City) hasQuota(rider uint32) bool { return c.kindOf(rider) == quotaCard }

// isBank tells whether what is on a rider's card is electronic cash of a bank.
func (c *City) isBank(rider uint32) bool {
	k := c.kindOf(rider)
	return k == oldCard || k == transitCard
}

// carries tells whether a rider's card carries its own journeys.
func (c *City) carries(rider uint32) bool { return c.kindOf(rider) != oldCard }

// MixFigures are the figures of the kinds of card.
type MixFigures struct {
	Bank   KindFigures `json:"bank"`
	Quota  KindFigures `json:"quota"`
	TUnion KindFigures `json:"tunion"`
	// StationRecords are those written for cards that carry their own journeys; must be 0.
	StationRecords int `json:"station_records"`
	Holds          int `json:"holds"`       // amounts held at the entry of a line
	Completions    int `json:"completions"` // of them, ended by a fare
	Proved         int `json:"proved"`      // torn taps that the card itself proved to be paid
}

// KindFigures are the figures of one kind of card.
type KindFigures struct {
	Weight   int       `json:"weight"`
	Cards    int       `json:"cards"`
	Old      int       `json:"old"`      // of them, cards that cannot carry journeys
	Taps     int       `json:"taps"`     // times that one was presented
	Approved int       `json:"approved"` // by the terminal
	Cleared  money.Fen `json:"cleared_fen"`
}

// kind is where the figures of a kind of card are.
func (f *MixFigures) kind(k cardKind) *KindFigures {
	return [cardKinds]*KindFigures{oldCard: &f.Bank, transitCard: &f.Bank, quotaCard: &f.Quota, tunionCard: &f.TUnion}[k]
}

// mixFigures are what the simulation knows of the kinds; what was cleared is added by
// the audit.
func (r *Run) mixFigures() *MixFigures {
	m := &r.Options.Mix
	f := &MixFigures{Bank: KindFigures{Weight: m.Bank}, Quota: KindFigures{Weight: m.Quota}, TUnion: KindFigures{Weight: m.TUnion}}
	for i := range r.world.riders.Len() {
		k := r.world.kindOf(uint32(i))
		f.kind(k).Cards++
		if k == oldCard {
			f.Bank.Old++
		}
	}
	c := &r.truth.counts
	f.StationRecords, f.Holds, f.Completions, f.Proved = c.Records, c.Holds, c.Completions, c.Proved
	for k := range cardKinds {
		f.kind(k).Taps += r.truth.counts.kinds[k].taps
		f.kind(k).Approved += r.truth.counts.kinds[k].approved
	}
	return f
}
