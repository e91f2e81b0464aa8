package sim

import (
	"fmt"

	"github.com/citycard/citycard/fare"
)

// Options say which day of which city is simulated.
type Options struct {
	Riders  int               // number of riders; 0 means all of the day
	Seed    uint64            //
	Date    fare.Date         // business day D
	Profile string            // "sm", "3des" or "mix"
	Mix     Mix               // kinds of cards; zero is bank cards that carry no journeys
	Files   map[string][]byte // replace embedded data files by name
	Refit   bool              // fit the demand anew from the station counts
	Workers int               // goroutines, at least 1; results do not depend on it
}

// Profiles are the values that Options.Profile may have.
var Profiles = []string{"sm", "3des", "mix"}

// LastDay is the last day after D that is simulated and closed.
const LastDay = 25

func (o *Options) validate() error {
	known := false
	for _, p := range Profiles {
		known = known || p == o.Profile
	}
	switch {
	case !known:
		return fmt.Errorf("profile %q: want sm, 3des or mix", o.Profile)
	case o.Mix.Bank < 0 || o.Mix.Quota < 0 || o.Mix.TUnion < 0 || o.Mix.sum() > maxWeights:
		return fmt.Errorf("mix %s: want weights from 0 that add up to at most %d", o.Mix, maxWeights)
	case o.Riders < 0:
		return fmt.Errorf("riders %d: want a positive number, or 0 for all", o.Riders)
	case o.Workers < 1:
		return fmt.Errorf("workers %d: want at least 1", o.Workers)
	}
	return nil
}
