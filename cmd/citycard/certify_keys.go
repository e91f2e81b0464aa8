package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/txn"
)

// maxKeyFile is more than any file of keys has, in bytes.
const maxKeyFile = 16 << 10

// givenKeys are the keys of a file: masters and card keys by algorithm and use.
type givenKeys struct {
	masters, cards map[keyUse]cryptogram.Key
}

// secretUse is the form of uses beside the finance application.
var secretUse = regexp.MustCompile(`^((record|opening)-[0-9A-F]{2}|purse-[a-z-]+-[0-9A-F]{2}|module-[0-9A-F]{4}-[a-z]+-[0-9A-F]{2}|` +
	`(social-security|beijing-tong|civil-affairs|disabled-persons)-([0-9A-F]{2}|line))$`)

type keyUse struct {
	alg cryptogram.Alg
	use string
}

// readCardKeys reads the file of --keys.
func readCardKeys(path string) (*givenKeys, error) {
	b, err := readSmall(path, maxKeyFile)
	if err != nil {
		return nil, cannotRead(err)
	}
	if len(b) > maxKeyFile {
		return nil, fail(exitUsage, fmt.Errorf("--keys %s: at most %d bytes are possible", path, maxKeyFile), "one key a line, see citycard certify card --help")
	}
	k, err := parseCardKeys(string(b))
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("--keys %s: %w", path, err), "one key a line, see citycard certify card --help")
	}
	return k, nil
}

// parseCardKeys reads lines "3des|sm4 master|card ac|mac|enc|dcvn KEY", or with a use
// of certify.SecretSource; # begins a comment. No error repeats what could be a key.
func parseCardKeys(text string) (*givenKeys, error) {
	k := &givenKeys{masters: map[keyUse]cryptogram.Key{}, cards: map[keyUse]cryptogram.Key{}}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if err := k.add(fields); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if len(k.masters)+len(k.cards) == 0 {
		return nil, errors.New("it holds no key")
	}
	return k, nil
}

func (k *givenKeys) add(fields []string) error {
	if len(fields) != 4 {
		return fmt.Errorf("%d words, want algorithm, master or card, use, key", len(fields))
	}
	alg, ok := map[string]cryptogram.Alg{"3des": cryptogram.TDES, "sm4": cryptogram.SM4}[fields[0]]
	if !ok {
		return errors.New("the first word must be 3des or sm4")
	}
	to, ok := map[string]map[keyUse]cryptogram.Key{"master": k.masters, "card": k.cards}[fields[1]]
	if !ok {
		return errors.New("the second word must be master or card")
	}
	if !strings.Contains(" ac mac enc dcvn ", " "+fields[2]+" ") && !secretUse.MatchString(fields[2]) {
		return errors.New("the third word must be ac, mac, enc or dcvn, or a use such as record-15 or purse-load-01")
	}
	key, err := hex.DecodeString(fields[3])
	if err != nil || len(key) != len(cryptogram.Key{}) {
		return errors.New("the key must have 32 hexadecimal digits")
	}
	use := keyUse{alg, fields[2]}
	if _, twice := to[use]; twice {
		return errors.New("this key is there twice")
	}
	to[use] = cryptogram.Key(key)
	return nil
}

// secret gives a key beside those of the finance application.
func (k *givenKeys) secret(alg cryptogram.Alg, name string) (certify.Secret, bool) {
	if key, ok := k.cards[keyUse{alg, name}]; ok {
		return certify.Secret{Value: key, Own: true}, true
	}
	key, ok := k.masters[keyUse{alg, name}]
	return certify.Secret{Value: key}, ok
}

// of gives the keys of one card: its own, else those derived from the masters.
func (k *givenKeys) of(alg cryptogram.Alg, pan txn.PAN, psn byte) (certify.CardKeys, bool) {
	var out certify.CardKeys
	found := false
	for use, to := range map[string]*cryptogram.Key{"ac": &out.AC, "mac": &out.MAC, "enc": &out.ENC, "dcvn": &out.DCVN} {
		if key, ok := k.cards[keyUse{alg, use}]; ok {
			*to, found = key, true
		} else if master, ok := k.masters[keyUse{alg, use}]; ok {
			block, err := cryptogram.NewBlock(alg, master)
			if err != nil {
				continue
			}
			*to, found = cryptogram.DeriveCardKey(alg, block, pan, psn), true
		}
	}
	return out, found
}
