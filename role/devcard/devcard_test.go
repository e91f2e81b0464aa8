package devcard_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/role/cardview"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/txn"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func request(t testing.TB, profile string) devcard.Request {
	t.Helper()
	r, err := devcard.Default(profile)
	check(t, err)
	return r
}

// look puts a card into a reader and reads it.
func look(t testing.TB, img *card.Image, memory []byte) *cardview.View {
	t.Helper()
	v, err := virtualcard.New(virtualcard.Config{Image: img, Memory: memory, Interface: card.Auto, Rand: random(1)})
	check(t, err)
	r, err := virtualcard.Reader(v)
	check(t, err)
	cas, err := devkeys.CAKeys()
	check(t, err)
	view, err := cardview.Read(context.Background(), r, cardview.Options{CAKeys: cas, Rand: random(2), At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)})
	check(t, err)
	return view
}

// TestEveryProfileIsGenuine: its cards verify under the development CAs, with the
// number, balance and side that were asked for.
func TestEveryProfileIsGenuine(t *testing.T) {
	list, err := devcard.Profiles()
	check(t, err)
	for _, p := range list {
		if p.Blank {
			continue
		}
		r := request(t, p.Name)
		var err error
		r.PAN, err = txn.ParsePAN("6228000100001125")
		check(t, err)
		r.Balance = 4321
		img, err := devcard.Issue(r)
		check(t, err)
		view := look(t, img, nil)
		if len(view.Applications) != 1 {
			t.Fatalf("%s: %d applications", p.Name, len(view.Applications))
		}
		a := view.Applications[0]
		best := p.Algorithms[len(p.Algorithms)-1] // SM is preferred where both sides can
		if p.Quota || strings.HasPrefix(p.Name, "transit-") {
			// Nobody but a gate gets an offline answer from a quota, and so a signature; and
			// the cards of the city that are quick at gates keep a certificate for the payment.
			if a.Authentication.Result != cardview.NotChecked || a.Cash == nil || a.Cash.Balance != 4321 {
				t.Errorf("%s: %+v", p.Name, a)
			}
			continue
		}
		if a.Authentication.Result != cardview.Genuine || a.Authentication.Algorithm != best.Signature || a.Authentication.CAIndex != best.CAIndex {
			t.Errorf("%s: %+v, notes %q", p.Name, a.Authentication, view.Notes)
		}
		if a.AID != p.AID || a.PAN != r.PAN.Masked() || a.Cash == nil || a.Cash.Balance != 4321 || a.Contact != p.Contact || *a.Cash.Limit != p.Limit {
			t.Errorf("%s: %+v", p.Name, a)
		}
		var notes []string // of the livelihood card's purse only
		if p.Name == "livelihood" {
			notes = []string{"PPSE: A000000632010105 is an electronic purse, which is not read"}
		}
		if a.Effective != "2024-01-01" || a.Expires != "2035-12-31" || !slices.Equal(view.Notes, notes) {
			t.Errorf("%s: %s to %s, notes %q", p.Name, a.Effective, a.Expires, view.Notes)
		}
	}
}

// TestEqualRequestsGiveEqualCards, and others do not.
func TestEqualRequestsGiveEqualCards(t *testing.T) {
	records := func(r devcard.Request) []byte {
		img, err := devcard.Issue(r)
		check(t, err)
		var all []byte
		for _, rec := range img.Cards()[0].Records {
			all = append(all, rec.Body...)
		}
		return all
	}
	for _, name := range devcard.Names() {
		if name == devcard.Blank {
			continue
		}
		r := request(t, name)
		first := records(r)
		if !bytes.Equal(first, records(r)) {
			t.Errorf("%s: two cards of one request differ", name)
		}
		r.PSN = 2
		if bytes.Equal(first, records(r)) {
			t.Errorf("%s: another sequence number gives the same card", name)
		}
	}
}

// TestKeysFollowFromTheMasters of the worked examples: card key AC of triple DES
// from the vectors of package cryptogram.
func TestKeysFollowFromTheMasters(t *testing.T) {
	r := request(t, "dev-3des")
	k, ok := devcard.Keys(cryptogram.TDES, r.PAN, r.PSN)
	want := cryptogram.Key{0x5F, 0x78, 0x74, 0x16, 0x97, 0x8A, 0xF1, 0x5B, 0xF1, 0xCF, 0x53, 0x98, 0xA6, 0xC5, 0xC0, 0x99}
	if !ok || !k.AC.Equal(want) {
		t.Error("the card key AC is not that of the worked example")
	}
	sm, ok := devcard.Keys(cryptogram.SM4, r.PAN, r.PSN)
	wantSM := cryptogram.Key{0x1A, 0x10, 0xE8, 0x45, 0xAB, 0xFD, 0x72, 0xFE, 0x01, 0xE2, 0x57, 0xCE, 0x6C, 0x2F, 0x23, 0x7E}
	if !ok || !sm.AC.Equal(wantSM) {
		t.Error("the SM4 card key AC is not that of the worked example")
	}
	if k.DCVN == (cryptogram.Key{}) || k.DCVN.Equal(k.AC) {
		t.Error("the key of dynamic check values is none of its own")
	}
	if _, ok := devcard.Keys(9, r.PAN, r.PSN); ok {
		t.Error("keys of an unknown algorithm")
	}
	if _, ok := devcard.Keys(cryptogram.SM4, txn.PAN{}, 1); ok {
		t.Error("keys of no card")
	}
}

// TestBlankBecomesACard: through SCP02 and SCP03 a blank card becomes each
// profile's card that has its name, and shows what an issued one shows.
func TestBlankBecomesACard(t *testing.T) {
	blank := request(t, devcard.Blank)
	img, err := devcard.Issue(blank)
	check(t, err)
	for _, name := range []string{"dev-3des", "dev-sm", "dev-dual"} {
		for _, protocol := range []scp.Protocol{scp.SCP02, scp.SCP03} {
			r := request(t, name)
			r.Balance = 777
			order, err := devcard.Order(r, protocol, [8]byte{1, 2, 3, byte(protocol)})
			check(t, err)
			chip := card.New()
			chip.UseInterface(card.Contact)
			check(t, chip.Insert(img, nil))
			check(t, chip.PowerOn(random(3)))
			machine := perso.NewPersonaliser(order)
			var answer []byte
			for {
				cmd, done, err := machine.Next(answer)
				check(t, err)
				if done {
					break
				}
				answer, err = chip.Transmit(nil, cmd)
				check(t, err)
			}
			issued, err := devcard.Issue(r)
			check(t, err)
			got, want := look(t, img, chip.Snapshot(nil)), look(t, issued, nil)
			if !reflect.DeepEqual(got.Applications, want.Applications) {
				t.Errorf("%s over %v:\n got %+v\nwant %+v", name, protocol, got.Applications, want.Applications)
			}
		}
	}
}

// TestRequestsAreChecked.
func TestRequestsAreChecked(t *testing.T) {
	if _, err := devcard.Default("platinum"); !errors.Is(err, devcard.ErrProfile) {
		t.Errorf("unknown profile: %v", err)
	}
	r := request(t, "dev-sm")
	r.Profile = "platinum"
	if _, err := devcard.Issue(r); !errors.Is(err, devcard.ErrProfile) {
		t.Errorf("unknown profile: %v", err)
	}
	r = request(t, "dev-sm")
	r.Balance = 500001
	if _, err := devcard.Issue(r); !errors.Is(err, devcard.ErrRequest) {
		t.Errorf("more than 9F77: %v", err)
	}
	r = request(t, "dev-sm")
	r.PSN = 0x0A
	if _, err := devcard.Issue(r); !errors.Is(err, devcard.ErrRequest) {
		t.Errorf("sequence number 0A: %v", err)
	}
	if _, err := devcard.Order(request(t, devcard.Blank), scp.SCP03, [8]byte{}); !errors.Is(err, devcard.ErrRequest) {
		t.Errorf("a blank card personalised as a blank one: %v", err)
	}
	if !slices.IsSorted(devcard.Names()) || !slices.Contains(devcard.Names(), devcard.Blank) {
		t.Errorf("names %q", devcard.Names())
	}
	var err error
	r = request(t, "dev-sm")
	r.PIN, err = pin.New("2468")
	check(t, err)
	if _, err := devcard.Issue(r); err != nil {
		t.Errorf("another PIN: %v", err)
	}
}

// FuzzParseDescription: what is taken describes itself in the same way, and holds
// no secret.
func FuzzParseDescription(f *testing.F) {
	for _, name := range append(devcard.Names(), devcard.Others()...) {
		r := request(f, name)
		b, err := r.Describe()
		check(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"profile":"sm","pan":"6228000100001117","psn":"1"}`))
	f.Add([]byte(`{"profile":"sm","pan":"6228000100001117","psn":"01"} x`))
	_, err := devcard.ParsePSN([]byte("0A"))
	if !errors.Is(err, devcard.ErrRequest) {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := devcard.ParseDescription(b)
		if err != nil {
			if !errors.Is(err, devcard.ErrRequest) && !errors.Is(err, devcard.ErrProfile) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		out, err := r.Describe()
		check(t, err)
		again, err := devcard.ParseDescription(out)
		check(t, err)
		if again.Profile != r.Profile || again.PAN != r.PAN || again.PSN != r.PSN {
			t.Fatalf("%s becomes %s", b, out)
		}
	})
}
