package card

import (
	"errors"
	"fmt"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
)

// ErrNotPowered says that there is no card in the chip's place, or that it has no
// power: call Insert and PowerOn.
var ErrNotPowered = errors.New("the card is not powered")

// ErrPowerCut says that the power failed while the card was at work.
var ErrPowerCut = cos.ErrPowerCut

// Values of Chip.root beside the index of an application.
const selectedNone = -1

// Interface is the side of the card that the reader uses.
type Interface byte

// The interfaces of a dual-interface card. The zero value is what gates meet.
const (
	// Contactless: every application answers as over the air (ISO/IEC 14443).
	Contactless Interface = iota
	// Contact: every application answers as over its contacts (ISO/IEC 7816-3).
	Contact
	// Auto: contact after a reset or after the PSE was selected, contactless
	// after the PPSE. For readers over which no one can say which side it is.
	Auto
)

// Chip is a place for one card at a time. The zero value is empty; New is the
// same with room for the usual card. A Chip belongs to one goroutine.
type Chip struct {
	image  *Image
	memory cos.Memory
	apps   []cos.Application // one for each template of the image

	side        Interface
	contactless bool // how applications are selected now
	selected    cos.Application
	found       position
	directory   bool   // the PPSE is selected
	waiting     []byte // data for GET RESPONSE, then the status word
	scratch     []byte
}

// New makes an empty chip. It can be used for any number of cards in turn.
func New() *Chip { return &Chip{} }

// Format answers every verb of fmt with a fixed text: the chip's memory and
// scratch space hold what only the card may know.
func (Chip) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[chip, data withheld]")) }

// UseInterface says over which interface the next reset will be. It may be
// called at any time and holds for all cards inserted later.
func (c *Chip) UseInterface(i Interface) { c.side = i }

// Insert puts a card in: its image and the memory's content, a Snapshot taken
// from a card with the same image, or nil for a card as it was issued. The power
// is off afterwards and the memory's writes are counted from 0. It fails, and the
// chip is empty, if the content is not a possible state of this image.
func (c *Chip) Insert(img *Image, nvm []byte) error {
	c.PowerOff()
	c.image = nil
	if img == nil {
		return errors.New("insert card: there is no image")
	}
	if err := c.memory.FormatWith(img.size, img.journal); err != nil {
		return fmt.Errorf("insert card: %w", err)
	}
	if nvm != nil {
		if err := c.memory.Restore(nvm); err != nil {
			return fmt.Errorf("insert card: %w", err)
		}
	}
	for len(c.apps) < len(img.templates) {
		c.apps = append(c.apps, nil)
	}
	c.scratch = c.memory.Settled(c.scratch[:0])
	start := 0
	for i, t := range img.templates {
		size := t.MemorySize()
		if nvm == nil {
			c.scratch = t.Personalise(c.scratch[:0])
			c.memory.Fill(start, c.scratch)
		} else if err := t.CheckMemory(c.scratch[start : start+size]); err != nil {
			return fmt.Errorf("insert card, application %X: %w", t.AID(), err)
		}
		c.apps[i] = t.Place(c.memory.Partition(start, size), c.apps[i])
		start += size
	}
	c.image = img
	return nil
}

// running are the applications of the card that is in.
func (c *Chip) running() []cos.Application { return c.apps[:len(c.image.templates)] }

// PowerOn starts the card: the memory finishes or drops what was under way when
// the power failed. rand must give random bytes for as long as the power is on.
// The error is ErrPowerCut if the power fails again meanwhile.
func (c *Chip) PowerOn(rand io.Reader) error {
	if c.image == nil {
		return ErrNotPowered
	}
	c.PowerOff()
	if err := c.memory.PowerOn(); err != nil {
		return err
	}
	c.contactless = c.side == Contactless
	for _, a := range c.running() {
		a.PowerOn(rand)
	}
	return c.selectRoot()
}

// selectRoot is what a reset selects: the card's file system, unless an
// application has closed the card.
func (c *Chip) selectRoot() error {
	if c.image.root == selectedNone {
		return nil
	}
	root := c.apps[c.image.root]
	blocked, err := c.blocks(root)
	if err == nil && !blocked {
		c.selected = root
	}
	return err
}

// PowerOff takes the power away, as when the card leaves the field between two
// commands. What was not committed is gone.
func (c *Chip) PowerOff() {
	c.memory.PowerOff()
	c.selected, c.directory, c.found = nil, false, nowhere
	c.waiting = c.waiting[:0]
	if c.image == nil {
		return
	}
	for _, a := range c.running() {
		a.PowerOff()
	}
}

// ATR is the answer to reset (ISO/IEC 7816-3, 8.2), nil for an empty chip.
func (c *Chip) ATR() []byte {
	if c.image == nil {
		return nil
	}
	return c.image.atr
}

// Transmit gives the card a command APDU and appends its answer, data and status
// word, to dst. cmd must not overlap dst's free space. The only errors are
// ErrNotPowered and ErrPowerCut; dst is then returned as it was.
func (c *Chip) Transmit(dst, cmd []byte) ([]byte, error) {
	if c.image == nil || !c.memory.Powered() {
		return dst, ErrNotPowered
	}
	out, err := c.dispatch(dst, cmd)
	if err != nil {
		c.PowerOff()
		return dst, err
	}
	return out, nil
}

// Snapshot appends the memory's content in the form that Insert takes. It is the
// content that the next PowerOn leaves, also after a power cut.
func (c *Chip) Snapshot(dst []byte) []byte { return c.memory.Snapshot(dst) }

// Memory is the chip's memory, for tests that count writes and cut the power.
func (c *Chip) Memory() *cos.Memory { return &c.memory }

// Inspect gives the state of the image's first application, as the next PowerOn
// leaves it: the truth for tests and simulations, with or without power. An empty
// chip gives the zero State.
func (c *Chip) Inspect() pboc.State { return c.InspectApplication(0) }

// InspectApplication is Inspect for the application with the given index in the
// image; outside the image, and for what is no finance application, it gives the
// zero State.
func (c *Chip) InspectApplication(index int) pboc.State {
	if c.image == nil || index < 0 || index >= len(c.image.templates) {
		return pboc.State{}
	}
	start := 0
	for _, t := range c.image.templates[:index] {
		start += t.MemorySize()
	}
	card, ok := c.image.templates[index].(*pboc.Card)
	if !ok {
		return pboc.State{}
	}
	c.scratch = c.memory.Settled(c.scratch[:0])
	s, err := card.Product.Decode(c.scratch[start : start+card.MemorySize()])
	if err != nil {
		panic("card: a state that Insert had checked is damaged: " + err.Error())
	}
	return s
}
