package quota

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
)

// Terms are the parameters of the scheme from a moment on. Amounts are in fen.
type Terms struct {
	From      int64     // unix time from which they are in force
	Quota     money.Fen // what a push sets
	Deposit   money.Fen // DF62 that opening sets, how far fares may go beyond the quota; 0: as personalised
	Threshold money.Fen // the quota is restored when less than this is left
	Cap       money.Fen // the exposure is never above
	Window    int64     // seconds in which a row must come after a later counter has come
	Retry     int64     // seconds after which an unanswered push is sent again
	MaxSends  int       // how often a push is sent before staff must look at it
}

// ErrTerms says that parameters contradict each other.
var ErrTerms = errors.New("terms of the quota contradict each other")

// Validate checks one set of parameters. The error is ErrTerms and names the field.
func (t *Terms) Validate() error {
	_, err := t.Quota.N12()
	switch {
	case err != nil || t.Quota == 0:
		return fmt.Errorf("quota %v, want a positive amount of at most 12 digits: %w", t.Quota, ErrTerms)
	case t.Deposit < 0 || t.Deposit >= t.Quota:
		return fmt.Errorf("deposit %v, want 0 to below the quota %v, which pays it first: %w", t.Deposit, t.Quota, ErrTerms)
	case t.Threshold <= 0 || t.Threshold > t.Quota:
		return fmt.Errorf("threshold %v, want above 0 and at most the quota %v: %w", t.Threshold, t.Quota, ErrTerms)
	case t.Cap < t.Quota+t.Deposit+t.Threshold:
		return fmt.Errorf("cap %v is below quota, deposit and threshold %v, so that nothing could be restored: %w",
			t.Cap, t.Quota+t.Deposit+t.Threshold, ErrTerms)
	case t.Window <= 0 || t.Retry <= 0 || t.MaxSends <= 0:
		return fmt.Errorf("window %d s, retry %d s, %d sends, want all positive: %w", t.Window, t.Retry, t.MaxSends, ErrTerms)
	}
	return nil
}

// Schedule is the parameters in the order of Terms.From.
type Schedule []Terms

// Validate checks each and their order. A schedule has at least one entry; times before
// the first take the first.
func (s Schedule) Validate() error {
	if len(s) == 0 {
		return fmt.Errorf("no parameters at all: %w", ErrTerms)
	}
	for i := range s {
		if err := s[i].Validate(); err != nil {
			return fmt.Errorf("parameters %d: %w", i+1, err)
		}
		if i > 0 && s[i].From <= s[i-1].From {
			return fmt.Errorf("parameters %d are not from a later time than those before: %w", i+1, ErrTerms)
		}
	}
	return nil
}

// At gives the parameters in force.
func (s Schedule) At(now int64) *Terms {
	at := 0
	for i := range s {
		if s[i].From <= now {
			at = i
		}
	}
	return &s[at]
}
