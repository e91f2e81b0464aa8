package tlv

// Format says how the value of a data element is coded (EMV Book 3, 4.3).
type Format byte

const (
	// FormatBinary (b) is also the format of tags that are not in the dictionary.
	FormatBinary Format = iota
	// FormatNumeric (n): two decimal digits a byte, padded at the left with 0.
	FormatNumeric
	// FormatCompressed (cn): two decimal digits a byte, padded at the right with F.
	FormatCompressed
	// FormatAlpha (a): letters.
	FormatAlpha
	// FormatAlphanumeric (an): letters and digits.
	FormatAlphanumeric
	// FormatSpecial (ans): printable characters. Cards write Chinese text in
	// GB 18030 in some of these elements.
	FormatSpecial
	// FormatTemplate: a constructed object.
	FormatTemplate
	// FormatDOL is binary (b) whose content is a data object list.
	FormatDOL
)

var formatNames = [...]string{"b", "n", "cn", "a", "an", "ans", "template", "b"}

// String is the abbreviation of the standards: b, n, cn, a, an, ans; or "template".
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return "?"
}

// Secrecy says what must not be shown of a value.
type Secrecy byte

const (
	// Public values are shown whole.
	Public Secrecy = iota
	// HoldsPAN marks a card number, track data or the holder's identity number.
	// At most the first six and
	// last four digits of a card number are shown.
	HoldsPAN
	// HoldsPANInClearCertificate marks 9F46, which in its SM2 form (first byte
	// 14, JR/T 0025.17) has the card number in bytes 2 to 11.
	HoldsPANInClearCertificate
	// HoldsPIN marks a value that is never shown.
	HoldsPIN
)

// Info is the dictionary's entry for a tag.
type Info struct {
	Tag    Tag
	Name   string // English
	NameZH string // Chinese
	Format Format
	// Min and Max are the lengths of the value in bytes; Max 0 means that the
	// source sets no limit.
	Min, Max int
	// Source is the standard that defines the element.
	Source string
	// Secret says what must not be shown of the value.
	Secret Secrecy
}

// Lookup finds a tag in the dictionary.
func Lookup(tag Tag) (Info, bool) {
	lo, hi := 0, len(dictionary)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if dictionary[mid].Tag < tag {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(dictionary) || dictionary[lo].Tag != tag {
		return Info{}, false
	}
	return dictionary[lo], true
}

// Dictionary returns every entry, sorted by tag. The caller owns the slice.
func Dictionary() []Info {
	return append([]Info(nil), dictionary[:]...)
}

// NameIn returns the name in Chinese for lang "zh" and in English for any other.
func (i *Info) NameIn(lang string) string {
	if lang == "zh" {
		return i.NameZH
	}
	return i.Name
}

// LengthOK reports whether the source allows a value of n bytes.
func (i *Info) LengthOK(n int) bool {
	return n >= i.Min && (i.Max == 0 || n <= i.Max)
}
