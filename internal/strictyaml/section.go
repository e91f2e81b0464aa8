package strictyaml

import (
	"encoding/hex"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Section is one mapping of a document. The methods that take a value report a fault
// to its Reader and give a zero value if there is one.
type Section struct {
	Reader *Reader
	Line   int
	Keys   []string // in the order of the document

	path   string
	values map[string]*yaml.Node
}

// Node is the value of a key, nil if the key is missing.
func (s *Section) Node(key string) *yaml.Node { return s.values[key] }

func (s *Section) at(key string) string {
	if s.path == "" {
		return key
	}
	return s.path + "." + key
}

// FailAt reports a fault of one key's value.
func (s *Section) FailAt(key, format string, args ...any) {
	line := s.Line
	if n := s.values[key]; n != nil {
		line = n.Line
	}
	s.Reader.Fail(line, s.at(key), format, args...)
}

// Scalar gives the text of a plain value; present is false if the key is missing.
func (s *Section) Scalar(key string, required bool) (text string, present bool) {
	n := s.values[key]
	if n == nil {
		if required {
			s.FailAt(key, "is missing")
		}
		return "", false
	}
	if n.Kind != yaml.ScalarNode {
		s.FailAt(key, "want a single value")
		return "", false
	}
	return n.Value, true
}

// Text gives at most most bytes of any text, which may not be empty if it is required.
func (s *Section) Text(key string, most int, required bool) string {
	v, ok := s.Scalar(key, required)
	switch {
	case ok && required && v == "":
		s.FailAt(key, "is missing")
	case len(v) > most:
		s.FailAt(key, "%d bytes, want at most %d", len(v), most)
	}
	return v
}

// ASCII gives printable ASCII of least to most characters, "" if the key is missing.
func (s *Section) ASCII(key string, least, most int, required bool) string {
	v, ok := s.Scalar(key, required)
	if !ok {
		return ""
	}
	if len(v) < least || len(v) > most {
		s.FailAt(key, "%d characters, want %d to %d", len(v), least, most)
	}
	for _, c := range []byte(v) {
		if c < ' ' || c > '~' {
			s.FailAt(key, "only printable ASCII is possible")
			return ""
		}
	}
	return v
}

// Digits gives least to most decimal digits.
func (s *Section) Digits(key string, least, most int, required bool) string {
	v := s.ASCII(key, least, most, required)
	if strings.Trim(v, "0123456789") != "" {
		s.FailAt(key, "want decimal digits")
		return ""
	}
	return v
}

// Bytes gives hexadecimal digits as least to most bytes, nil if the key is missing;
// spaces between the digits are passed over.
func (s *Section) Bytes(key string, least, most int, required bool) []byte {
	v, ok := s.Scalar(key, required)
	if !ok {
		return nil
	}
	b, err := hex.DecodeString(strings.ReplaceAll(v, " ", ""))
	switch {
	case err != nil:
		s.FailAt(key, "want hexadecimal digits, two a byte; put a value of decimal digits in quotes")
		return nil
	case len(b) < least || len(b) > most:
		s.FailAt(key, "%d bytes, want %d to %d", len(b), least, most)
		return nil
	}
	return b
}

// Octet gives one byte of two hexadecimal digits, nil if the key is missing.
func (s *Section) Octet(key string) *byte {
	if b := s.Bytes(key, 1, 1, false); b != nil {
		return &b[0]
	}
	return nil
}

// Number gives a decimal number, or absent if the key is missing.
func (s *Section) Number(key string, least, most, absent int64) int64 {
	v, ok := s.Scalar(key, false)
	if !ok {
		return absent
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least || n > most {
		s.FailAt(key, "want a number from %d to %d", least, most)
		return absent
	}
	return n
}

// Flag gives true or false, false if the key is missing.
func (s *Section) Flag(key string) bool {
	v, ok := s.Scalar(key, false)
	if ok && v != "true" && v != "false" {
		s.FailAt(key, "want true or false")
	}
	return v == "true"
}

// List gives the elements of a list, 1 to most, that must be there.
func (s *Section) List(key string, most int) []*yaml.Node {
	n := s.values[key]
	switch {
	case n == nil:
		s.FailAt(key, "is missing")
	case n.Kind != yaml.SequenceNode || len(n.Content) == 0 || len(n.Content) > most:
		s.FailAt(key, "want a list of 1 to %d elements", most)
	default:
		return n.Content
	}
	return nil
}
