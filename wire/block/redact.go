package block

import (
	"fmt"
	"log/slog"
)

// withheld stands for a card's certificate and static data, which hold its account
// number.
const withheld = "[evidence of a card withheld]"

// Format answers every verb of fmt with a fixed text.
func (Card) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (Card) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (Card) LogValue() slog.Value { return slog.StringValue(withheld) }
