package emv

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

var errConfig = errors.New("unusable terminal configuration")

// Validate says which setting no terminal can work with.
func (c *Config) Validate() error {
	switch {
	case len(c.Applications) == 0:
		return fmt.Errorf("no applications: %w", errConfig)
	case len(c.Applications) > maxCandidates:
		return fmt.Errorf("%d applications, want at most %d: %w", len(c.Applications), maxCandidates, errConfig)
	case len(c.Merchant) > 20:
		return fmt.Errorf("merchant name 9F4E of %d bytes, want at most 20: %w", len(c.Merchant), errConfig)
	case !typeOK(c.Type):
		return fmt.Errorf("terminal type 9F35 is %02X, want 11 to 16, 21 to 26 or 34 to 36: %w", c.Type, errConfig)
	case c.Authenticate == nil:
		return fmt.Errorf("no Authenticate: %w", errConfig)
	}
	for i := range c.Applications {
		if err := c.Applications[i].validate(); err != nil {
			return fmt.Errorf("application %d (%X): %w", i+1, c.Applications[i].Name, err)
		}
	}
	return nil
}

// typeOK knows the terminal types of EMV Book 4, annex A1.
func typeOK(t byte) bool {
	return t >= 0x11 && t <= 0x16 || t >= 0x21 && t <= 0x26 || t >= 0x34 && t <= 0x36
}

// maxFloorLimit is what four bytes of 9F1B hold.
const maxFloorLimit money.Fen = 1<<32 - 1

func (a *Application) validate() error {
	r := &a.Random
	switch {
	case !nameOK(a.Name):
		return fmt.Errorf("name of %d bytes, want 5 to 16: %w", len(a.Name), errConfig)
	case a.FloorLimit < 0 || a.FloorLimit > maxFloorLimit:
		return fmt.Errorf("floor limit 9F1B is %d, want 0 to %d: %w", a.FloorLimit, maxFloorLimit, errConfig)
	case r.Threshold < 0 || r.Threshold > 0 && r.Threshold >= a.FloorLimit:
		return fmt.Errorf("random selection threshold is %d, want 0 or less than the floor limit: %w", r.Threshold, errConfig)
	case r.Target > 99 || r.Max > 99 || r.Max < r.Target:
		return fmt.Errorf("random selection %d to %d per cent, want 0 to 99 and not falling: %w", r.Target, r.Max, errConfig)
	}
	if _, err := a.CashLimit.N12(); err != nil {
		return fmt.Errorf("electronic cash limit 9F7B: %w", err)
	}
	for name, list := range map[string][]byte{"default DDOL": a.DDOL, "default TDOL": a.TDOL} {
		dol, err := tlv.ParseDOL(list)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case dol.Len() > tlv.MaxDOLData:
			return fmt.Errorf("%s asks for %d bytes, want at most %d: %w", name, dol.Len(), tlv.MaxDOLData, errConfig)
		}
	}
	return nil
}
