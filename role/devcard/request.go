package devcard

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/citycard/citycard/card/civic/livelihood"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Kinds of error.
var (
	// ErrProfile: there is no profile of this name.
	ErrProfile = errors.New("no such card profile")
	// ErrRequest: the card that is asked for cannot be made.
	ErrRequest = errors.New("such a card cannot be made")
)

// Blank is the name of the profile of a card that is not personalised yet: a
// security domain and the directories of the profile blankBase.
const Blank = "blank"

// blankBase is the profile whose directories a blank card has.
const blankBase = "dev-dual"

// The default card: the one of the worked examples.
const (
	DefaultPAN = "6228000100001117"
	DefaultPSN = 0x01
)

// openingEC is what a card has on it if its profile does not say, in fen.
const openingEC money.Fen = 100000

// Request says which card is wanted.
type Request struct {
	Profile string
	PAN     txn.PAN   // 5A
	PSN     byte      // 5F34, two decimal digits as BCD
	PIN     pin.PIN   // zero: that of the profile, if it has one
	Balance money.Fen // 9F79 when issued
}

// Names are the profiles for which bank cards can be issued, sorted. Other cards
// are those of Others.
func Names() []string {
	names := append(perso.EmbeddedNames(), Blank)
	names = append(names, livelihood.EmbeddedNames()...)
	slices.Sort(names)
	return names
}

// Default is the request for the default card of a profile, one of Names or Others.
// The error is ErrProfile.
func Default(profile string) (Request, error) {
	if IsOther(profile) {
		return Request{Profile: profile}, nil
	}
	p, err := find(profile)
	if err != nil {
		return Request{}, err
	}
	pan, err := txn.ParsePAN(DefaultPAN)
	if err != nil {
		return Request{}, fmt.Errorf("default card number: %w", err)
	}
	r := Request{Profile: profile, PAN: pan, PSN: DefaultPSN, Balance: p.Opening()}
	if r.Balance == 0 {
		r.Balance = min(openingEC, p.Product().Limits.Balance)
	}
	return r, nil
}

// find gives an embedded profile; for Blank the one that it is made of, for a
// livelihood card that of its finance application.
func find(name string) (*perso.Profile, error) {
	if isLivelihood(name) {
		p, err := livelihood.Embedded(name)
		if err != nil {
			return nil, err
		}
		return p.Finance(), nil
	}
	if name == Blank {
		name = blankBase
	}
	if !slices.Contains(perso.EmbeddedNames(), name) {
		return nil, fmt.Errorf("profile %.40q: %w", name, ErrProfile)
	}
	return perso.Embedded(name)
}

// description is the form of a request that is kept with a card's memory. What
// the memory holds itself is not in it.
type description struct {
	Profile string `json:"profile"`
	PAN     string `json:"pan"` // empty, like psn, for one of Others
	PSN     string `json:"psn"`
}

// Describe gives what ParseDescription needs to make the image of the same card
// again. It holds the card number, and no secret.
func (r *Request) Describe() ([]byte, error) {
	d := description{Profile: r.Profile}
	if !IsOther(r.Profile) {
		d.PAN, d.PSN = r.PAN.Digits(), hex.EncodeToString([]byte{r.PSN})
	}
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("describe card: %w", err)
	}
	return b, nil
}

// maxDescription is more than any description has, in bytes.
const maxDescription = 1024

// ParseDescription reads what Describe made. PIN and balance of the request are
// the profile's; the card's own are in its memory. Errors are ErrRequest and
// ErrProfile.
func ParseDescription(b []byte) (Request, error) {
	if len(b) > maxDescription {
		return Request{}, fmt.Errorf("description of a card has %d bytes, at most %d are possible: %w", len(b), maxDescription, ErrRequest)
	}
	var d description
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return Request{}, fmt.Errorf("description of a card: %w: %w", err, ErrRequest)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Request{}, fmt.Errorf("description of a card: something stands behind it: %w", ErrRequest)
	}
	r, err := Default(d.Profile)
	if err != nil {
		return Request{}, err
	}
	if IsOther(d.Profile) {
		if d.PAN != "" || d.PSN != "" {
			return Request{}, fmt.Errorf("description of a card: one of profile %s has no pan and no psn: %w", d.Profile, ErrRequest)
		}
		return r, nil
	}
	if r.PAN, err = txn.ParsePAN(d.PAN); err != nil {
		return Request{}, fmt.Errorf("description of a card: %w: %w", err, ErrRequest)
	}
	if r.PSN, err = ParsePSN([]byte(d.PSN)); err != nil {
		return Request{}, err
	}
	return r, nil
}

// ParsePSN reads a sequence number of two decimal digits. The error is ErrRequest.
func ParsePSN(digits []byte) (byte, error) {
	b, err := hex.DecodeString(string(digits))
	if err != nil || len(b) != 1 || b[0]>>4 > 9 || b[0]&15 > 9 {
		return 0, fmt.Errorf("sequence number %.40q, want two decimal digits such as 01: %w", digits, ErrRequest)
	}
	return b[0], nil
}
