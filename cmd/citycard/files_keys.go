package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/clearing/t1"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/sealfile"
)

// passphraseVariable is where a passphrase is looked for if no file is named.
const passphraseVariable = "CITYCARD_PASSPHRASE"

// fileKeys opens T+1 files.
type fileKeys struct {
	choose  func(sealfile.Header) (sealfile.Unwrapper, error)
	network *oda.SM2Public
}

// fileKeys finds the keys that the flags name.
func (l *lister) fileKeys() (fileKeys, error) {
	switch {
	case l.o.devKeys && l.o.keys != "":
		return fileKeys{}, fail(exitUsage, errors.New("--dev-keys and --keys exclude each other"), "give one of them")
	case l.o.devKeys:
		l.banner()
		return developmentFileKeys()
	case l.o.keys == "":
		return fileKeys{}, fail(exitUsage, fmt.Errorf("%s is sealed for a participant", l.path), "give its keystore with --keys, or --dev-keys for a file of a simulated city")
	case l.o.networkKey == "":
		return fileKeys{}, fail(exitUsage, errors.New("the network's signature cannot be checked without its public key"), "give a file with 128 hexadecimal digits with --network-key")
	}
	store, err := l.keystore()
	if err != nil {
		return fileKeys{}, err
	}
	if store.IsDevelopment() {
		l.banner()
	}
	text, err := os.ReadFile(l.o.networkKey)
	if err != nil {
		return fileKeys{}, cannotRead(err)
	}
	xy, err := parseHex(string(text))
	if err != nil || len(xy) != 64 {
		return fileKeys{}, fail(exitUsage, errors.Join(fmt.Errorf("%s does not hold 128 hexadecimal digits", l.o.networkKey), err), "give X and Y of the public key, 32 bytes each")
	}
	network, err := oda.NewSM2Public([64]byte(xy))
	if err != nil {
		return fileKeys{}, fail(exitFailed, fmt.Errorf("%s: %w", l.o.networkKey, err), "give X and Y of the public key, 32 bytes each")
	}
	return fileKeys{network: network, choose: func(h sealfile.Header) (sealfile.Unwrapper, error) {
		name := t1.KeyName(clearing.Participant(h.Participant), h.KeyID)
		if _, err := store.Lookup(name); err != nil {
			return nil, err
		}
		return storedKey{store, name}, nil
	}}, nil
}

// banner warns, on standard error, that keys without secrecy are in use.
func (l *lister) banner() { l.env.developmentBanner() }

func developmentFileKeys() (fileKeys, error) {
	network, err := oda.NewSM2Public(t1.DevelopmentNetworkKey().Public())
	if err != nil {
		return fileKeys{}, err
	}
	return fileKeys{network: network, choose: func(h sealfile.Header) (sealfile.Unwrapper, error) {
		return t1.DevelopmentKey(clearing.Participant(h.Participant)), nil
	}}, nil
}

// keystore opens the keystore file of --keys.
func (l *lister) keystore() (*keystore.Store, error) {
	passphrase := []byte(os.Getenv(passphraseVariable))
	if l.o.passphraseFile != "" {
		b, err := os.ReadFile(l.o.passphraseFile)
		if err != nil {
			return nil, cannotRead(err)
		}
		passphrase = bytes.TrimRight(b, "\r\n")
	}
	if len(passphrase) == 0 {
		return nil, fail(exitUsage, fmt.Errorf("no passphrase for keystore %s", l.o.keys), "set "+passphraseVariable+" or give --passphrase-file")
	}
	file, err := os.ReadFile(l.o.keys)
	if err != nil {
		return nil, cannotRead(err)
	}
	store, err := keystore.Open(file, passphrase)
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("%s: %w", l.o.keys, err), "check the passphrase and the file")
	}
	return store, nil
}

// storedKey is a key of a keystore as sealfile wants it.
type storedKey struct {
	store *keystore.Store
	name  string
}

func (k storedKey) Decrypt(ciphertext []byte) ([]byte, error) {
	return k.store.UnwrapSM2(k.name, ciphertext)
}
