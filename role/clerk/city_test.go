package clerk_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/sim"
	"github.com/citycard/citycard/store/sqlite"
)

// simulated leaves the folder of a small city with cards of all kinds.
func simulated(t testing.TB, profile string, mix sim.Mix) string {
	t.Helper()
	opt := sim.Options{Riders: 60, Seed: 5, Date: fare.Date{Year: 2026, Month: 11, Day: 18}, Profile: profile, Mix: mix, Workers: 2}
	city, err := sim.NewCity(opt)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := (&sim.Run{Options: opt, Dir: dir}).Do(context.Background(), city); err != nil {
		t.Fatal(err)
	}
	return dir
}

// allCards looks at every card of a folder.
func allCards(t testing.TB, f *clerk.Office) []*clerk.Card {
	t.Helper()
	var names []string
	if err := clerk.Write(f, func(tx *sqlite.Tx) error {
		tokens, err := tx.TokensFrom(sqlite.Token{}, sqlite.Token{0xFF, 0xFF, 0xFF}, 1000)
		for _, k := range tokens {
			names = append(names, strings.ToUpper(hexText(k[:6])))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var cards []*clerk.Card
	for _, n := range names {
		c, err := f.Look(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, c)
	}
	return cards
}

// Every row of an honest city verifies, down to the card's own signature where the
// terminal kept it, whatever the card is.
func TestRecordsOfACityVerify(t *testing.T) {
	for _, c := range []struct {
		profile string
		mix     sim.Mix
	}{{"mix", sim.Mix{}}, {"sm", sim.Mix{Bank: 1, Quota: 1, TUnion: 1}}} {
		f := open(t, simulated(t, c.profile, c.mix), 0)
		checks, kinds := map[string]int{}, map[timeline.ObsKind]int{}
		for _, card := range allCards(t, f) {
			if card.Unexplained != 0 && !card.Quota {
				t.Errorf("card %s: %s yuan unexplained", card.Key, card.Unexplained)
			}
			for i := range card.Rows {
				r := &card.Rows[i]
				kinds[r.Kind]++
				if r.Terminal != 0 && r.Evidence.Result != clerk.Verified && r.Kind != timeline.Hold && !(r.Purse && r.Kind == timeline.Doubt) {
					t.Errorf("%s %04X %s: %+v", card.Key, r.ATC, r.Kind, r.Evidence)
				}
				for _, x := range r.Evidence.Checks {
					if x.Result == clerk.Failed {
						t.Errorf("%s %04X %s: %+v", card.Key, r.ATC, r.Kind, x)
					}
					if x.Result == clerk.Verified {
						checks[x.Name]++
					}
				}
			}
		}
		for _, name := range []string{clerk.CheckBlock, clerk.CheckTerminal, clerk.CheckContent, clerk.CheckCryptogram, clerk.CheckBalance, clerk.CheckSignature} {
			if checks[name] < 20 {
				t.Errorf("%s: %s verified %d times only (%v)", c.profile, name, checks[name], kinds)
			}
		}
	}
}

// What is altered after the fact is found by the check that it breaks.
func TestAlteredRecordsFail(t *testing.T) {
	dir := simulated(t, "sm", sim.Mix{})
	f := open(t, dir, 0)
	if f.Now() <= time.Date(2026, 12, 13, 0, 0, 0, 0, time.UTC).Unix() {
		t.Errorf("now is %d: not the last closing", f.Now())
	}
	var card *clerk.Card
	for _, c := range allCards(t, f) {
		if len(c.Rows) > 3 {
			card = c
		}
	}
	if card == nil {
		t.Fatal("no card with three rows")
	}
	row := &card.Rows[2]
	name := hexText(card.Token[:])
	failed := func() string {
		c, err := f.Look(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c.Rows[2].Evidence.Checks {
			if x.Result == clerk.Failed {
				return x.Name
			}
		}
		return ""
	}
	if failed() != "" {
		t.Fatal("it fails before anything was altered")
	}
	for name, alter := range map[string]func(*timeline.Observation){
		"kind": func(o *timeline.Observation) { o.Kind = timeline.Hold }, "service": func(o *timeline.Observation) { o.Service = !o.Service },
		"amount": func(o *timeline.Observation) { o.Debit++ }, "value": func(o *timeline.Observation) { o.B++ }, "time": func(o *timeline.Observation) { o.Time-- },
		"hold": func(o *timeline.Observation) { o.Held++ }, "completion": func(o *timeline.Observation) { o.Completes = !o.Completes },
		"deposit": func(o *timeline.Observation) { o.UsedRead = !o.UsedRead },
	} {
		o := row.Observation
		if alter(&o); clerk.Differs(row.Evidence.Purchase, card.Key, &o) == "" {
			t.Errorf("another %s in the timeline is not seen", name)
		}
	}
	alter := func(query string, args ...any) {
		if err := clerk.Write(f, func(tx *sqlite.Tx) error { _, err := tx.Exec(query, args...); return err }); err != nil {
			t.Fatal(err)
		}
	}
	var other, own [64]byte
	if err := clerk.Write(f, func(tx *sqlite.Tx) error {
		a, _, err := tx.Terminal(row.Terminal)
		if err != nil {
			return err
		}
		own = a.Key
		b, _, err := tx.Terminal(9_000_001)
		other = b.Key
		return err
	}); err != nil {
		t.Fatal(err)
	}
	alter("UPDATE acquirer_terminal SET key = ? WHERE terminal = ?", other[:], uint32(row.Terminal))
	if got := failed(); got != clerk.CheckTerminal {
		t.Errorf("another terminal's key: %q", got)
	}
	alter("UPDATE acquirer_terminal SET key = ? WHERE terminal = ?", own[:], uint32(row.Terminal))
	alter("UPDATE issuer_range SET masters = (masters + 1) % 4")
	if got := failed(); got != clerk.CheckCryptogram {
		t.Errorf("another issuer's masters: %q", got)
	}
	alter("UPDATE issuer_range SET masters = (masters + 3) % 4")
	alter("UPDATE acquirer_block SET first_sequence = first_sequence + 1 WHERE terminal = ?", uint32(row.Terminal))
	if got := failed(); got != clerk.CheckContent && row.Sequence > 1 {
		t.Errorf("another row: %q", got)
	}
	alter("UPDATE acquirer_block SET first_sequence = first_sequence - 1 WHERE terminal = ?", uint32(row.Terminal))
	if failed() != "" {
		t.Fatal("not as it was")
	}
	file, at, _ := strings.Cut(row.Evidence.File, "@")
	path := filepath.Join(dir, filepath.FromSlash(file))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	place := decimal(t, at)
	b[place+300] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir, 0)
	if got := failed(); got != clerk.CheckBlock {
		t.Errorf("a bit in the block: %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir, 0)
	if got := failed(); got != clerk.CheckBlock {
		t.Errorf("without the file: %q", got)
	}
}

func TestCardsAreFound(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 200)
	f := open(t, dir, start+day)
	want := testCard(7)
	c, err := f.Look(ctx, want.PAN.Digits()[:4]+" "+want.PAN.Digits()[4:10]+"-"+want.PAN.Digits()[10:]+"\n")
	if err != nil || c.Key != want {
		t.Fatalf("by number: %v", err)
	}
	for n := 4; n <= 32; n++ {
		got, err := f.Look(ctx, hexText(c.Token[:])[:n])
		if err == nil && got.Key != want || err != nil && n > 8 {
			t.Errorf("%d digits: %v", n, err)
		}
	}
	for name, want := range map[string]error{"": clerk.ErrCardName, "abc": clerk.ErrCardName, "xyzw": clerk.ErrCardName, "ffffffffffff": clerk.ErrNoCard,
		"6228000100000000": clerk.ErrNoCard, "62280001000000000000": clerk.ErrCardName, strings.Repeat("a", 33): clerk.ErrCardName} {
		_, err := f.Look(ctx, name)
		if err == nil || !isOne(err, want, clerk.ErrNoCard) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
		if len(name) > 11 && err != nil && strings.Contains(err.Error(), name) && digitsOnly(name) {
			t.Errorf("the number %q is repeated: %v", name, err)
		}
	}
}

// After all that waits has been approved, the simulator's own audit finds every fen where
// it belongs: the books agree with the chips.
func TestApprovalsKeepTheFloatIdentity(t *testing.T) {
	ctx := context.Background()
	opt := sim.Options{Riders: 60, Seed: 4, Date: fare.Date{Year: 2026, Month: 11, Day: 18}, Profile: "sm", Workers: 2,
		Files: map[string][]byte{"policy.json": []byte(policy)}}
	city, err := sim.NewCity(opt)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	before, err := (&sim.Run{Options: opt, Dir: dir}).Do(ctx, city)
	if err != nil {
		t.Fatal(err)
	}
	if before.Waiting == 0 || !before.Closed() {
		t.Fatalf("%s waits, open %v", before.Waiting, before.Open())
	}
	f, err := clerk.Open(ctx, clerk.Options{Dir: dir, Keys: developmentKeys(t)})
	if err != nil {
		t.Fatal(err)
	}
	wang, li := atDesk(t, f)
	paid := fen(0)
	for _, c := range allCards(t, f) {
		for _, b := range c.Breaks {
			if !b.Waits {
				continue
			}
			p, err := f.Propose(ctx, clerk.Ask{Kind: desk.Refund, Card: hexText(c.Token[:]), P: b.P, Q: b.Q, By: "wang", Sign: wang.sign, Reason: "seen"})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := f.Decide(ctx, clerk.Verdict{ID: p.ID, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); err != nil {
				t.Fatal(err)
			}
			paid += p.Amount
		}
	}
	if paid != before.Waiting {
		t.Errorf("%s paid, %s waited", paid, before.Waiting)
	}
	if _, err := f.Audit(ctx, nil); err != nil {
		t.Error(err)
	}
	if err := clerk.Write(f, func(tx *sqlite.Tx) error {
		_, err := tx.Exec("DELETE FROM run_state WHERE name = 'figures'")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if city, err = sim.NewCity(opt); err != nil {
		t.Fatal(err)
	}
	after, err := (&sim.Run{Options: opt, Dir: dir}).Do(ctx, city)
	if err != nil {
		t.Fatal(err)
	}
	if !after.Closed() || after.Waiting != 0 || after.Owed != 0 || after.FloatIdentityGap != 0 || after.Unexplained != 0 || after.Refunds <= before.Refunds {
		t.Errorf("open %v, %+v", after.Open(), after)
	}
}

// BenchmarkLook is one look at a card with all its records checked again.
func BenchmarkLook(b *testing.B) {
	f := open(b, simulated(b, "sm", sim.Mix{}), 0)
	cards := allCards(b, f)
	rows := 0
	for i := 0; b.Loop(); i++ {
		c, err := f.Look(context.Background(), hexText(cards[i%len(cards)].Token[:]))
		if err != nil {
			b.Fatal(err)
		}
		rows += len(c.Rows)
	}
	b.ReportMetric(float64(rows)/float64(b.N), "rows/op")
}
