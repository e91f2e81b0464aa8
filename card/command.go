package card

import (
	"bytes"

	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	insSelect     = 0xA4
	selectByName  = 0x04
	selectFirst   = 0x00
	selectNext    = 0x02
	maxName       = 16
	maxShortAPDU  = 5 + apdu.MaxShortData + 1
	classStandard = 0x00
	classPBOC     = 0x80
)

// dispatch parses a command, carries SELECT out and gives all others to the
// selected application.
func (c *Chip) dispatch(dst, cmd []byte) ([]byte, error) {
	// Extended lengths begin with 00 where Lc stands; this chip has none.
	if len(cmd) > maxShortAPDU || len(cmd) > 5 && cmd[4] == 0 {
		return status(dst, apdu.SWWrongLength), nil
	}
	command, err := apdu.ParseCommand(cmd)
	if err != nil {
		return status(dst, apdu.SWWrongLength), nil
	}
	if sw := checkClass(command.CLA); sw != apdu.SWOK {
		return status(dst, sw), nil
	}
	if command.INS == insSelect {
		return c.selectName(dst, &command)
	}
	switch c.selected {
	case selectedNone:
		return status(dst, apdu.SWConditions), nil
	case selectedDirectory:
		return status(dst, apdu.SWUnknownINS), nil
	}
	return c.apps[c.selected].Do(dst, &command)
}

// checkClass lets the classes 00 and 80 through (ISO/IEC 7816-4, 5.1.1).
func checkClass(cla byte) apdu.SW {
	const (
		channelNotSupported   apdu.SW = 0x6881
		messagingNotSupported apdu.SW = 0x6882
	)
	switch {
	case cla == classStandard || cla == classPBOC:
		return apdu.SWOK
	case cla&0x70 != 0:
		return apdu.SWUnknownCLA
	case cla&0x0C != 0:
		return messagingNotSupported
	}
	return channelNotSupported
}

// selectName is SELECT by name, 00A40400 Lc name 00: the whole name of an
// application or its beginning (EMV Book 1, 11.3 and 12.3.1); P2 = 02 goes on
// after the application that is selected. A name that is not found leaves
// everything as it was.
func (c *Chip) selectName(dst []byte, command *apdu.Command) ([]byte, error) {
	name := command.Data
	switch {
	case command.CLA != classStandard:
		return status(dst, apdu.SWUnknownCLA), nil
	case command.P1 != selectByName || command.P2 != selectFirst && command.P2 != selectNext:
		return status(dst, apdu.SWWrongP1P2), nil
	case len(name) == 0 || len(name) > maxName:
		return status(dst, apdu.SWWrongLength), nil
	}
	next := command.P2 == selectNext
	if bytes.HasPrefix([]byte(ppse.Name), name) && !(next && c.selected == selectedDirectory) {
		c.deselect()
		c.selected = selectedDirectory
		return checkLe(c.image.directory.Select(dst), len(dst), command), nil
	}
	first := 0
	if next && c.selected >= 0 {
		first = c.selected + 1
	}
	for i := first; i < len(c.image.cards); i++ {
		if !bytes.HasPrefix(c.apps[i].AID(), name) {
			continue
		}
		c.deselect()
		c.selected = i
		out, err := c.apps[i].Select(dst)
		if err != nil {
			return dst, err
		}
		return checkLe(out, len(dst), command), nil
	}
	return status(dst, apdu.SWFileNotFound), nil
}

// deselect ends the session of the selected application.
func (c *Chip) deselect() {
	if c.selected >= 0 {
		c.apps[c.selected].Deselect()
	}
	c.selected = selectedNone
}

// checkLe replaces an answer that starts at from by 6Cxx if it is longer than
// the command expects.
func checkLe(out []byte, from int, command *apdu.Command) []byte {
	n := len(out) - from - 2
	if command.Le == apdu.NoLe || command.Le >= n {
		return out
	}
	return append(out[:from], 0x6C, byte(n))
}

func status(dst []byte, sw apdu.SW) []byte { return append(dst, byte(sw>>8), byte(sw)) }
