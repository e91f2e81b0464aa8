package devcard

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/civic/livelihood"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/txn"
)

// masterOfCodes names the key of the check bytes of card identification codes.
const masterOfCodes = "card-code"

// civicMaster is the development master of a key of a partition. Its name begins
// with the partition's.
func civicMaster(name string) cryptogram.Key { return keystore.DevelopmentKey("civic/" + name) }

// isLivelihood tells whether a profile is one of a livelihood card.
func isLivelihood(profile string) bool { return slices.Contains(livelihood.EmbeddedNames(), profile) }

// issueLivelihood makes a livelihood card around the finance application of in.
// Numbers of chip and card follow from the account number's last digits.
func issueLivelihood(r Request, in *perso.Issue) (*card.Image, error) {
	p, err := livelihood.Embedded(r.Profile)
	if err != nil {
		return nil, err
	}
	out, err := livelihoodIssue(r.PAN, in)
	if err != nil {
		return nil, err
	}
	return p.Image(out)
}

func livelihoodIssue(pan txn.PAN, in *perso.Issue) (*livelihood.Issue, error) {
	digits := pan.Digits()
	number, err := hex.DecodeString("1000" + digits[len(digits)-12:])
	if err != nil {
		return nil, fmt.Errorf("number of the card: %w", err)
	}
	trips := purse.Card{Number: [10]byte(append(tUnion[:len(tUnion):len(tUnion)], number...))}
	trips.From, trips.To = dayOf(in.Identity.Effective), dayOf(in.Identity.Expiry)
	out := &livelihood.Issue{
		Finance: in, Purse: trips, Serial: [4]byte(number[4:]), Number: [8]byte(number), Master: civicMaster,
		Values: map[string]string{"card-number": "A" + digits[len(digits)-8:]},
	}
	check := cryptogram.MAC(cryptogram.TDES, civicMaster(masterOfCodes), out.Serial[:])
	out.CodeCheck = [4]byte(check[:4])
	return out, nil
}

// tUnion are the first digits of the development cards' numbers in the purse.
var tUnion = []byte{0x03, 0x10}

// dayOf turns YYMMDD into YYYYMMDD, both BCD, of this century.
func dayOf(d [3]byte) [4]byte { return [4]byte{0x20, d[0], d[1], d[2]} }

// partitions are the names of the purse and the partitions of a livelihood card.
func partitions(profile string) ([]string, error) {
	if !isLivelihood(profile) {
		return nil, nil
	}
	p, err := livelihood.Embedded(profile)
	if err != nil {
		return nil, err
	}
	var names []string
	if trips := p.Purse(); trips != nil {
		names = append(names, fmt.Sprintf("%X", trips.AID()))
	}
	for _, part := range p.Partitions() {
		names = append(names, fmt.Sprintf("%X", part.AID()))
	}
	return names, nil
}
