package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// allKinds is a city with every kind of card.
var allKinds = Mix{Bank: 50, Quota: 30, TUnion: 20}

func TestParseMix(t *testing.T) {
	for _, c := range []struct {
		text string
		want Mix
		bad  string // part of the error
	}{
		{text: "bank=50,quota=30,tunion=20", want: allKinds},
		{text: "tunion=1", want: Mix{TUnion: 1}},
		{text: "quota=0,bank=7", want: Mix{Bank: 7}},
		{text: "", bad: "want bank, quota or tunion"},
		{text: "bank=0", bad: "add up to 0"},
		{text: "bank=1,bank=2", bad: "twice"},
		{text: "bank=-1,quota=2", bad: "want a whole number"},
		{text: "bank=1.5", bad: "want a whole number"},
		{text: "bank", bad: "want a whole number"},
		{text: "coins=1", bad: "want bank, quota or tunion"},
		{text: "bank=1000000,quota=1", bad: "add up to 1000001"},
		{text: "bank=99999999999999999999", bad: "want a whole number"},
	} {
		got, err := ParseMix(c.text)
		switch {
		case c.bad == "" && (err != nil || got != c.want):
			t.Errorf("%q: %v, %v", c.text, got, err)
		case c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad) || !got.IsZero()):
			t.Errorf("%q: %v, %v, want an error with %q", c.text, got, err, c.bad)
		case c.bad == "":
			if again, err := ParseMix(got.String()); err != nil || again != got {
				t.Errorf("%q: its text %q reads as %v, %v", c.text, got, again, err)
			}
		}
	}
}

// The kinds come in their proportions, and a card's number leads back to its rider.
func TestKindsOfCards(t *testing.T) {
	c := newCity(t, Options{Riders: 4000, Seed: 2, Mix: allKinds, Profile: "mix"})
	var n [cardKinds]int
	for i := range uint32(4000) {
		n[c.kindOf(i)]++
		if rider, known := c.riderOf(c.cardOf(i)); !known || rider != i {
			t.Fatalf("card %s of rider %d leads to %d, %t", c.cardOf(i), i, rider, known)
		}
		if id, known := c.Issuer(c.cardOf(i)); !known || (id == cardCompany.id) != (c.kindOf(i) == tunionCard) {
			t.Fatalf("rider %d: issuer %d, %t", i, id, known)
		}
	}
	for kind, want := range [cardKinds]int{200, 1800, 1200, 800} {
		if got := n[kind]; got < want*8/10 || got > want*12/10 {
			t.Errorf("%d cards of kind %d, want about %d", got, kind, want)
		}
	}
	plain := newCity(t, Options{Riders: 100, Seed: 2})
	for i := range uint32(100) {
		if plain.kindOf(i) != oldCard {
			t.Fatalf("without a mix rider %d has a card of kind %d", i, plain.kindOf(i))
		}
	}
}

// checkMix asserts what must hold for a run with a mix.
func checkMix(t testing.TB, name string, r *Result) {
	t.Helper()
	if !r.Closed() {
		t.Errorf("%s does not close: %v in %+v", name, r.Open(), r)
	}
	m := r.Mix
	if sum := m.Bank.Cleared + m.Quota.Cleared + m.TUnion.Cleared; sum != r.ClearedFen || m.Bank.Cards+m.Quota.Cards+m.TUnion.Cards != r.Riders ||
		m.Bank.Taps+m.Quota.Taps+m.TUnion.Taps != r.Taps || m.Bank.Approved+m.Quota.Approved+m.TUnion.Approved != r.OfflineTxns {
		t.Errorf("%s: the kinds do not add up: %+v of %+v", name, m, r)
	}
	if f := r.FlashCard; r.TornAfterCommit < r.RecoveredAtGate+f.Caused || f.Caused != f.Decidable+f.Undecided {
		t.Errorf("%s: torn after paying %d, recovered %d, flash %+v", name, r.TornAfterCommit, r.RecoveredAtGate, f)
	}
	if (r.Quota == nil) != (m.Quota.Weight == 0) {
		t.Fatalf("%s: figures of the quota scheme: %+v", name, r.Quota)
	}
	if q := r.Quota; q != nil && (q.Opened != m.Quota.Cards || q.DebitedFen+q.OwedFen != m.Quota.Cleared || q.Restored > q.Pushes) {
		t.Errorf("%s: quota %+v, kinds %+v", name, q, m)
	}
}

func TestMixedCitiesClose(t *testing.T) {
	for i, m := range []Mix{allKinds, {Bank: 1}, {Quota: 1}, {TUnion: 1}, allKinds} {
		profile := Profiles[i%len(Profiles)]
		name := fmt.Sprintf("%s, %s", m, profile)
		res, err := (&Run{Dir: t.TempDir()}).Do(t.Context(), newCity(t, Options{Riders: 900, Seed: uint64(i + 1), Mix: m, Profile: profile}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkMix(t, name, res)
		if f := res.FlashCard; f.Caused == 0 || res.RecoveredAtGate == 0 || res.TornBeforeCommit == 0 {
			t.Errorf("%s: nothing torn: %+v", name, res)
		}
		if m.Bank > 0 && (res.Mix.Bank.Old == 0 || res.Mix.Bank.Old == res.Mix.Bank.Cards) {
			t.Errorf("%s: %d of %d bank cards are old", name, res.Mix.Bank.Old, res.Mix.Bank.Cards)
		}
		if q := res.Quota; q != nil && (q.Restored == 0 || q.PushesRepeated == 0 || q.Owed == 0 || q.Denied == 0 || q.DeniedTaps == 0 || q.ExposureMaxFen <= quotaTerms.Quota) {
			t.Errorf("%s: something of the quota scheme never happened: %+v", name, q)
		}
	}
}

// With another rule book every entry holds an amount, which the exit gives back but for
// the fare.
func TestCityThatHoldsEverywhereCloses(t *testing.T) {
	rules := beijing.Files()["journeys.json"]
	all := bytes.Replace(rules, []byte(`"lines": ["首都机场线", "大兴机场线", "昌平线", "房山线"]`), []byte(`"all_stations": true`), 1)
	if bytes.Equal(all, rules) {
		t.Fatal("the embedded rules hold at other lines than this test thinks")
	}
	res, err := (&Run{Dir: t.TempDir()}).Do(t.Context(), newCity(t, Options{Riders: 900, Seed: 1, Mix: Mix{Bank: 3, Quota: 1, TUnion: 1}, Files: map[string][]byte{"journeys.json": all}}))
	if err != nil {
		t.Fatal(err)
	}
	checkMix(t, "holds", res)
	if m := res.Mix; m.Holds < m.Bank.Taps/4 || m.Completions < m.Holds*9/10 || m.Completions > m.Holds {
		t.Errorf("%d holds and %d completions of %d taps", m.Holds, m.Completions, m.Bank.Taps)
	}
}

func TestSmallMixedCitiesClose(t *testing.T) {
	for riders := 1; riders < 200; riders = 4*riders + 1 {
		res, err := (&Run{Dir: t.TempDir()}).Do(t.Context(), newCity(t, Options{Riders: riders, Seed: 7, Mix: allKinds}))
		if err != nil {
			t.Errorf("%d riders: %v", riders, err)
			continue
		}
		checkMix(t, fmt.Sprintf("%d riders", riders), res)
	}
}

// A mixed city is the same to the last byte, whatever works on it and wherever it was
// interrupted: cards get their pushes again, and services know the answers.
func TestMixedRunsAreTheSame(t *testing.T) {
	opt := Options{Riders: 800, Seed: 5, Profile: "mix", Mix: allKinds, Workers: 1}
	_, one := runWhole(t, opt)
	opt.Workers = 3
	_, three := runWhole(t, opt)
	compare(t, "1 and 3 workers", one, three)
	dir := t.TempDir()
	city := newCity(t, opt)
	for again := 0; ; again++ {
		ctx, stop := context.WithCancelCause(t.Context())
		at := 0.71 + float64(again)*0.04 // of the way: behind the close of D, and days later
		run := &Run{Dir: dir, Out: dir, Files: filepath.Join(dir, "files"), Progress: func(done, _ float64) {
			if done > at {
				stop(errors.New("interrupted"))
			}
		}}
		_, err := run.Do(ctx, city.anew(t))
		stop(nil)
		if err == nil {
			if again < 4 {
				t.Errorf("interrupted %d times only", again)
			}
			break
		}
		if !errors.Is(err, context.Canceled) || again > 20 {
			t.Fatal(err)
		}
	}
	compare(t, "interrupted", one, outcome{one.figures, filesOf(t, dir)})
}

// believing lets forged rows of purses pass.
type believing struct{ clearing.Verifier }

func (b believing) Verify(rows []txn.Presented, out []txn.Verdict) error {
	err := b.Verifier.Verify(rows, out)
	for i := range out {
		if rows[i].Row.Scheme == txn.Purse {
			out[i] = txn.Cleared
		}
	}
	return err
}

// presenting changes what becomes of rows of cards with a quota.
func presenting(change func(*quota.Service, *txn.Presented, quota.Effects) quota.Effects) func(*City, *Ports) {
	return func(_ *City, p *Ports) {
		honest := p.Present
		p.Present = func(m *quota.Machine, s *quota.Service, r *txn.Presented, v txn.Verdict, window int32, now int64) (quota.Taken, quota.Effects, error) {
			taken, e, err := honest(m, s, r, v, window, now)
			return taken, change(s, r, e), err
		}
	}
}

// pushing puts another value into every push, under the right MAC.
func pushing(value func(left, pushed money.Fen) money.Fen) func(*City, *Ports) {
	return func(c *City, p *Ports) {
		p.Push = func(card txn.CardKey, left money.Fen, push []byte) []byte {
			push = slices.Clone(push)
			const value6, mac8 = 14, 8 // from the end
			at := len(push) - value6
			pushed, err := money.FromN12(push[at : at+6])
			if err != nil {
				panic(err)
			}
			v, err := value(left, pushed).N12()
			if err != nil {
				panic(err)
			}
			copy(push[at:], v[:])
			rider, _ := c.riderOf(card)
			alg := cryptogram.SM4
			keys, err := quota.NewMasters(alg, keystore.DevelopmentKey(keystore.IssuerMasters(uint(rider)%uint(len(issuers)), alg).MAC))
			if err != nil {
				panic(err)
			}
			mac, err := keys.PushMAC(card, uint16(push[5])<<8|uint16(push[6]), push[:len(push)-mac8])
			if err != nil {
				panic(err)
			}
			copy(push[len(push)-mac8:], mac[:])
			return push
		}
	}
}

var mixMutants = []mutant{
	{"TAC always right", func(_ *City, p *Ports) {
		honest := p.Verifier
		p.Verifier = func() clearing.Verifier { return believing{honest()} }
	}, "bad_cryptogram"},
	{"shadow too high", presenting(func(s *quota.Service, _ *txn.Presented, e quota.Effects) quota.Effects {
		s.Seen[len(s.Seen)-1].Balance = quotaTerms.Quota
		return e
	}), "gap_fen"},
	{"shadow too low", presenting(func(s *quota.Service, _ *txn.Presented, e quota.Effects) quota.Effects {
		s.Seen[len(s.Seen)-1].Balance = 0
		return e
	}), "unseen_fen"},
	{"bound falls twice", presenting(func(s *quota.Service, p *txn.Presented, e quota.Effects) quota.Effects {
		if p.Row.Kind.Paid() {
			s.Bound -= p.Row.Amount
		}
		return e
	}), "unseen_fen"},
	{"rows not debited", presenting(func(s *quota.Service, _ *txn.Presented, e quota.Effects) quota.Effects {
		e.Transfers, s.Debts = nil, nil
		return e
	}), "unsettled_fen gap_fen"},
	{"a push adds", pushing(func(left, pushed money.Fen) money.Fen { return left + pushed }), "gap_fen"},
	{"a push of a fen more", pushing(func(_, pushed money.Fen) money.Fen { return pushed + 1 }), "gap_fen"},
	{"pushes with a wrong MAC", func(_ *City, p *Ports) {
		p.Push = func(_ txn.CardKey, _ money.Fen, push []byte) []byte {
			push = slices.Clone(push)
			push[len(push)-1] ^= 1
			return push
		}
	}, "pushes_refused"},
	{"restored too late", func(*City, *Ports) {}, "unrestored"},
	{"a debit not posted", without(quota.CodeDebit, 2), "unsettled_fen gap_fen"},
	{"a debit of a fen more", altered(quota.CodeDebit, fenMore), "gap_fen"},
	{"a claim not posted", without(quota.CodeOwed, 0), "unsettled_fen"},
	{"a recovery not posted", without(quota.CodeRecover, 0), "recovered_fen"},
	{"fares of a purse not posted", without(issuer.CodeFares, 3), "unsettled_fen"},
}

// lazily restores only cards that have nothing left.
func lazily(t testing.TB, r *road) {
	terms := quotaTerms
	terms.Threshold = 1
	for i := range r.quota.machines {
		for n, alg := range [2]cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
			keys, err := quota.NewMasters(alg, keystore.DevelopmentKey(keystore.IssuerMasters(uint(i), alg).MAC))
			if err != nil {
				t.Fatal(err)
			}
			r.quota.machines[i][n], err = quota.New(quota.Config{Terms: quota.Schedule{terms}, Keys: keys, Tokens: r.books.Tokens, Settlement: accounts{}.Settlement(issuers[i].id)})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Each broken part of the mixed city keeps the day from closing.
func TestMixMutantsAreSeen(t *testing.T) {
	first := newCity(t, Options{Riders: 900, Seed: 1, Workers: 1, Mix: allKinds})
	for _, m := range mixMutants {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			city := first.anew(t)
			run := &Run{Dir: t.TempDir()}
			run.Ports = func(p *Ports) {
				m.put(city, p)
				if m.name == "restored too late" {
					lazily(t, run.road)
				}
			}
			res, err := run.Do(t.Context(), city)
			if err != nil {
				t.Fatalf("the run breaks off, so that no figure speaks: %v", err)
			}
			open := res.Open()
			for _, key := range strings.Fields(m.want) {
				if !slices.Contains(open, key) {
					t.Errorf("%s is as it must be; only these are not: %v", key, open)
				}
			}
			t.Logf("%v", open)
		})
	}
}
