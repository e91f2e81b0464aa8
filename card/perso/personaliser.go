package perso

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Order is what a personalisation machine is to do with one card.
type Order struct {
	// Domain is the issuer security domain; nil for gp.AIDGlobalPlatform.
	Domain []byte
	// Keys are the domain's static keys, or the issuer's masters with
	// Diversification. Keys.Version 0 takes the card's first key set.
	Keys            scp.KeySet
	Diversification scp.Diversification
	// Challenge must be random and never used before.
	Challenge [8]byte
	// Level of the secure channel, at least scp.CMAC.
	Level scp.Level
	// Instance is the name under which the finance application is installed.
	Instance []byte
	// Params are the parameters for pboc.Module; nil for none.
	Params []byte
	// Groupings are the card, see Profile.DGIs.
	Groupings []pboc.DGI
}

// Format answers every verb of fmt with a fixed text: an order holds keys.
func (Order) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheldOrder)) }

// MarshalText gives the fixed text to encoding/json and others.
func (Order) MarshalText() ([]byte, error) { return []byte(withheldOrder), nil }

const withheldOrder = "[personalisation order, data withheld]"

// DGIs gives the data groupings of one card, in the order of sending; the private
// keys in in.First.Private, and in.Second.Private if there is a second set, must be
// there. The card that takes them answers every command like that of Card.
func (p *Profile) DGIs(in *Issue) ([]pboc.DGI, error) {
	c, err := p.Card(in)
	if err != nil {
		return nil, err
	}
	return c.DGIs(in.First.Private, in.Second.Private)
}

// Errors of a personalisation. Those of package scp come through as well.
var (
	// ErrRefused says that the card answered with a status word that ends the
	// personalisation.
	ErrRefused = errors.New("the card refused")
	// ErrLocked says that the card has an application of this name which is locked or
	// blocked: unlock or delete it first.
	ErrLocked = errors.New("the card has an application of this name that is locked or blocked")
	// ErrOver says that the machine has come to its end.
	ErrOver = errors.New("the personalisation is over")
)

// step is the command whose answer is due.
type step byte

const (
	stepNone step = iota
	stepSelect
	stepInitialize
	stepAuthenticate
	stepStatus
	stepDelete
	stepInstall
	stepBegin
	stepStore
	stepDone
	stepFailed
)

var stepNames = [...]string{
	stepNone: "start", stepSelect: "SELECT security domain", stepInitialize: "INITIALIZE UPDATE", stepAuthenticate: "EXTERNAL AUTHENTICATE",
	stepStatus: "GET STATUS", stepDelete: "DELETE", stepInstall: "INSTALL for install and make selectable",
	stepBegin: "INSTALL for personalisation", stepStore: "STORE DATA", stepDone: "end", stepFailed: "failure",
}

// Personaliser is the host's side of a personalisation over the card's interface,
// as a step machine: commands come out, answers go in. It opens a secure channel
// to the security domain, installs the finance application and sends the groupings
// (GlobalPlatform Card Specification 2.2, 11.5 and 11.11; EMV Card Personalization
// Specification 1.1, 4.3).
//
// A personalisation that broke off, for lack of power or whatever else, is begun
// again with a new Personaliser: the half-made application is deleted first, so that
// nothing of it is left. On a card that is personalised already nothing changes.
type Personaliser struct {
	order  Order
	host   *scp.Host
	step   step
	blocks []block
	sent   int
	found  bool // GET STATUS has given the instance
	state  byte
}

// block is one STORE DATA command.
type block struct {
	sealed bool
	id     uint16 // of the grouping it belongs to
	data   []byte
}

// States of an instance in GET STATUS (GP Card Specification 2.2, table 11-4).
const (
	stateInstalled    = 0x03
	stateSelectable   = 0x07
	statePersonalised = 0x0F
)

// NewPersonaliser begins a personalisation.
func NewPersonaliser(o Order) *Personaliser {
	if o.Domain == nil {
		o.Domain = gp.AIDGlobalPlatform
	}
	return &Personaliser{order: o}
}

// Format answers every verb of fmt with a fixed text: it holds keys.
func (Personaliser) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheldOrder)) }

// Progress gives how many STORE DATA commands were answered, and of how many; 0 of
// 0 before the secure channel is open.
func (p *Personaliser) Progress() (done, all int) { return p.sent, len(p.blocks) }

// Next takes the card's answer to the last command, data and status word, nil at
// first, and gives the next command. It is done when the card is personalised; then
// there is no command. An error names the step and ends the personalisation.
func (p *Personaliser) Next(answer []byte) (cmd []byte, done bool, err error) {
	if p.step == stepDone || p.step == stepFailed {
		return nil, p.step == stepDone, ErrOver
	}
	at := p.step
	c, err := p.next(answer)
	if err == nil && p.step != stepDone {
		cmd, err = c.Append(nil)
	}
	if err != nil {
		p.step = stepFailed
		return nil, false, fmt.Errorf("personalise card, %s: %w", stepNames[at], err)
	}
	return cmd, p.step == stepDone, nil
}

func (p *Personaliser) next(answer []byte) (apdu.Command, error) {
	if p.step == stepNone {
		p.step = stepSelect
		return apdu.Command{INS: 0xA4, P1: 0x04, Data: p.order.Domain, Le: apdu.MaxShortLe}, nil
	}
	data, sw, err := apdu.ParseResponse(answer)
	if err != nil {
		return apdu.Command{}, err
	}
	switch p.step {
	case stepSelect:
		return p.initialize(sw)
	case stepInitialize:
		return p.authenticate(data, sw)
	case stepAuthenticate:
		return p.opened(sw)
	}
	if data, err = p.host.Unwrap(data, sw); err != nil {
		return apdu.Command{}, err
	}
	switch {
	case p.step == stepStatus:
		return p.examined(data, sw)
	case sw != apdu.SWOK && p.step == stepStore:
		return apdu.Command{}, fmt.Errorf("block %d, grouping %04X: %w: %v", p.sent, p.blocks[p.sent].id, ErrRefused, sw)
	case sw != apdu.SWOK:
		return apdu.Command{}, fmt.Errorf("%w: %v", ErrRefused, sw)
	}
	switch p.step {
	case stepDelete:
		return p.install(stepInstall)
	case stepInstall:
		return p.install(stepBegin)
	case stepStore:
		p.sent++
	}
	return p.store()
}

func (p *Personaliser) initialize(sw apdu.SW) (apdu.Command, error) {
	if sw != apdu.SWOK {
		return apdu.Command{}, fmt.Errorf("%w: %v", ErrRefused, sw)
	}
	p.step = stepInitialize
	return scp.NewHost(p.order.Keys, p.order.Challenge).InitializeUpdate(p.order.Keys.Version), nil
}

// authenticate makes the card's own keys from the answer and checks it.
func (p *Personaliser) authenticate(data []byte, sw apdu.SW) (apdu.Command, error) {
	if sw != apdu.SWOK {
		return apdu.Command{}, fmt.Errorf("%w: %v", ErrRefused, sw)
	}
	diversification, _, err := scp.KeyDiversification(data)
	if err != nil {
		return apdu.Command{}, err
	}
	p.host = scp.NewHost(p.order.Diversification.Diversify(p.order.Keys, diversification), p.order.Challenge)
	p.step = stepAuthenticate
	return p.host.Open(data, p.order.Level)
}

// opened prepares the blocks, which the secure channel's protocol gives their size
// and cipher, and asks whether the application is there.
func (p *Personaliser) opened(sw apdu.SW) (apdu.Command, error) {
	if sw != apdu.SWOK {
		return apdu.Command{}, fmt.Errorf("%w: %v", ErrRefused, sw)
	}
	if err := p.cut(); err != nil {
		return apdu.Command{}, err
	}
	return p.examine(0x00)
}

// cut makes the STORE DATA blocks: each grouping begins one of its own, and goes on
// in the next if it is longer.
func (p *Personaliser) cut() error {
	limit := p.host.Protocol().MaxData(p.host.Level())
	for _, g := range p.order.Groupings {
		b := block{sealed: g.Secret(), id: g.ID}
		if b.sealed {
			sealed, err := p.host.EncryptDEK(nil, padded(g.Data, p.host.Protocol().BlockSize()))
			if err != nil {
				return fmt.Errorf("encipher grouping %04X: %w", g.ID, err)
			}
			g.Data = sealed
		}
		for stream := g.Append(nil); len(stream) > 0; stream = stream[len(b.data):] {
			b.data = stream[:min(limit, len(stream))]
			p.blocks = append(p.blocks, b)
		}
	}
	if len(p.blocks) == 0 {
		return fmt.Errorf("there are no groupings to store")
	}
	return nil
}

// padded gives whole blocks, padded with 80 00.. where they are not.
func padded(b []byte, size int) []byte {
	if len(b)%size == 0 {
		return b
	}
	b = append(bytes.Clone(b), 0x80)
	return append(b, make([]byte, (size-len(b)%size)%size)...)
}

func (p *Personaliser) wrap(next step, c apdu.Command) (apdu.Command, error) {
	p.step = next
	return p.host.Wrap(c)
}

// examine is GET STATUS of the instance; p2 01 goes on.
func (p *Personaliser) examine(p2 byte) (apdu.Command, error) {
	return p.wrap(stepStatus, apdu.Command{CLA: 0x80, INS: 0xF2, P1: 0x40, P2: p2, Data: p.named(), Le: apdu.MaxShortLe})
}

// named is the instance's name as a data object.
func (p *Personaliser) named() []byte { return tlv.Append(nil, tlv.TagADFName, p.order.Instance) }

// examined looks for the instance in the answer: length, AID, state, privileges.
func (p *Personaliser) examined(data []byte, sw apdu.SW) (apdu.Command, error) {
	const more, none apdu.SW = 0x6310, apdu.SWDataNotFound
	if sw != apdu.SWOK && sw != more && sw != none {
		return apdu.Command{}, fmt.Errorf("%w: %v", ErrRefused, sw)
	}
	for len(data) > 0 {
		n := int(data[0])
		if len(data) < 1+n+2 {
			return apdu.Command{}, fmt.Errorf("an entry of the register is cut short: %w", ErrRefused)
		}
		if bytes.Equal(data[1:1+n], p.order.Instance) {
			p.found, p.state = true, data[1+n]
		}
		data = data[1+n+2:]
	}
	switch {
	case sw == more:
		return p.examine(0x01)
	case !p.found:
		return p.install(stepInstall)
	case p.state == statePersonalised:
		p.step = stepDone
		return apdu.Command{}, nil
	case p.state == stateInstalled || p.state == stateSelectable:
		return p.wrap(stepDelete, apdu.Command{CLA: 0x80, INS: 0xE4, Data: p.named(), Le: apdu.MaxShortLe})
	}
	return apdu.Command{}, fmt.Errorf("state %02X: %w", p.state, ErrLocked)
}

// install makes the INSTALL command of a step.
func (p *Personaliser) install(s step) (apdu.Command, error) {
	var file, module, privileges, params []byte
	p1 := byte(0x20)
	if s == stepInstall {
		file, module, privileges = pboc.LoadFileAID, pboc.ModuleAID, []byte{0x00}
		params = append([]byte{0xC9, byte(len(p.order.Params))}, p.order.Params...)
		p1 = 0x0C
	}
	var data []byte
	for _, field := range [][]byte{file, module, p.order.Instance, privileges, params, nil} {
		data = append(append(data, byte(len(field))), field...)
	}
	return p.wrap(s, apdu.Command{CLA: 0x80, INS: 0xE6, P1: p1, Data: data, Le: apdu.MaxShortLe})
}

// store is the next STORE DATA; after the last the card is done.
func (p *Personaliser) store() (apdu.Command, error) {
	if p.sent == len(p.blocks) {
		p.step = stepDone
		return apdu.Command{}, nil
	}
	b := &p.blocks[p.sent]
	p1 := byte(0)
	if b.sealed {
		p1 |= 0x60
	}
	if p.sent == len(p.blocks)-1 {
		p1 |= 0x80
	}
	return p.wrap(stepStore, apdu.Command{CLA: 0x80, INS: 0xE2, P1: p1, P2: byte(p.sent), Data: b.data, Le: apdu.MaxShortLe})
}
