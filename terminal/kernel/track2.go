package kernel

import "github.com/citycard/citycard/txn"

// noService stands for a track 2 without a service code.
var noService = [2]byte{0xFF, 0xFF}

// parseTrack2 reads tag 57: account number, D, expiry YYMM, service code,
// discretionary data, F (ISO/IEC 7813). The service code is given as in 5F30, with a
// leading zero.
func parseTrack2(b []byte) (pan txn.PAN, expiry, service [2]byte, ok bool) {
	sep := -1
	for i := range 2 * len(b) {
		if nibble(b, i) == 0x0D {
			sep = i
			break
		}
	}
	if sep < 12 || sep > 19 || sep+5 > 2*len(b) {
		return pan, expiry, service, false
	}
	for i := range pan {
		pan[i] = 0xFF
	}
	for i := range sep {
		setNibble(pan[:], i, nibble(b, i))
	}
	for i := range 4 {
		d := nibble(b, sep+1+i)
		if d > 9 {
			return pan, expiry, service, false
		}
		setNibble(expiry[:], i, d)
	}
	for i := range 3 {
		at := sep + 5 + i
		if at >= 2*len(b) || nibble(b, at) > 9 {
			service = noService
			break
		}
		setNibble(service[:], 1+i, nibble(b, at))
	}
	return pan, expiry, service, pan.Validate() == nil
}

func nibble(b []byte, i int) byte {
	if i%2 == 0 {
		return b[i/2] >> 4
	}
	return b[i/2] & 15
}

func setNibble(b []byte, i int, v byte) {
	if i%2 == 0 {
		b[i/2] = b[i/2]&15 | v<<4
	} else {
		b[i/2] = b[i/2]&0xF0 | v
	}
}
