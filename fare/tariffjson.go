package fare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// tariffJSON is tariff.json. Keys that only explain (basis, notes, the Chinese
// wording) are named so that a misspelt key is still refused.
type tariffJSON struct {
	City        string               `json:"city"`
	Currency    string               `json:"currency"`
	Version     int                  `json:"version"`
	Since       string               `json:"since"`
	NetworkAsOf string               `json:"network_as_of"`
	Main        listJSON             `json:"metro_main_network"`
	Separate    map[string]spokeJSON `json:"separate_networks"`
	Rule        string               `json:"separate_networks_rule"`
	Limit       limitJSON            `json:"time_limit"`
	Monthly     monthlyJSON          `json:"monthly_accumulated_discount"`
	Early       earlyJSON            `json:"early_bird"`
	Bus         busJSON              `json:"city_bus"`
}

type listJSON struct {
	Basis     string      `json:"basis"`
	Bands     []bandJSON  `json:"bands"`
	Beyond    *growthJSON `json:"beyond_last_band"`
	Tolerance int         `json:"band_tolerance_m"`
	Note      string      `json:"band_tolerance_note"`
}

type bandJSON struct {
	UpTo *int `json:"up_to_m"`
	Over *int `json:"over_m"`
	Fare int  `json:"fare_yuan"`
}

type growthJSON struct {
	Each int `json:"each_started_m"`
	Adds int `json:"adds_yuan"`
}

type spokeJSON struct {
	Lines []string   `json:"lines"`
	Flat  *int       `json:"flat_yuan"`
	Bands []bandJSON `json:"bands"`
	Joins []string   `json:"joins_main_at"`
}

type limitJSON struct {
	Hours     int      `json:"hours"`
	Surcharge int      `json:"surcharge_yuan"`
	Networks  []string `json:"networks"`
	Note      string   `json:"note"`
}

type monthlyJSON struct {
	AppliesTo string     `json:"applies_to"`
	Media     []string   `json:"media"`
	Networks  []string   `json:"networks"`
	Tiers     []tierJSON `json:"tiers"`
	Text      string     `json:"text_zh"`
}

type tierJSON struct {
	From *int        `json:"spent_before_trip_yuan_from"`
	Rate json.Number `json:"rate"`
}

type earlyJSON struct {
	Rate     json.Number `json:"rate"`
	When     string      `json:"when"`
	Before   string      `json:"before"`
	Media    []string    `json:"media"`
	Networks []string    `json:"networks"`
	Stations []string    `json:"entry_stations"`
}

type busJSON struct {
	Bands  string      `json:"bands"`
	First  int         `json:"first_m"`
	Fare   int         `json:"first_yuan"`
	Beyond *growthJSON `json:"beyond"`
	Card   json.Number `json:"card_rate"`
	Text   string      `json:"text_zh"`
}

// decodeTariff reads the JSON strictly: no unknown key, no key twice, nothing
// after the object.
func decodeTariff(data []byte) (*tariffJSON, error) {
	if len(data) > maxFileBytes {
		return nil, &Error{File: TariffFile, Problem: fmt.Sprintf("%d bytes long", len(data)), Fix: fmt.Sprintf("keep it below %d", maxFileBytes)}
	}
	if err := refuseTwins(data); err != nil {
		return nil, err
	}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	t := new(tariffJSON)
	if err := in.Decode(t); err != nil {
		return nil, tariffError(data, in.InputOffset(), err)
	}
	return t, nil
}

// refuseTwins walks the tokens and refuses a key that an object holds twice (in
// any mix of upper and lower case: the decoder would take the last one) and
// anything after the first value.
func refuseTwins(data []byte) error {
	in := json.NewDecoder(bytes.NewReader(data))
	var open []map[string]bool // keys of each open object; nil for an array
	wantKey := false
	for {
		start := in.InputOffset()
		token, err := in.Token()
		if err != nil {
			return tariffError(data, start, err)
		}
		key, isString := token.(string)
		switch {
		case token == json.Delim('{'):
			open, wantKey = append(open, map[string]bool{}), true
		case token == json.Delim('['):
			open, wantKey = append(open, nil), false
		case token == json.Delim('}') || token == json.Delim(']'):
			open = open[:len(open)-1]
			wantKey = len(open) > 0 && open[len(open)-1] != nil
		case wantKey && isString:
			keys := open[len(open)-1]
			if keys[strings.ToLower(key)] {
				return tariffError(data, in.InputOffset(), fmt.Errorf("key %q stands twice in one object", clip(key)))
			}
			keys[strings.ToLower(key)], wantKey = true, false
		default:
			wantKey = len(open) > 0 && open[len(open)-1] != nil
		}
		if len(open) > 16 {
			return tariffError(data, start, errors.New("nested too deeply"))
		}
		if len(open) == 0 {
			break
		}
	}
	after := in.InputOffset()
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return tariffError(data, after, errors.New("more text after the object"))
	}
	return nil
}

// tariffError turns a decoder's error into one with line and column.
func tariffError(data []byte, offset int64, err error) error {
	bad := &Error{File: TariffFile, Problem: strings.TrimPrefix(err.Error(), "json: "), Fix: "correct the JSON; data/tariff.json of package fare/beijing is a model"}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset, bad.Field = kind.Offset, kind.Field
		bad.Problem, bad.Fix = "cannot hold a "+clip(kind.Value), "give a "+kind.Type.String()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, bad.Problem = int64(len(data)), "ends too early"
	}
	read := data[:min(max(offset, 0), int64(len(data)))]
	bad.Line = bytes.Count(read, []byte{'\n'}) + 1
	bad.Column = max(1, len(read)-1-bytes.LastIndexByte(read, '\n'))
	return bad
}
