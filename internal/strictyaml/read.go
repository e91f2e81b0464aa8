package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Reader keeps the first fault of a document.
type Reader struct {
	top string
	err error
}

// Parse takes text apart: exactly one document of at most limit bytes. top is what a
// fault of the document itself is named after, for example "profile". The node is the
// document's content, for Mapping. The error says what is wrong with the YAML itself.
func Parse(text []byte, limit int, top string) (*Reader, *yaml.Node, error) {
	if len(text) > limit {
		return nil, nil, fmt.Errorf("%d bytes, at most %d are possible", len(text), limit)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, nil, err
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err == nil {
			err = fmt.Errorf("line %d: a second document; a file holds one %s", second.Line, top)
		}
		return nil, nil, err
	}
	return &Reader{top: top}, document.Content[0], nil
}

// Err is the first fault, nil if there was none.
func (r *Reader) Err() error { return r.err }

// Fail reports a fault at a line; an empty path stands for the whole document.
func (r *Reader) Fail(line int, path, format string, args ...any) {
	if r.err != nil {
		return
	}
	if path == "" {
		path = r.top
	}
	r.err = fmt.Errorf("line %d, %s: %s", line, path, fmt.Sprintf(format, args...))
}

// Mapping reads a node as keys with values. With known keys any other is refused. A
// nil node is an empty mapping.
func (r *Reader) Mapping(n *yaml.Node, path string, known ...string) Section {
	s := Section{Reader: r, path: path, values: map[string]*yaml.Node{}}
	if n == nil {
		return s
	}
	s.Line = n.Line
	if n.Kind != yaml.MappingNode {
		r.Fail(n.Line, path, "want keys with values")
		return s
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.Fail(key.Line, path, "a key must be plain text")
		case known != nil && !slices.Contains(known, key.Value):
			r.Fail(key.Line, path, "key %.40q is not known; known are %s", key.Value, strings.Join(known, ", "))
		case s.values[key.Value] != nil:
			r.Fail(key.Line, path, "key %.40q is there twice", key.Value)
		}
		s.Keys = append(s.Keys, key.Value)
		s.values[key.Value] = value
	}
	return s
}
