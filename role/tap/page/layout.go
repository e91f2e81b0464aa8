package page

import (
	"strings"
	"unicode"
)

// width counts the places that a text takes: two for a Chinese character, one for what
// may take either, such as quotation marks and frames (Unicode Standard Annex 11).
func width(s string) int {
	n := 0
	for _, r := range s {
		n += places(r)
	}
	return n
}

func places(r rune) int {
	switch {
	case r >= 0x1100 && r <= 0x115F, r >= 0x2E80 && r <= 0xA4CF, r >= 0xAC00 && r <= 0xD7A3, r >= 0xF900 && r <= 0xFAFF,
		r >= 0xFE30 && r <= 0xFE6F, r >= 0xFF00 && r <= 0xFF60, r >= 0xFFE0 && r <= 0xFFE6:
		return 2
	}
	return 1
}

// pad fills up to w places.
func pad(s string, w int) string { return s + spaces(w-width(s)) }

// padLeft fills up to w places in front.
func padLeft(s string, w int) string { return spaces(w-width(s)) + s }

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }

// fit cuts a text to w places and says so with a dot.
func fit(s string, w int) string {
	if width(s) <= w {
		return s
	}
	n := 0
	for i, r := range s {
		if n+places(r) > w-1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
		n += places(r)
	}
	return s
}

// plain leaves out what would control a terminal: cards may say anything.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.In(r, unicode.Cf) {
			return '?'
		}
		return r
	}, s)
}

// wrap breaks a text into lines of at most w places: at spaces, between Chinese
// characters, and where one word is longer than a line.
func wrap(s string, w int) []string {
	w = max(w, 4)
	var lines []string
	line, at := "", 0 // at is where the line may be broken
	for _, r := range s {
		if width(line)+places(r) > w {
			head, tail := line, ""
			if at > 0 {
				head, tail = line[:at], line[at:]
			}
			lines = append(lines, strings.TrimRight(head, " "))
			line, at = strings.TrimLeft(tail, " "), 0
			if r == ' ' && line == "" {
				continue
			}
		}
		line += string(r)
		if r == ' ' || places(r) == 2 && !closes(r) {
			at = len(line)
		}
	}
	if line = strings.TrimRight(line, " "); line != "" || lines == nil {
		lines = append(lines, line)
	}
	return lines
}

// closes says that a line may not be broken right behind r: it opens a bracket.
func closes(r rune) bool { return strings.ContainsRune("（“《【", r) }

// chunks breaks hexadecimal into lines of at most w digits, never inside a byte.
func chunks(hex string, w int) []string {
	w = max(w/2*2, 2)
	var lines []string
	for len(hex) > w {
		lines = append(lines, hex[:w])
		hex = hex[w:]
	}
	return append(lines, hex)
}

// bar is a bar of part of whole, at most w places, in eighths of a place.
func bar(part, whole int64, w int) string {
	if whole <= 0 || part <= 0 {
		return ""
	}
	eighths := min(max(part*int64(w)*8/whole, 1), int64(w)*8)
	out := strings.Repeat("█", int(eighths/8))
	if rest := eighths % 8; rest > 0 {
		out += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return out
}
