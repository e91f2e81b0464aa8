package devkeys

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/oda"
)

// Indexes (tag 8F) of the two development CA keys under RID.
const (
	SM2CAIndex = 0x57
	RSACAIndex = 0x80
)

// Sizes of the RSA pools; an index beyond them wraps around.
const (
	RSAIssuers = 4
	RSACards   = 32
)

// RID is the registered application provider of UnionPay, under which the
// development CA keys stand.
var RID = [5]byte{0xA0, 0x00, 0x00, 0x03, 0x33}

//go:embed rsa.txt
var rsaFile string

// pool reads the embedded file once.
var pool = sync.OnceValue(func() map[string]oda.RSAComponents {
	m := make(map[string]oda.RSAComponents)
	for line := range strings.Lines(rsaFile) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			panic("devkeys: the embedded file rsa.txt has a line without three fields; run go generate")
		}
		p, errP := hex.DecodeString(f[1])
		q, errQ := hex.DecodeString(f[2])
		if errP != nil || errQ != nil {
			panic("devkeys: key " + f[0] + " of the embedded file rsa.txt is not hexadecimal; run go generate")
		}
		m[f[0]] = oda.RSAComponents{P: p, Q: q, Exponent: 3}
	}
	return m
})

// RSACA gives the numbers of the development CA key, index 80, 1408 bits.
func RSACA() oda.RSAComponents { return component("ca", 0) }

// RSAIssuer gives the numbers of an issuer key, 1280 bits; i wraps at RSAIssuers.
func RSAIssuer(i uint) oda.RSAComponents { return component("issuer", i%RSAIssuers) }

// RSACard gives the numbers of a card key, 1024 bits, the longest whose dynamic
// signature qPBOC returns in the GPO answer; i wraps at RSACards.
func RSACard(i uint) oda.RSAComponents { return component("card", i%RSACards) }

func component(kind string, i uint) oda.RSAComponents {
	c, ok := pool()[fmt.Sprintf("%s%d", kind, i)]
	if !ok {
		panic(fmt.Sprintf("devkeys: key %s%d is not in the embedded file rsa.txt; run go generate", kind, i))
	}
	return c
}

// SM2Key derives a development SM2 scalar: the SM3 hash of "citycard development
// SM2 key: ", label, and a counter byte from 0 that is raised until the hash is a
// valid scalar (which in practice is at once).
func SM2Key(label string) [32]byte {
	for counter := range byte(255) {
		d := sm3.Sum(append([]byte("citycard development SM2 key: "+label), counter))
		if _, err := oda.NewSM2Private(d); err == nil {
			return d
		}
	}
	panic("devkeys: no SM2 scalar follows from label " + label)
}

// SM2CA gives the scalar of the development CA key, index 57.
func SM2CA() [32]byte { return SM2Key("ca") }

// SM2Issuer gives the scalar of issuer i.
func SM2Issuer(i uint) [32]byte { return SM2Key(fmt.Sprintf("issuer %d", i)) }

// SM2Files gives the scalar with which a simulated participant opens its files.
func SM2Files(participant uint) [32]byte {
	return SM2Key(fmt.Sprintf("files participant %d", participant))
}

// SM2FilesNetwork gives the scalar with which a simulated network signs files.
func SM2FilesNetwork() [32]byte { return SM2Key("files network") }

// SM2Card gives the scalar of a card.
func SM2Card(pan [10]byte, psn byte) [32]byte {
	return SM2Key(fmt.Sprintf("card %x-%02x", pan, psn))
}

// CAKeys gives the public keys of both development CAs, for oda.NewVerifier.
func CAKeys() ([]oda.CAKey, error) {
	s, err := oda.NewSM2Private(SM2CA())
	if err != nil {
		return nil, fmt.Errorf("development CA, index 57: %w", err)
	}
	r, err := oda.NewRSAPrivate(RSACA())
	if err != nil {
		return nil, fmt.Errorf("development CA, index 80: %w", err)
	}
	xy, pub := s.Public(), r.Public()
	return []oda.CAKey{
		{RID: RID, Index: SM2CAIndex, SM2: &xy},
		{RID: RID, Index: RSACAIndex, RSA: &pub},
	}, nil
}
