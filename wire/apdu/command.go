package apdu

import "fmt"

// Limits of the length fields.
const (
	MaxShortData    = 255
	MaxShortLe      = 256
	MaxExtendedData = 65535
	MaxExtendedLe   = 65536
	// NoLe in Command.Le says that the Le field is absent.
	NoLe = -1
)

// Command is a command APDU.
//
//	case 1: no Data, Le NoLe     case 2: no Data, Le
//	case 3: Data, Le NoLe        case 4: Data and Le
type Command struct {
	CLA, INS, P1, P2 byte
	// Data field, at most 65535 bytes. After ParseCommand it is part of the input.
	Data []byte
	// Le is the greatest number of bytes expected back: NoLe when the field is
	// absent; 256 for a short field of 00; 65536 for an extended one of 0000.
	Le int
}

// Error says what is wrong with a message.
type Error struct {
	// Message is "command" or "response".
	Message string
	// Field at fault: header, Lc, data, Le, SW.
	Field string
	// Offset of the field, or of the place where it should be.
	Offset int
	// Reason in plain words.
	Reason string
}

// Error gives "apdu: command, offset 4, Lc: reason".
func (e *Error) Error() string {
	return fmt.Sprintf("apdu: %s, offset %d, %s: %s", e.Message, e.Offset, e.Field, e.Reason)
}

func commandError(offset int, field, format string, args ...any) error {
	return &Error{Message: "command", Field: field, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// Case gives the case of the command, 1 to 4 (ISO/IEC 7816-3, 12.1.2).
func (c Command) Case() int {
	switch {
	case len(c.Data) == 0 && c.Le == NoLe:
		return 1
	case len(c.Data) == 0:
		return 2
	case c.Le == NoLe:
		return 3
	}
	return 4
}

// Extended reports whether the command needs extended length fields.
func (c Command) Extended() bool {
	return len(c.Data) > MaxShortData || c.Le > MaxShortLe
}

// Append appends the command's bytes. It uses short length fields wherever
// they suffice. It fails, and returns dst as it was, if Data is longer than
// 65535 bytes or Le is neither NoLe nor 1 to 65536.
func (c Command) Append(dst []byte) ([]byte, error) {
	if len(c.Data) > MaxExtendedData {
		return dst, commandError(4, "Lc", "%d bytes of data; at most %d are possible", len(c.Data), MaxExtendedData)
	}
	if c.Le != NoLe && (c.Le < 1 || c.Le > MaxExtendedLe) {
		return dst, commandError(5+len(c.Data), "Le", "%d; use -1 for none or 1 to %d", c.Le, MaxExtendedLe)
	}
	dst = append(dst, c.CLA, c.INS, c.P1, c.P2)
	if c.Extended() {
		dst = append(dst, 0)
		if n := len(c.Data); n > 0 {
			dst = append(dst, byte(n>>8), byte(n))
			dst = append(dst, c.Data...)
		}
		if c.Le != NoLe {
			dst = append(dst, byte(c.Le>>8), byte(c.Le))
		}
		return dst, nil
	}
	if n := len(c.Data); n > 0 {
		dst = append(dst, byte(n))
		dst = append(dst, c.Data...)
	}
	if c.Le != NoLe {
		dst = append(dst, byte(c.Le))
	}
	return dst, nil
}

// ParseCommand reads a command of case 1 to 4 with short or extended lengths.
// The whole of b must be the command. Any class is accepted, FF too, which
// readers use for commands of their own. The error is an [*Error].
func ParseCommand(b []byte) (Command, error) {
	if len(b) < 4 {
		return Command{}, commandError(len(b), "header", "%d bytes; CLA INS P1 P2 need 4", len(b))
	}
	c := Command{CLA: b[0], INS: b[1], P1: b[2], P2: b[3], Le: NoLe}
	switch {
	case len(b) == 4:
		return c, nil
	case len(b) == 5:
		c.Le = shortLe(b[4])
		return c, nil
	case b[4] != 0:
		return c.parseShort(b)
	}
	return c.parseExtended(b)
}

func (c Command) parseShort(b []byte) (Command, error) {
	lc := int(b[4])
	switch rest := len(b) - 5; {
	case rest < lc:
		return Command{}, commandError(4, "Lc", "it says %d bytes of data but only %d follow", lc, rest)
	case rest > lc+1:
		return Command{}, commandError(5+lc, "Le", "%d bytes follow the data of %d bytes; Le has 1", rest-lc, lc)
	case rest == lc+1:
		c.Le = shortLe(b[5+lc])
	}
	c.Data = b[5 : 5+lc : 5+lc]
	return c, nil
}

func (c Command) parseExtended(b []byte) (Command, error) {
	if len(b) < 7 {
		return Command{}, commandError(4, "Lc", "00 begins an extended length of 3 bytes but only %d are there; leave Lc out when there is no data", len(b)-4)
	}
	n := int(b[5])<<8 | int(b[6])
	if len(b) == 7 {
		c.Le = extendedLe(n)
		return c, nil
	}
	switch rest := len(b) - 7; {
	case n == 0:
		return Command{}, commandError(4, "Lc", "000000 says that there is no data but %d bytes follow", rest)
	case rest < n:
		return Command{}, commandError(4, "Lc", "it says %d bytes of data but only %d follow", n, rest)
	case rest == n+2:
		c.Le = extendedLe(int(b[7+n])<<8 | int(b[8+n]))
	case rest > n:
		return Command{}, commandError(7+n, "Le", "%d bytes follow the data of %d bytes; an extended Le has 2", rest-n, n)
	}
	c.Data = b[7 : 7+n : 7+n]
	return c, nil
}

func shortLe(b byte) int {
	if b == 0 {
		return MaxShortLe
	}
	return int(b)
}

func extendedLe(n int) int {
	if n == 0 {
		return MaxExtendedLe
	}
	return n
}
