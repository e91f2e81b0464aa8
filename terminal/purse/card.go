package purse

import (
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// InfoSize is how much of file 15 is used.
const InfoSize = 30

// Card is who a card is, by its file 15.
type Card struct {
	Network sam.Network
	Key     txn.CardKey
	// Issuer and Serial are the factors of the card's keys: bytes 0 to 7 and 12 to 19.
	Issuer, Serial epurse.Factor
	// From and To are the days of validity, YYYYMMDD in BCD; all zeros or all F: none.
	From, To [4]byte
	Info     [InfoSize]byte
}

// Format answers every verb with the masked number.
func (c Card) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[%v card %v]", c.Network, c.Key) }

// Expiry is the month of To, YYMM in BCD, as rows have it.
func (c *Card) Expiry() [2]byte { return [2]byte(c.To[1:3]) }

func (c *Card) module() sam.Card {
	return sam.Card{Network: c.Network, Issuer: c.Issuer, Serial: c.Serial}
}

// read takes the first 30 bytes of file 15: issuer (8), kind (2), number (10), valid
// from (4), to (4), rest (2), the same for both networks.
func (c *Card) read(n sam.Network, info []byte) bool {
	if len(info) < InfoSize {
		return false
	}
	key, err := txn.PurseCard(byte(n), [10]byte(info[10:]))
	if err != nil {
		return false
	}
	*c = Card{Network: n, Key: key, Issuer: epurse.Factor(info), Serial: epurse.Factor(info[12:]), From: [4]byte(info[20:]), To: [4]byte(info[24:]), Info: [InfoSize]byte(info)}
	return true
}

// valid judges the days of validity at a time.
func (c *Card) valid(at int64) FaultCode {
	stamp := txn.StampBCD(at)
	today := string(stamp[:4])
	none := func(d [4]byte) bool { return d == [4]byte{} || d == [4]byte{0xFF, 0xFF, 0xFF, 0xFF} }
	switch {
	case !none(c.From) && string(c.From[:]) > today:
		return NotYetValid
	case !none(c.To) && string(c.To[:]) < today:
		return Expired
	}
	return NoFault
}

// Tags of the FCI.
const (
	tagFCI  tlv.Tag = 0x6F
	tagA5   tlv.Tag = 0xA5
	tagInfo tlv.Tag = 0x9F0C
)

// infoOf finds file 15 in the answer to SELECT; nil if it is not there.
func infoOf(fci []byte) []byte {
	info, _ := tlv.Find(fci, tagFCI, tagA5, tagInfo)
	return info
}
