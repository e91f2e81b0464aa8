package foreign

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// bad refuses a line for a field that cannot be read. The text of a card number is
// never part of it.
func bad(f field, format string, args ...any) *refusal {
	return &refusal{BadField, fieldNames[f] + ": " + fmt.Sprintf(format, args...)}
}

// short cuts foreign text for a message, and hides what may be a card number.
func short(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return strconv.Quote(Mask(s))
}

// maxFen is the largest amount of one transaction that is believed: 9F02 of 32 bits.
const maxFen = 1<<32 - 1

// parseAmount reads fen, or yuan with at most two decimals.
func parseAmount(f field, text, format string) (money.Fen, *refusal) {
	whole, cents, point := strings.Cut(text, ".")
	if format != "yuan" {
		if point {
			return 0, bad(f, "%s is not a whole number of fen", short(text))
		}
		cents = ""
	}
	switch len(cents) {
	case 0:
		cents = "00"
	case 1:
		cents += "0"
	case 2:
	default:
		return 0, bad(f, "%s has more than two decimals", short(text))
	}
	if format != "yuan" {
		cents = ""
	}
	digits := whole + cents
	if whole == "" || len(digits) > 18 || !decimal(digits) {
		return 0, bad(f, "%s is no amount, want decimal digits without sign", short(text))
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > maxFen {
		return 0, bad(f, "%s is more than 42,949,672.95 yuan", short(text))
	}
	return money.Fen(n), nil
}

func decimal(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// parseCard reads an account number.
func parseCard(text string) (txn.PAN, *refusal) {
	pan, err := txn.ParsePAN(text)
	if err != nil {
		return pan, bad(fCard, "%d characters that are no account number of 12 to 19 digits", len(text))
	}
	return pan, nil
}

// parsePSN reads a card sequence number: one to three digits, packed as tag 5F34.
func parsePSN(text string) (int16, *refusal) {
	if text == "" {
		return unknownPSN, nil
	}
	if len(text) > 3 || !decimal(text) || len(text) == 3 && text[0] != '0' {
		return 0, bad(fPSN, "%s, want up to two digits", short(text))
	}
	n, err := strconv.ParseUint(text, 16, 8)
	if err != nil {
		return 0, bad(fPSN, "%s, want up to two digits", short(text))
	}
	return int16(n), nil
}

// unknownPSN stands where a line does not say which card of the number it is.
const unknownPSN = -1

// stampLayouts are the formats of dates and times as package time writes them.
var stampLayouts = map[string]string{
	"yyyy-mm-dd hh:mm:ss": "2006-01-02 15:04:05", "yyyymmddhhmmss": "20060102150405", "yyyy/mm/dd hh:mm:ss": "2006/01/02 15:04:05",
	"yyyymmdd": "20060102", "yyyy-mm-dd": "2006-01-02", "yyyy/mm/dd": "2006/01/02", "hhmmss": "150405", "hh:mm:ss": "15:04:05",
}

// parseTime reads a moment at UTC+8. A format without a year takes it from day, the
// clearing date of the file: the latest such moment that is not more than a week after it.
func parseTime(f field, text, format string, day int32) (int64, *refusal) {
	switch format {
	case "unix":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < firstSecond || n > lastSecond {
			return 0, bad(f, "%s, want unix seconds of the years 2000 to 2099", short(text))
		}
		return n, nil
	case "mmddhhmmss", "mmdd":
		return withYear(f, text, day)
	}
	t, err := time.ParseInLocation(stampLayouts[format], text, txn.CityTime)
	if err != nil || t.Year() < 2000 || t.Year() > 2099 {
		return 0, bad(f, "%s, want %s of the years 2000 to 2099", short(text), format)
	}
	return t.Unix(), nil
}

// The years 2000 to 2099 at UTC+8.
var (
	firstSecond = time.Date(2000, 1, 1, 0, 0, 0, 0, txn.CityTime).Unix()
	lastSecond  = time.Date(2100, 1, 1, 0, 0, 0, 0, txn.CityTime).Unix() - 1
)

func withYear(f field, text string, day int32) (int64, *refusal) {
	if day == 0 {
		return 0, &refusal{NoDate, fieldNames[f]}
	}
	if len(text) == 4 {
		text += "000000"
	}
	end := dayEnd(day) + 7*86400
	year := time.Unix(end, 0).In(txn.CityTime).Year()
	for y := year; y > year-5; y-- { // 29 February comes every fourth year
		t, err := time.ParseInLocation("20060102150405", fmt.Sprintf("%04d", y)+text, txn.CityTime)
		if err == nil && t.Unix() <= end {
			return t.Unix(), nil
		}
	}
	return 0, bad(f, "%s is no month, day and time", short(text))
}

// dayOf is the day at UTC+8 in days since 1970-01-01, dayEnd its last second.
func dayOf(unix int64) int32 { return int32((unix + 8*3600) / 86400) }
func dayEnd(day int32) int64 { return (int64(day)+1)*86400 - 8*3600 - 1 }

// dayText is a day as JSON and pages have it.
func dayText(day int32) string { return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly) }

// parseDate reads a day.
func parseDate(f field, text, format string, day int32) (int32, *refusal) {
	t, r := parseTime(f, text, format, day)
	if r != nil {
		return 0, r
	}
	return dayOf(t), nil
}

// parseATC reads a counter.
func parseATC(text, format string) (uint16, *refusal) {
	base := 16
	if format == "decimal" {
		base = 10
	}
	n, err := strconv.ParseUint(text, base, 16)
	if err != nil {
		return 0, bad(fATC, "%s is no counter of two bytes (%s)", short(text), format)
	}
	return uint16(n), nil
}

// parseHex reads hexadecimal digits; spaces between bytes are passed over.
func parseHex(f field, text string) ([]byte, *refusal) {
	if strings.Contains(text, " ") {
		text = strings.ReplaceAll(text, " ", "")
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil, bad(f, "not hexadecimal digits in pairs")
	}
	return b, nil
}

// parseTerminal makes a number of a terminal code: decimal digits are the number, X and
// seven characters of base 36 a larger one, as T+1 files of this project write it. Any
// other code gets a number of its own, by FNV-1a: it is only ever compared.
func parseTerminal(text string) txn.TerminalID {
	if text == "" {
		return 0
	}
	if decimal(text) && len(text) <= 9 {
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			return txn.TerminalID(n)
		}
	}
	if text[0] == 'X' && len(text) == 8 {
		if n, err := strconv.ParseUint(text[1:], 36, 32); err == nil && text == strings.ToUpper(text) {
			return txn.TerminalID(n)
		}
	}
	h := uint32(2166136261)
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * 16777619
	}
	return txn.TerminalID(h)
}

// parseTrace reads a trace number of up to nine digits.
func parseTrace(text string) (uint32, *refusal) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, bad(fTrace, "%s is no number", short(text))
	}
	return uint32(n), nil
}

// Words that files use, beside those that a mapping translates.
var (
	yesWords = map[string]bool{"yes": true, "y": true, "1": true, "true": true, "是": true, "no": false, "n": false, "0": false, "false": false, "否": false}
	// A load counts as booked unless the journal says that it was refused or undone.
	bookedWords = map[string]bool{
		"ok": true, "success": true, "成功": true, "lost": true, "timeout": true, "unknown": true, "超时": true, "未知": true,
		"declined": false, "reversed": false, "拒绝": false, "已冲正": false,
	}
)

// toldWords are the results of loads that say that the script ran.
var toldWords = map[string]bool{"ok": true, "success": true, "成功": true}

func parseYes(f field, text string, words map[string]bool) (bool, *refusal) {
	yes, known := words[strings.ToLower(text)]
	if !known {
		return false, bad(f, "%s is not one of the words of this field; translate it in the mapping with values", short(text))
	}
	return yes, nil
}

// parseWord reads what a terminal says of the last record: answered, not asked for, or
// nothing.
func parseWord(text string) (timeline.Certainty, *refusal) {
	if text == "" || strings.EqualFold(text, "unknown") || text == "未知" {
		return timeline.Open, nil
	}
	yes, r := parseYes(fLastRecord, text, yesWords)
	switch {
	case r != nil:
		return timeline.Open, r
	case yes:
		return timeline.Yes, nil
	}
	return timeline.No, nil
}

// grouped are card numbers as people write them, in groups of four or six and the rest.
var grouped = regexp.MustCompile(`\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}(?:[ -]\d{1,3}\b)?|\b\d{6}[ -]\d{10,13}\b`)

// broken are digits of which some in between are damaged: one or two foreign characters,
// which do not part the columns of a line, between each two pieces.
var broken = regexp.MustCompile(`\d+(?:[^\d\s,;|"]{1,2}\d+)+`)

// hexadecimal are chip data.
var hexadecimal = regexp.MustCompile(`(?i)[0-9A-F]{40,}`)

// Mask hides every run of at least 12 digits that may be a card number, also one in
// groups or with damaged digits in it: the first six and the last four stay.
func Mask(s string) string {
	s = grouped.ReplaceAllStringFunc(s, func(number string) string { return strings.NewReplacer(" ", "", "-", "").Replace(number) })
	var b strings.Builder
	for s != "" {
		data := hexadecimal.FindStringIndex(s)
		if data == nil {
			data = []int{len(s), len(s)}
		}
		b.WriteString(broken.ReplaceAllStringFunc(s[:data[0]], maskBroken) + s[data[0]:data[1]])
		s = s[data[1]:]
	}
	return maskRuns(b.String(), func(string) bool { return false })
}

// maskBroken hides the middle digits of a damaged number. Dates and clock times, which are
// many short pieces, stay, and so do pieces that maskRuns knows for whole numbers.
func maskBroken(s string) string {
	digits, pieces, longest, run := 0, 0, 0, 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			run = 0
			continue
		}
		if run == 0 {
			pieces++
		}
		digits, run = digits+1, run+1
		longest = max(longest, run)
	}
	if digits < 11 || longest < 5 && pieces > 5 || longest >= 18 || longest >= 12 && digits > 19 {
		return s
	}
	out, seen := []byte(s), 0
	for i, c := range out {
		if c < '0' || c > '9' {
			continue
		}
		if seen++; seen > 6 && seen <= digits-4 {
			out[i] = '*'
		}
	}
	return string(out)
}

// maskName is Mask for the name of a file, where a run that begins with a date is a moment
// and stays.
func maskName(name string) string {
	return maskRuns(name, func(run string) bool {
		_, bad := parseDate(fArrived, run[:8], "yyyymmdd", 0)
		return bad == nil
	})
}

func maskRuns(s string, known func(run string) bool) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 0
		for i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '9' {
			n++
		}
		switch {
		case n >= 12 && !known(s[i:i+n]):
			b.WriteString(s[i:i+6] + strings.Repeat("*", n-10) + s[i+n-4:i+n])
		case n > 0:
			b.WriteString(s[i : i+n])
		default:
			n = 1
			b.WriteByte(s[i])
		}
		i += n
	}
	return b.String()
}
