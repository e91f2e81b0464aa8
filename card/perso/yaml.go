package perso

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader keeps the first fault of a profile, so that the code which takes the
// values reads like the list of keys.
type reader struct{ err error }

func (r *reader) fail(line int, path, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("line %d, %s: %s", line, path, fmt.Sprintf(format, args...))
	}
}

// section is one mapping of the profile.
type section struct {
	r      *reader
	path   string
	line   int
	keys   []string // in the order of the file
	values map[string]*yaml.Node
}

// mapping reads a node as key-value pairs. With known keys any other is refused.
func (r *reader) mapping(n *yaml.Node, path string, known ...string) section {
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
		case key.Kind != yaml.ScalarNode:
			r.fail(key.Line, path, "a key must be plain text")
		case known != nil && !slices.Contains(known, key.Value):
			r.fail(key.Line, path, "key %.40q is not known; known are %s", key.Value, strings.Join(known, ", "))
		case s.values[key.Value] != nil:
			r.fail(key.Line, path, "key %.40q is there twice", key.Value)
		}
		s.keys = append(s.keys, key.Value)
		s.values[key.Value] = value
	}
	return s
}

func (s *section) at(key string) string {
	if s.path == "" {
		return key
	}
	return s.path + "." + key
}

// scalar gives the text of a value; present is false if the key is missing.
func (s *section) scalar(key string, required bool) (text string, line int, present bool) {
	n := s.values[key]
	if n == nil {
		if required {
			s.r.fail(s.line, s.at(key), "is missing")
		}
		return "", s.line, false
	}
	if n.Kind != yaml.ScalarNode {
		s.r.fail(n.Line, s.at(key), "want a single value")
		return "", n.Line, false
	}
	return n.Value, n.Line, true
}

// text gives printable ASCII of least to most characters, "" if the key is missing.
func (s *section) text(key string, least, most int, required bool) string {
	v, line, ok := s.scalar(key, required)
	if !ok {
		return ""
	}
	if len(v) < least || len(v) > most {
		s.r.fail(line, s.at(key), "%d characters, want %d to %d", len(v), least, most)
	}
	for _, c := range []byte(v) {
		if c < ' ' || c > '~' {
			s.r.fail(line, s.at(key), "only printable ASCII is possible")
			return ""
		}
	}
	return v
}

// bytes gives hexadecimal digits as least to most bytes; spaces are ignored.
func (s *section) bytes(key string, least, most int, required bool) []byte {
	v, line, ok := s.scalar(key, required)
	if !ok {
		return nil
	}
	b, err := hex.DecodeString(strings.ReplaceAll(v, " ", ""))
	switch {
	case err != nil:
		s.r.fail(line, s.at(key), "want hexadecimal digits, two a byte; put a value of decimal digits in quotes")
		return nil
	case len(b) < least || len(b) > most:
		s.r.fail(line, s.at(key), "%d bytes, want %d to %d", len(b), least, most)
		return nil
	}
	return b
}

// digits gives least to most decimal digits.
func (s *section) digits(key string, least, most int, required bool) string {
	v := s.text(key, least, most, required)
	if strings.Trim(v, "0123456789") != "" {
		s.r.fail(s.values[key].Line, s.at(key), "want decimal digits")
		return ""
	}
	return v
}

// number gives a decimal number, or absent if the key is missing.
func (s *section) number(key string, least, most, absent int64) int64 {
	v, line, ok := s.scalar(key, false)
	if !ok {
		return absent
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least || n > most {
		s.r.fail(line, s.at(key), "want a number from %d to %d", least, most)
		return absent
	}
	return n
}

// flag gives true or false, false if the key is missing.
func (s *section) flag(key string) bool {
	v, line, ok := s.scalar(key, false)
	if ok && v != "true" && v != "false" {
		s.r.fail(line, s.at(key), "want true or false")
	}
	return v == "true"
}

// list gives the elements of a list; a missing key is an error.
func (s *section) list(key string, most int) []*yaml.Node {
	n := s.values[key]
	switch {
	case n == nil:
		s.r.fail(s.line, s.at(key), "is missing")
	case n.Kind != yaml.SequenceNode || len(n.Content) == 0 || len(n.Content) > most:
		s.r.fail(n.Line, s.at(key), "want a list of 1 to %d elements", most)
	default:
		return n.Content
	}
	return nil
}

// failAt reports a fault of one key's value found later.
func (s *section) failAt(key, format string, args ...any) {
	line := s.line
	if n := s.values[key]; n != nil {
		line = n.Line
	}
	s.r.fail(line, s.at(key), format, args...)
}
