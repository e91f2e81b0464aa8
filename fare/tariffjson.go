package fare

import "encoding/json"

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
	t := new(tariffJSON)
	if _, err := decodeStrictly(TariffFile, data, t); err != nil {
		return nil, err
	}
	return t, nil
}
