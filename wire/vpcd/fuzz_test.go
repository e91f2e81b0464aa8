package vpcd

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzParseRequest: what parses is written back as it came.
func FuzzParseRequest(f *testing.F) {
	for _, b := range [][]byte{{}, {0}, {1}, {2}, {4}, {3}, {0xFF}, {0, 0xA4}, {0, 0xA4, 4, 0}, make([]byte, 300)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseRequest(body)
		if err != nil {
			return
		}
		again, err := AppendRequest(nil, r)
		if err != nil || !bytes.Equal(again[2:], body) || int(again[0])<<8|int(again[1]) != len(body) {
			t.Errorf("%X comes back as %X, %v", body, again, err)
		}
	})
}

// FuzzReader reads a hostile stream as card and as reader: it ends in an error,
// and what was read before it accounts for every byte.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 1, 1, 0, 1, 4, 0, 4, 0, 0xA4, 4, 0}, false)
	f.Add([]byte{0, 2, 0x3B, 0, 0, 2, 0x90, 0}, true)
	f.Add([]byte{0, 0}, false)
	f.Add([]byte{0xFF, 0xFF, 1}, true)
	f.Fuzz(func(t *testing.T, stream []byte, fromCard bool) {
		r := NewReader(bytes.NewReader(stream), 512)
		var again []byte
		for {
			var err, wrote error
			if fromCard {
				var b []byte
				if b, err = r.Response(); err == nil {
					again, wrote = AppendResponse(again, b)
				}
			} else {
				var q Request
				if q, err = r.Request(); err == nil {
					again, wrote = AppendRequest(again, q)
				}
			}
			if wrote != nil {
				t.Fatal(wrote)
			}
			if err == nil {
				continue
			}
			if whole := errors.Is(err, io.EOF); !bytes.HasPrefix(stream, again) || whole != (len(again) == len(stream)) {
				t.Errorf("%X reads as %X, %v", stream, again, err)
			}
			return
		}
	})
}
