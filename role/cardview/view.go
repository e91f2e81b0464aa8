package cardview

// View is what a card shows.
type View struct {
	ATR          string        `json:"atr"`                   // answer to reset, hexadecimal
	Historical   string        `json:"historical"`            // its historical bytes as text, empty if they are none
	Contact      bool          `json:"contact_directory"`     // the card has a PSE
	Contactless  bool          `json:"contactless_directory"` // the card has a PPSE
	Domain       string        `json:"security_domain"`       // name of the issuer security domain, hexadecimal, empty for none
	Applications []Application `json:"applications"`
	Notes        []string      `json:"notes"` // what could not be read, and why
}

// Application is one application of a card. Objects that the card does not give
// are missing: nil pointers and empty texts.
type Application struct {
	AID         string `json:"aid"` // hexadecimal
	Label       string `json:"label"`
	Contactless bool   `json:"contactless"` // named by the PPSE
	Contact     bool   `json:"contact"`     // named by the PSE
	Blocked     bool   `json:"blocked"`     // SELECT answers 6283

	PAN       string `json:"pan"`         // masked
	PSN       string `json:"psn"`         // 5F34
	Effective string `json:"valid_from"`  // YYYY-MM-DD
	Expires   string `json:"valid_until"` // YYYY-MM-DD
	Country   string `json:"country"`     // 5F28 or 9F57, three digits

	Cash     *Purse `json:"electronic_cash"`   // nil: none
	Second   *Purse `json:"second_currency"`   // JR/T 0025.15, nil: none
	ATC      *int   `json:"atc"`               // 9F36, before this reading
	Online   *int   `json:"last_online_atc"`   // 9F13
	PINTries *int   `json:"pin_tries"`         // 9F17
	Transit  string `json:"transit_extension"` // DF61, hexadecimal

	Limits  []Limit   `json:"limits"`
	Log     []Payment `json:"log"`      // newest first
	LoadLog []Load    `json:"load_log"` // newest first

	Journeys []Journey `json:"journeys"` // records of the low-value extension
	Trips    []Trip    `json:"trips"`    // log 1E, newest first

	Authentication Authentication `json:"authentication"`
}

// Purse is an amount of money on the card. Amounts are in hundredths of the
// currency.
type Purse struct {
	Currency string `json:"currency"` // ISO 4217, three digits
	Balance  int64  `json:"balance_fen"`
	Limit    *int64 `json:"balance_limit_fen"` // 9F77, DF77
	Single   *int64 `json:"single_limit_fen"`  // 9F78, DF78
}

// Limit is one value of card risk management as GET DATA gives it.
type Limit struct {
	Tag    string `json:"tag"` // hexadecimal
	Name   string `json:"name"`
	NameZH string `json:"name_zh"`
	Value  string `json:"value"` // amount in yuan, count, or hexadecimal
}

// Payment is a record of the transaction log (9F4D).
type Payment struct {
	Date     string `json:"date"` // YYYY-MM-DD, empty if it is not logged
	Time     string `json:"time"` // HH:MM:SS
	Amount   *int64 `json:"amount_fen"`
	Other    *int64 `json:"other_amount_fen"`
	Currency string `json:"currency"`
	Country  string `json:"country"`
	Type     string `json:"type"` // 9C, hexadecimal
	ATC      *int   `json:"atc"`
	Merchant string `json:"merchant"` // 9F4E
}

// Load is a record of the load log (DF4D).
type Load struct {
	Date     string `json:"date"`
	Time     string `json:"time"`
	Tag      string `json:"tag"` // 9F79 or DF79: which balance
	Before   int64  `json:"before_fen"`
	After    int64  `json:"after_fen"`
	ATC      *int   `json:"atc"`
	Country  string `json:"country"`
	Merchant string `json:"merchant"`
}

// Results of an authentication.
const (
	Genuine    = "genuine"     // certificates and signature verify
	NotGenuine = "not_genuine" // they do not; Reason says what
	NotChecked = "not_checked" // nothing could be verified; Reason says why
)

// Authentication is what offline data authentication says.
type Authentication struct {
	Result    string `json:"result"`             // Genuine, NotGenuine or NotChecked
	Method    string `json:"method"`             // "fDDA", "DDA", "SDA" or empty
	Algorithm string `json:"algorithm"`          // "SM2", "RSA" or empty
	CAIndex   string `json:"ca_index"`           // 8F, hexadecimal
	Until     string `json:"certificates_until"` // YYYY-MM, the last month in which both certificates are valid
	Reason    string `json:"reason"`
	Counter   *int   `json:"counter_used"` // the ATC that the check used up
}
