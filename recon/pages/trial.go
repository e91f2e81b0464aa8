package pages

import "github.com/citycard/citycard/money"

// Trial is a test of reconciliation against the simulator's truth.
type Trial struct {
	Title  Text
	Seeds  string // as the user would repeat them: "1-20"
	Cards  int64
	Days   int64
	Solver Text // who judged, and over how much
	Rates  []Rate
	// Total adds up all rates, worked out by whoever ran the trial: rates may overlap.
	Total  Rate
	Checks []Hold
	Cases  []Case // of which the page shows what both methods knew on each day
}

// Rate is the outcome at one rate of injected faults.
type Rate struct {
	Name  Text
	Rate  Text // what was injected how often; may be empty
	Cards int64
	Rows  int64 // that arrived
	// Injected is what the simulator did, Decidable what of it the arrived rows prove.
	Injected, Decidable int64
	// Found are decidable ones found with exact card, counter, amount and day;
	// Invented are findings that never happened.
	Found, Invented int64
	Undecided       int64
	Verdicts, Equal int64 // verdicts compared with the naive solver, and those equal
	// Eligible are flash cards with a doubt row, no service and a next observation that
	// has arrived; Soon those refunded within 24 hours of its arrival.
	Eligible, Soon   int64
	Refunds          int64
	WrongRefunds     int64
	PolicyLoss       money.Fen // provisional credits and refunds that could not be taken back
	Timeline, Papers Method    // the card timeline, and the comparison of two loads
}

// Hold is something that must hold in a trial.
type Hold struct {
	Name Text
	Got  string
	OK   bool
}
