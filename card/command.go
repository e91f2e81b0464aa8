package card

import (
	"bytes"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	insSelect      = 0xA4
	insGetResponse = 0xC0
	selectByName   = 0x04
	selectFirst    = 0x00
	selectNext     = 0x02
	occurrence     = 0x03 // bits of P2 that say which occurrence is meant
	control        = 0x0C // bits of P2 that say what is answered, for files
	maxName        = 16
	maxShortAPDU   = 5 + apdu.MaxShortData + 1
	classStandard  = 0x00
)

// position is where the last SELECT by name has found what is selected. A reader
// that asks for the next one goes through the applications, those that they host,
// and the directories of the root, each once.
type position byte

const (
	nowhere       position = iota // not by name, or the PPSE
	inApplication                 // an application of the image or one that is hosted
	inFiles                       // a directory of the root
)

// Status words that only the chip as a whole gives.
const (
	swChannel   apdu.SW = 0x6881 // logical channels are not supported
	swMessaging apdu.SW = 0x6882 // this kind of secure messaging is not supported
	swBlocked   apdu.SW = 0x6A81 // function not supported: the card is blocked
)

// dispatch parses a command, carries out what belongs to the chip as a whole and
// gives all others to the selected application.
func (c *Chip) dispatch(dst, cmd []byte) ([]byte, error) {
	// Extended lengths begin with 00 where Lc stands; this chip has none.
	if len(cmd) > maxShortAPDU || len(cmd) > 5 && cmd[4] == 0 {
		return status(dst, apdu.SWWrongLength), nil
	}
	command, err := apdu.ParseCommand(cmd)
	if err != nil {
		return status(dst, apdu.SWWrongLength), nil
	}
	sw := checkClass(command.CLA)
	if sw != apdu.SWOK && !c.takesClass(command.CLA) {
		return status(dst, sw), nil
	}
	if sw == apdu.SWOK && command.INS == insGetResponse && len(c.waiting) > 0 {
		return c.getResponse(dst, &command), nil
	}
	c.waiting = c.waiting[:0]
	from := len(dst)
	out, err := c.carryOut(dst, &command)
	if err != nil {
		return dst, err
	}
	return c.keepForGetResponse(out, from, &command), nil
}

func (c *Chip) carryOut(dst []byte, command *apdu.Command) ([]byte, error) {
	if command.INS == insSelect && command.CLA == classStandard && command.P1 == selectByName {
		return c.selectName(dst, command)
	}
	switch {
	case c.directory:
		return c.afterDirectory(dst, command)
	case c.selected == nil:
		return status(dst, noApplication(command)), nil
	}
	return c.selected.Do(dst, command)
}

// noApplication is the answer to a command when nothing is selected: there are no
// files, so a SELECT other than by name has wrong parameters.
func noApplication(command *apdu.Command) apdu.SW {
	if command.INS != insSelect {
		return apdu.SWConditions
	}
	if command.CLA != classStandard {
		return apdu.SWUnknownCLA
	}
	return apdu.SWWrongP1P2
}

// afterDirectory: the directory has no commands of its own. SELECT of a file goes
// to the card's file system, if there is one.
func (c *Chip) afterDirectory(dst []byte, command *apdu.Command) ([]byte, error) {
	if command.INS != insSelect {
		return status(dst, apdu.SWUnknownINS), nil
	}
	if c.image.root == selectedNone || command.CLA != classStandard {
		return status(dst, noApplication(command)), nil
	}
	root := c.apps[c.image.root]
	out, err := root.Do(dst, command)
	if err == nil && selects(out[len(dst):]) {
		c.change(root)
	}
	return out, err
}

// checkClass lets through the classes 00 and 80, and with secure messaging 04, 0C,
// 84 and 8C (ISO/IEC 7816-4, 5.1.1; GlobalPlatform 11.1.4). Others are up to the
// selected application.
func checkClass(cla byte) apdu.SW {
	switch {
	case cla&0x70 != 0:
		return apdu.SWUnknownCLA
	case cla&0x0C == 0x08:
		return swMessaging
	case cla&0x03 != 0:
		return swChannel
	}
	return apdu.SWOK
}

// takesClass asks the selected application about a class that is no standard one.
func (c *Chip) takesClass(cla byte) bool {
	p, ok := c.selected.(cos.Proprietary)
	return ok && p.TakesClass(cla)
}

// selectName is SELECT by name, 00A40400 Lc name 00: the whole name of an
// application or its beginning (EMV Book 1, 11.3 and 12.3.1); P2 = 02 goes on
// after the application that is selected. Without a name it is the domain that
// manages the card (GP Card Specification 2.2, 11.9.2.3). A name that is not found
// leaves everything as it was.
func (c *Chip) selectName(dst []byte, command *apdu.Command) ([]byte, error) {
	name := command.Data
	which := command.P2 & occurrence
	switch {
	case command.P2 != which && c.image.root == selectedNone, which != selectFirst && which != selectNext,
		command.P2&^(occurrence|control) != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	case len(name) == 0 && c.domain() != nil:
		return c.selectApplication(dst, command, c.domain())
	case len(name) == 0 || len(name) > maxName:
		return status(dst, apdu.SWWrongLength), nil
	}
	next := which == selectNext
	if c.image.directory != nil && bytes.HasPrefix([]byte(ppse.Name), name) && !(next && c.directory) {
		return c.selectDirectory(dst, command)
	}
	if a := c.find(name, next); a != nil {
		return c.selectApplication(dst, command, a)
	}
	return c.selectDF(dst, command)
}

// domain is the application that holds others; nil if the card has none.
func (c *Chip) domain() cos.Application {
	for _, a := range c.running() {
		if _, ok := a.(cos.Host); ok {
			return a
		}
	}
	return nil
}

func (c *Chip) selectDirectory(dst []byte, command *apdu.Command) ([]byte, error) {
	if blocked, err := c.blocks(nil); err != nil || blocked {
		return status(dst, swBlocked), err
	}
	c.change(nil)
	c.directory = true
	c.contactless = c.side != Contact
	return checkLe(c.image.directory.Select(dst), len(dst), command), nil
}

func (c *Chip) selectApplication(dst []byte, command *apdu.Command, a cos.Application) ([]byte, error) {
	if blocked, err := c.blocks(a); err != nil || blocked {
		return status(dst, swBlocked), err
	}
	c.change(a)
	c.found = inApplication
	if string(a.AID()) == ppse.ContactName {
		c.contactless = c.side == Contactless
	}
	out, err := a.Select(dst, cos.Selection{Contactless: c.contactless})
	if err != nil {
		return dst, err
	}
	return checkLe(out, len(dst), command), nil
}

// selectDF looks for the name among the directories of the card's file system,
// the PSE 1PAY.SYS.DDF01 being one of them. A root that is no file system refuses
// every SELECT, which means that there is no such directory.
func (c *Chip) selectDF(dst []byte, command *apdu.Command) ([]byte, error) {
	if c.image.root == selectedNone {
		return status(dst, apdu.SWFileNotFound), nil
	}
	root := c.apps[c.image.root]
	if blocked, err := c.blocks(root); err != nil || blocked {
		return status(dst, swBlocked), err
	}
	asked := *command
	if c.found == nowhere {
		asked.P2 &^= occurrence // after nothing comes the first
	}
	out, err := root.Do(dst, &asked)
	if err != nil {
		return dst, err
	}
	switch _, sw, _ := apdu.ParseResponse(out[len(dst):]); sw {
	case apdu.SWUnknownINS, apdu.SWWrongP1P2:
		return status(dst, apdu.SWFileNotFound), nil
	}
	if !selects(out[len(dst):]) {
		return out, nil
	}
	if c.selected != root {
		c.change(nil)
		c.selected = root
	}
	c.directory, c.found = false, inFiles
	if bytes.HasPrefix([]byte(ppse.ContactName), command.Data) {
		c.contactless = c.side == Contactless
	}
	return out, nil
}

// selects tells whether an answer to SELECT means that something was selected.
func selects(answer []byte) bool {
	_, sw, err := apdu.ParseResponse(answer)
	return err == nil && (sw == apdu.SWOK || sw>>8 == 0x61 || sw>>8 == 0x62)
}

// find looks for an application whose name begins with name: those of the image,
// then those that they host. With next it goes on after the selected one.
func (c *Chip) find(name []byte, next bool) cos.Application {
	if next && c.found == inFiles {
		return nil
	}
	passed := !next || c.found == nowhere
	for _, a := range c.running() {
		if passed && bytes.HasPrefix(a.AID(), name) {
			return a
		}
		passed = passed || a == c.selected
	}
	for _, a := range c.running() {
		host, ok := a.(cos.Host)
		if !ok {
			continue
		}
		for _, h := range host.Hosted() {
			if passed && bytes.HasPrefix(h.AID(), name) {
				return h
			}
			passed = passed || h == c.selected
		}
	}
	return nil
}

// blocks asks the applications that may close the card.
func (c *Chip) blocks(a cos.Application) (bool, error) {
	for _, other := range c.running() {
		g, ok := other.(cos.Guard)
		if !ok {
			continue
		}
		if blocked, err := g.Blocks(a); err != nil || blocked {
			return blocked, err
		}
	}
	return false, nil
}

// change ends the session of the selected application and makes a the selected one.
func (c *Chip) change(a cos.Application) {
	if c.selected != nil {
		c.selected.Deselect()
	}
	c.selected, c.directory, c.found = a, false, nowhere
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
