package txn

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
)

// Scheme says by which rules the card of a row pays. Numbers are for ever.
type Scheme uint8

// The schemes.
const (
	Finance Scheme = 0 // debit/credit and electronic cash, JR/T 0025
	Purse   Scheme = 1 // electronic purse of JT/T 978 (T-Union) or City Union
)

// String is the English word for the scheme.
func (s Scheme) String() string {
	switch s {
	case Finance:
		return "finance"
	case Purse:
		return "purse"
	}
	return "invalid"
}

// CardKey.PSN of a purse: it says whose numbers the card's number is one of.
const (
	PSNTUnion    = 1 // 19 digits: bytes 10 to 19 of file 15 without the leading 0
	PSNCityUnion = 2 // 16 digits: bytes 12 to 19 of file 15
)

// Row.Type of a purse row (trade types of the electronic purse, JR/T 0025).
const (
	PursePurchase = 0x06 // purchase
	PurseCompound = 0x09 // compound purchase: the fare with the record of the trip
)

// ErrPurse says that a row or a card's number is none of a purse.
var ErrPurse = errors.New("not of an electronic purse")

// PurseCard is the key of the card whose file 15 holds number in its bytes 10 to
// 19: psn is PSNTUnion or PSNCityUnion. It fails with ErrPurse for another psn and
// for a T-Union number of 20 digits, with ErrPAN for bytes that are no digits.
func PurseCard(psn byte, number [10]byte) (CardKey, error) {
	var digits [20]byte
	for i, b := range number {
		digits[2*i], digits[2*i+1] = '0'+b>>4, '0'+b&15
	}
	k, from := CardKey{PSN: psn}, 4
	switch {
	case psn == PSNTUnion && digits[0] == '0':
		from = 1
	case psn != PSNCityUnion:
		return k, fmt.Errorf("card number of file 15, scheme %d, first digit %c: %w", psn, digits[0], ErrPurse)
	}
	pan, err := ParsePAN(string(digits[from:]))
	k.PAN = pan
	return k, err
}

// PurseSerial is the card's factor of key diversification, bytes 12 to 19 of file
// 15: the last 16 digits of its number. False for a card that has no purse's number.
func (k CardKey) PurseSerial() (f [8]byte, ok bool) {
	if !k.purse() {
		return f, false
	}
	if k.PSN == PSNCityUnion {
		return [8]byte(k.PAN[:8]), true
	}
	for i := range f { // the digits stand half a byte off
		f[i] = k.PAN[i+1]<<4 | k.PAN[i+2]>>4
	}
	return f, true
}

// purse tells whether length and PSN are those of a purse.
func (k CardKey) purse() bool {
	switch k.PSN {
	case PSNTUnion:
		return k.PAN[9]&0x0F == 0x0F && k.PAN[9]>>4 <= 9
	case PSNCityUnion:
		return k.PAN[8] == 0xFF && k.PAN[7]&0x0F <= 9
	}
	return false
}

// PurseData is what a purse row says of the trade between card and PSAM. In the
// row of format 02 it stands where format 01 has the application's data:
//
//	off len field                       off len field
//	 15   2 offline sequence number      31   4 balance before the trade
//	        as logged, after the trade   35   3 overdraft limit
//	 17   4 TAC                          38   4 MAC1
//	 21   4 MAC2                         42   6 PSAM terminal number
//	 25   1 algorithm: 00 3DES, 04 SM4   48   1 zero
//	 26   1 key version                  53   4 PSAM transaction number
//	 27   4 random number of the card    68   1 type 06 or 09
type PurseData struct {
	// Sequence is the offline number as the card logs it, after the trade. It is 0
	// where INITIALIZE FOR PURCHASE was not answered, else at least 1.
	Sequence uint16
	// TAC and MAC2 are zero until the card has answered DEBIT FOR PURCHASE.
	TAC, MAC2  [4]byte
	Algorithm  byte
	KeyVersion byte
	Random     [4]byte
	// Before is the balance before the trade, Overdraft the limit: the terminal's
	// word, no cryptogram of a purchase holds them.
	Before, Overdraft money.Fen
	MAC1              [4]byte
	Terminal          [6]byte // number of the PSAM's terminal, BCD
	TerminalSequence  uint32  // transaction number of the PSAM
}

// Offsets in the 24 bytes of Row.IAD.
const (
	purseBefore    = 6
	purseOverdraft = 10
	purseMAC1      = 13
	purseTerminal  = 17
	purseZero      = 23
)

// Purse reads the trade out of a row; false for a row of another scheme.
func (r *Row) Purse() (PurseData, bool) {
	if r.Scheme != Purse {
		return PurseData{}, false
	}
	be, b := binary.BigEndian, &r.IAD
	return PurseData{
		Sequence: r.ATC, TAC: [4]byte(r.AC[:4]), MAC2: [4]byte(r.AC[4:]), Algorithm: b[0], KeyVersion: b[1], Random: [4]byte(b[2:6]),
		Before: money.Fen(be.Uint32(b[purseBefore:])), Overdraft: money.Fen(get24(b[purseOverdraft:])),
		MAC1: [4]byte(b[purseMAC1:]), Terminal: [6]byte(b[purseTerminal:]), TerminalSequence: be.Uint32(r.UN[:]),
	}, true
}

// Put makes r a purse row and writes the trade into it: Scheme, ATC, AC, IAD and UN;
// DF63 becomes DF63Unread. Kind, Card, Type, Amount and all else are the caller's.
// It fails with ErrPurse, and changes nothing, for a balance that is not of four
// bytes or a limit that is not of three.
func (p *PurseData) Put(r *Row) error {
	if p.Before < 0 || p.Before > max32 || p.Overdraft < 0 || p.Overdraft > max24 {
		return fmt.Errorf("balance %d and overdraft limit %d have 4 and 3 bytes in a row: %w", int64(p.Before), int64(p.Overdraft), ErrPurse)
	}
	be := binary.BigEndian
	r.Scheme, r.ATC, r.DF63 = Purse, p.Sequence, DF63Unread
	copy(r.AC[:4], p.TAC[:])
	copy(r.AC[4:], p.MAC2[:])
	r.IAD = [24]byte{p.Algorithm, p.KeyVersion}
	copy(r.IAD[2:], p.Random[:])
	be.PutUint32(r.IAD[purseBefore:], uint32(p.Before))
	put24(r.IAD[purseOverdraft:], uint32(p.Overdraft))
	copy(r.IAD[purseMAC1:], p.MAC1[:])
	copy(r.IAD[purseTerminal:], p.Terminal[:])
	be.PutUint32(r.UN[:], p.TerminalSequence)
	return nil
}

// checkPurse holds the rules of rows of format 02 beyond those of all rows.
func (r *Row) checkPurse() error {
	switch {
	case r.Kind == Hold || r.Kind == Completion:
		return fmt.Errorf("kind %s: a purse has no pre-authorisation", r.Kind)
	case !r.Card.purse():
		return fmt.Errorf("number of %d digits with PSN %02X: a purse has 19 with 01 or 16 with 02", r.Card.PAN.Len(), r.Card.PSN)
	case r.Type != PursePurchase && r.Type != PurseCompound:
		return fmt.Errorf("type %02X: a purse row has 06 or 09", r.Type)
	case r.Kind == Entry && r.Type != PurseCompound:
		return errors.New("type 06 with amount 0: an entry is a compound purchase, type 09")
	case r.ATC == 0 && r.Kind != Doubt && r.Kind != Declined:
		return fmt.Errorf("kind %s with sequence number 0: the number is that after the trade", r.Kind)
	case r.IAD[0] != 0 && r.IAD[0] != 4:
		return fmt.Errorf("algorithm %02X: a purse has 00 (3DES) or 04 (SM4)", r.IAD[0])
	case r.IAD[purseZero] != 0:
		return fmt.Errorf("byte 48 is %02X, want zero", r.IAD[purseZero])
	case r.TVR != [5]byte{} || r.AIP != [2]byte{} || r.Tag9F69 != [8]byte{} || r.Tag9F6C != [2]byte{}:
		return errors.New("TVR, AIP, 9F69 and 9F6C of a purse row are zero")
	case r.DF60 != 0 || r.DF63 != DF63Unread || r.Held != 0:
		return errors.New("DF60, DF63 and amount held of a purse row are 00, FFFFFFFF and 0")
	}
	return nil
}
