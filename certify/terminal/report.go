package terminal

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/citycard/citycard/certify"
)

// Report is the outcome of a run.
type Report struct {
	Terminal string               `json:"terminal"`
	Time     string               `json:"time"` // RFC 3339, as given
	Passed   int                  `json:"passed"`
	Failed   int                  `json:"failed"`
	Skipped  int                  `json:"skipped"`
	Groups   []Count              `json:"groups"`
	Cases    []certify.CaseResult `json:"cases"`
	// Incomplete is the case at which the run ended early, which has no verdict; empty if
	// the run is whole.
	Incomplete string `json:"incomplete,omitempty"`
}

// Count is how the cases of one group went.
type Count struct {
	Group   string `json:"group"`
	Passed  int    `json:"passed"`
	Failed  int    `json:"failed"`
	Skipped int    `json:"skipped"`
}

// Conforms reports whether the run is whole, something was tested and nothing failed.
func (r *Report) Conforms() bool { return r.Failed == 0 && r.Passed > 0 && r.Incomplete == "" }

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write terminal conformance report: %w", err)
	}
	return nil
}

func (r *Report) add(c certify.CaseResult) {
	n := len(r.Groups)
	if n == 0 || r.Groups[n-1].Group != c.Group {
		r.Groups = append(r.Groups, Count{Group: c.Group})
		n++
	}
	g := &r.Groups[n-1]
	switch c.Result {
	case certify.Pass:
		r.Passed++
		g.Passed++
	case certify.Fail:
		r.Failed++
		g.Failed++
	default:
		r.Skipped++
		g.Skipped++
	}
	r.Cases = append(r.Cases, c)
}
