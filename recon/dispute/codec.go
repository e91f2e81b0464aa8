package dispute

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// maxBody is the longest encoded subject or event, in bytes.
const maxBody = 8 << 10

// ErrBody says that a stored subject or event cannot be read.
var ErrBody = errors.New("stored part of a dispute cannot be read")

// Encode gives the one form in which a subject is stored, JSON.
func (s *Subject) Encode() ([]byte, error) { return json.Marshal(s) }

// DecodeSubject reads what Encode gives, and nothing else: ErrBody.
func DecodeSubject(b []byte) (Subject, error) {
	var s Subject
	return s, decode(b, &s)
}

// Encode gives the one form in which an event is stored, JSON.
func (e *Event) Encode() ([]byte, error) { return json.Marshal(e) }

// DecodeEvent reads what Encode gives, and nothing else: ErrBody.
func DecodeEvent(b []byte) (Event, error) {
	var e Event
	return e, decode(b, &e)
}

func decode(b []byte, into any) error {
	if len(b) > maxBody {
		return fmt.Errorf("%d bytes, at most %d: %w", len(b), maxBody, ErrBody)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%w: %w", ErrBody, err)
	}
	again, err := json.Marshal(into)
	if err != nil || !bytes.Equal(again, b) {
		return fmt.Errorf("it is not in the form in which it is stored: %w", ErrBody)
	}
	return nil
}
