package tap

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/citycard/citycard/crypt/oda"
)

// MaxCAFile is the longest file of CA keys that is read, in bytes.
const MaxCAFile = 1 << 20

// ErrCAKeys: what was read is no list of CA keys.
var ErrCAKeys = errors.New("not a list of CA public keys")

// caEntry is a key as `citycard card profiles --json` prints it, or as lists of
// published keys have it. Fields of other names are passed over.
type caEntry struct {
	RID      string   `json:"rid"`
	Index    string   `json:"index"`
	Point    string   `json:"point"`
	XY       string   `json:"public_key_xy"` // the same, as published lists have it
	Modulus  string   `json:"modulus"`
	Exponent exponent `json:"exponent"`
	// ChecksumOK false says that the publisher's own checksum does not fit the key.
	ChecksumOK *bool `json:"checksum_ok"`
}

// exponent is a number, or a text of hexadecimal digits.
type exponent uint32

// UnmarshalJSON takes 3, "03" and "010001".
func (e *exponent) UnmarshalJSON(b []byte) error {
	text, base := string(b), 10
	if len(b) > 1 && b[0] == '"' {
		text, base = string(b[1:len(b)-1]), 16
	}
	n, err := strconv.ParseUint(text, base, 32)
	if err != nil {
		return fmt.Errorf("exponent %.20q: want 3 or 65537, or %q in hexadecimal", text, "03")
	}
	*e = exponent(n)
	return nil
}

// ParseCAKeys reads the public keys of certification authorities that a terminal
// shall trust: JSON, either a list of keys or an object with the list as "ca_keys".
// A key has "rid" and "index" in hexadecimal and either "point" or "public_key_xy"
// (SM2, X and Y), or "modulus" and "exponent" (RSA). The error is ErrCAKeys and names the key by its
// place in the list.
func ParseCAKeys(b []byte) ([]oda.CAKey, error) {
	if len(b) > MaxCAFile {
		return nil, fmt.Errorf("%d bytes, at most %d are possible: %w", len(b), MaxCAFile, ErrCAKeys)
	}
	entries, err := caEntries(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCAKeys, err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("it holds no key: %w", ErrCAKeys)
	}
	keys := make([]oda.CAKey, 0, len(entries))
	for i := range entries {
		k, err := entries[i].key()
		if err != nil {
			return nil, fmt.Errorf("key %d, RID %.10s index %.2s: %w: %w", i+1, entries[i].RID, entries[i].Index, ErrCAKeys, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func caEntries(b []byte) ([]caEntry, error) {
	var list []caEntry
	trimmed := bytes.TrimLeft(b, " \t\r\n")
	if len(trimmed) > 0 && trimmed[0] == '[' {
		err := whole(b, &list)
		return list, err
	}
	var object struct {
		Keys []caEntry `json:"ca_keys"`
	}
	err := whole(b, &object)
	return object.Keys, err
}

// whole decodes one JSON value with nothing behind it.
func whole(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the list")
	}
	return nil
}

func (e *caEntry) key() (oda.CAKey, error) {
	var k oda.CAKey
	rid, err := hex.DecodeString(e.RID)
	if err != nil || len(rid) != 5 {
		return k, errors.New("rid: want 10 hexadecimal digits such as A000000333")
	}
	index, err := hex.DecodeString(e.Index)
	if err != nil || len(index) != 1 {
		return k, errors.New("index: want two hexadecimal digits such as 0B")
	}
	copy(k.RID[:], rid)
	if e.Point == "" {
		e.Point = e.XY
	}
	k.Index = index[0]
	switch {
	case e.ChecksumOK != nil && !*e.ChecksumOK:
		return k, errors.New("checksum_ok is false: the key is damaged")
	case (e.Point == "") == (e.Modulus == ""):
		return k, errors.New("want either point (SM2) or modulus (RSA)")
	case e.Point != "":
		point, err := hex.DecodeString(e.Point)
		if err != nil || len(point) != 64 {
			return k, errors.New("point: want 128 hexadecimal digits, X and Y")
		}
		k.SM2 = (*[64]byte)(point)
		return k, nil
	}
	modulus, err := hex.DecodeString(e.Modulus)
	if err != nil || len(modulus) < 64 || len(modulus) > 248 {
		return k, errors.New("modulus: want 64 to 248 bytes in hexadecimal")
	}
	if e.Exponent != 3 && e.Exponent != 65537 {
		return k, fmt.Errorf("exponent %d: want 3 or 65537", e.Exponent)
	}
	k.RSA = &oda.RSAPublic{Modulus: modulus, Exponent: uint32(e.Exponent)}
	return k, nil
}
