package txn

import "time"

// CityTime is the zone of every date that a card, a row or a file carries: UTC+8.
var CityTime = time.FixedZone("UTC+8", 8*3600)

// DateBCD is tag 9A of a unix time: YYMMDD, packed decimal, at UTC+8.
func DateBCD(unix int64) [3]byte {
	y, m, d := time.Unix(unix, 0).In(CityTime).Date()
	return [3]byte{bcd(y % 100), bcd(int(m)), bcd(d)}
}

// TimeBCD is tag 9F21 of a unix time: HHMMSS, packed decimal, at UTC+8.
func TimeBCD(unix int64) [3]byte {
	h, m, s := time.Unix(unix, 0).In(CityTime).Clock()
	return [3]byte{bcd(h), bcd(m), bcd(s)}
}

// MonthBCD is the calendar month of a unix time: YYMM, packed decimal, at UTC+8.
func MonthBCD(unix int64) [2]byte {
	d := DateBCD(unix)
	return [2]byte(d[:2])
}

// StampBCD is date and time of a unix time as purses and journey records have them:
// YYYYMMDD HHMMSS, packed decimal, at UTC+8.
func StampBCD(unix int64) [7]byte {
	t := time.Unix(unix, 0).In(CityTime)
	y, m, d := t.Date()
	h, n, s := t.Clock()
	return [7]byte{bcd(y / 100 % 100), bcd(y % 100), bcd(int(m)), bcd(d), bcd(h), bcd(n), bcd(s)}
}

func bcd(v int) byte { return byte(v/10<<4 | v%10) }
