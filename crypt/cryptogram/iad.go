package cryptogram

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
)

// Identifiers of the issuer discretionary data, IAD.IDD (JR/T 0025.12 annex D).
const (
	IDDNone        = 0 // no discretionary data
	IDDBalance     = 1 // Amount1 = 9F79 electronic cash balance
	IDDCTTA        = 2 // Amount1 = cumulative total transaction amount
	IDDBalanceCTTA = 3 // Amount1 = 9F79, Amount2 = CTTA
	IDDCTTALimit   = 4 // Amount1 = CTTA, Amount2 = 9F54 its limit
	IDDAvailable   = 5 // Amount1 = 9F5D available offline spending amount
)

// MaxIADLen is the longest tag 9F10 that ParseIAD takes and Append makes.
const MaxIADLen = 24

// ErrIAD says that tag 9F10 does not have the PBOC layout.
var ErrIAD = errors.New("not a PBOC issuer application data (9F10)")

// IAD is tag 9F10, issuer application data (JR/T 0025.5; JR/T 0025.12 annex D):
//
//	07 DKI CVN 03 CVR(3) algorithm [length id amount(5) [amount(5)] MAC(4)]
//
// length is 0A with one amount (ids 01 02 05) and 0F with two (ids 03 04). An
// amount is the low ten BCD digits of the card's n12 value.
type IAD struct {
	DKI     byte    // derivation key index: which generation of issuer keys
	CVN     CVN     // which data the cryptogram covers
	CVR     [3]byte // card verification results
	Alg     Alg     // cipher of the cryptogram
	IDD     byte    // what the amounts are, IDDNone when there are none
	Amount1 [5]byte // n10
	Amount2 [5]byte // n10, zero unless IDD is 3 or 4
	MAC     [4]byte // BalanceMAC over the amounts, zero without discretionary data
}

// ParseIAD reads the value of tag 9F10. It refuses, with ErrIAD, other lengths,
// unknown versions, algorithms and identifiers, and amounts that are not decimal.
func ParseIAD(b []byte) (IAD, error) {
	var d IAD
	if len(b) != 8 && len(b) != 19 && len(b) != MaxIADLen {
		return d, fmt.Errorf("read 9F10 of %d bytes, want 8, 19 or 24: %w", len(b), ErrIAD)
	}
	if b[0] != 7 || b[3] != 3 {
		return d, fmt.Errorf("read 9F10: lengths of its parts are %02X and %02X, want 07 and 03: %w", b[0], b[3], ErrIAD)
	}
	d.DKI, d.CVN, d.Alg = b[1], CVN(b[2]), Alg(b[7])
	copy(d.CVR[:], b[4:7])
	if !d.CVN.Valid() {
		return IAD{}, fmt.Errorf("read 9F10: cryptogram version %02X, want 01 or 11: %w", b[2], ErrIAD)
	}
	if !d.Alg.Valid() {
		return IAD{}, fmt.Errorf("read 9F10: %w: %w", ErrAlgorithm, ErrIAD)
	}
	if len(b) == 8 {
		return d, nil
	}
	if err := d.parseIDD(b[8:]); err != nil {
		return IAD{}, fmt.Errorf("read 9F10: %w", err)
	}
	return d, nil
}

// parseIDD reads length, identifier, amounts and MAC.
func (d *IAD) parseIDD(b []byte) error {
	d.IDD = b[1]
	n := iddAmounts(d.IDD)
	if n == 0 {
		return fmt.Errorf("discretionary data identifier %02X, want 01 to 05: %w", d.IDD, ErrIAD)
	}
	if int(b[0]) != len(b)-1 || len(b) != 6+5*n {
		return fmt.Errorf("discretionary data %02X is %d bytes long and says %d, want %d: %w", d.IDD, len(b)-1, b[0], 5+5*n, ErrIAD)
	}
	amounts := b[2 : 2+5*n]
	for i, c := range amounts {
		if c>>4 > 9 || c&15 > 9 {
			return fmt.Errorf("discretionary data: amount byte %d is %02X, not decimal: %w", i, c, ErrIAD)
		}
	}
	copy(d.Amount1[:], amounts)
	copy(d.Amount2[:], amounts[5:])
	copy(d.MAC[:], b[2+5*n:])
	return nil
}

// iddAmounts is how many amounts an identifier has, 0 for an unknown one.
func iddAmounts(idd byte) int {
	switch idd {
	case IDDBalance, IDDCTTA, IDDAvailable:
		return 1
	case IDDBalanceCTTA, IDDCTTALimit:
		return 2
	}
	return 0
}

// Append writes the value of tag 9F10: 8, 19 or 24 bytes. An IDD outside 1 to 5
// writes no discretionary data.
func (d IAD) Append(dst []byte) []byte {
	dst = append(dst, 7, d.DKI, byte(d.CVN), 3, d.CVR[0], d.CVR[1], d.CVR[2], byte(d.Alg))
	n := iddAmounts(d.IDD)
	if n == 0 {
		return dst
	}
	dst = append(dst, byte(5+5*n), d.IDD)
	dst = append(dst, d.Amount1[:]...)
	if n == 2 {
		dst = append(dst, d.Amount2[:]...)
	}
	return append(dst, d.MAC[:]...)
}

// Balance gives the electronic cash balance (9F79) that the card stated, if it
// stated one: discretionary data 01 or 03.
func (d IAD) Balance() (balance money.Fen, stated bool) {
	if d.IDD != IDDBalance && d.IDD != IDDBalanceCTTA {
		return 0, false
	}
	f, err := money.FromN12(d.Amount1[:])
	return f, err == nil
}

// Result is what the card decided in a qPBOC transaction, which has no tag 9F27:
// bits 6 and 5 of the first CVR byte (JR/T 0025.12).
func (d IAD) Result() Result { return Result(d.CVR[0] >> 4 & 3) }

// Result is the kind of the first cryptogram of a transaction, as CVR codes it.
type Result byte

const (
	AAC  Result = 0 // declined
	TC   Result = 1 // approved offline
	ARQC Result = 2 // ask the issuer
	RFU  Result = 3 // reserved by the standard
)

// String gives the EMV name.
func (r Result) String() string { return [...]string{"AAC", "TC", "ARQC", "RFU"}[r&3] }
