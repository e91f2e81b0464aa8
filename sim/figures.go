package sim

import (
	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/sqlite"
)

// reportData fills the page from the database and the truth.
func (r *Run) reportData(_ *sqlite.Reader, res *Result) (*report.Data, error) {
	d := &report.Data{Seed: res.Seed, Riders: int64(res.Riders), Profile: res.Profile}
	return d, nil
}
