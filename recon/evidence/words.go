package evidence

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// maxAmount bounds every amount that a statement gives, so that sums stay in range.
const maxAmount money.Fen = 1 << 40

// The words that a statement may use. Whatever it says is printed for people: a word of
// the issuer's own could look like a line of the report.
var (
	kindWords      = wordsOf(func(i uint8) string { return timeline.ObsKind(i).String() })
	certaintyWords = []string{timeline.Open.String(), timeline.Yes.String(), timeline.No.String()}
	outcomeWords   = []string{timeline.Decided.String(), timeline.Undecided.String(), timeline.OutcomeUnbacked.String(), timeline.OutcomeImpossible.String()}
	basisWords     = []string{timeline.Hard.String(), timeline.Soft.String()}
	partWords      = wordsOf(func(i uint8) string { return timeline.Part(i).String() })
	stateWords     = wordsOf(func(i uint8) string { return timeline.State(i).String() })

	maskedCard = regexp.MustCompile(`^[0-9*]{12,19}/[0-9]{2}$`)
	issuerCode = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
	leafText   = regexp.MustCompile(`^([0-9a-f]{64})?$`)
)

func wordsOf(name func(uint8) string) (words []string) {
	for i := range uint8(64) {
		if w := name(i); w != "" && w != "invalid" {
			words = append(words, w)
		}
	}
	return words
}

// checkWords refuses words that are none of the above, and amounts out of range.
func (s *Statement) checkWords() error {
	if !maskedCard.MatchString(s.Card) || !issuerCode.MatchString(s.Issuer) {
		return fmt.Errorf("card %.30q of issuer %.40q: want a masked number and an institution code", s.Card, s.Issuer)
	}
	for i := range s.Observations {
		o := &s.Observations[i]
		if !slices.Contains(kindWords, o.Kind) || !slices.Contains(certaintyWords, o.Committed) || !leafText.MatchString(o.Leaf) {
			return fmt.Errorf("observation %d: kind %.20q, committed %.20q or its leaf is not known", i+1, o.Kind, o.Committed)
		}
		if !inRange(o.Before, o.Offered, o.After) {
			return fmt.Errorf("observation %d: amounts %d, %d, %d are out of range", i+1, o.Before, o.Offered, o.After)
		}
	}
	for i := range s.Pairs {
		if p := &s.Pairs[i]; !slices.Contains(outcomeWords, p.Outcome) || !slices.Contains(certaintyWords, p.Committed) || !slices.Contains(basisWords, p.Basis) {
			return fmt.Errorf("pair %d: outcome %.20q, committed %.20q or basis %.20q is not known", i+1, p.Outcome, p.Committed, p.Basis)
		}
	}
	for i := range s.Breaks {
		b := &s.Breaks[i]
		if !slices.Contains(partWords, b.Part) || !slices.Contains(stateWords, b.State) || !slices.Contains(basisWords, b.Basis) {
			return fmt.Errorf("break %d: part %.20q, state %.20q or basis %.20q is not known", i+1, b.Part, b.State, b.Basis)
		}
		if !inRange(b.Amount, b.Contested) {
			return fmt.Errorf("break %d: amounts %d and %d are out of range", i+1, b.Amount, b.Contested)
		}
	}
	return nil
}

func inRange(amounts ...money.Fen) bool {
	return !slices.ContainsFunc(amounts, func(a money.Fen) bool { return a < -maxAmount || a > maxAmount })
}
