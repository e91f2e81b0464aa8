package recording

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Numbers is what a recording does with account numbers. There is no default.
type Numbers uint8

// The choices.
const (
	Masked Numbers = 1 // replace them; see the package
	Clear  Numbers = 2 // keep them: the recording is then as secret as the card data
)

// Parts of an account number that stay (as receipts show it).
const (
	shownFirst = 6
	shownLast  = 4
	minNumber  = 12
	maxNumber  = 19
	// mostNumbers is how many numbers one conversation may hold. No card has as many;
	// of one that has, no answer is kept, instead of searching for them without end.
	mostNumbers = 200
)

// Objects that are masked whole, beside account number and tracks.
var (
	trackObjects = []tlv.Tag{tlv.TagTrack2Equivalent, 0x9F6B}        // track 2, packed
	nameObjects  = []tlv.Tag{0x5F20, 0x9F0B}                         // cardholder name: spaces
	digitObjects = []tlv.Tag{0x9F1F, 0x9F20, 0x9F61, 0x5F53, 0x9F24} // discretionary data, identity document, IBAN, account reference: digits 0
	certObjects  = []tlv.Tag{0x9F46, 0x9F48, 0x9F2D, 0x9F2F}         // certificates: the number stands in them, or can be recovered
)

// track1Object is track 1 as characters.
const track1Object tlv.Tag = 0x56

// writing are the commands that bring keys and personal data into a card: PUT KEY,
// STORE DATA, and WRITE KEY of a purse. Their data become zeros.
var writing = []byte{0xD8, 0xE2, 0xD4}

// piece is what may hold a number: the data of a command, an answer without its
// status word, or what came of one.
type piece struct {
	data []byte
	torn bool
}

// Mask masks account numbers, names and track data as the package says, and PINs.
func (s *Session) Mask() {
	s.BlankPINs()
	var numbers []string
	all := s.pieces()
	for _, p := range all {
		numbers = p.find(numbers)
	}
	for _, p := range all {
		p.mask()
		if len(numbers) > mostNumbers {
			clear(p.data)
			continue
		}
		for _, n := range numbers {
			maskNumber(p.data, n)
		}
	}
	s.Masked = true
}

// pieces lists all that may hold a number. Data of commands that write keys are
// zeros from here on, and so is the middle of a purse's own number.
func (s *Session) pieces() []piece {
	var all []piece
	for i := range s.Exchanges {
		x := &s.Exchanges[i]
		data := commandData(x.Command)
		if len(x.Command) > 1 && slices.Contains(writing, x.Command[1]) {
			clear(data)
		}
		answer := body(x.Response)
		for _, p := range []piece{{data, false}, {answer, false}, {x.Torn, true}} {
			if len(p.data) > 0 {
				all = append(all, p)
			}
		}
		if len(x.Command) > 2 && x.Command[1] == insReadBinary && x.Command[2] == purseFile {
			zeroNibbles(answer, 2*purseNumber+shownFirst, 2*purseNumberEnd-shownLast)
		}
	}
	return all
}

// The file of an electronic purse that says what it is, read by its short
// identifier: bytes 10 to 19 are its number (JR/T 0025.1, JT/T 978).
const (
	insReadBinary  = 0xB0
	purseFile      = 0x95
	purseNumber    = 10
	purseNumberEnd = 20
)

// BlankPINs puts zeros where commands carry a PIN, in malformed commands too.
func (s *Session) BlankPINs() {
	for i := range s.Exchanges {
		cmd := s.Exchanges[i].Command
		if len(cmd) >= minCommand && (apdu.Command{INS: cmd[1]}).CarriesPIN() {
			clear(commandData(cmd))
		}
	}
}

// commandData is the data of a command; of one that is malformed all after the
// fifth byte.
func commandData(cmd []byte) []byte {
	if c, err := apdu.ParseCommand(cmd); err == nil {
		return c.Data
	}
	return cmd[min(len(cmd), minCommand+1):]
}

func body(response []byte) []byte {
	if len(response) < minResponse {
		return nil
	}
	return response[:len(response)-minResponse]
}

// find adds the account numbers in the piece to the list.
func (p piece) find(list []string) []string {
	whole := walk(p.data, p.torn, func(tag tlv.Tag, value []byte, _ bool) {
		switch {
		case slices.Contains(trackObjects, tag):
			number, _, _ := strings.Cut(upper(value), "D")
			list = add(list, number)
		case tag == tlv.TagPAN:
			list = add(list, strings.TrimRight(upper(value), "F"))
		default:
			list = foundShapes(list, value)
		}
	})
	if !whole {
		list = foundShapes(list, p.data)
	}
	return list
}

// mask masks what the piece holds where it stands.
func (p piece) mask() {
	whole := walk(p.data, p.torn, func(tag tlv.Tag, value []byte, cut bool) {
		switch {
		case slices.Contains(trackObjects, tag):
			maskPackedTrack(value, cut)
		case tag == tlv.TagPAN:
			maskDigits(value, len(strings.TrimRight(upper(value), "F")), cut)
		case slices.Contains(nameObjects, tag):
			fill(value, ' ')
		case slices.Contains(digitObjects, tag):
			zeroDigits(value)
		case slices.Contains(certObjects, tag):
			clear(value)
		case tag == track1Object && cut && !slices.Contains(value, '^'):
			maskRest(value, len("B")+shownFirst)
		default:
			maskTracks(value)
		}
	})
	if !whole {
		maskTracks(p.data)
	}
}

// walk visits the primitive data objects in b at any depth. In a torn answer the
// last is visited, too: what there is of it, and cut is true. whole says that b is
// data objects and nothing else.
func walk(b []byte, torn bool, visit func(tag tlv.Tag, value []byte, cut bool)) (whole bool) {
	it := tlv.Iterate(b)
	whole = len(b) > 0
	end := 0
	for it.Next() {
		end = it.ValueOffset() + len(it.Value)
		if !it.Tag.Constructed() {
			visit(it.Tag, it.Value, false)
		} else if len(it.Value) > 0 {
			whole = walk(it.Value, false, visit) && whole
		}
	}
	if it.Err() == nil {
		return whole
	}
	if tag, value, ok := cutObject(b[end:]); ok && torn {
		if tag.Constructed() {
			walk(value, true, visit)
		} else {
			visit(tag, value, true)
		}
	}
	return false
}

// cutObject reads tag and length of a data object of which the end is missing.
func cutObject(b []byte) (tag tlv.Tag, value []byte, ok bool) {
	n := 1
	if len(b) > 0 && b[0]&0x1F == 0x1F {
		for n < len(b) && b[n]&0x80 != 0 {
			n++
		}
		n++
	}
	if n > 3 || n >= len(b) {
		return 0, nil, false
	}
	for _, c := range b[:n] {
		tag = tag<<8 | tlv.Tag(c)
	}
	at := n + 1
	if b[n] > 0x80 {
		at += int(b[n] & 0x7F)
	}
	return tag, b[min(at, len(b)):], true
}

func add(list []string, number string) []string {
	if len(number) < minNumber || len(number) > maxNumber || len(list) > mostNumbers {
		return list
	}
	if slices.Contains(list, number) || strings.Trim(number, "0123456789") != "" {
		return list
	}
	return append(list, number)
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}

// zeroDigits turns characters into the character 0, and other bytes into zeros.
func zeroDigits(b []byte) {
	for i, c := range b {
		if c >= ' ' && c <= '~' {
			b[i] = '0'
		} else {
			b[i] = 0
		}
	}
}

func upper(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
