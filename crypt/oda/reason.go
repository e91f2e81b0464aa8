package oda

import "fmt"

// Reason is the outcome of a verification. The zero value means that none was
// made, so that a forgotten one can never count as good. Numbers are stored with
// records: none is ever reused.
type Reason byte

const (
	NotVerified         Reason = 0  // no verification was made
	OK                  Reason = 1  // genuine
	MissingData         Reason = 2  // the card did not give an object that is needed
	Format              Reason = 3  // an object has an impossible length or an unknown 9F4A
	NoCAKey             Reason = 4  // no CA public key for this RID and index
	IssuerCertBad       Reason = 5  // tag 90 does not verify under the CA key
	IssuerMismatch      Reason = 6  // the certified issuer identifier is not the start of the PAN
	IssuerCertExpired   Reason = 7  // tag 90 has expired
	CardCertBad         Reason = 8  // tag 9F46 does not verify under the issuer key
	PANMismatch         Reason = 9  // the certified PAN is not the card's
	CardCertExpired     Reason = 10 // tag 9F46 has expired
	StaticDataBad       Reason = 11 // the signed static data do not match (9F46 or 93)
	SDADBad             Reason = 12 // tag 9F4B does not verify under the card key
	ATCMismatch         Reason = 13 // tag 9F4B is genuine but signs another counter
	CIDMismatch         Reason = 14 // tag 9F4B is genuine but signs another CID than 9F27
	TransactionMismatch Reason = 15 // tag 9F4B is genuine but signs other transaction data
)

var reasonNames = [...]string{
	"not verified", "ok", "missing data", "format", "no CA key", "issuer certificate bad", "issuer mismatch",
	"issuer certificate expired", "card certificate bad", "PAN mismatch", "card certificate expired",
	"static data bad", "dynamic signature bad", "ATC mismatch", "CID mismatch", "transaction data mismatch",
}

// String names the reason.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason %d", byte(r))
}

// Month is a calendar month, counted from January 2000; certificates end with
// the last day of one.
type Month int16

// MonthOf gives the month of a calendar year, month being 1 to 12.
func MonthOf(year, month int) Month { return Month((year-2000)*12 + month - 1) }

// ParseYYMM reads two BCD bytes, e.g. the head of tag 9A. Years 50 to 99 are in
// the 1900s (EMV Book 4, 6.7.3).
func ParseYYMM(yymm [2]byte) (Month, error) {
	year, okY := bcd(yymm[0])
	month, okM := bcd(yymm[1])
	if !okY || !okM || month < 1 || month > 12 {
		return 0, fmt.Errorf("read date YYMM %X: not a month", yymm)
	}
	if year < 50 {
		year += 100
	}
	return MonthOf(1900+year, month), nil
}

// parseMMYY reads the expiry of a certificate.
func parseMMYY(mmyy []byte) (Month, bool) {
	m, err := ParseYYMM([2]byte{mmyy[1], mmyy[0]})
	return m, err == nil
}

func bcd(b byte) (int, bool) {
	return int(b>>4)*10 + int(b&15), b>>4 <= 9 && b&15 <= 9
}

// String gives YYYY-MM.
func (m Month) String() string {
	n := int(m) + 2000*12
	return fmt.Sprintf("%04d-%02d", n/12, n%12+1)
}
