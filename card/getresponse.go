package card

import "github.com/citycard/citycard/wire/apdu"

// Over T=0 a command cannot carry data and expect data at once: the card answers
// 61xx and the reader fetches xx bytes with GET RESPONSE (ISO/IEC 7816-3, 12.2;
// ISO/IEC 7816-4, 7.6.1). A reader that sends such a command without Le wants
// that; one that sends Le gets the data at once, as over T=1.

// keepForGetResponse replaces the data of an answer that starts at from by 61xx
// and keeps it, if the contact interface is used and the command brought data but
// no Le.
func (c *Chip) keepForGetResponse(out []byte, from int, command *apdu.Command) []byte {
	n := len(out) - from - 2
	if c.contactless || n <= 0 || command.Le != apdu.NoLe || len(command.Data) == 0 {
		return out
	}
	c.waiting = append(c.waiting[:0], out[from:]...)
	return append(out[:from], 0x61, byte(n))
}

// getResponse is GET RESPONSE, 00C00000 Le: the next Le bytes of what is waiting.
// 6Cxx: more bytes are wanted than there are. The last part has the status word
// of the command that made the data; before it 61xx tells how many are left.
func (c *Chip) getResponse(dst []byte, command *apdu.Command) []byte {
	n := len(c.waiting) - 2
	switch {
	case command.CLA&^0x80 != 0:
		return status(dst, apdu.SWUnknownCLA)
	case command.P1 != 0 || command.P2 != 0:
		return status(dst, apdu.SWWrongP1P2)
	case len(command.Data) != 0 || command.Le == apdu.NoLe:
		return status(dst, apdu.SWWrongLength)
	case command.Le > n && command.Le != apdu.MaxShortLe:
		return append(dst, 0x6C, byte(n))
	case command.Le < n:
		dst = append(dst, c.waiting[:command.Le]...)
		c.waiting = append(c.waiting[:0], c.waiting[command.Le:]...)
		return append(dst, 0x61, byte(n-command.Le))
	}
	dst = append(dst, c.waiting...)
	c.waiting = c.waiting[:0]
	return dst
}
