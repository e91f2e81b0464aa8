package t1

import (
	"fmt"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// KeyName is the name under which a participant's keystore holds the key that
// opens its files, e.g. "participant/12/files/1". Its usage is
// keystore.AcquirerWrap, the one of keys that unwrap data keys.
func KeyName(p clearing.Participant, keyID uint32) string {
	return fmt.Sprintf("participant/%d/files/%d", p, keyID)
}

// DevelopmentNetworkCode is the institution code of the simulated network.
const DevelopmentNetworkCode = "00000000"

// DevelopmentKey makes the key of a simulated participant. It follows from the
// participant's number (devkeys.SM2Files) and is no secret: whoever has this
// program can open every file that is sealed for it. It prints as a fixed text.
func DevelopmentKey(p clearing.Participant) *oda.SM2Private {
	return developmentKey(devkeys.SM2Files(uint(p)))
}

// DevelopmentNetworkKey makes the key with which a simulated network signs. It is
// no secret, see DevelopmentKey.
func DevelopmentNetworkKey() *oda.SM2Private { return developmentKey(devkeys.SM2FilesNetwork()) }

func developmentKey(d [32]byte) *oda.SM2Private {
	k, err := oda.NewSM2Private(d)
	if err != nil {
		panic("t1: a development key is refused: " + err.Error())
	}
	return k
}

// DevelopmentMember describes a simulated participant, with its number as
// institution code.
func DevelopmentMember(p clearing.Participant, issuer, acquirer bool) Member {
	return Member{ID: p, Code: fmt.Sprintf("%08d", p), Key: DevelopmentKey(p).Public(), KeyID: 1, Issuer: issuer, Acquirer: acquirer}
}
