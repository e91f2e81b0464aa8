package terminaltest

import (
	"fmt"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// issuer and card are the numbers of the development keys that sign the cards.
const (
	issuer = 0
	card   = 0
)

// Keys are the development keys with which the cards of a run are signed: the terminal
// must trust CA index 80 (RSA) and 57 (SM2) of A000000333.
func Keys() (*terminal.RSAKeys, *terminal.SM2Keys, error) {
	r := &terminal.RSAKeys{Index: devkeys.RSACAIndex}
	s := &terminal.SM2Keys{Index: devkeys.SM2CAIndex}
	for _, k := range []struct {
		to   **oda.RSAPrivate
		from oda.RSAComponents
	}{{&r.CA, devkeys.RSACA()}, {&r.Issuer, devkeys.RSAIssuer(issuer)}, {&r.Card, devkeys.RSACard(card)}} {
		key, err := oda.NewRSAPrivate(k.from)
		if err != nil {
			return nil, nil, fmt.Errorf("development RSA key: %w", err)
		}
		*k.to = key
	}
	for _, k := range []struct {
		to   **oda.SM2Private
		from [32]byte
	}{{&s.CA, devkeys.SM2CA()}, {&s.Issuer, devkeys.SM2Issuer(issuer)}, {&s.Card, devkeys.SM2Key("terminal test card")}} {
		key, err := oda.NewSM2Private(k.from)
		if err != nil {
			return nil, nil, fmt.Errorf("development SM2 key: %w", err)
		}
		*k.to = key
	}
	return r, s, nil
}
