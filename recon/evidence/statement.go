package evidence

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// StatementFormat is the first field of a statement.
const StatementFormat = "citycard statement 1"

// Words of the issuer about what only it can check.
const (
	Right  = "right"
	Wrong  = "wrong"
	Absent = "absent" // a hold has no cryptogram, a purse no balance MAC
)

// Statement is what the issuer signs: what its keys say about each row, its own log,
// and what follows. Amounts are fen, times unix seconds.
type Statement struct {
	Format       string    `json:"format"`
	Issuer       string    `json:"issuer"`    // institution code
	Card         string    `json:"card"`      // masked
	AsOf         int64     `json:"as_of"`     // of the conclusion: a later row may change it
	Limit        money.Fen `json:"limit_fen"` // most that one counter can take (9F78)
	Observations []Seen    `json:"observations"`
	Pairs        []Pair    `json:"pairs"`
	Breaks       []Break   `json:"breaks"`
}

// Seen is one observation of the card.
type Seen struct {
	Row        int       `json:"row"`  // number in the pack, 0 for an entry of the issuer's log
	Leaf       string    `json:"leaf"` // of the row in its block's tree, hexadecimal
	ATC        uint16    `json:"atc"`
	Kind       string    `json:"kind"`        // timeline.ObsKind
	Cryptogram string    `json:"cryptogram"`  // 9F26: right, wrong, absent
	BalanceMAC string    `json:"balance_mac"` // in 9F10: right, wrong, absent
	Before     money.Fen `json:"before_fen"`  // value before this counter
	Offered    money.Fen `json:"offered_fen"` // debit, or amount of a load
	After      money.Fen `json:"after_fen"`   // value afterwards if it was committed
	Committed  string    `json:"committed"`   // yes, no, open: by more than the next balance
	Service    bool      `json:"service_given"`
	Refused    bool      `json:"refused"` // presented and not cleared
	Plain      bool      `json:"plain"`   // no hold, deposit, quota or purse: the pair can be worked out alone
	Time       int64     `json:"time"`
}

// Pair is two neighbouring observations (chapter 3): g, D, R(0), R(1).
type Pair struct {
	P         uint16    `json:"p"`
	Q         uint16    `json:"q"`
	Missing   int       `json:"missing_counters"`
	Fall      money.Fen `json:"fall_fen"`                // D = before(P) - before(Q)
	Most      money.Fen `json:"most_fen"`                // what the missing counters can have taken
	Without   money.Fen `json:"rest_uncommitted_fen"`    // R(0)
	With      money.Fen `json:"rest_committed_fen"`      // R(1); as R(0) where P offers nothing
	Feasible  []string  `json:"feasible"`                // of "uncommitted", "committed"
	Outcome   string    `json:"outcome"`                 // timeline.Outcome
	Committed string    `json:"committed"`               // yes, no, open
	Missed    money.Fen `json:"missed_fen"`              // taken by the missing counters; -1 if open
	Basis     string    `json:"basis"`                   // hard, soft
	Again     bool      `json:"can_be_worked_out_again"` // false: holds, deposits or purses need the whole card
}

// Break is what reconciliation concludes.
type Break struct {
	P         uint16    `json:"p"`
	Q         uint16    `json:"q"`
	Part      string    `json:"part"`  // timeline.Part
	State     string    `json:"state"` // timeline.State
	Amount    money.Fen `json:"amount_fen"`
	Contested money.Fen `json:"contested_fen"`
	Since     int64     `json:"since"`
	Final     int64     `json:"final"` // 0 if it needs no time
	Basis     string    `json:"basis"`
}

const maxObservations = 256

// Encode gives the one form of a statement that is signed.
func (s *Statement) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write statement: %w", err)
	}
	return append(b, '\n'), nil
}

// DecodeStatement reads what Encode writes, and nothing else.
func DecodeStatement(b []byte) (*Statement, error) {
	var s Statement
	if err := decodeStrictly(b, &s); err != nil {
		return nil, refuse(statementName, "%v", err)
	}
	switch again, err := s.Encode(); {
	case err != nil || !bytes.Equal(again, b):
		return nil, refuse(statementName, "is not in the one form that is signed")
	case s.Format != StatementFormat:
		return nil, refuse(statementName, "format %.40q, this program reads %q", s.Format, StatementFormat)
	case len(s.Observations) == 0 || len(s.Observations) > maxObservations || len(s.Pairs) > maxObservations || len(s.Breaks) > maxObservations:
		return nil, refuse(statementName, "%d observations, %d pairs, %d breaks: want 1 to %d observations", len(s.Observations), len(s.Pairs), len(s.Breaks), maxObservations)
	case s.Limit < 0 || s.Limit > maxAmount:
		return nil, refuse(statementName, "limit_fen %d is no limit of a card", s.Limit)
	}
	if err := s.checkWords(); err != nil {
		return nil, refuse(statementName, "%v", err)
	}
	return &s, nil
}

func decodeStrictly(b []byte, into any) error {
	if len(b) > maxMember {
		return fmt.Errorf("%d bytes, at most %d", len(b), maxMember)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("something follows the object")
	}
	return nil
}

// seen fills what a row says by itself; the issuer's words are added by the caller.
func seen(n int, leaf seal.Hash, r *txn.Row, refused bool) (Seen, error) {
	var o timeline.Observation
	var err error
	if r.Scheme == txn.Purse {
		o, err = timeline.FromPurse(r, refused)
	} else {
		var iad cryptogram.IAD
		if iad, err = cryptogram.ParseIAD(r.IssuerData()); err == nil {
			o, err = timeline.FromRow(r, iad, refused)
		}
	}
	if err != nil {
		return Seen{}, err
	}
	s := fromObservation(&o)
	s.Row, s.Leaf = n, hex.EncodeToString(leaf[:])
	s.Refused = refused
	return s, nil
}

func fromObservation(o *timeline.Observation) Seen {
	s := Seen{ATC: o.ATC, Kind: o.Kind.String(), Before: o.B, Offered: o.Debit, After: o.B - o.Debit, Committed: o.Commit.String(),
		Service: o.Service, Refused: o.Refused, Time: o.Time}
	if o.Kind == timeline.Load {
		s.After = o.B + o.Debit
	}
	s.Plain = !o.Purse && !o.Completes && o.Kind != timeline.Hold && o.Kind != timeline.Push && !o.UsedRead
	return s
}
