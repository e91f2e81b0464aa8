package certify

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/citycard/citycard/money"
)

// Text is a text in English and Chinese.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Outcome is how a case ended.
type Outcome string

// Outcomes, as they stand in the JSON form.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"
	Skip Outcome = "skip" // the case does not apply, or something it needs is not known
)

// Exchange is one command and its answer, in hexadecimal with account numbers
// masked. A reset has the command "reset" and the answer to reset.
type Exchange struct {
	Command string `json:"command"`
	Answer  string `json:"answer"`
}

// CaseResult is one case as it went.
type CaseResult struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	NameZH    string `json:"name_zh"`
	Group     string `json:"group"`
	Clause    string `json:"clause"`
	Purpose   string `json:"purpose"`
	PurposeZH string `json:"purpose_zh"`
	// Expected are the words of which a terminal under test must tell one, if it tells how
	// it ended; a case for cards has none.
	Expected []string `json:"expected,omitempty"`
	Result   Outcome  `json:"result"`
	// Detail says what was expected and what came, for a failed case only.
	Detail string `json:"detail,omitempty"`
	// Reason says why a case was skipped.
	Reason   string `json:"reason,omitempty"`
	ReasonZH string `json:"reason_zh,omitempty"`
	// APDUs of a failed case, the last ones first lost if there are very many.
	APDUs []Exchange `json:"apdus,omitempty"`
}

// CardFacts is what a run learned about the card, masked.
type CardFacts struct {
	ATR         string    `json:"atr"`
	AID         string    `json:"aid"`
	Label       string    `json:"label"`
	PAN         string    `json:"pan"` // first six and last four digits
	Algorithms  []string  `json:"algorithms"`
	Contactless bool      `json:"contactless"`
	Contact     bool      `json:"contact"`
	PINTries    int       `json:"pin_tries"` // left before the run; -1 if not told
	ATCBefore   int       `json:"atc_before"`
	ATCAfter    int       `json:"atc_after"`   // -1 if the card went before it could be asked
	Balance     money.Fen `json:"balance_fen"` // electronic cash after the run
	Spent       money.Fen `json:"spent_fen"`
	SpentSecond money.Fen `json:"spent_second"` // of the second currency, in its hundredths
	// Beside the finance application.
	Extension    string    `json:"transit_extension"` // DF61, hexadecimal, empty for none
	Quota        bool      `json:"quota"`             // the balance is for fares alone
	Purse        string    `json:"purse"`             // name of an electronic purse, empty for none
	PurseBalance money.Fen `json:"purse_balance_fen"` // after the run
	PurseSpent   money.Fen `json:"purse_spent_fen"`
	Terminal     string    `json:"module_terminal"` // terminal number of a security module, empty for none
	Partitions   []string  `json:"partitions"`      // public service applications
}

// Report is the outcome of a run.
type Report struct {
	Profile     string       `json:"profile"`
	Time        string       `json:"time"` // RFC 3339, as given
	Destructive bool         `json:"destructive"`
	Passed      int          `json:"passed"`
	Failed      int          `json:"failed"`
	Skipped     int          `json:"skipped"`
	Card        CardFacts    `json:"card"`
	Cases       []CaseResult `json:"cases"`
	// Incomplete is the case at which the run ended early, which has no verdict;
	// empty if the run is whole.
	Incomplete string `json:"incomplete,omitempty"`
}

// Conforms reports whether the run is whole, something was tested and nothing failed.
func (r *Report) Conforms() bool { return r.Failed == 0 && r.Passed > 0 && r.Incomplete == "" }

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write conformance report: %w", err)
	}
	return nil
}

func (r *Report) add(c CaseResult) {
	switch c.Result {
	case Pass:
		r.Passed++
	case Fail:
		r.Failed++
	default:
		r.Skipped++
	}
	r.Cases = append(r.Cases, c)
}
