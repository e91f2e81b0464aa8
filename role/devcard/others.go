package devcard

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/card/purse"
)

// Kinds of card.
const (
	KindBank   = "bank"            // of Names: with a finance application, or to get one
	KindPurse  = "purse"           // electronic purse of JT/T 978 or City Union, alone
	KindModule = "security_module" // PSAM
)

// Others are the profiles of cards that are no bank cards, sorted. Each gives one
// card, whose number and balance its profile says: requests for it have none.
func Others() []string {
	names := append(purse.EmbeddedNames(), psam.EmbeddedNames()...)
	slices.Sort(names)
	return names
}

// IsOther tells whether a profile is one of Others.
func IsOther(profile string) bool { return slices.Contains(Others(), profile) }

func isPurse(profile string) bool { return slices.Contains(purse.EmbeddedNames(), profile) }

// issueOther makes the card of one of Others.
func issueOther(r Request) (*card.Image, error) {
	if r != (Request{Profile: r.Profile}) {
		return nil, fmt.Errorf("issue a card of profile %s: its number, PIN and balance are those of the profile: %w", r.Profile, ErrRequest)
	}
	if !isPurse(r.Profile) {
		p, err := psam.Embedded(r.Profile)
		if err != nil {
			return nil, err
		}
		return p.Default()
	}
	p, err := purse.Embedded(r.Profile)
	if err != nil {
		return nil, err
	}
	return card.Assemble(card.Parts{Applications: []cos.Template{p.Template(p.Card())}})
}

// OtherProfiles describes every profile of Others, in their order. Of the fields
// about bank cards those about the purse are used, for its balance, and none else.
func OtherProfiles() ([]Profile, error) {
	var list []Profile
	for _, name := range Others() {
		img, err := issueOther(Request{Profile: name})
		if err != nil {
			return nil, err
		}
		out := Profile{Name: name, Kind: KindModule, Algorithms: []Suite{}, ATR: fmt.Sprintf("%X", img.ATR())}
		for _, t := range img.Templates() {
			out.AIDs = append(out.AIDs, fmt.Sprintf("%X", t.AID()))
		}
		out.AID = out.AIDs[0]
		if isPurse(name) {
			p, err := purse.Embedded(name)
			if err != nil {
				return nil, err
			}
			out.Kind, out.ATS = KindPurse, fmt.Sprintf("%X", img.ATS())
			if money := p.Spec(p.Card()).EP; money != nil {
				out.Opening, out.Limit = int64(money.Opening), int64(money.Max)
			}
		}
		list = append(list, out)
	}
	return list, nil
}
