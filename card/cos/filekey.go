package cos

import (
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// KeyUsage is what a PIN or key is for; a key of one usage serves for nothing
// else. The values are the key types that Chinese card operating systems use for
// the electronic purse family.
type KeyUsage byte

// The usages.
const (
	UseInternal KeyUsage = 0x34 // INTERNAL AUTHENTICATE
	UseLine     KeyUsage = 0x36 // line protection of commands and answers
	UseUnblock  KeyUsage = 0x37 // RESET RETRY COUNTER of the PIN of the same number
	UseReload   KeyUsage = 0x38 // RELOAD PIN of the PIN of the same number
	UseExternal KeyUsage = 0x39 // EXTERNAL AUTHENTICATE
	UsePIN      KeyUsage = 0x3A // the value is a PIN
)

func (u KeyUsage) valid() bool {
	return u >= UseUnblock && u <= UsePIN || u == UseInternal || u == UseLine
}

// KeyForm is how a key turns a challenge into a cryptogram.
type KeyForm byte

// The forms.
const (
	// FormChallenge enciphers the challenge with the key.
	FormChallenge KeyForm = 0
	// FormFactor enciphers data with a session key, the challenge enciphered with
	// the key: the process factor of social security cards (LD/T 32).
	FormFactor KeyForm = 1
)

// MaxTries is the greatest number of tries of a PIN or key.
const MaxTries = 15

const withheldSecret = "[secret withheld]"

// Secret is the value of a PIN or key. Printing, logging and JSON give a fixed
// text instead of the bytes.
type Secret []byte

// String gives a fixed text, never the secret.
func (Secret) String() string { return withheldSecret }

// Format answers every verb of fmt with the fixed text.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheldSecret)) }

// MarshalText gives the fixed text, so encoding/json never sees the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(withheldSecret), nil }

// LogValue gives slog the fixed text.
func (Secret) LogValue() slog.Value { return slog.StringValue(withheldSecret) }

// KeySpec describes a PIN or key.
type KeySpec struct {
	Usage   KeyUsage
	Number  byte           // 0 to 31
	Version byte           // says which of several keys this is; the card does not use it
	Alg     cryptogram.Alg // of keys; 0 for a PIN
	Form    KeyForm
	// Tries is how often in a row a wrong value may be used, 1 to 15; 0 is
	// without limit.
	Tries byte
	Use   Access // who may use it; protection does not apply here
	Value Secret // 16 bytes; a PIN has 2 to 16
}

// Check fails with ErrFile if the description contradicts itself.
func (k *KeySpec) Check() error {
	n := len(k.Value)
	switch {
	case !k.Usage.valid():
		return fmt.Errorf("key usage %02X is not known: %w", byte(k.Usage), ErrFile)
	case k.Number > MaxReference:
		return fmt.Errorf("key number %d, want 0 to %d: %w", k.Number, MaxReference, ErrFile)
	case k.Tries > MaxTries:
		return fmt.Errorf("%d tries of key %d, want 0 to %d: %w", k.Tries, k.Number, MaxTries, ErrFile)
	case k.Usage == UsePIN && (n < 2 || n > maxPINLength || k.Alg != 0 || k.Form != FormChallenge):
		return fmt.Errorf("PIN %d: want 2 to %d bytes, no algorithm and no form: %w", k.Number, maxPINLength, ErrFile)
	case k.Usage == UsePIN && k.Tries == 0:
		return fmt.Errorf("PIN %d: it needs a limit of tries: %w", k.Number, ErrFile)
	case k.Usage != UsePIN && (n != len(cryptogram.Key{}) || !k.Alg.Valid()):
		return fmt.Errorf("key %d: want 16 bytes of triple DES or SM4: %w", k.Number, ErrFile)
	case k.Form > FormFactor, k.Form == FormFactor && k.Usage != UseInternal && k.Usage != UseExternal:
		return fmt.Errorf("key %d: form %d does not fit usage %02X: %w", k.Number, k.Form, byte(k.Usage), ErrFile)
	case !k.Use.Valid() || k.Use.Protection() != Plain:
		return fmt.Errorf("key %d: the rule for its use is not valid: %w", k.Number, ErrFile)
	}
	return nil
}

// Layout of an entry of a key file, 32 bytes; usage 00 is a free entry of zeros:
// usage, number, version, algorithm, tries left, tries at most, length of the
// value, form, rule for the use (4), 00 (4), value (16).
const (
	atTriesLeft = 4
	atKeyRule   = 8
	atKeyValue  = 16
)

func (k *KeySpec) encode(left byte) [keyEntry]byte {
	var b [keyEntry]byte
	copy(b[:], []byte{byte(k.Usage), k.Number, k.Version, byte(k.Alg), left, k.Tries, byte(len(k.Value)), byte(k.Form)})
	copy(b[atKeyRule:], k.Use[:])
	copy(b[atKeyValue:], k.Value)
	return b
}

// KeyEntry is a PIN or key in memory.
type KeyEntry struct {
	KeySpec
	DF        byte // slot of the DF that owns it
	TriesLeft byte
	at        int // of the entry in the partition
}

// Blocked tells that no try is left.
func (k *KeyEntry) Blocked() bool { return k.Tries != 0 && k.TriesLeft == 0 }

func decodeKey(b []byte) (KeyEntry, error) {
	n := int(b[6])
	if n > maxPINLength {
		return KeyEntry{}, fmt.Errorf("key value of %d bytes: %w", n, ErrFile)
	}
	k := KeyEntry{TriesLeft: b[atTriesLeft], KeySpec: KeySpec{
		Usage: KeyUsage(b[0]), Number: b[1], Version: b[2], Alg: cryptogram.Alg(b[3]), Tries: b[5],
		Form: KeyForm(b[7]), Use: Access(b[atKeyRule:]), Value: Secret(b[atKeyValue : atKeyValue+n : atKeyValue+n]),
	}}
	if err := k.Check(); err != nil {
		return k, err
	}
	if k.TriesLeft > k.Tries || k.encode(k.TriesLeft) != [keyEntry]byte(b) {
		return k, fmt.Errorf("key %d: its entry is damaged: %w", k.Number, ErrFile)
	}
	return k, nil
}

// Key finds a PIN or key of a DF, or that of the MF if the DF has none.
func (v FileView) Key(df byte, usage KeyUsage, number byte) (KeyEntry, bool) {
	if k, ok := v.OwnKey(df, usage, number); ok || df == 0 {
		return k, ok
	}
	return v.OwnKey(0, usage, number)
}

// OwnKey finds a PIN or key of a DF itself. A usage that is not known finds
// nothing, not the free entries either.
func (v FileView) OwnKey(df byte, usage KeyUsage, number byte) (KeyEntry, bool) {
	f, ok := v.KeyFile(df)
	if !ok || !usage.valid() {
		return KeyEntry{}, false
	}
	for at := f.at; at < f.at+f.Size; at += keyEntry {
		if KeyUsage(v.m[at]) != usage || v.m[at+1] != number {
			continue
		}
		k, err := decodeKey(v.m[at : at+keyEntry])
		if err != nil {
			panic("cos: a key that was checked is damaged: " + err.Error())
		}
		k.DF, k.at = df, at
		return k, true
	}
	return KeyEntry{}, false
}

// KeyFile is the key file of a DF.
func (v FileView) KeyFile(df byte) (File, bool) {
	for f := range v.Children(df) {
		if f.Kind == Keys {
			return f, true
		}
	}
	return File{}, false
}
