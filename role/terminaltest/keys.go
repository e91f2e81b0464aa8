package terminaltest

import (
	"fmt"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/role/devcard"
)

// issuerKey and cardKey are the numbers of the development keys that sign the cards.
const (
	issuerKey = 0
	cardKey   = 0
)

// RecordKeys are the development masters of journey records, which dev-psam holds.
func RecordKeys() *terminal.RecordKeys {
	return &terminal.RecordKeys{Metro: devcard.RecordMaster(0x15), Bus: devcard.RecordMaster(0x1A), Log: devcard.RecordMaster(0x1E)}
}

// PurseKeys are the development masters of T-Union purses, as dev-psam and dev-tunion have
// them.
func PurseKeys() *terminal.PurseKeys {
	return &terminal.PurseKeys{
		Index:    1,
		Purchase: cryptogram.Key{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10},
		TAC:      cryptogram.Key{0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xB1, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8},
	}
}

// Keys are the development keys with which the cards of a run are signed: the terminal
// must trust CA index 80 (RSA) and 57 (SM2) of A000000333.
func Keys() (*terminal.RSAKeys, *terminal.SM2Keys, error) {
	r := &terminal.RSAKeys{Index: devkeys.RSACAIndex}
	s := &terminal.SM2Keys{Index: devkeys.SM2CAIndex}
	for _, k := range []struct {
		to   **oda.RSAPrivate
		from oda.RSAComponents
	}{{&r.CA, devkeys.RSACA()}, {&r.Issuer, devkeys.RSAIssuer(issuerKey)}, {&r.Card, devkeys.RSACard(cardKey)}} {
		key, err := oda.NewRSAPrivate(k.from)
		if err != nil {
			return nil, nil, fmt.Errorf("development RSA key: %w", err)
		}
		*k.to = key
	}
	for _, k := range []struct {
		to   **oda.SM2Private
		from [32]byte
	}{{&s.CA, devkeys.SM2CA()}, {&s.Issuer, devkeys.SM2Issuer(issuerKey)}, {&s.Card, devkeys.SM2Key("terminal test card")}} {
		key, err := oda.NewSM2Private(k.from)
		if err != nil {
			return nil, nil, fmt.Errorf("development SM2 key: %w", err)
		}
		*k.to = key
	}
	return r, s, nil
}
