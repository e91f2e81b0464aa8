package quota

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// Target is where and how a push reaches a card: in a phone's secure element or in a
// physical card at a reader.
type Target struct {
	// Application is the AID of the finance application.
	Application []byte
	// Domain is the AID of the security domain through which the card proves itself; the
	// same as Application if that opens channels itself; empty for none, where the push's
	// own MAC is all.
	Domain []byte
	// Level of the channel, at least scp.CMAC.
	Level scp.Level
	// KeyVersion is that of the domain's keys; 0 for its first set.
	KeyVersion byte
	// Protocol, Variant, FirstVersion (of the first key set) and Diversification are what
	// the issuer knows of the domain. With the first key set and a
	// pseudo-random challenge (i = 55 of SCP02, 10 and 70 of SCP03) the whole exchange is
	// then known beforehand but for the counter.
	// Protocol 0: not known.
	Protocol        scp.Protocol
	Variant         scp.Variant
	FirstVersion    byte
	Diversification [10]byte
}

// Domains is what the issuer's keys of security domains do for a session. The keys stay
// behind it.
type Domains interface {
	// Open checks the data of the answer to INITIALIZE UPDATE with that host challenge and
	// gives EXTERNAL AUTHENTICATE, see scp.Host.Open.
	Open(card txn.CardKey, t *Target, challenge [8]byte, answer []byte) (apdu.Command, error)
	// Foresee gives the answer to INITIALIZE UPDATE that a domain with this counter will
	// give.
	Foresee(card txn.CardKey, t *Target, challenge [8]byte, sequence uint32) ([]byte, error)
}

// DomainKeys are the issuer's keys of security domains in memory, as Domains.
type DomainKeys struct {
	keys   scp.KeySet
	method scp.Diversification
}

// NewDomainKeys takes the static keys of the domains, or masters with the method by which
// each card's are made of them.
func NewDomainKeys(keys scp.KeySet, method scp.Diversification) *DomainKeys {
	return &DomainKeys{keys, method}
}

// Format withholds the keys.
func (DomainKeys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[domain keys withheld]")) }

// Open implements Domains.
func (d *DomainKeys) Open(_ txn.CardKey, t *Target, challenge [8]byte, answer []byte) (apdu.Command, error) {
	diversification, _, err := scp.KeyDiversification(answer)
	if err != nil {
		return apdu.Command{}, err
	}
	keys := d.method.Diversify(d.keys, diversification)
	keys.Version = t.KeyVersion
	return scp.NewHost(keys, challenge).Open(answer, t.Level)
}

// errForesee says that the card's answer cannot be known beforehand.
var errForesee = errors.New("the card's challenge is random, or its domain is not known")

// Foresee implements Domains. The counter is the stored one, which GET DATA C1 gives.
func (d *DomainKeys) Foresee(_ txn.CardKey, t *Target, challenge [8]byte, sequence uint32) ([]byte, error) {
	if t.Protocol == 0 || t.Variant == scp.SCP02Random || t.KeyVersion != 0 && t.KeyVersion != t.FirstVersion {
		return nil, errForesee
	}
	keys := d.method.Diversify(d.keys, t.Diversification)
	keys.Version = t.FirstVersion
	var card scp.Card
	return card.InitializeUpdate(nil, scp.Params{Protocol: t.Protocol, Variant: t.Variant, Keys: keys,
		Diversification: t.Diversification, Sequence: sequence, AID: t.Domain}, challenge)
}
