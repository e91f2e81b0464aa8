package oda

import (
	"fmt"
	"log/slog"
)

// withheld stands for what holds an account number: 5A, static data, and an SM2
// certificate of a card, in which it is readable. RSA certificates give it to
// whoever has the issuer's public key.
const withheld = "[card data withheld]"

// withheldPIN stands for a clear PIN block.
const withheldPIN = "[PIN withheld]"

// Format answers every verb of fmt with a fixed text.
func (CardData) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (CardData) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (CardData) LogValue() slog.Value { return slog.StringValue(withheld) }

// Format answers every verb of fmt with a fixed text.
func (CardCert) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (CardCert) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (CardCert) LogValue() slog.Value { return slog.StringValue(withheld) }

// Format answers every verb of fmt with a fixed text.
func (PINBlock) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheldPIN)) }

// MarshalText gives the fixed text to encoding/json and others.
func (PINBlock) MarshalText() ([]byte, error) { return []byte(withheldPIN), nil }

// LogValue gives slog the fixed text.
func (PINBlock) LogValue() slog.Value { return slog.StringValue(withheldPIN) }
