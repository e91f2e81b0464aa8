package terminaltest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/internal/strictyaml"
	"github.com/citycard/citycard/money"
)

// MaxSetup is the longest setup file, in bytes.
const MaxSetup = 16 << 10

// ErrSetup says that a file is no setup of a terminal.
var ErrSetup = errors.New("not a setup of a terminal")

// abilities are the words for what a terminal has.
var abilities = map[string]func(*terminal.Setup) *bool{
	"contact":        func(s *terminal.Setup) *bool { return &s.Contact },
	"contactless":    func(s *terminal.Setup) *bool { return &s.Contactless },
	"sm":             func(s *terminal.Setup) *bool { return &s.SM },
	"sda":            func(s *terminal.Setup) *bool { return &s.SDA },
	"dda":            func(s *terminal.Setup) *bool { return &s.DDA },
	"cda":            func(s *terminal.Setup) *bool { return &s.CDA },
	"plain_pin":      func(s *terminal.Setup) *bool { return &s.PlainPIN },
	"enciphered_pin": func(s *terminal.Setup) *bool { return &s.EncipheredPIN },
	"online_pin":     func(s *terminal.Setup) *bool { return &s.OnlinePIN },
	"signature":      func(s *terminal.Setup) *bool { return &s.Signature },
	"no_cvm":         func(s *terminal.Setup) *bool { return &s.NoCVM },
	"load":           func(s *terminal.Setup) *bool { return &s.Load },
	"debit_air":      func(s *terminal.Setup) *bool { return &s.DebitOverAir },
	"stripe_air":     func(s *terminal.Setup) *bool { return &s.Stripe },
	"choice":         func(s *terminal.Setup) *bool { return &s.Choice },
	"again":          func(s *terminal.Setup) *bool { return &s.Again },
	"no_random":      func(s *terminal.Setup) *bool { return &s.NoRandom },
	"host":           func(s *terminal.Setup) *bool { return &s.Host },
	"person":         func(s *terminal.Setup) *bool { return &s.Person },
	"gate":           func(s *terminal.Setup) *bool { return &s.Gate },
	"bus":            func(s *terminal.Setup) *bool { return &s.Bus },
	"alight":         func(s *terminal.Setup) *bool { return &s.Alight },
	"hold":           func(s *terminal.Setup) *bool { return &s.Hold },
	"purse":          func(s *terminal.Setup) *bool { return &s.Purse },
	"serial":         func(s *terminal.Setup) *bool { return &s.Serial },
	"remembers":      func(s *terminal.Setup) *bool { return &s.Remembers },
}

// Abilities are the words that a setup file may name under has, in their order.
func Abilities() []string {
	var list []string
	for word := range abilities {
		list = append(list, word)
	}
	slices.Sort(list)
	return list
}

// SetupKeys are the keys that a setup file may have.
func SetupKeys() []string {
	return []string{"has", "country", "currency", "version", "floor_limit_fen", "contactless_floor_fen", "cvm_limit_fen",
		"contactless_limit_fen", "cash_limit_fen", "fare_fen", "tac_denial", "tac_online", "tac_default"}
}

// ParseSetup reads how a terminal is set and what it has, YAML. Keys that are missing
// stand for terminal.Everything:
//
//	has: [contact, contactless, sm, sda, dda, cda, plain_pin, ...]   # Abilities
//	country: "0156"
//	currency: "0156"
//	version: "0030"               # 9F09
//	floor_limit_fen: 50000        # 9F1B, contacts
//	contactless_floor_fen: 80000  # DF19; 0: not set
//	cvm_limit_fen: 30000          # DF21; 0: not set
//	contactless_limit_fen: 100000 # DF20; 0: not set
//	cash_limit_fen: 50000         # 9F7B; 0: no electronic cash over the contacts
//	fare_fen: 400                 # gates: of the journey that the run makes; 0: not told
//	tac_denial: "0000000000"
//	tac_online: "CC00000000"
//	tac_default: "CC00000000"
//
// The error is ErrSetup; it names line and key.
func ParseSetup(b []byte) (terminal.Setup, error) {
	out := terminal.Everything()
	r, n, err := strictyaml.Parse(b, MaxSetup, "setup")
	if err != nil {
		return out, fmt.Errorf("setup: %w: %w", err, ErrSetup)
	}
	s := r.Mapping(n, "", SetupKeys()...)
	for key, to := range map[string][]byte{
		"country": out.Country[:], "currency": out.Currency[:], "version": out.Version[:],
		"tac_denial": out.Actions.Denial[:], "tac_online": out.Actions.Online[:], "tac_default": out.Actions.Default[:],
	} {
		copy(to, s.Bytes(key, len(to), len(to), false))
	}
	for key, to := range map[string]*money.Fen{
		"floor_limit_fen": &out.FloorLimit, "contactless_floor_fen": &out.ContactlessFloor, "cvm_limit_fen": &out.CVMLimit,
		"contactless_limit_fen": &out.ContactlessLimit, "cash_limit_fen": &out.CashLimit, "fare_fen": &out.Fare,
	} {
		*to = money.Fen(s.Number(key, 0, 100_000_00, int64(*to)))
	}
	if s.Node("has") != nil {
		for _, field := range abilities {
			*field(&out) = false
		}
		for i, n := range s.List("has", len(abilities)) {
			field, known := abilities[n.Value]
			if !known {
				r.Fail(n.Line, fmt.Sprintf("has[%d]", i+1), "%.20q is not known; want %s", n.Value, strings.Join(Abilities(), ", "))
				continue
			}
			*field(&out) = true
		}
	}
	if r.Err() != nil {
		return terminal.Everything(), fmt.Errorf("setup, %w: %w", r.Err(), ErrSetup)
	}
	return out, nil
}
