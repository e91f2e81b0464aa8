package fault

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Card is what a door stands in front of; a chip is one.
type Card interface {
	// Transmit appends the answer to a command APDU to dst.
	Transmit(dst, cmd []byte) ([]byte, error)
}

// Memory is where a card's power can be cut; *cos.Memory is one.
type Memory interface {
	// Writes is how many writes there were.
	Writes() int
	// CutAt cuts the power at write n, counted like Writes; 0 takes it back.
	CutAt(n int, tear cos.Tear)
}

// Outcome is what comes out of a door beside the answer.
type Outcome struct {
	// Silent: no answer comes. The card may or may not have lost its power; the
	// reader can only reset it or take it away.
	Silent bool
	// Delay of the answer.
	Delay time.Duration
	// Notes say which faults happened and which could not, for people.
	Notes []string
}

// Door carries a script out in front of one card. It belongs to one goroutine.
type Door struct {
	script   *Script
	card     Card
	memory   Memory
	seen     []int  // for each fault, commands that fitted
	done     []int  // for each fault, how often it happened
	selected []byte // name of the selected application
}

// NewDoor puts a script in front of a card. A card without a memory that can be
// cut, memory nil, does not tear.
func NewDoor(s *Script, card Card, memory Memory) *Door {
	return &Door{script: s, card: card, memory: memory, seen: make([]int, len(s.Faults)), done: make([]int, len(s.Faults))}
}

// PowerOn tells the door that the card was reset: nothing is selected. Counts of
// commands go on.
func (d *Door) PowerOn() { d.selected = d.selected[:0] }

// Transmit gives the card a command and appends its answer, changed where the
// script says so, to dst. With Outcome.Silent there is no answer, and dst comes
// back as it was. Errors are those of the card.
func (d *Door) Transmit(dst, cmd []byte) ([]byte, Outcome, error) {
	var o Outcome
	command, bad := apdu.ParseCommand(cmd)
	if bad != nil {
		out, err := d.card.Transmit(dst, cmd)
		return out, o, err
	}
	due := d.due(&command)
	tear := d.tearOf(due, &o)
	before := 0
	if tear != nil {
		before = d.memory.Writes()
		d.memory.CutAt(before+tear.Then.Tear.Write, tear.Then.Tear.Half)
	}
	start := len(dst)
	out, err := d.card.Transmit(dst, cmd)
	if tear != nil {
		if errors.Is(err, cos.ErrPowerCut) {
			o.note(tear, "the power failed at write %d", tear.Then.Tear.Write)
			o.Silent = true
			return dst, o, nil
		}
		d.memory.CutAt(0, cos.TearNone)
		o.note(tear, "did not happen: the command made %d writes", d.memory.Writes()-before)
	}
	if err != nil {
		return dst, o, err
	}
	d.follow(&command, out[start:])
	for _, f := range due {
		if f.Then.Tear == nil {
			out = f.apply(out, start, &o)
		}
	}
	if o.Silent {
		return dst, o, nil
	}
	return out, o, nil
}

// due counts the command and gives the faults that it meets, in their order.
func (d *Door) due(c *apdu.Command) []*Fault {
	var due []*Fault
	for i := range d.script.Faults {
		f := &d.script.Faults[i]
		if !f.When.fits(c, d.selected) {
			continue
		}
		d.seen[i]++
		if f.When.Nth > 0 && d.seen[i] != f.When.Nth || f.When.Times > 0 && d.done[i] >= f.When.Times {
			continue
		}
		d.done[i]++
		due = append(due, f)
	}
	return due
}

// tearOf finds the first tear that is due.
func (d *Door) tearOf(due []*Fault, o *Outcome) *Fault {
	var first *Fault
	for _, f := range due {
		switch {
		case f.Then.Tear == nil:
		case d.memory == nil:
			o.note(f, "did not happen: the card's memory is out of reach")
		case first != nil:
			o.note(f, "did not happen: the power can fail only once in a command")
		default:
			first = f
		}
	}
	return first
}

// fits tells whether a command fits all conditions but the counts.
func (w *When) fits(c *apdu.Command, selected []byte) bool {
	for _, x := range [...]struct {
		want *byte
		got  byte
	}{{w.CLA, c.CLA}, {w.INS, c.INS}, {w.P1, c.P1}, {w.P2, c.P2}} {
		if x.want != nil && *x.want != x.got {
			return false
		}
	}
	name := selected
	if selectsByName(c) {
		name = c.Data
	}
	return bytes.HasPrefix(c.Data, w.Data) && bytes.HasPrefix(name, w.AID)
}

const (
	insSelect = 0xA4
	byName    = 0x04
)

func selectsByName(c *apdu.Command) bool { return c.INS == insSelect && c.P1 == byName }

// follow remembers which application is selected.
func (d *Door) follow(c *apdu.Command, answer []byte) {
	if !selectsByName(c) {
		return
	}
	data, sw, err := apdu.ParseResponse(answer)
	if err != nil || !sw.OK() && sw != apdu.SWInvalidated {
		return
	}
	name, found := tlv.Find(data, tlv.TagFCITemplate, tlv.TagDFName)
	if !found {
		name = c.Data
	}
	d.selected = append(d.selected[:0], name...)
}

// apply lets a fault that is no tear happen to the answer at out[start:].
func (f *Fault) apply(out []byte, start int, o *Outcome) []byte {
	t := &f.Then
	if t.Silent {
		o.Silent = true
		o.note(f, "no answer")
		return out
	}
	data, sw, err := apdu.ParseResponse(out[start:])
	if err != nil {
		o.note(f, "did not happen: %v", err)
		return out
	}
	for i := range t.Alter {
		a := &t.Alter[i]
		altered, err := a.alter(data)
		if err != nil {
			o.note(f, "%s did not happen: %v", a.How, err)
			continue
		}
		data = altered
		o.note(f, "%s", a)
	}
	if t.NoData && len(data) > 0 {
		data = nil
		o.note(f, "data left out")
	}
	if t.SW != nil {
		o.note(f, "status word %04X instead of %04X", uint16(*t.SW), uint16(sw))
		sw = *t.SW
	}
	if t.Delay > 0 {
		o.Delay += t.Delay
		o.note(f, "the answer comes %v later", t.Delay)
	}
	fresh := apdu.AppendResponse(nil, data, sw)
	return append(out[:start], fresh...)
}

func (o *Outcome) note(f *Fault, format string, args ...any) {
	o.Notes = append(o.Notes, f.Name+": "+fmt.Sprintf(format, args...))
}

// String gives the alteration for a note: "flip 9F4B".
func (a *Alteration) String() string {
	if a.Tag != 0 {
		return fmt.Sprintf("%s %X", a.How, uint32(a.Tag))
	}
	return string(a.How)
}
