package stripe

// Nibbles of tag 57.
const (
	nibbleSeparator = 0x0D
	nibblePadding   = 0x0F
	maxEquivalent   = 19 // bytes (JR/T 0025.5)
)

// ParseEquivalent reads tag 57: the digits of track 2 without sentinels, D as
// separator, one F at the end if the number of digits is odd (JR/T 0025.5, EMV
// Book 3, annex A).
func ParseEquivalent(b []byte) (Track2, error) {
	const name = "tag 57"
	if len(b) > maxEquivalent {
		return Track2{}, bad(name, "length", "%d bytes, at most %d", len(b), maxEquivalent)
	}
	var text [2 * maxEquivalent]byte
	n := 2 * len(b)
	for i := range n {
		v := b[i/2] >> 4
		if i%2 == 1 {
			v = b[i/2] & 15
		}
		switch {
		case v <= 9:
			text[i] = '0' + v
		case v == nibbleSeparator:
			text[i] = between2
		case v == nibblePadding && i == n-1:
			n--
		default:
			return Track2{}, bad(name, "digit", "digit %d is %X", i+1, v)
		}
	}
	return fields2(text[:n])
}

// AppendEquivalent appends the track in the form of tag 57.
func (t Track2) AppendEquivalent(dst []byte) []byte {
	at, n := len(dst), 0
	put := func(v byte) {
		if n%2 == 0 {
			dst = append(dst, v<<4|nibblePadding)
		} else {
			dst[at+n/2] = dst[at+n/2]&0xF0 | v
		}
		n++
	}
	for _, d := range []byte(t.PAN.Digits()) {
		put(d - '0')
	}
	put(nibbleSeparator)
	if t.HasExpiry {
		for _, b := range t.Expiry {
			put(b >> 4)
			put(b & 15)
		}
	} else {
		put(nibbleSeparator)
	}
	if t.HasService {
		for _, d := range t.Service {
			put(d - '0')
		}
	} else {
		put(nibbleSeparator)
	}
	for _, d := range []byte(t.Discretionary) {
		put(d - '0')
	}
	return dst
}
