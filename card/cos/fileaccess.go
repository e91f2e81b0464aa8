package cos

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Access is an access rule of one operation on a file: who may do it, and how the
// command must be protected on its way. The zero value lets everybody do it.
//
// It has four bytes, which is also its form in memory and in tag 86 of a FCP
// template (our choice; ISO/IEC 7816-4, 5.4.3 leaves proprietary rules open):
//
//	byte 1  low half 0 always, 1 all conditions, 2 one of them, F never;
//	        10 the command carries a MAC, 30 it is enciphered too
//	bytes 2-4  up to three conditions, unused ones 00 at the end:
//	        40+n PIN n was verified, 80+n key n was used in EXTERNAL AUTHENTICATE
//
// A number means the PIN or key of the file's own DF, or that of the MF if the DF
// has none of that number.
type Access [4]byte

// Condition is one condition of an Access: 40+n for PIN n, 80+n for key n.
type Condition byte

// Protection says how a command must be protected (line protection).
type Protection byte

// The levels of protection.
const (
	Plain      Protection = 0x00
	MAC        Protection = 0x10 // header and data are authenticated
	Enciphered Protection = 0x30 // data are enciphered, then authenticated
)

const (
	// MaxReference is the greatest number of a PIN or key.
	MaxReference = 31

	accessAll        = 0x01
	accessAny        = 0x02
	accessNever      = 0x0F
	accessMode       = 0x0F
	accessProtection = 0xF0
	conditionPIN     = 0x40
	conditionKey     = 0x80
	conditionNumber  = 0x1F
)

// Never is the rule that nobody satisfies.
var Never = Access{accessNever}

// Always is the rule that everybody satisfies.
var Always = Access{}

// PIN is the condition that PIN n, 0 to 31, was verified.
func PIN(n byte) Condition { return Condition(conditionPIN | n&conditionNumber) }

// Key is the condition that key n, 0 to 31, was used in EXTERNAL AUTHENTICATE.
func Key(n byte) Condition { return Condition(conditionKey | n&conditionNumber) }

// IsPIN tells a condition on a PIN from one on a key.
func (c Condition) IsPIN() bool { return c&^conditionNumber == conditionPIN }

// Number is the number of the PIN or key.
func (c Condition) Number() byte { return byte(c & conditionNumber) }

// AllOf is the rule that wants every condition, one to three.
func AllOf(list ...Condition) Access { return access(accessAll, list) }

// AnyOf is the rule that wants one of one to three conditions.
func AnyOf(list ...Condition) Access { return access(accessAny, list) }

func access(mode byte, list []Condition) Access {
	if len(list) == 0 || len(list) > 3 {
		panic(fmt.Sprintf("cos: an access rule of %d conditions, 1 to 3 are possible", len(list)))
	}
	if len(list) == 1 {
		mode = accessAll
	}
	a := Access{mode}
	for i, c := range list {
		a[i+1] = byte(c)
	}
	return a
}

// With is the same rule for commands that are protected.
func (a Access) With(p Protection) Access {
	a[0] = a[0]&accessMode | byte(p)
	return a
}

// Protection is how the command must be protected.
func (a Access) Protection() Protection { return Protection(a[0] & accessProtection) }

// Allows tells whether the rule's conditions are met, given who judges one of
// them. Protection is another matter.
func (a Access) Allows(met func(Condition) bool) bool {
	switch a[0] & accessMode {
	case 0:
		return true
	case accessAll:
		for _, c := range a[1:] {
			if c != 0 && !met(Condition(c)) {
				return false
			}
		}
		return true
	case accessAny:
		for _, c := range a[1:] {
			if c != 0 && met(Condition(c)) {
				return true
			}
		}
	}
	return false
}

// Valid tells whether the bytes are a rule in its only form.
func (a Access) Valid() bool {
	p := a.Protection()
	if p != Plain && p != MAC && p != Enciphered {
		return false
	}
	n := 0
	for n < 3 && a[1+n] != 0 {
		if kind := a[1+n] &^ conditionNumber; kind != conditionPIN && kind != conditionKey {
			return false
		}
		n++
	}
	for _, rest := range a[1+n:] {
		if rest != 0 {
			return false
		}
	}
	switch a[0] & accessMode {
	case 0:
		return n == 0
	case accessNever:
		return n == 0 && p == Plain
	case accessAll:
		return n >= 1
	case accessAny:
		return n >= 2
	}
	return false
}

// String gives the rule in the form that AccessFrom reads.
func (a Access) String() string {
	if !a.Valid() {
		return fmt.Sprintf("invalid rule %X", a[:])
	}
	var words []string
	joint := " and "
	switch a[0] & accessMode {
	case 0:
		words = []string{"always"}
	case accessNever:
		return "never"
	case accessAny:
		joint = " or "
	}
	for _, b := range a[1:] {
		switch c := Condition(b); {
		case b == 0:
		case c.IsPIN():
			words = append(words, fmt.Sprintf("pin %d", c.Number()))
		default:
			words = append(words, fmt.Sprintf("key %d", c.Number()))
		}
	}
	text := strings.Join(words, joint)
	switch a.Protection() {
	case MAC:
		text += ", mac"
	case Enciphered:
		text += ", enciphered"
	}
	return text
}

// ErrAccess says that a text is not an access rule.
var ErrAccess = errors.New("not an access rule")

// AccessFrom reads a rule as people write it: "always", "never", "pin 1", "key 2",
// "pin 1 and key 2", "pin 1 or key 2", each but never with ", mac" or
// ", enciphered" after it. An empty text is "always". The error is ErrAccess.
func AccessFrom(text string) (Access, error) {
	who, how, protected := strings.Cut(text, ",")
	a, err := conditionsFrom(strings.TrimSpace(who))
	if err != nil {
		return Access{}, fmt.Errorf("access rule %q: %w", text, err)
	}
	if !protected {
		return a, nil
	}
	switch strings.TrimSpace(how) {
	case "mac":
		a = a.With(MAC)
	case "enciphered":
		a = a.With(Enciphered)
	default:
		return Access{}, fmt.Errorf("access rule %q: after the comma want mac or enciphered: %w", text, ErrAccess)
	}
	if !a.Valid() {
		return Access{}, fmt.Errorf("access rule %q: never needs no protection: %w", text, ErrAccess)
	}
	return a, nil
}

func conditionsFrom(who string) (Access, error) {
	switch who {
	case "", "always":
		return Always, nil
	case "never":
		return Never, nil
	}
	joint, mode := " and ", byte(accessAll)
	if strings.Contains(who, " or ") {
		joint, mode = " or ", accessAny
	}
	parts := strings.Split(who, joint)
	if len(parts) > 3 {
		return Access{}, fmt.Errorf("%d conditions, at most 3 are possible: %w", len(parts), ErrAccess)
	}
	list := make([]Condition, len(parts))
	for i, part := range parts {
		kind, number, _ := strings.Cut(part, " ")
		n, err := strconv.ParseUint(number, 10, 8)
		if err != nil || n > MaxReference || kind != "pin" && kind != "key" {
			return Access{}, fmt.Errorf("condition %q, want pin or key with a number of 0 to %d, joined by and, or by or: %w", part, MaxReference, ErrAccess)
		}
		list[i] = Key(byte(n))
		if kind == "pin" {
			list[i] = PIN(byte(n))
		}
	}
	return access(mode, list), nil
}
