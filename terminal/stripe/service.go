package stripe

// ServiceCode is the three digits of ISO/IEC 7813, 4.2.2, as characters.
type ServiceCode [3]byte

// PINRule is what a service code says about the PIN. Numbers are for ever.
type PINRule uint8

// The rules.
const (
	PINNotAsked   PINRule = 0
	PINIfPossible PINRule = 1 // where there is a PIN pad
	PINRequired   PINRule = 2
)

// Chip says that the card has a chip, which must be used where possible.
func (s ServiceCode) Chip() bool { return s[0] == '2' || s[0] == '6' }

// Private says that the card is for use by agreement only.
func (s ServiceCode) Private() bool { return s[0] == '7' }

// Test says that this is a test card.
func (s ServiceCode) Test() bool { return s[0] == '9' }

// Known says that all three digits have a meaning.
func (s ServiceCode) Known() bool {
	switch s[0] {
	case '1', '2', '5', '6', '7', '9':
	default:
		return false
	}
	switch s[1] {
	case '0', '2', '4':
	default:
		return false
	}
	return s[2] >= '0' && s[2] <= '7'
}

// Online says that the issuer must authorise every transaction.
func (s ServiceCode) Online() bool { return s[1] == '2' || s[1] == '4' }

// Goods says that the card may pay for goods and services.
func (s ServiceCode) Goods() bool { return s[2] != '3' && s[2] != '4' }

// Cash says that the card may be used to get cash at a counter.
func (s ServiceCode) Cash() bool { return s[2] == '0' || s[2] == '1' || s[2] == '4' || s[2] == '6' }

// PIN is what the third digit says about the PIN.
func (s ServiceCode) PIN() PINRule {
	switch s[2] {
	case '0', '3', '5':
		return PINRequired
	case '6', '7':
		return PINIfPossible
	}
	return PINNotAsked
}
