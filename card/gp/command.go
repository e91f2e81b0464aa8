package gp

import (
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	insInitializeUpdate     = 0x50
	insManageChannel        = 0x70
	insExternalAuthenticate = 0x82
	insSelect               = 0xA4
	insGetData              = 0xCA

	classProprietary = 0x80
	classSecure      = 0x0C // both bits of secure messaging
)

// request is one command on its way through the domain, without protection.
type request struct {
	*apdu.Command
	memory memory
	reply  []byte // room for the data of the answer
}

// handler carries out one command. It appends the data of the answer to r.reply
// and gives the status word. The only error is cos.ErrPowerCut.
type handler func(a *App, r *request) (apdu.SW, error)

// command is a row of the table of commands.
type command struct {
	ins     byte
	standby bool // also when the card is locked
	changes bool // needs C-MAC
	do      handler
}

// commands are those that need an open secure channel (GP Card Specification 2.2,
// tables 11-1 and 11-2). That changes need a C-MAC in every life cycle state is
// our choice; the specification leaves it to the issuer.
var commands = [...]command{
	{0xF2, true, false, (*App).getStatus},
	{0xF0, true, true, (*App).setStatus},
	{0xE6, false, true, (*App).install},
	{0xE4, false, true, (*App).delete},
	{0xD8, false, true, (*App).putKey},
	{0xE2, false, true, (*App).storeData},
}

// Do carries out one command and appends data and status word. The only error is
// cos.ErrPowerCut; dst is then returned as it was.
func (a *App) Do(dst []byte, c *apdu.Command) ([]byte, error) {
	m, err := a.settled()
	if err != nil {
		return dst, err
	}
	if len(c.Data) > apdu.MaxShortData {
		return apdu.AppendResponse(dst, nil, apdu.SWWrongLength), nil
	}
	secure := c.CLA&classSecure != 0
	switch {
	case secure || c.CLA != 0:
	case c.INS == insSelect:
		return apdu.AppendResponse(dst, nil, apdu.SWWrongP1P2), nil
	case c.INS == insManageChannel:
		return apdu.AppendResponse(dst, nil, swChannel), nil
	}
	if c.CLA&^classSecure == classProprietary && (c.INS == insInitializeUpdate || c.INS == insExternalAuthenticate) {
		return a.open(dst, m, c)
	}
	plain, sw := a.channel.Unwrap(c, a.plain[:0])
	if sw != apdu.SWOK {
		a.closeChannel()
		return apdu.AppendResponse(dst, nil, sw), nil
	}
	r := &request{Command: &plain, memory: m, reply: a.reply[:0]}
	sw, err = a.dispatch(r)
	a.reply = r.reply[:0]
	if err != nil {
		return dst, err
	}
	dst = a.channel.Wrap(dst, r.reply, sw)
	if a.ends {
		a.closeChannel()
	}
	return append(dst, byte(sw>>8), byte(sw)), nil
}

// dispatch finds the command and asks whether it may be carried out now.
func (a *App) dispatch(r *request) (apdu.SW, error) {
	if r.INS == insGetData {
		if r.CLA&^classProprietary != 0 {
			return apdu.SWUnknownCLA, nil
		}
		return a.getData(r), nil
	}
	for _, c := range &commands {
		if c.ins != r.INS {
			continue
		}
		life := r.memory.life()
		switch {
		case r.CLA != classProprietary:
			return apdu.SWUnknownCLA, nil
		case life == Terminated:
			return apdu.SWConditions, nil
		case !a.channel.Open(), c.changes && !a.channel.Level().Has(scp.CMAC):
			return apdu.SWSecurity, nil
		case life == CardLocked && !c.standby:
			return apdu.SWConditions, nil
		}
		return c.do(a, r)
	}
	return apdu.SWUnknownINS, nil
}

// room is how many bytes of data an answer can have.
func (a *App) room() int {
	if !a.channel.Open() {
		return apdu.MaxShortLe
	}
	return a.channel.Protocol().MaxAnswer(a.channel.Level())
}

// confirmed is the data of the answers to INSTALL and DELETE: no confirmation
// follows (GP Card Specification 2.2, 11.2.3.1 and 11.5.3.1).
func (r *request) confirmed() apdu.SW {
	r.reply = append(r.reply, 0x00)
	return apdu.SWOK
}
