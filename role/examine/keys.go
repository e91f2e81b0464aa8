package examine

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/citycard/citycard/crypt/epurse"
)

// ErrKeys says that a file of keys cannot be read; the text says where and what to do.
var ErrKeys = errors.New("not a file of keys")

// Limits of a file of keys.
const (
	MaxKeyFile = 1 << 20
	maxKeys    = 1000
)

// purseKey is the keys of one purse.
type purseKey struct {
	Source   string `json:"source"` // where the keys were published, for people
	Card     string `json:"card"`   // bytes 12 to 19 of file 15
	Load     string `json:"load"`
	Purchase string `json:"purchase"`
	TAC      string `json:"tac"`
}

// ParsePurseKeys reads a JSON list of the keys of purses, each with card (eight bytes)
// and any of load, purchase and tac (16 bytes), all hexadecimal, and source, a text
// that says where they were published and that nobody needs. The error is ErrKeys
// and never repeats a key.
func ParsePurseKeys(b []byte) ([]PurseKeys, error) {
	var list []purseKey
	if err := decode(b, &list); err != nil {
		return nil, err
	}
	keys := make([]PurseKeys, 0, len(list))
	for i, k := range list {
		serial, err := unhex("card", k.Card, 8)
		if err != nil {
			return nil, fmt.Errorf("purse %d of the list: %w: %w", i+1, err, ErrKeys)
		}
		out := PurseKeys{Serial: [8]byte(serial)}
		for _, f := range []struct {
			name, text string
			to         *epurse.Key
		}{{"load", k.Load, &out.Load}, {"purchase", k.Purchase, &out.Purchase}, {"tac", k.TAC, &out.TAC}} {
			if f.text == "" {
				continue
			}
			key, err := unhex(f.name, f.text, 16)
			if err != nil {
				return nil, fmt.Errorf("purse %d of the list: %w: %w", i+1, err, ErrKeys)
			}
			*f.to = epurse.Key(key)
		}
		keys = append(keys, out)
	}
	return keys, nil
}

// decode reads a JSON list strictly, nothing after it.
func decode(b []byte, list *[]purseKey) error {
	if len(b) > MaxKeyFile {
		return fmt.Errorf("%d bytes, want at most %d: %w", len(b), MaxKeyFile, ErrKeys)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(list); err != nil {
		return fmt.Errorf("byte %d: not a JSON list of keys: %w", d.InputOffset(), ErrKeys)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("byte %d: more text after the list: %w", d.InputOffset(), ErrKeys)
	}
	if len(*list) > maxKeys {
		return fmt.Errorf("%d keys, want at most %d: %w", len(*list), maxKeys, ErrKeys)
	}
	return nil
}

// unhex reads hexadecimal of n bytes; the error does not repeat the digits.
func unhex(name, text string, n int) ([]byte, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != n {
		return nil, fmt.Errorf("%s: want hexadecimal of %d bytes", name, n)
	}
	return b, nil
}
