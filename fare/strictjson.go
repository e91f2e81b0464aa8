package fare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// places is where each value of a JSON file ends, by its path: "bus.longest_m",
// "concessions[0].code".
type places map[string]int64

// decodeStrictly reads a JSON file into v: no unknown key, no key twice, nothing after
// the object.
func decodeStrictly(file string, data []byte, v any) (places, error) {
	if len(data) > maxFileBytes {
		return nil, &Error{File: file, Problem: fmt.Sprintf("%d bytes long", len(data)), Fix: fmt.Sprintf("keep it below %d", maxFileBytes)}
	}
	at, err := walk(file, data)
	if err != nil {
		return nil, err
	}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(v); err != nil {
		return nil, jsonError(file, data, in.InputOffset(), err)
	}
	return at, nil
}

// level is an object or array that is open while the tokens are read.
type level struct {
	keys  map[string]bool // of an object, in lower case; nil for an array
	path  string
	key   string // the one whose value comes next
	count int    // values of an array so far
}

// child is the path of the next value.
func (l *level) child() string {
	switch {
	case l.keys == nil:
		return fmt.Sprintf("%s[%d]", l.path, l.count)
	case l.path == "":
		return l.key
	}
	return l.path + "." + l.key
}

// walk reads the tokens, notes where values stand, and refuses a key that an object
// holds twice (in any mix of upper and lower case: the decoder would take the last
// one) and anything after the first value.
func walk(file string, data []byte) (places, error) {
	in := json.NewDecoder(bytes.NewReader(data))
	at := places{}
	var open []level
	wantKey := false
	for {
		start := in.InputOffset()
		token, err := in.Token()
		if err != nil {
			return nil, jsonError(file, data, start, err)
		}
		if key, isString := token.(string); wantKey && isString {
			top := &open[len(open)-1]
			if top.keys[strings.ToLower(key)] {
				return nil, jsonError(file, data, in.InputOffset(), fmt.Errorf("key %q stands twice in one object", clip(key)))
			}
			top.keys[strings.ToLower(key)], top.key, wantKey = true, key, false
			continue
		}
		if token == nil {
			return nil, jsonError(file, data, in.InputOffset(), errors.New("null says nothing"))
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
		} else {
			open = value(at, open, token, in.InputOffset())
		}
		if len(open) == 0 {
			break
		}
		if len(open) > 16 {
			return nil, jsonError(file, data, start, errors.New("nested too deeply"))
		}
		wantKey = open[len(open)-1].keys != nil
	}
	after := in.InputOffset()
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, jsonError(file, data, after, errors.New("more text after the object"))
	}
	return at, nil
}

// value notes where a value stands, and opens it if it holds others.
func value(at places, open []level, token json.Token, offset int64) []level {
	path := ""
	if len(open) > 0 {
		top := &open[len(open)-1]
		path = top.child()
		top.count++
	}
	at[path] = offset
	switch token {
	case json.Delim('{'):
		return append(open, level{keys: map[string]bool{}, path: path})
	case json.Delim('['):
		return append(open, level{path: path})
	}
	return open
}

// locate gives an error its line and column by its field, or by the nearest object
// around it that the file has.
func (at places) locate(data []byte, err error) error {
	bad, ok := errors.AsType[*Error](err)
	if !ok || bad.Line != 0 {
		return err
	}
	for path := bad.Field; ; path = path[:max(strings.LastIndexAny(path, ".["), 0)] {
		if offset, found := at[path]; found {
			bad.Line, bad.Column = position(data, offset)
			return bad
		}
		if path == "" {
			return bad
		}
	}
}

// position is the line and column of the byte before an offset.
func position(data []byte, offset int64) (line, column int) {
	read := data[:min(max(offset, 0), int64(len(data)))]
	return bytes.Count(read, []byte{'\n'}) + 1, max(1, len(read)-1-bytes.LastIndexByte(read, '\n'))
}

// jsonError turns a decoder's error into one with line and column.
func jsonError(file string, data []byte, offset int64, err error) error {
	bad := &Error{File: file, Problem: strings.TrimPrefix(err.Error(), "json: "), Fix: "correct the JSON; data/" + file + " of package fare/beijing is a model"}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset, bad.Field = kind.Offset, kind.Field
		bad.Problem, bad.Fix = "cannot hold a "+clip(kind.Value), "give a "+kind.Type.String()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, bad.Problem = int64(len(data)), "ends too early"
	}
	bad.Line, bad.Column = position(data, offset)
	return bad
}
