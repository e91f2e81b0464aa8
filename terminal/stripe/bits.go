package stripe

import (
	"errors"
	"fmt"
	"math/bits"
)

// Format is how a track codes its characters.
type Format uint8

// The formats of ISO/IEC 7811-2: bits a character, with odd parity, sent from the
// lowest bit; then the code of the first character and where the track starts.
const (
	Letters Format = 1 // track 1: 6 bits and parity, from the space on
	Digits  Format = 2 // tracks 2 and 3: 4 bits and parity, from "0" on
)

// Greatest number of characters of a track with sentinels and LRC (ISO/IEC 7813;
// ISO/IEC 4909 for track 3).
const (
	maxTrack1 = 79
	maxTrack2 = 40
	maxTrack3 = 107
	maxBits   = 4096 // the longest stripe has 107 characters of 5 bits and clocking zeros
)

// Sentinels and separators of the tracks.
const (
	startLetters = '%'
	startDigits  = ';'
	endSentinel  = '?'
	between1     = '^'
	between2     = '='
)

// ErrTrack is the kind of all errors of the decoders.
var ErrTrack = errors.New("unreadable track")

func bad(track, field, format string, args ...any) error {
	return fmt.Errorf("%s, %s: %s: %w", track, field, fmt.Sprintf(format, args...), ErrTrack)
}

type coding struct {
	name  string
	width int // with parity
	base  byte
	start byte
	most  int
}

func (f Format) coding() (coding, bool) {
	switch f {
	case Letters:
		return coding{"track of letters", 7, ' ', startLetters, maxTrack1}, true
	case Digits:
		return coding{"track of digits", 5, '0', startDigits, maxTrack3}, true
	}
	return coding{}, false
}

// Decode reads the bits of a swipe in the order in which the head gave them, highest
// bit of the first byte first, and gives the characters with both sentinels and
// without the LRC. A card pulled backwards is read backwards. Zeros before and
// after are the stripe's clocking. Parity of each character and the LRC are checked
// (ISO/IEC 7811-2, 10); of two ways that both fail the error is that of the forward
// one.
func Decode(f Format, swipe []byte) ([]byte, error) {
	c, ok := f.coding()
	if !ok {
		return nil, fmt.Errorf("format %d: write Letters or Digits: %w", f, ErrTrack)
	}
	if len(swipe)*8 > maxBits {
		return nil, bad(c.name, "bits", "%d bytes, a stripe has at most %d", len(swipe), maxBits/8)
	}
	text, err := c.decode(swipe)
	if err == nil {
		return text, nil
	}
	back := make([]byte, len(swipe))
	for i, b := range swipe {
		back[len(back)-1-i] = bits.Reverse8(b)
	}
	if text, second := c.decode(back); second == nil {
		return text, nil
	}
	return nil, err
}

// decode reads one direction. The first 1 is the lowest bit of the start sentinel:
// both sentinels begin with 1 (% is 05, ; is 0B).
func (c coding) decode(swipe []byte) ([]byte, error) {
	at, n := 0, 8*len(swipe)
	for at < n && bit(swipe, at) == 0 {
		at++
	}
	var text []byte
	lrc := byte(0)
	for {
		v, ok := c.character(swipe, at)
		switch {
		case !ok:
			return nil, bad(c.name, "end", "the bits end after %d characters, before the end sentinel and LRC", len(text))
		case bits.OnesCount8(v)%2 == 0:
			return nil, bad(c.name, "parity", "character %d has even parity", len(text)+1)
		}
		v &= 1<<(c.width-1) - 1
		lrc ^= v
		char := c.base + v
		if len(text) == 0 && char != c.start {
			return nil, bad(c.name, "start", "the first character is not the start sentinel")
		}
		at += c.width
		text = append(text, char)
		if char == endSentinel && len(text) > 1 {
			break
		}
		if len(text) >= c.most-1 {
			return nil, bad(c.name, "length", "no end sentinel within %d characters", c.most)
		}
	}
	v, ok := c.character(swipe, at)
	switch {
	case !ok:
		return nil, bad(c.name, "LRC", "the bits end before it")
	case bits.OnesCount8(v)%2 == 0:
		return nil, bad(c.name, "LRC", "it has even parity")
	case v&(1<<(c.width-1)-1) != lrc:
		return nil, bad(c.name, "LRC", "it does not fit the characters")
	}
	for at += c.width; at < n; at++ {
		if bit(swipe, at) != 0 {
			return nil, bad(c.name, "end", "something follows the LRC")
		}
	}
	return text, nil
}

// character reads the next character with its parity bit, lowest bit first.
func (c coding) character(swipe []byte, at int) (v byte, ok bool) {
	if at+c.width > 8*len(swipe) {
		return 0, false
	}
	for i := range c.width {
		v |= bit(swipe, at+i) << i
	}
	return v, true
}

func bit(b []byte, i int) byte { return b[i/8] >> (7 - i%8) & 1 }
