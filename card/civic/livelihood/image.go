package livelihood

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/civic"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
)

// Fields that the profile fills in, and the factors by which keys are diversified.
const (
	fieldCode   = "card-code"
	fieldRegion = "region"
	fieldNumber = "number"

	factorArea   = "area"
	factorATR    = "atr"
	factorRegion = "region"
	factorNumber = "number"
)

// registeredProvider is the RID of social security in the card identification code.
const registeredProvider = "D156000005"

// Issue is everything about a single card that its profile does not say.
type Issue struct {
	Finance *perso.Issue
	// Serial is the chip's number, the last of the historical bytes.
	Serial [serialLength]byte
	// CodeCheck are the last four bytes of the card identification code. How
	// issuers compute them is not public; a reader must not judge them.
	CodeCheck [4]byte
	// Number is the card number of the partitions other than social security,
	// sixteen digits BCD.
	Number epurse.Factor
	// Values are those of fields by name, see civic.Issue; card-code, region and
	// number are set by Image.
	Values map[string]string
	// Master gives the master of a partition's key, see civic.Issue.
	Master func(name string) cryptogram.Key
	// Purse is the number and validity of the purse, if the profile has one.
	Purse purse.Card
}

// Image personalises one card. It fails with ErrProfile if a value belongs to no
// partition, and with the errors of civic.Partition.Template, perso.Profile.Parts
// and card.Assemble.
func (p *Profile) Image(in *Issue) (*card.Image, error) {
	own, err := p.civicIssue(in)
	if err != nil {
		return nil, fmt.Errorf("issue %s: %w", p.name, err)
	}
	taken := [][]byte{[]byte(ppse.ContactName)}
	var templates []cos.Template
	var root []byte
	for _, part := range p.partitions {
		t, err := part.Template(own)
		if err != nil {
			return nil, fmt.Errorf("issue %s: %w", p.name, err)
		}
		if part.Name() == p.root {
			root = t.AID()
		}
		templates = append(templates, t)
		taken = append(taken, part.Names()...)
	}
	if p.purse != nil {
		templates = append(templates, p.purse.Template(in.Purse))
		taken = append(taken, p.purse.AID())
	}
	parts, err := p.finance.Parts(in.Finance, taken...)
	if err != nil {
		return nil, fmt.Errorf("issue %s: %w", p.name, err)
	}
	environment, err := p.finance.Environment()
	if err != nil {
		return nil, fmt.Errorf("issue %s: %w", p.name, err)
	}
	parts.Applications = append(append(parts.Applications, environment), templates...)
	parts.Directory, parts.Root, parts.Historical = p.directory, root, p.historicalBytes(in)
	img, err := card.Assemble(parts)
	if err != nil {
		return nil, fmt.Errorf("issue %s: %w", p.name, err)
	}
	return img, nil
}

// historicalBytes are those of both answers: what the profile says, and the serial
// number.
func (p *Profile) historicalBytes(in *Issue) []byte {
	return append(p.historical[:len(p.historical):len(p.historical)], in.Serial[:]...)
}

// civicIssue gathers what the partitions are to have.
func (p *Profile) civicIssue(in *Issue) (*civic.Issue, error) {
	out := &civic.Issue{Values: map[string]string{}, Factors: map[string]epurse.Factor{}, Master: in.Master}
	for name, value := range in.Values {
		if !p.hasField(name) {
			return nil, fmt.Errorf("no partition has a field %.40q: %w", name, ErrProfile)
		}
		out.Values[name] = value
	}
	historical := p.historicalBytes(in)
	out.Values[fieldCode] = fmt.Sprintf("%s %s %X %X", p.area, registeredProvider, in.Serial, in.CodeCheck)
	out.Values[fieldRegion] = fmt.Sprintf("%X", p.region)
	out.Values[fieldNumber] = fmt.Sprintf("%X", in.Number)
	out.Factors[factorArea] = epurse.Factor([]byte(p.area + "sx"))
	out.Factors[factorATR] = epurse.Factor(historical[historicalLength-len(epurse.Factor{}):])
	out.Factors[factorRegion], out.Factors[factorNumber] = p.region, in.Number
	return out, nil
}

func (p *Profile) hasField(name string) bool {
	for _, part := range p.partitions {
		if part.HasField(name) {
			return true
		}
	}
	return false
}
