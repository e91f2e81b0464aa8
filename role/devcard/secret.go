package devcard

import (
	"strconv"
	"strings"

	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
)

// CityPIN is the public PIN of development purses and partitions.
const CityPIN = "123456"

// Secret gives a development master beside those of the finance application, by the
// names that certify.SecretSource tells.
func Secret(alg cryptogram.Alg, name string) (key cryptogram.Key, ok bool) {
	kind, rest, _ := strings.Cut(name, "-")
	switch kind {
	case "record", "opening":
		sfi, err := strconv.ParseUint(rest, 16, 8)
		if err != nil {
			return key, false
		}
		if kind == "record" {
			return RecordMaster(byte(sfi)), true
		}
		return OpeningMaster(byte(sfi)), true
	case "purse":
		return purseMaster(alg, rest)
	case "module":
		return moduleMaster(alg, rest)
	}
	return partitionMaster(alg, name)
}

// Quota tells whether the cards of a profile have a balance that fares alone spend.
// The error is ErrProfile.
func Quota(profile string) (bool, error) {
	if IsOther(profile) {
		return false, nil
	}
	p, err := find(profile)
	if err != nil {
		return false, err
	}
	x := p.Product().Extension
	return x != nil && x.Quota, nil
}

func purseAlg(alg cryptogram.Alg) epurse.Alg {
	if alg == cryptogram.SM4 {
		return epurse.SM4
	}
	return epurse.TDES
}

// lastIndex cuts a name at its last hyphen, behind which an index stands.
func lastIndex(name string) (before string, index byte, ok bool) {
	at := strings.LastIndexByte(name, '-')
	if at < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(name[at+1:], 16, 8)
	return name[:at], byte(n), err == nil
}

func purseMaster(alg cryptogram.Alg, name string) (key cryptogram.Key, ok bool) {
	use, index, ok := lastIndex(name)
	if !ok {
		return key, false
	}
	for _, profile := range purse.EmbeddedNames() {
		p, err := purse.Embedded(profile)
		if err != nil {
			return key, false
		}
		if key, ok := p.Master(use, index, purseAlg(alg)); ok {
			return key, true
		}
	}
	return key, false
}

// moduleTypes are the words for types of keys.
var moduleTypes = map[string]psam.KeyType{"purchase": psam.TypePurchase, "mac": psam.TypeMAC, "encipher": psam.TypeEncipher, "both": psam.TypeBoth}

func moduleMaster(alg cryptogram.Alg, name string) (key cryptogram.Key, ok bool) {
	where, index, ok := lastIndex(name)
	dir, kind, both := strings.Cut(where, "-")
	id, err := strconv.ParseUint(dir, 16, 16)
	if !ok || !both || err != nil {
		return key, false
	}
	for _, profile := range psam.EmbeddedNames() {
		p, err := psam.Embedded(profile)
		if err != nil {
			return key, false
		}
		for _, d := range p.Spec().Applications {
			for i := range d.Keys {
				if k := &d.Keys[i]; d.ID == uint16(id) && k.Type == moduleTypes[kind] && k.Index == index && k.Alg == purseAlg(alg) {
					return k.Value, true
				}
			}
		}
	}
	return key, false
}

// partitionKeys are the names of a partition's keys in its data file, by the end of
// the name of the secret.
var partitionKeys = map[string]map[string]string{
	"social-security":  {"01": "IRK", "02": "RK", "07": "UK", "line": "STK"},
	"beijing-tong":     {"01": "IK", "03": "UK", "line": "DAMK"},
	"civil-affairs":    {"01": "IK", "03": "UK", "04": "CK", "line": "DAMK"},
	"disabled-persons": {"01": "IK", "03": "UK", "line": "DAMK"},
}

func partitionMaster(alg cryptogram.Alg, name string) (key cryptogram.Key, ok bool) {
	at := strings.LastIndexByte(name, '-')
	if at < 0 || alg != cryptogram.SM4 {
		return key, false
	}
	word, ok := partitionKeys[name[:at]][name[at+1:]]
	if !ok {
		return key, false
	}
	return civicMaster(name[:at] + "/" + word), true
}
