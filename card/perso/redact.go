package perso

import (
	"fmt"
	"log/slog"
)

// withheld stands for a card's certificates: an SM2 certificate holds the account
// number in clear.
const withheld = "[certificates withheld]"

// Format answers every verb of fmt with a fixed text.
func (Certs) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (Certs) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (Certs) LogValue() slog.Value { return slog.StringValue(withheld) }
