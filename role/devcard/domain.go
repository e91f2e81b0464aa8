package devcard

import (
	"fmt"

	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/scp"
)

// Key versions of the security domain of blank cards.
const (
	versionSCP02 = 0x20
	versionSCP03 = 0x30
)

// heap is the memory of a blank card for applications, in bytes.
const heap = 16 << 10

// domainKey is the key that cards of all makers are delivered with: 40 41 .. 4F.
func domainKey() cryptogram.Key {
	var k cryptogram.Key
	for i := range k {
		k[i] = 0x40 + byte(i)
	}
	return k
}

func domainKeys(version byte) scp.KeySet {
	k := domainKey()
	return scp.KeySet{Version: version, ENC: k, MAC: k, DEK: k}
}

// domain is the security domain of a blank card: one key set for each secure
// channel protocol.
func domain() gp.Profile {
	return gp.Profile{
		Channels: []gp.Channel{{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}, {Protocol: scp.SCP03, Variant: scp.SCP03Full}},
		Keys: []gp.Keys{
			{Protocol: scp.SCP03, Set: domainKeys(versionSCP03)},
			{Protocol: scp.SCP02, Set: domainKeys(versionSCP02)},
		},
		Heap: heap,
	}
}

// Order is what a personalisation machine needs to make a blank card one of the
// request's. protocol is the secure channel to use; challenge must be random.
// Errors are ErrProfile and ErrRequest.
func Order(r Request, protocol scp.Protocol, challenge [8]byte) (perso.Order, error) {
	if IsOther(r.Profile) {
		return perso.Order{}, fmt.Errorf("a card of profile %s is not made from a blank one: %w", r.Profile, ErrRequest)
	}
	p, err := find(r.Profile)
	if err != nil {
		return perso.Order{}, err
	}
	if r.Profile == Blank {
		return perso.Order{}, fmt.Errorf("a blank card is not personalised: %w", ErrRequest)
	}
	in, err := order(p, r)
	if err != nil {
		return perso.Order{}, fmt.Errorf("personalise a card of profile %s: %w: %w", r.Profile, err, ErrRequest)
	}
	groupings, err := p.DGIs(in)
	if err != nil {
		return perso.Order{}, fmt.Errorf("personalise a card of profile %s: %w: %w", r.Profile, err, ErrRequest)
	}
	version, level := byte(versionSCP02), scp.CMAC|scp.CDEC
	if protocol == scp.SCP03 {
		version, level = versionSCP03, scp.CMAC|scp.CDEC|scp.RMAC|scp.RENC
	}
	return perso.Order{
		Keys: domainKeys(version), Challenge: challenge, Level: level, Instance: p.Product().AID, Groupings: groupings,
	}, nil
}
