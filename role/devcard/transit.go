package devcard

import (
	"fmt"

	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/txn"
)

// OpeningMaster is the development master of the key that opens records in a file of
// the low-value extension, 15 to 1E; RecordMaster that of the management keys of its
// records, which security modules of the file's trade hold. A card's own keys are
// derived from them with its number and sequence number (cryptogram.DeriveCardKey).
func OpeningMaster(sfi byte) cryptogram.Key {
	return keystore.DevelopmentKey(fmt.Sprintf("industry/opening/%02X", sfi))
}

// RecordMaster is described with OpeningMaster.
func RecordMaster(sfi byte) cryptogram.Key {
	return keystore.DevelopmentKey(fmt.Sprintf("industry/record/%02X", sfi))
}

// transitKeys makes the keys of one card's journeys; nil for a profile without the
// extension.
func transitKeys(p *perso.Profile, pan txn.PAN, psn byte) (*perso.TransitKeys, error) {
	x := p.Product().Extension
	if x == nil {
		return nil, nil
	}
	out := &perso.TransitKeys{}
	own := func(master cryptogram.Key) (cryptogram.Key, error) {
		b, err := cryptogram.NewBlock(p.Product().Alg, master)
		if err != nil {
			return cryptogram.Key{}, fmt.Errorf("key of a journey record: %w", err)
		}
		return cryptogram.DeriveCardKey(p.Product().Alg, b, pan, psn), nil
	}
	for i := range x.Files {
		k, err := own(OpeningMaster(x.Files[i].SFI))
		if err != nil {
			return nil, err
		}
		out.Opening = append(out.Opening, k)
	}
	for _, j := range p.Journeys() {
		k, err := own(RecordMaster(j.SFI))
		if err != nil {
			return nil, err
		}
		out.Records = append(out.Records, k)
	}
	return out, nil
}
