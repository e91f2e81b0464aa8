package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/citycard/citycard/wire/tlv"
)

// hexTextMax is the longest text that readHex takes: the greatest input with
// white space between all digits.
const hexTextMax = 8 * tlv.MaxSize

// readHex reads bytes from hexadecimal arguments, or from stdin if the only
// argument is "-".
func readHex(stdin io.Reader, args []string) ([]byte, error) {
	text := strings.Join(args, " ")
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(stdin, hexTextMax+1))
		if err != nil {
			return nil, fail(exitFailed, fmt.Errorf("read standard input: %w", err), "")
		}
		text = string(b)
	}
	if len(text) > hexTextMax {
		return nil, tooLong()
	}
	return parseHex(text)
}

func tooLong() error {
	return fail(exitUsage, fmt.Errorf("the input is longer than %d bytes", tlv.MaxSize), "give one message or file at a time")
}

// parseHex reads pairs of digits; white space may stand anywhere.
func parseHex(text string) ([]byte, error) {
	b := make([]byte, 0, len(text)/2)
	digits, at := 0, 0
	for _, r := range text {
		at++
		if unicode.IsSpace(r) {
			continue
		}
		d, ok := hexDigit(r)
		if !ok {
			return nil, fail(exitUsage, fmt.Errorf("character %d of the input is %q, not a hexadecimal digit", at, r), "give digits 0 to 9 and A to F; spaces and line ends are allowed")
		}
		if digits%2 == 0 {
			b = append(b, d<<4)
		} else {
			b[len(b)-1] |= d
		}
		digits++
	}
	switch {
	case digits == 0:
		return nil, fail(exitUsage, fmt.Errorf("the input is empty"), "give hexadecimal bytes, or - to read them from standard input")
	case digits%2 != 0:
		return nil, fail(exitUsage, fmt.Errorf("the input has %d digits, an odd number", digits), "two digits make a byte; the last one is cut short")
	case len(b) > tlv.MaxSize:
		return nil, tooLong()
	}
	return b, nil
}

func hexDigit(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r - '0'), true
	case r >= 'A' && r <= 'F':
		return byte(r-'A') + 10, true
	case r >= 'a' && r <= 'f':
		return byte(r-'a') + 10, true
	}
	return 0, false
}
