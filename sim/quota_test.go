package sim

import (
	"testing"

	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/money"
)

// A card that a close puts on the deny list is denied from the next day's taps on,
// whenever their rows arrive, until a close takes it off.
func TestListings(t *testing.T) {
	c := newCity(t, Options{Riders: 50, Seed: 1, Mix: Mix{Quota: 1}})
	c.listed = listings{}
	c.listed.put(7, 0, false)
	c.listed.put(7, 0, true) // the last word of a day counts
	c.listed.put(7, 3, false)
	shut := c.closeTime(0)
	for _, x := range []struct {
		day int
		at  int64
		on  bool
	}{
		{0, c.midnight + 12*3600, false}, {0, shut - 1, false}, {1, shut, true}, {1, shut + 11*3600, true}, {3, c.closeTime(3) - 1, true},
		{4, c.closeTime(3), false}, {9, c.closeTime(8) + 60, false},
	} {
		if got := c.listed.before(7, x.day); got != x.on {
			t.Errorf("taps of D+%d: denied %t", x.day, got)
		}
		if got := c.Denied(c.cardOf(7), x.at); got != x.on {
			t.Errorf("row of %d s after 00:00 of D: denied %t", x.at-c.midnight, got)
		}
		if c.today = x.day; c.knownAtGates(c.cardOf(7)) != x.on {
			t.Errorf("gates of D+%d: denied %t", x.day, !x.on)
		}
		if c.Denied(c.cardOf(8), x.at) {
			t.Error("another card is denied")
		}
	}
}

// The parameters of the city leave room for a quota above the threshold, and the
// dearest ride is below a quota.
func TestQuotaTerms(t *testing.T) {
	if err := (quota.Schedule{quotaTerms}).Validate(); err != nil {
		t.Fatal(err)
	}
	c := newCity(t, Options{Riders: 50, Seed: 1, Mix: Mix{Quota: 1}, Profile: "mix"})
	var poor int
	for i := range uint32(50) {
		if c.openingBalance(i) != quotaTerms.Quota || c.isEmpty(i) {
			t.Fatalf("card of rider %d begins with %s", i, c.openingBalance(i))
		}
		if c.isPoor(i) {
			poor++
			if amount, day := c.paidIn(i); c.funds(i) > 5_00 || amount < money.Fen(5*quotaTerms.Quota) || day < 2 || day > 4 {
				t.Errorf("rider %d has %s and pays in %s on D+%d", i, c.funds(i), amount, day)
			}
		}
		if limit := c.profileOf(i).Product().Extension; !limit.Quota || limit.Deposit != 0 {
			t.Fatalf("card of rider %d: %+v", i, limit)
		}
	}
	if poor == 50 {
		t.Error("everybody is poor")
	}
}
