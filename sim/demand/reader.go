package demand

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxPayload bounds what an embedded or foreign file may inflate to.
const maxPayload = 8 << 20

// reader takes values off a payload; the first failure sticks and every later value is zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what, why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s", what, why)
	}
}

// uint reads a uvarint not above limit.
func (r *reader) uint(what string, limit uint64) uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b)
	switch {
	case n <= 0:
		r.fail(what, "the data end inside a number")
		return 0
	case n > 1 && r.b[n-1] == 0:
		r.fail(what, "the number is not in its shortest form")
		return 0
	case v > limit:
		r.fail(what, fmt.Sprintf("%d is above the limit %d", v, limit))
		return 0
	}
	r.b = r.b[n:]
	return v
}

// text reads a counted string of at most limit bytes.
func (r *reader) text(what string, limit uint64) string {
	return string(r.bytes(what, int(r.uint(what+" length", limit))))
}

// bytes reads n bytes; the result is part of the payload.
func (r *reader) bytes(what string, n int) []byte {
	if r.err == nil && n > len(r.b) {
		r.fail(what, "the data are too short")
	}
	if r.err != nil {
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

// uints reads n numbers, each not above limit. It refuses a count that the remaining bytes cannot hold.
func (r *reader) uints(what string, n int, limit uint64) []uint32 {
	if r.err == nil && n > len(r.b) {
		r.fail(what, "the data are too short")
	}
	if r.err != nil {
		return nil
	}
	v := make([]uint32, n)
	for i := range v {
		v[i] = uint32(r.uint(what, limit))
	}
	return v
}

// done reports the sticky error, or trailing bytes.
func (r *reader) done() error {
	if r.err == nil && len(r.b) > 0 {
		r.fail("end", fmt.Sprintf("%d bytes are left over", len(r.b)))
	}
	return r.err
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendUints(b []byte, v []uint32) []byte {
	for _, x := range v {
		b = binary.AppendUvarint(b, uint64(x))
	}
	return b
}

// seal writes the readable header lines, an empty line, and the deflated payload.
func seal(magic, note string, payload []byte) []byte {
	var out bytes.Buffer
	out.WriteString(magic + "\n" + note + "\n\n")
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic("demand: flate refuses its own best level: " + err.Error())
	}
	// A bytes.Buffer never fails a write.
	if _, err := w.Write(payload); err != nil {
		panic("demand: writing to memory failed: " + err.Error())
	}
	if err := w.Close(); err != nil {
		panic("demand: writing to memory failed: " + err.Error())
	}
	return out.Bytes()
}

// unseal checks the magic line and returns the note and the inflated payload.
func unseal(magic string, b []byte) (note string, payload []byte, err error) {
	head, body, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok {
		return "", nil, errors.New("header: no empty line ends it")
	}
	first, rest, ok := bytes.Cut(head, []byte("\n"))
	if !ok || string(first) != magic {
		return "", nil, fmt.Errorf("header: the first line is not %q", magic)
	}
	src := bytes.NewReader(body)
	payload, err = io.ReadAll(io.LimitReader(flate.NewReader(src), maxPayload+1))
	if err != nil {
		return "", nil, fmt.Errorf("inflating the payload: %w", err)
	}
	if len(payload) > maxPayload {
		return "", nil, fmt.Errorf("payload: larger than %d bytes", maxPayload)
	}
	if src.Len() > 0 {
		return "", nil, fmt.Errorf("payload: %d bytes follow its end", src.Len())
	}
	return string(rest), payload, nil
}
