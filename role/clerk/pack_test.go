package clerk_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/recon/evidence"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/sim"
)

// Whatever the card is and whatever happened to it, its evidence verifies, with and
// without the account number.
func TestPackOfEveryCardVerifies(t *testing.T) {
	for profile, mix := range map[string]sim.Mix{"mix": {Bank: 40, Quota: 30, TUnion: 30}} {
		f := open(t, simulated(t, profile, mix), 0)
		parties, err := clerk.DevelopmentParties()
		if err != nil {
			t.Fatal(err)
		}
		cas, err := devkeys.CAKeys()
		if err != nil {
			t.Fatal(err)
		}
		roots := &evidence.Roots{CA: cas, Party: parties.Root()}
		shown := map[string]int{}
		for _, c := range allCards(t, f) {
			number := []byte(c.Key.PAN.Digits())
			for _, redact := range []bool{false, true} {
				pack, err := f.Pack(context.Background(), &clerk.PackRequest{Card: string(number), P: 0, Q: 0xFFFF, Redact: redact, Parties: parties, Rand: zeros{}})
				if errors.Is(err, clerk.ErrNothingToPack) {
					continue // no tap, or no tap that arrived
				}
				if err != nil {
					t.Fatalf("%s: %v", c.Key, err)
				}
				r, err := evidence.Verify(pack, roots)
				if err != nil {
					t.Errorf("%s, %s, redacted %v: %v", profile, c.Key, redact, err)
				}
				for i := range r.Lines {
					shown[r.Lines[i].Check]++
				}
				if key := c.Key.Bytes(); redact && (bytes.Contains(pack, key[:8]) || bytes.Contains(pack, number)) {
					t.Errorf("%s: a redacted pack has the account number", c.Key)
				}
			}
		}
		for _, check := range []string{"inclusion", "chain", "sdad", "sdad redacted", "pair", "issuer keys"} {
			if shown[check] == 0 {
				t.Errorf("%s: no card of the city showed %q: %v", profile, check, shown)
			}
		}
	}
}

// zeros stands in for randomness; signatures do not need it to be secret here.
type zeros struct{}

// Read fills p with zeros.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
