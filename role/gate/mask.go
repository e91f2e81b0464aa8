package gate

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/wire/journey"
	"github.com/citycard/citycard/wire/tlv"
)

// Instructions whose data hold journey records, or a purse's number.
const (
	insReadCAPP    = 0xB4
	insUpdateCAPP  = 0xDE
	insReadRecord  = 0xB2
	insReadBinary  = 0xB0
	insSelect      = 0xA4
	insUpdatePurse = 0xDC // with classPurse
	classPurse     = 0x80
)

// The card's number stands in a journey record at 6 to 13: it is the factor of the
// record's key (JT/T 978). A purse's own number stands in its file 15 at 10 to 19, which
// SELECT answers in 9F0C too.
const (
	serialAt  = 6
	serialEnd = 14
	numberAt  = 10
	numberEnd = 20
	headerLen = 5
)

// moduleShown is how much of a command to the module is shown: its header.
const moduleShown = 4

// hidden is a message in hexadecimal with all but its first bytes hidden.
func hidden(b []byte, shown int) string {
	shown = min(shown, len(b))
	return strings.ToUpper(hex.EncodeToString(b[:shown])) + strings.Repeat("**", len(b)-shown)
}

// cover hides bytes of a message that is shown in hexadecimal.
func cover(side *tap.Side, from, to int) {
	if 2*to > len(side.Hex) {
		to = len(side.Hex) / 2
	}
	if from < to {
		side.Hex = side.Hex[:2*from] + strings.Repeat("*", 2*(to-from)) + side.Hex[2*to:]
	}
}

// hideCommand hides the card's number in a record that is written.
func (s *session) hideCommand(side *tap.Side, cmd []byte) {
	if s.ShowPAN || len(cmd) < headerLen+journey.Size {
		return
	}
	if cmd[1] == insUpdateCAPP || cmd[0] == classPurse && cmd[1] == insUpdatePurse {
		cover(side, headerLen+serialAt, headerLen+serialEnd)
	}
}

// hideAnswer hides it in what was read.
func (s *session) hideAnswer(side *tap.Side, cmd, answer []byte) {
	if s.ShowPAN || len(cmd) < headerLen {
		return
	}
	data := answer[:max(0, len(answer)-2)]
	switch cmd[1] {
	case insReadCAPP:
		cover(side, serialAt, min(serialEnd, len(data)))
	case insReadRecord:
		if cmd[3]&7 == 0 && len(data) != journey.CompactSize {
			cover(side, serialAt, min(serialEnd, len(data)))
		}
	case insReadBinary:
		cover(side, numberAt, min(numberEnd, len(data)))
	case insSelect:
		if v, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tagPurseInfo); ok && len(v) >= numberEnd {
			number := v[numberAt:numberEnd]
			for at := 0; bytes.Contains(data[at:], number); at += len(number) { // a card may give it twice
				at += bytes.Index(data[at:], number)
				cover(side, at, at+len(number))
			}
			side.Facts = nil // they would show it again
		}
	}
}

// tagPurseInfo is file 15 of a purse in the answer to SELECT.
const tagPurseInfo tlv.Tag = 0x9F0C

// moduleNames are the commands of a security module.
var moduleNames = map[[2]byte]string{
	{0x00, 0xA4}: "SELECT", {0x00, 0xB0}: "READ BINARY", {0x00, 0xC0}: "GET RESPONSE", {0x80, 0x1A}: "INIT_FOR_DESCRYPT",
	{0x80, 0xFA}: "DES CRYPT", {0x80, 0x70}: "INIT_SAM_FOR_PURCHASE", {0x80, 0x72}: "CREDIT_SAM_FOR_PURCHASE", {0x80, 0xCA}: "AUTH MESSAGE",
}

// moduleTitle names a command to the security module.
func moduleTitle(cmd []byte) string {
	name := ""
	if len(cmd) >= 2 {
		name = moduleNames[[2]byte(cmd)]
	}
	if name == "" {
		name = hidden(cmd, 2)
	}
	return "PSAM: " + name
}
