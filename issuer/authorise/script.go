package authorise

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// MaxScripts is how many bytes of scripts one answer carries, templates included (EMV
// Book 3, 10.10): what does not fit waits for the next answer.
const MaxScripts = 128

// ErrOrder says that an order cannot be made into a script.
var ErrOrder = errors.New("no script can be made of this order")

// Order is one script for a card. It may come twice, so it should set what it changes;
// a second PIN change that proves the present PIN fails on the card.
type Order struct {
	// Template is 71 for before and 72 for after the second GENERATE AC.
	Template tlv.Tag
	// ID is 9F18, by which the terminal reports the result.
	ID       [4]byte
	Commands []Command
}

// Command is one command of an Order: header and data, to which the issuer adds Lc and
// MAC. The functions below make them.
type Command struct {
	header [4]byte
	data   []byte
	raw    bool // data is the whole command as the card is to get it
	// change and current are the PINs of PIN CHANGE, whose data are enciphered.
	change  pin.PIN
	current *pin.PIN
}

// Format writes the header alone: data may be a new PIN.
func (c Command) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[command %X]", c.header) }

// Size is how many bytes the order takes in field 55. The error is ErrOrder: no script
// can be made of it.
func (o *Order) Size() (int, error) {
	if o.Template != tlv.TagIssuerScript1 && o.Template != tlv.TagIssuerScript2 {
		return 0, fmt.Errorf("template %v, want 71 or 72: %w", o.Template, ErrOrder)
	}
	if len(o.Commands) == 0 {
		return 0, fmt.Errorf("script %X without a command: %w", o.ID, ErrOrder)
	}
	size := headed(tlv.TagIssuerScriptID, len(o.ID))
	for i := range o.Commands {
		n, err := o.Commands[i].size()
		if err != nil {
			return 0, fmt.Errorf("command %d of script %X: %w", i+1, o.ID, err)
		}
		size += headed(tlv.TagIssuerScriptCommand, n)
	}
	if size = headed(o.Template, size); size > MaxScripts {
		return 0, fmt.Errorf("script %X has %d bytes, at most %d are possible: %w", o.ID, size, MaxScripts, ErrOrder)
	}
	return size, nil
}

// headed is the length of a data object with n bytes of value.
func headed(tag tlv.Tag, n int) int { return len(tlv.AppendHeader(nil, tag, n)) + n }

// PutData sets a data element on the card (JR/T 0025.5): 04DA tag. Tags are those of
// two bytes.
func PutData(tag tlv.Tag, value []byte) Command {
	return Command{header: [4]byte{0x04, 0xDA, byte(tag >> 8), byte(tag)}, data: value}
}

// UpdateRecord replaces a record (JR/T 0025.5): 04DC number, file.
func UpdateRecord(file, number byte, record []byte) Command {
	return Command{header: [4]byte{0x04, 0xDC, number, file<<3 | 4}, data: record}
}

// BlockApplication closes the application until UnblockApplication.
func BlockApplication() Command { return Command{header: [4]byte{0x84, 0x1E}} }

// UnblockApplication opens it again.
func UnblockApplication() Command { return Command{header: [4]byte{0x84, 0x18}} }

// BlockCard closes all applications of the card for good.
func BlockCard() Command { return Command{header: [4]byte{0x84, 0x16}} }

// UnblockPIN gives back the tries of the PIN.
func UnblockPIN() Command { return Command{header: [4]byte{0x84, 0x24}} }

// ChangePIN sets a new PIN; current is nil where the card need not hear the present
// one.
func ChangePIN(to pin.PIN, current *pin.PIN) Command {
	c := Command{header: [4]byte{0x84, 0x24, 0, 2}, change: to, current: current}
	if current != nil {
		c.header[3] = 1
	}
	return c
}

// Raw is a command that goes to the card as it is, without a MAC of this issuer.
func Raw(command []byte) Command { return Command{data: command, raw: true} }

// Lengths of what the issuer adds to a command.
const (
	lenHeader   = 5 // CLA INS P1 P2 Lc
	lenMAC      = 4
	lenPINBlock = 16
	minCommand  = 4 // CLA INS P1 P2
)

// size is how many bytes the card gets.
func (c *Command) size() (int, error) {
	n := lenHeader + len(c.data) + lenMAC
	switch {
	case c.raw:
		n = len(c.data)
	case c.change.Len() > 0:
		n = lenHeader + lenPINBlock + lenMAC
	}
	if n < minCommand || n > apdu.MaxShortData {
		return 0, fmt.Errorf("%d bytes are no command, want %d to %d: %w", n, minCommand, apdu.MaxShortData, ErrOrder)
	}
	return n, nil
}

// appendScript appends the template of one order for the card whose keys k has.
func appendScript(dst []byte, k Keys, card txn.CardKey, ask *ICC, o *Order) ([]byte, error) {
	if _, err := o.Size(); err != nil {
		return dst, err
	}
	body := tlv.Append(nil, tlv.TagIssuerScriptID, o.ID[:])
	for i := range o.Commands {
		c, err := o.Commands[i].bytes(k, card, ask)
		if err != nil {
			return dst, fmt.Errorf("command %d of script %X: %w", i+1, o.ID, err)
		}
		body = tlv.Append(body, tlv.TagIssuerScriptCommand, c)
	}
	return tlv.Append(dst, o.Template, body), nil
}

// bytes is the command with its MAC.
func (c *Command) bytes(k Keys, card txn.CardKey, ask *ICC) ([]byte, error) {
	if c.raw {
		return c.data, nil
	}
	data := c.data
	if c.change.Len() > 0 {
		block, err := k.ChangePIN(card, ask.Card.ATC, c.change, c.current)
		if err != nil {
			return nil, fmt.Errorf("PIN block: %w", err)
		}
		data = block[:]
	}
	mac, err := k.ScriptMAC(card, c.header, ask.Card.ATC, ask.AC, data)
	if err != nil {
		return nil, fmt.Errorf("script MAC: %w: %w", err, ErrOrder)
	}
	b := append(make([]byte, 0, lenHeader+len(data)+len(mac)), c.header[:]...)
	b = append(append(b, byte(len(data)+len(mac))), data...)
	return append(b, mac[:]...), nil
}

// setCash is the script of a load or unload: PUT DATA with the new balance itself, so
// that a script that comes twice changes nothing (JR/T 0025.13).
func setCash(atc uint16, balance money.Fen) (Order, error) {
	v, err := balance.N12()
	if err != nil {
		return Order{}, fmt.Errorf("new balance: %w", err)
	}
	return Order{Template: tlv.TagIssuerScript2, ID: cashScriptID(atc), Commands: []Command{PutData(tlv.TagECBalance, v[:])}}, nil
}

// cashScriptID is 9F18 of a load or unload, by which a reversal tells what became of it.
func cashScriptID(atc uint16) [4]byte { return [4]byte{0x9F, 0x79, byte(atc >> 8), byte(atc)} }
