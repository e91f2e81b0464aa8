package apdu

import "fmt"

// ParseResponse splits a response into its data, a part of b, and its status
// word. The error is an [*Error]. A response has at most 65536 bytes of data.
func ParseResponse(b []byte) (data []byte, sw SW, err error) {
	if len(b) < 2 {
		return nil, 0, &Error{Message: "response", Field: "SW", Offset: 0,
			Reason: fmt.Sprintf("%d bytes; the status word alone needs 2", len(b))}
	}
	n := len(b) - 2
	if n > MaxExtendedLe {
		return nil, 0, &Error{Message: "response", Field: "data", Offset: MaxExtendedLe,
			Reason: fmt.Sprintf("%d bytes of data; at most %d are possible", n, MaxExtendedLe)}
	}
	sw = SW(b[n])<<8 | SW(b[n+1])
	if hi := b[n] & 0xF0; hi != 0x60 && hi != 0x90 || b[n] == 0x60 {
		return nil, 0, &Error{Message: "response", Field: "SW", Offset: n,
			Reason: fmt.Sprintf("%s is not a status word; it begins with 61 to 6F or 90 to 9F", sw)}
	}
	return b[:n:n], sw, nil
}

// AppendResponse appends the data and the status word.
func AppendResponse(dst, data []byte, sw SW) []byte {
	return append(append(dst, data...), byte(sw>>8), byte(sw))
}
