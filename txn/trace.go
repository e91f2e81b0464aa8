package txn

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// TraceID is the one name of a tap on every row, message, posting and log line:
// the first 16 bytes of SM3 over TraceInput. It is never stored beside the
// fields that it is computed from.
type TraceID [16]byte

// String is the id in lower-case hex.
func (t TraceID) String() string { return hex.EncodeToString(t[:]) }

// MarshalText is String.
func (t TraceID) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// ParseTraceID reads 32 hex digits.
func ParseTraceID(s string) (TraceID, error) {
	var t TraceID
	if len(s) != 32 {
		return t, fmt.Errorf("trace id of %d characters, want 32 hex digits", len(s))
	}
	if _, err := hex.Decode(t[:], []byte(s)); err != nil {
		return t, fmt.Errorf("trace id: %w", err)
	}
	return t, nil
}

// TraceInput is what a TraceID is hashed from: terminal, start count of the
// terminal and sequence of the row, four bytes each, big-endian.
func TraceInput(terminal TerminalID, start, sequence uint32) [12]byte {
	var b [12]byte
	binary.BigEndian.PutUint32(b[0:], uint32(terminal))
	binary.BigEndian.PutUint32(b[4:], start)
	binary.BigEndian.PutUint32(b[8:], sequence)
	return b
}
