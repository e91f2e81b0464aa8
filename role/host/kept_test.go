package host_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/issuer/topup"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// kept opens the host of a folder.
func kept(t testing.TB, dir string, rules timeline.Params) *host.Kept {
	t.Helper()
	h, err := host.OpenKept(context.Background(), host.KeptConfig{Dir: dir, Opening: host.OpeningAccount, Now: func() int64 { return now }, Rules: rules})
	noError(t, err)
	t.Cleanup(func() { noError(t, h.Close()) })
	return h
}

// available asks the issuer what the account holds.
func (d *desk) available() money.Fen {
	d.t.Helper()
	_, a, err := d.ask(txn.OnlineInquiry, 0)
	noError(d.t, err)
	if !a.Approved() || !a.Known {
		d.t.Fatalf("inquiry: code %s", a.Code[:])
	}
	return a.Available
}

// TestKeptHostRepeatsItsAnswer: also another process gives the stored answer to the same
// question, and moves nothing for it.
func TestKeptHostRepeatsItsAnswer(t *testing.T) {
	dir := t.TempDir()
	d := newDesk(t, "dev-3des", kept(t, dir, timeline.Params{}))
	q, first, err := d.ask(txn.OnlineLoad, 20_000)
	noError(t, err)
	if !first.Approved() || first.Available != 80_000 {
		t.Fatalf("code %s, account %v", first.Code[:], first.Available)
	}
	d.host = kept(t, dir, timeline.Params{})
	for range 2 {
		again, err := d.host.Authorise(context.Background(), q)
		noError(t, err)
		if !bytes.Equal(again.ICC, first.ICC) || again.Available != first.Available || again.AuthCode != first.AuthCode {
			t.Errorf("the repeat is answered otherwise: %+v", again)
		}
	}
	if got := d.available(); got != 100_000 { // and its next question shows that the script never came
		t.Errorf("account %v, want 1000.00", got)
	}
}

// TestKeptHostKeepsWhatBelongsToACard: wrong PINs, orders and numbers outlive the process.
func TestKeptHostKeepsWhatBelongsToACard(t *testing.T) {
	dir := t.TempDir()
	for try := range host.PINTries + 1 {
		d := newDesk(t, "dev-3des", kept(t, dir, timeline.Params{}))
		for range try + 1 { // a new chip each time: its counter must go on
			d.chip.PowerOff()
			noError(t, d.chip.PowerOn(nil))
			noError(t, d.Start(100, 0))
		}
		cid, err := d.Generate(0x80, "")
		noError(t, err)
		if cid != 0x80 {
			t.Fatalf("9F27 is %02X", cid)
		}
		q := d.Request(txn.OnlinePurchase, d.key, 100)
		q.HasPIN, q.PINBlock = true, [8]byte{1, 2, 3}
		a, err := d.host.Authorise(context.Background(), q)
		noError(t, err)
		want := authorise.WrongPIN
		if try >= host.PINTries {
			want = authorise.PINTries
		}
		if a.Code != want {
			t.Errorf("try %d: code %s, want %v", try+1, a.Code[:], want)
		}
	}
	h := kept(t, dir, timeline.Params{})
	if err := h.Order(context.Background(), txn.CardKey{}, authorise.Order{}); !errors.Is(err, authorise.ErrOrder) {
		t.Errorf("an order of nothing: %v", err)
	}
	var last uint32
	for _, open := range []*host.Kept{h, kept(t, dir, timeline.Params{})} {
		n, err := open.Sequence(context.Background(), 3)
		noError(t, err)
		if n <= last {
			t.Errorf("number %d after %d", n, last)
		}
		last = n + 2
	}
}

// TestKeptOrdersReachTheCard, from whatever process they were given.
func TestKeptOrdersReachTheCard(t *testing.T) {
	dir := t.TempDir()
	d := newDesk(t, "dev-3des", kept(t, dir, timeline.Params{}))
	order := authorise.Order{Template: tlv.TagIssuerScript2, ID: [4]byte{7}, Commands: []authorise.Command{authorise.BlockApplication()}}
	noError(t, kept(t, dir, timeline.Params{}).Order(context.Background(), d.key, order))
	if _, _, _, scripts := d.talk(txn.OnlinePurchase, 100); len(scripts) != 1 || scripts[0] != apdu.SWOK {
		t.Errorf("scripts %v", scripts)
	}
}

// TestRefundThatWaits: a load that the card shows not to have run is no money of the
// account before the second person has approved it, not even in the same request.
func TestRefundThatWaits(t *testing.T) {
	rules := timeline.DefaultParams()
	rules.ApproveAbove = 1000
	h := kept(t, t.TempDir(), rules)
	d := newDesk(t, "dev-3des", h)
	_, _, err := d.ask(txn.OnlineLoad, 20_000)
	noError(t, err)
	if got := d.available(); got != 80_000 {
		t.Errorf("account %v before the approval", got)
	}
	loads, err := h.Loads(context.Background(), d.key)
	noError(t, err)
	if len(loads) != 1 || loads[0].Answer.Word != topup.Checking || loads[0].Answer.Why != topup.AwaitsPerson {
		t.Errorf("loads %+v", loads)
	}
}

// TestRefundThatNeedNotWait: what the terminal's word has given already is not waited for.
func TestRefundThatNeedNotWait(t *testing.T) {
	rules := timeline.DefaultParams()
	rules.ApproveAbove = 1000
	h := kept(t, t.TempDir(), rules)
	d := newDesk(t, "dev-3des", h)
	q, _, err := d.ask(txn.OnlineLoad, 20_000)
	noError(t, err)
	noError(t, h.Reverse(context.Background(), q, host.CardGone, nil))
	if got := d.available(); got != 100_000 {
		t.Errorf("account %v after the reversal", got)
	}
	loads, err := h.Loads(context.Background(), d.key)
	noError(t, err)
	if len(loads) != 1 || loads[0].Answer.Word != topup.Back || loads[0].Answer.Why != topup.CardShowed {
		t.Errorf("loads %+v", loads)
	}
}

// TestFolderOfSomebodyElse is refused and left alone.
func TestFolderOfSomebodyElse(t *testing.T) {
	for _, state := range []string{"options", "ready"} { // of a city that has just begun, and of one that is set up
		dir := t.TempDir()
		db, err := sqlite.Open(filepath.Join(dir, "city.db"), sqlite.Options{Readers: 1})
		noError(t, err)
		noError(t, db.Write(t.Context(), func(tx *sqlite.Tx) error { return tx.PutRunState(state, []byte{1}) }))
		noError(t, db.Close())
		if _, err := host.OpenKept(t.Context(), host.KeptConfig{Dir: dir, Now: func() int64 { return now }}); !errors.Is(err, host.ErrCity) {
			t.Errorf("the folder of a city with %q: %v", state, err)
		}
	}
}

// TestDamagedCardStopsNobodyElse: a run of reconciliation does what it can for all other
// cards, also if the card that cannot be read has money on a terminal's word.
func TestDamagedCardStopsNobodyElse(t *testing.T) {
	dir := t.TempDir()
	h := kept(t, dir, timeline.Params{})
	bad, good := newDesk(t, "dev-3des", h), newCard(t, "dev-3des", 2, h)
	for _, d := range []*desk{bad, good} {
		q, _, err := d.ask(txn.OnlineLoad, 20_000)
		noError(t, err)
		noError(t, h.Reverse(t.Context(), q, host.CardGone, nil))
	}
	vault, err := host.DevelopmentVault()
	noError(t, err)
	token := vault.Token(bad.key)
	db, err := sqlite.Open(filepath.Join(dir, "city.db"), sqlite.Options{Readers: 1})
	noError(t, err)
	defer db.Close()
	noError(t, db.Write(t.Context(), func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE recon_card SET state = x'FF', open = 1 WHERE token = ?`, token[:])
		return err
	}))
	if report, err := h.Reconcile(t.Context(), now+86400); err != nil || len(report.Damaged) != 1 {
		t.Errorf("a run beside a damaged card: %v, %d damaged", err, len(report.Damaged))
	}
	if got := good.available(); got != host.OpeningAccount {
		t.Errorf("account %v of the other card", got)
	}
}

// TestTwoHostsOneFolder: two processes that ask about one card at once decide it once.
func TestTwoHostsOneFolder(t *testing.T) {
	dir := t.TempDir()
	a, b := kept(t, dir, timeline.Params{}), kept(t, dir, timeline.Params{})
	d := newDesk(t, "dev-3des", a)
	for range 5 {
		q, first, err := d.ask(txn.OnlineLoad, 1000)
		noError(t, err)
		type said struct {
			a   txn.OnlineAnswer
			err error
		}
		answers := make(chan said, 4)
		for _, h := range []*host.Kept{a, b, a, b} {
			go func() {
				x, err := h.Authorise(context.Background(), q)
				answers <- said{x, err}
			}()
		}
		for range 4 {
			if x := <-answers; x.err != nil || !bytes.Equal(x.a.ICC, first.ICC) {
				t.Fatalf("answer %+v, want %+v", x, first)
			}
		}
	}
	if got := d.available(); got != host.OpeningAccount { // no script was given to the card: all five come back
		t.Errorf("account %v", got)
	}
}

// TestUnloadIsNoBreak: an unload that came about leaves neither a flash card nor a break,
// whether the terminal told of it or only the card; one that waits for approval does.
func TestUnloadIsNoBreak(t *testing.T) {
	for _, c := range []struct {
		name   string
		above  money.Fen // refunds above wait for a second person
		breaks int
		word   topup.Word
		money  money.Fen
	}{{"paid", 0, 0, topup.Done, 200_000}, {"waits", 1000, 1, topup.Checking, 100_000}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			rules := timeline.DefaultParams()
			rules.ApproveAbove = c.above
			h := kept(t, dir, rules)
			d := newDesk(t, "dev-3des", h)
			if _, _, _, scripts := d.talk(txn.OnlineUnload, 0); len(scripts) != 1 || scripts[0] != apdu.SWOK {
				t.Fatalf("scripts %v", scripts)
			}
			if got := d.available(); got != c.money {
				t.Errorf("account %v", got)
			}
			_, err := h.Reconcile(context.Background(), now+86400)
			noError(t, err)
			loads, err := h.Loads(context.Background(), d.key)
			noError(t, err)
			if len(loads) != 1 || loads[0].Answer.Word != c.word {
				t.Errorf("loads %+v", loads)
			}
			db, err := sqlite.Open(filepath.Join(dir, "city.db"), sqlite.Options{Readers: 1})
			noError(t, err)
			defer db.Close()
			vault, err := host.DevelopmentVault()
			noError(t, err)
			breaks, flashes := 0, 0
			noError(t, db.Read(t.Context(), func(r *sqlite.Reader) error {
				if err := r.Breaks(vault, func(*recon.Break) error { breaks++; return nil }); err != nil {
					return err
				}
				return r.Flashes(vault, func(timeline.Flash) error { flashes++; return nil })
			}))
			if breaks != c.breaks || flashes != 0 {
				t.Errorf("%d breaks and %d flash cards, want %d and none", breaks, flashes, c.breaks)
			}
		})
	}
}

// TestNothingIsAdvancedToAStoppedCard: a terminal's word moves no money to a card whose
// balance nothing explains, and its rider is told that the card is stopped.
func TestNothingIsAdvancedToAStoppedCard(t *testing.T) {
	h := kept(t, t.TempDir(), timeline.Params{})
	d := newDesk(t, "dev-3des", h)
	d.talk(txn.OnlineLoad, 20_000)
	d.talk(txn.OnlineInquiry, 0)
	d = newDesk(t, "dev-3des", h) // a copy from before the load
	for range 2 {
		d.chip.PowerOff()
		noError(t, d.chip.PowerOn(nil))
		noError(t, d.Start(100, 0))
	}
	q, a, err := d.ask(txn.OnlineLoad, 5000)
	noError(t, err)
	if !a.Approved() {
		t.Fatalf("code %s", a.Code[:]) // it is found out by this question
	}
	noError(t, h.Reverse(t.Context(), q, host.CardGone, nil))
	loads, err := h.Loads(t.Context(), d.key)
	noError(t, err)
	if n := len(loads); n != 2 || loads[1].Answer.Word != topup.Checking || loads[1].Answer.Why != topup.AwaitsRelease {
		t.Errorf("loads %+v", loads)
	}
}
