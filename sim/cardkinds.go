package sim

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// profileNames are the profiles of bank cards by kind; the algorithms stand behind
// the dash.
var profileNames = [cardKinds]string{oldCard: "", transitCard: "transit-", quotaCard: "quota-"}

// moduleProfile is that of the terminals' security modules.
const moduleProfile = "dev-psam"

// purseProfile is that of the card company's purses.
const purseProfile = "tunion"

// loadProfiles reads the profiles of the kinds of card that the city has.
func (c *City) loadProfiles(files map[string][]byte) error {
	algorithms := []string{c.opt.Profile}
	if c.opt.Profile == "mix" {
		algorithms = []string{"sm", "3des"}
	}
	m := &c.opt.Mix
	for kind, has := range [cardKinds]bool{oldCard: m.IsZero() || m.Bank > 0, transitCard: m.Bank > 0, quotaCard: m.Quota > 0} {
		if !has {
			continue
		}
		for _, algorithm := range algorithms {
			name := profileNames[kind] + algorithm
			p, err := loadProfile(files, name)
			if err != nil {
				return fmt.Errorf("card profile %s: %w", name, err)
			}
			c.profiles[kind] = append(c.profiles[kind], p)
		}
	}
	if !m.IsZero() {
		var err error
		if c.modules, err = psam.Embedded(moduleProfile); err != nil {
			return fmt.Errorf("profile of security modules %s: %w", moduleProfile, err)
		}
	}
	if m.TUnion > 0 {
		p, err := purse.Embedded(purseProfile)
		if err != nil {
			return fmt.Errorf("card profile %s: %w", purseProfile, err)
		}
		c.purses = p
	}
	return nil
}

// carrying personalises a bank card that carries its own journeys. The record of the
// metro holds what the rider has paid in the month before D, as the station records
// do for cards that carry none. A card with a quota has a security domain too,
// through which it proves itself when a push is brought to it.
func (b *issuing) carrying(rider uint32, p *perso.Profile, in *perso.Issue) (*card.Image, error) {
	var err error
	if in.Transit, err = transitKeys(p, in.Identity.PAN, in.Identity.PSN); err != nil {
		return nil, err
	}
	if b.city.hasQuota(rider) {
		in.Domain = b.domain(rider)
	}
	parts, err := p.Parts(in)
	if err != nil {
		return nil, err
	}
	c, isCard := parts.Applications[0].(*pboc.Card)
	if !isCard {
		return nil, fmt.Errorf("the first application of profile %s is no finance application", p.Product().AID)
	}
	if err := b.city.openJourneys(rider, c.Transit.Records); err != nil {
		return nil, err
	}
	return card.Assemble(parts)
}

// industryMaster is the development master of a file's keys: those that open records,
// and those that manage them, which the terminals' security modules hold.
func industryMaster(use string, sfi byte) cryptogram.Key {
	return keystore.DevelopmentKey(fmt.Sprintf("industry/%s/%02X", use, sfi))
}

// transitKeys are the keys of one card for the files of the low-value extension:
// under the masters of the industry's development modules.
func transitKeys(p *perso.Profile, pan txn.PAN, psn byte) (*perso.TransitKeys, error) {
	alg := p.Product().Alg
	own := func(master cryptogram.Key) (cryptogram.Key, error) {
		b, err := cryptogram.NewBlock(alg, master)
		if err != nil {
			return cryptogram.Key{}, fmt.Errorf("key of a journey record: %w", err)
		}
		return cryptogram.DeriveCardKey(alg, b, pan, psn), nil
	}
	out := &perso.TransitKeys{}
	for _, f := range p.Product().Extension.Files {
		k, err := own(industryMaster("opening", f.SFI))
		if err != nil {
			return nil, err
		}
		out.Opening = append(out.Opening, k)
	}
	for _, j := range p.Journeys() {
		k, err := own(industryMaster("record", j.SFI))
		if err != nil {
			return nil, err
		}
		out.Records = append(out.Records, k)
	}
	return out, nil
}

// domainVersion is the key version of the domains' only key set.
const domainVersion = 0x21

// domainMasters are the development masters of an issuer's security domains.
func domainMasters(issuer int) scp.KeySet {
	key := func(use string) cryptogram.Key {
		return keystore.DevelopmentKey(fmt.Sprintf("issuer/%d/domain/%s", issuer, use))
	}
	return scp.KeySet{Version: domainVersion, ENC: key("enc"), MAC: key("mac"), DEK: key("dek")}
}

// domainOf is how the domain of a rider's card is reached: phones speak SCP03, cards
// of plastic SCP02.
func (c *City) domainOf(rider uint32) (gp.Channel, [10]byte) {
	data := [10]byte{'C', 'C', 0, byte(rider >> 24), byte(rider >> 16), byte(rider >> 8), byte(rider)}
	data[8], data[9] = byte(c.seed>>8), byte(c.seed)
	if c.isPhone(rider) {
		return gp.Channel{Protocol: scp.SCP03, Variant: scp.SCP03Full}, data
	}
	return gp.Channel{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}, data
}

// domain is the security domain on a rider's card.
func (b *issuing) domain(rider uint32) *gp.Profile {
	channel, data := b.city.domainOf(rider)
	keys := scp.EMVCPS.Diversify(domainMasters(int(rider)%len(issuers)), data)
	keys.Version = domainVersion
	return &gp.Profile{Diversification: data, Channels: []gp.Channel{channel}, Keys: []gp.Keys{{Protocol: channel.Protocol, Set: keys}}, Life: gp.Secured}
}

// purseCard is the card of a rider who has a purse.
func purseCard(rider uint32) txn.CardKey {
	card, err := txn.PurseCard(txn.PSNTUnion, purseNumber(rider))
	if err != nil {
		panic("sim: own purse number is not valid: " + err.Error())
	}
	return card
}

// purseNumber is bytes 10 to 19 of file 15: a zero and 19 digits, the last of which
// name the rider.
func purseNumber(rider uint32) (n [10]byte) {
	digits := fmt.Sprintf("0%s%011d", cardCompanyPrefix, rider)
	for i := range n {
		n[i] = (digits[2*i]-'0')<<4 | (digits[2*i+1] - '0')
	}
	return n
}

// riderOfPurse is the inverse of purseCard.
func (c *City) riderOfPurse(digits string) (uint32, bool) {
	if len(digits) != cardCompany.digits || digits[:len(cardCompanyPrefix)] != cardCompanyPrefix {
		return 0, false
	}
	n, err := strconv.ParseUint(digits[len(cardCompanyPrefix):], 10, 32)
	if err != nil || n >= uint64(c.riders.Len()) {
		return 0, false
	}
	return uint32(n), c.kindOf(uint32(n)) == tunionCard
}

// purse personalises the card of the card company.
func (b *issuing) purse(rider uint32) (*card.Image, error) {
	p := b.city.purses
	spec := p.Spec(purse.Card{Number: purseNumber(rider), From: [4]byte{0x20, 0x24, 0x01, 0x01}, To: [4]byte{0x20, 0x40, 0x12, 0x31}})
	account := *spec.EP // the profile's
	account.Opening = uint32(b.city.openingBalance(rider))
	spec.EP, spec.Files = &account, slices.Clone(spec.Files)
	if err := b.city.openPurseJourneys(rider, spec.Files); err != nil {
		return nil, err
	}
	t, err := purse.NewTemplate(spec)
	if err != nil {
		return nil, err
	}
	directory, err := ppse.New(ppse.Entry{AID: p.AID(), Label: "T-UNION", Priority: 1})
	if err != nil {
		return nil, err
	}
	return card.Assemble(card.Parts{Directory: directory, Applications: []cos.Template{t}})
}

// openJourneys writes what a rider has paid in the month before D into the metro's
// record of a new bank card.
func (c *City) openJourneys(rider uint32, records []capp.Record) error {
	for i := range records {
		data := records[i].Data
		if len(data) != journey.Size || uint16(data[0])<<8|uint16(data[1]) != journey.Metro {
			continue
		}
		opened, err := c.openJourney(rider, data)
		if err != nil {
			return err
		}
		records[i].Data = opened
	}
	return nil
}

// openPurseJourneys is openJourneys for a purse, whose file 1A has the metro's record.
func (c *City) openPurseJourneys(rider uint32, files []purse.File) error {
	for i := range files {
		records := slices.Clone(files[i].Records) // the profile's
		for n, data := range records {
			if len(data) != journey.Size || uint16(data[0])<<8|uint16(data[1]) != journey.UnionMetro {
				continue
			}
			opened, err := c.openJourney(rider, data)
			if err != nil {
				return err
			}
			records[n] = opened
		}
		files[i].Records = records
	}
	return nil
}

// openJourney is a new record with the month's sum.
func (c *City) openJourney(rider uint32, data []byte) ([]byte, error) {
	r, err := journey.Decode(data)
	if err != nil {
		return nil, err
	}
	r.Valid, r.Mode = true, journey.SectionFare
	r.Month, r.MonthSum = txn.MonthBCD(c.midnight), c.openingMonth(rider)
	return r.Append(nil)
}
