package fault

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/wire/tlv"
)

// reading keeps the first fault of a script, in the order of reading.
type reading struct{ err error }

func (r *reading) fail(line int, path, format string, args ...any) {
	if r.err == nil {
		if path == "" {
			path = "script"
		}
		r.err = fmt.Errorf("line %d, %s: %s", line, path, fmt.Sprintf(format, args...))
	}
}

// section is one mapping of the script.
type section struct {
	r      *reading
	path   string
	line   int
	values map[string]*yaml.Node
}

// mapping reads a node as keys with values; keys that are not known, or are there
// twice, are refused. A missing node is an empty mapping.
func (r *reading) mapping(n *yaml.Node, path string, known ...string) section {
	s := section{r: r, path: path, values: map[string]*yaml.Node{}}
	if n == nil {
		return s
	}
	s.line = n.Line
	if n.Kind != yaml.MappingNode {
		r.fail(n.Line, path, "want keys with values")
		return s
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value):
			r.fail(key.Line, path, "key %.40q is not known; known are %s", key.Value, strings.Join(known, ", "))
		case s.values[key.Value] != nil:
			r.fail(key.Line, path, "key %.40q is there twice", key.Value)
		}
		s.values[key.Value] = value
	}
	return s
}

func (s *section) failAt(key, format string, args ...any) {
	line, path := s.line, key
	if n := s.values[key]; n != nil {
		line = n.Line
	}
	if s.path != "" {
		path = s.path + "." + key
	}
	s.r.fail(line, path, format, args...)
}

// scalar gives the text of a value; false if the key is missing or no plain value.
func (s *section) scalar(key string) (string, bool) {
	n := s.values[key]
	if n == nil {
		return "", false
	}
	if n.Kind != yaml.ScalarNode {
		s.failAt(key, "want a single value")
		return "", false
	}
	return n.Value, true
}

// text gives at most most bytes of text.
func (s *section) text(key string, most int, required bool) string {
	v, ok := s.scalar(key)
	switch {
	case required && (!ok || v == ""):
		s.failAt(key, "is missing")
	case len(v) > most:
		s.failAt(key, "%d bytes, want at most %d", len(v), most)
	}
	return v
}

// bytes gives least to most bytes in hexadecimal; nil if the key is missing.
func (s *section) bytes(key string, least, most int, required bool) []byte {
	v, ok := s.scalar(key)
	if !ok {
		if required {
			s.failAt(key, "is missing")
		}
		return nil
	}
	b, err := hex.DecodeString(strings.ReplaceAll(v, " ", ""))
	if err != nil {
		s.failAt(key, "want hexadecimal digits, two a byte; put decimal digits in quotes")
		return nil
	}
	if len(b) < least || len(b) > most {
		s.failAt(key, "%d bytes, want %d to %d", len(b), least, most)
		return nil
	}
	return b
}

// octet gives one byte, or nil if the key is missing.
func (s *section) octet(key string) *byte {
	if b := s.bytes(key, 1, 1, false); b != nil {
		return &b[0]
	}
	return nil
}

// tag gives a tag, which must be there.
func (s *section) tag(key string) tlv.Tag {
	var t tlv.Tag
	for _, b := range s.bytes(key, 1, 3, true) {
		t = t<<8 | tlv.Tag(b)
	}
	if s.r.err == nil && !t.Valid() {
		s.failAt(key, "%X is no tag (EMV Book 3, annex B)", uint32(t))
	}
	return t
}

// number gives a decimal number, absent if the key is missing.
func (s *section) number(key string, least, most, absent int) int {
	v, ok := s.scalar(key)
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		s.failAt(key, "want a number from %d to %d", least, most)
		return absent
	}
	return n
}

// flag gives true or false, false if the key is missing.
func (s *section) flag(key string) bool {
	v, ok := s.scalar(key)
	if ok && v != "true" && v != "false" {
		s.failAt(key, "want true or false")
	}
	return v == "true"
}

// list gives the elements of a list that must be there.
func (s *section) list(key string, most int) []*yaml.Node {
	n := s.values[key]
	switch {
	case n == nil:
		s.failAt(key, "is missing")
	case n.Kind != yaml.SequenceNode || len(n.Content) == 0 || len(n.Content) > most:
		s.failAt(key, "want a list of 1 to %d elements", most)
	default:
		return n.Content
	}
	return nil
}
