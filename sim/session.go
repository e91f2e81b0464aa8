package sim

import (
	"fmt"
	"math/rand/v2"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
)

// instructions are the commands at which a card is torn out of the field: the one
// that begins its transaction, those that write its journey, and the last one.
type instructions struct{ begin, update, last byte }

var (
	financeInstructions = instructions{begin: 0xA8, update: 0xDE, last: 0xB2} // GET PROCESSING OPTIONS, UPDATE CAPP DATA CACHE, READ RECORD
	purseInstructions   = instructions{begin: 0x50, update: 0xDC, last: 0x54} // INITIALIZE FOR CAPP PURCHASE, UPDATE CAPP DATA CACHE, DEBIT FOR CAPP PURCHASE
)

// contact is one stay of a card in the field of a gate.
type contact struct {
	*worker
	terminal *terminal
	image    *card.Image
	ins      instructions
	tear     tear
	before   chipState
	asked    int // commands to the module so far
}

// session runs one contact of a card, whose image is img, with a gate. te says when the
// card leaves.
func (k *worker) session(t *terminal, img *card.Image, uid gate.UID, now int64, te tear, rand *rand.ChaCha8) (*gate.Result, error) {
	if err := k.chip.PowerOn(rand); err != nil {
		return nil, err
	}
	defer k.chip.PowerOff()
	c := contact{worker: k, terminal: t, image: img, ins: financeInstructions, tear: te, before: k.state(img)}
	if isPurse(img) {
		c.ins = purseInstructions
	}
	act := t.gate.Begin(now, gate.Field{Cards: 1, UID: uid}, k.unpredictable(t))
	for act.Done == nil {
		var err error
		switch {
		case act.Remove:
			k.chip.PowerOff()
			act = t.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
		case act.SAM != nil:
			act, err = c.module(act.SAM)
		default:
			act, err = c.step(act.Send)
		}
		if err != nil {
			return nil, err
		}
	}
	return act.Done, nil
}

// step takes a command to the card and its answer back, unless the card leaves.
func (c *contact) step(command []byte) (gate.Action, error) {
	k, ins := c.worker, command[1]
	if c.tear == tearBeforeLast && ins == c.ins.last {
		return c.leave(), nil
	}
	var err error
	if k.answer, err = k.chip.Transmit(k.answer[:0], command); err != nil {
		return gate.Action{}, err
	}
	lost := c.tear == tearNoAnswer && ins == c.ins.begin || c.tear == tearWriting && ins == c.ins.update
	if c.tear.afterCommit() {
		after := k.state(c.image)
		lost = after.lastATC == after.atc && after.atc != c.before.atc
	}
	if lost {
		return c.leave(), nil
	}
	return c.terminal.gate.Step(kernel.Answered(k.answer)), nil
}

// leave takes the card out of the field, once.
func (c *contact) leave() gate.Action {
	c.tear = tearNone
	c.chip.PowerOff()
	return c.terminal.gate.Step(kernel.Event{Kind: kernel.CardLeft})
}

// failsAt is the command at which a module does not answer: by then the card is known.
const failsAt = 4

// module takes a command to the terminal's security module, which may not answer.
func (c *contact) module(command []byte) (gate.Action, error) {
	t := c.terminal
	if c.asked++; c.tear == tearModule && c.asked == failsAt {
		c.tear = tearNone
		return t.gate.StepSAM(nil), nil
	}
	if t.module == nil {
		var err error
		if t.module, err = c.newModule(t); err != nil {
			return gate.Action{}, fmt.Errorf("security module of terminal %d: %w", t.id, err)
		}
	}
	answer, err := t.module.Transmit(nil, command)
	if err != nil {
		return gate.Action{}, fmt.Errorf("security module of terminal %d: %w", t.id, err)
	}
	return t.gate.StepSAM(answer), nil
}

// newModule makes the security module of a terminal and switches it on: most of the
// city's terminals never need theirs.
func (c *City) newModule(t *terminal) (*card.Chip, error) {
	in := psam.Issue{}
	n := uint64(t.id)
	for i := len(in.Terminal) - 1; i >= 0; i-- {
		in.Terminal[i] = byte(n%10 | n/10%10<<4)
		n /= 100
	}
	copy(in.Serial[len(in.Serial)-len(in.Terminal):], in.Terminal[:])
	img, err := c.modules.Image(in)
	if err != nil {
		return nil, err
	}
	chip := card.New()
	chip.UseInterface(card.Contact)
	if err := chip.Insert(img, nil); err != nil {
		return nil, err
	}
	return chip, chip.PowerOn(c.stream(forModule, uint64(t.id)))
}
